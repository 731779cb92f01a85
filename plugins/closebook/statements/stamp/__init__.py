"""The second renderer: what a page is, is compiled once from pages of the first; then texts are set."""
