"""The fixtures of tests/close_fixtures.py, for the tests of monitoring."""

from tests.close_fixtures import books, platform, settings

__all__ = ["books", "platform", "settings"]
