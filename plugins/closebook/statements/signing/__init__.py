"""Signatures of statements (PAdES), by a key in a file or on a token."""
