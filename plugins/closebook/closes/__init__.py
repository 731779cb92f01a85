"""Closing an hour, a day or a month: reading it, checking it, writing it to the store."""
