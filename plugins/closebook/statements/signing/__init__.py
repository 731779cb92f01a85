"""Sign statements (PAdES) with a key in a file or on a token."""
