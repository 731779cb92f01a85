"""From a statement to its PDF: texts, fonts, pages, and the document."""
