"""The fixtures of tests/closing.py."""

from tests.closing import books, platform, settings

__all__ = ["books", "platform", "settings"]
