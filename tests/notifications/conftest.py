"""The fixtures of closes, for these tests too."""

from tests.close_fixtures import books, platform, settings

__all__ = ["books", "platform", "settings"]
