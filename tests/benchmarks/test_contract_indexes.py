"""Hidden indexes of the contract are in no plan, new or cached, on the primary or a replica."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

import psycopg
import pytest

from benchmarks import contract_indexes
from local.sample_platform import SampleSize, load
from local.stack import Stack

ALL = {"transactions_settled_hour", "ledger_entries_posted_at"}
SCANS = """
prepare payments (timestamptz, timestamptz) as
select count(*) from platform.transactions
where
    date_bin('1 hour', settled_at, timestamptz '2000-01-01 00:00:00+00') >= $1
    and date_bin('1 hour', settled_at, timestamptz '2000-01-01 00:00:00+00') < $2;
prepare entries (timestamptz, timestamptz) as
select count(*) from platform.ledger_entries where posted_at >= $1 and posted_at < $2;
set plan_cache_mode = force_generic_plan;
set enable_seqscan = off
"""


@pytest.fixture(scope="module")
def database(stack: Stack, module_platform_database: str) -> str:
    load(
        stack.primary_admin(module_platform_database),
        SampleSize(transactions=3_000, users=120, merchants=60, promotions=12, days=5),
        seed=1,
        until=datetime(2026, 11, 4, 5, tzinfo=UTC),
        time_zone="America/New_York",
        progress=lambda _step, _done, _total: None,
    )
    stack.replica_wait()
    return module_platform_database


def primary(stack: Stack, database: str) -> str:
    return stack.primary_admin(database)


def replica(stack: Stack, database: str) -> str:
    return stack.replica_admin("replica_b", database)


def planned(session: psycopg.Connection[tuple[object]]) -> set[str]:
    """The indexes of the plans that a session keeps for a period's payments and entries."""
    found: set[str] = set()
    for scan in ("payments", "entries"):
        plan = session.execute(
            f"explain (format json) execute {scan} ('2026-11-02', '2026-11-03')".encode()
        ).fetchall()
        found |= set(re.findall(r"'Index Name': '(\w+)'", str(plan)))
    return found


def test_the_file_of_indexes_defines_the_expected_indexes() -> None:
    assert set(contract_indexes.definitions()) == ALL


@pytest.mark.parametrize("server", [primary, replica])
def test_hidden_indexes_are_in_no_plan_that_a_session_keeps(
    stack: Stack, database: str, server: Callable[[Stack, str], str]
) -> None:
    with psycopg.connect(server(stack, database), autocommit=True) as session:
        session.execute(SCANS)
        assert planned(session) >= ALL

        with contract_indexes.hidden(stack, database):
            assert planned(session).isdisjoint(ALL)

        assert planned(session) >= ALL


def test_hidden_indexes_are_restored_after_an_error(stack: Stack, database: str) -> None:
    with psycopg.connect(primary(stack, database), autocommit=True) as session:
        session.execute(SCANS)
        with pytest.raises(InterruptedError), contract_indexes.hidden(stack, database):
            raise InterruptedError
        assert planned(session) >= ALL
