"""Write PDF files: objects, the structure tree of a whole document, metadata, attachments."""
