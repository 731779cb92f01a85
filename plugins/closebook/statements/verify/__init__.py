"""Verify the PDF of a statement, offline."""
