"""What tests of the platform's history share: two hours, and changes of the register."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from closebook.periods import hour_of
from local.stack import Stack
from tests.books import Books
from tests.platform_rows import utc

NINE = hour_of(utc("2026-10-15T09:00Z"))
TEN = hour_of(NINE.end)
CLUSTER = "update reporting.platform_histories set system_identifier = '4711'"


@contextmanager
def as_superuser(stack: Stack, books: Books) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """Connect to the reporting store as its superuser."""
    with psycopg.connect(stack.store_admin(books.connection.info.dbname)) as admin:
        yield admin
