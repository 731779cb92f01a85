"""The routes of the desk, one module a page."""
