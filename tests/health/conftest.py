"""The fixtures of tests/closing.py, for the tests of health."""

from tests.closing import books, platform, settings

__all__ = ["books", "platform", "settings"]
