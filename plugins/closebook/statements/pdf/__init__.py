"""PDF files from finished pages: objects, the tag tree, metadata."""
