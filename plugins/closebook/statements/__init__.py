"""Statements: what one says (model), how it looks (render), where it is kept (documents)."""
