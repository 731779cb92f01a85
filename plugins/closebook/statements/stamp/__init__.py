"""The second renderer: it compiles a page once from pages of the first, and sets texts into it."""
