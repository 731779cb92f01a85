"""Verify a statement's file, offline."""
