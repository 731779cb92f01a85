"""Payments on the platform whose closes Airflow runs, counted again in Python."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import psycopg
import redis

from closebook.counter.publisher import COUNTER_KEY
from closebook.periods import Grain, Period, hour_of
from local.addresses import PLATFORM_DATABASE, STORE_DATABASE
from local.stack import Stack
from tests.books import Books
from tests.faults.outcome import assert_nothing_is_left

CURRENCY = "EUR"
FIRST_ID = 900_000
_CLOSED_MINOR = {
    Grain.HOUR: "select coalesce(sum(amount_minor), 0)::bigint as amount_minor"
    " from reporting.hourly_volume where close_id = %s and currency = %s",
    Grain.DAY: "select coalesce(sum(amount_minor), 0)::bigint as amount_minor"
    " from reporting.daily_volume where close_id = %s and currency = %s",
}


class Sales:
    """Payments in a currency that no other test of the stack's platform uses."""

    def __init__(self, stack: Stack) -> None:
        self._platform = psycopg.connect(stack.primary_admin(PLATFORM_DATABASE), autocommit=True)
        self._redis = redis.Redis.from_url(stack.redis_admin, decode_responses=True)
        self.books = Books(stack.store(STORE_DATABASE))
        self._amounts: dict[datetime, int] = {}
        self._platform.execute(
            "insert into platform.users (user_id, full_name, address, country, locale_code)"
            " values (%s, 'A buyer', 'a street', 'IE', 'en_IE')",
            [FIRST_ID],
        )
        self._platform.execute(
            "insert into platform.merchants"
            " (merchant_id, merchant_name, category, address, country, locale_code)"
            " values (%s, 'A shop', 'books', 'a road', 'IE', 'en_IE')",
            [FIRST_ID],
        )

    def close(self) -> None:
        """Leave the servers."""
        self._platform.close()
        self._redis.close()
        self.books.connection.close()

    def settle(self, settled_at: datetime) -> None:
        """Add a payment, of an amount that no other one has."""
        number = FIRST_ID + len(self._amounts)
        self._platform.execute(
            "insert into platform.transactions (transaction_id, user_id, merchant_id, kind,"
            " currency, amount_minor, status, created_at, settled_at) values"
            " (%(id)s, %(party)s, %(party)s, 'payment', %(currency)s, %(id)s, 'settled',"
            " %(at)s, %(at)s)",
            {"id": number, "party": FIRST_ID, "currency": CURRENCY, "at": settled_at},
        )
        self._amounts[settled_at] = number

    def recount(self, period: Period) -> int:
        """What the payments of a period add up to, in minor units."""
        return sum(
            amount for at, amount in self._amounts.items() if period.start <= at < period.end
        )

    def assert_closed(self, *periods: Period, versions: int = 1) -> None:
        """Each period has one current version, its last, with what a recount gives."""
        for period in periods:
            recount = self.recount(period)
            assert recount, "an empty period would prove nothing"
            closes = self.books.versions(period)
            assert [c["is_current"] for c in closes] == [False] * (versions - 1) + [True], period
            assert self._closed_minor(closes[-1]) == recount, period
        assert_nothing_is_left(self.books)

    def assert_counted(self) -> None:
        """Redis shows what a recount of all closed hours gives."""
        shown = self.counter()
        assert shown is not None
        closed = self.books.rows("select period_start from reporting.closes where grain = 'hour'")
        hours = {hour_of(row["period_start"]) for row in closed}
        assert shown["currencies"][CURRENCY]["gross_minor"] == str(sum(map(self.recount, hours)))

    def counter(self) -> dict[str, Any] | None:
        """The document in Redis."""
        text = self._redis.get(COUNTER_KEY)
        return None if text is None else json.loads(str(text))

    def forget_counter(self) -> None:
        """Take the document out of Redis, which other tests publish to as well."""
        self._redis.delete(COUNTER_KEY)

    def publications_of(self, run_id: str) -> list[int]:
        """The numbers of the counter's states that a run has put into the store."""
        rows = self.books.rows(
            "select publication_id from reporting.counter_publications where run_id = %s", run_id
        )
        return [row["publication_id"] for row in rows]

    def _closed_minor(self, close: Mapping[str, Any]) -> int:
        reading = _CLOSED_MINOR[Grain(close["grain"])]
        [row] = self.books.rows(reading, close["close_id"], CURRENCY)
        return int(row["amount_minor"])
