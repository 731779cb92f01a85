"""Render a statement to its PDF: texts, fonts, pages, document."""
