"""The fixtures of tests/close_fixtures.py and tests/closes/month_documents.py."""

from tests.close_fixtures import books, platform, settings
from tests.closes.month_documents import close_id

__all__ = ["books", "close_id", "platform", "settings"]
