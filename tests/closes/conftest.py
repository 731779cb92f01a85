"""The fixtures of tests/close_fixtures.py, tests/closes/almaty.py and month_documents.py."""

from tests.close_fixtures import books, platform, settings
from tests.closes.almaty import almaty, releases, utc_plus_5, utc_plus_6
from tests.closes.month_documents import close_id

__all__ = [
    "almaty",
    "books",
    "close_id",
    "platform",
    "releases",
    "settings",
    "utc_plus_5",
    "utc_plus_6",
]
