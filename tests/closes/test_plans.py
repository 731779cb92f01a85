"""How a replica reads a period for the reader: with another process only where that pays."""

from datetime import timedelta

import psycopg
import pytest

from closebook.periods import HOUR, hour_of
from closebook.queries import query
from closebook.settings import Settings
from local.stack import Stack
from tests.closing import Platform, utc

START = utc("2026-10-08T13:00Z")
HOURS = 3
PAYMENTS = """
insert into platform.transactions (
    transaction_id, user_id, merchant_id, kind, currency, amount_minor, status, settled_at
)
select g, 1, 10, 'payment', 'USD', g + 1, 'settled', %(start)s::timestamptz + g * %(gap)s
from generate_series(0, %(count)s - 1) as g
"""


@pytest.mark.parametrize(("payments_an_hour", "has_worker"), [(13_500, False), (70_000, True)])
def test_an_hour_is_read_by_one_process_unless_it_is_very_large(
    stack: Stack,
    settings: Settings,
    platform: Platform,
    payments_an_hour: int,
    has_worker: bool,
) -> None:
    # Given some hours of payments, and statistics that know them
    count = HOURS * payments_an_hour
    gap = HOURS * HOUR / count
    platform.connection.execute(PAYMENTS, {"start": START, "gap": gap, "count": count})
    platform.connection.execute("vacuum (analyze) platform.transactions")
    stack.replica_wait()
    # When the reader asks for one in their middle
    hour = hour_of(START + timedelta(hours=HOURS // 2))
    with psycopg.connect(settings.replicas[0].conninfo, prepare_threshold=None) as reader:
        plan = "\n".join(
            line
            for (line,) in reader.execute(
                "explain (costs off) " + query("replica/hourly_volume"), hour.bounds
            )
        )
    # Then it is a range of the index, and a second process comes only for what takes it a while
    assert "Index Only Scan using transactions_settled_at" in plan
    assert ("Workers Planned: 1" in plan) is has_worker, plan
