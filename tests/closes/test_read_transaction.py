"""The transaction in which a close reads: on a replica, as the reader, in one snapshot."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from closebook.closes.hour import close_hour
from closebook.errors import Misconfigured
from closebook.periods import hour_of
from closebook.platform import replicas
from closebook.platform.source import Source
from closebook.settings import Replica, Settings
from local.addresses import REPLICAS
from local.stack import Stack
from tests.books import Books
from tests.close_fixtures import (
    ONE_REPLICA,
    eventually,
    open_transactions,
    store_held,
    waiting_to_write,
)
from tests.platform_rows import Platform, utc

NINE = hour_of(utc("2026-10-15T09:00Z"))


def test_a_server_that_is_no_replica_is_never_read(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    reader = psycopg.conninfo.conninfo_to_dict(settings.replicas[0].conninfo)
    on_primary = make_conninfo(
        stack.primary_admin(platform.database), user=reader["user"], password=reader["password"]
    )
    to_primary = replace(settings, replicas=(Replica("replica_c", on_primary),))

    with pytest.raises(Misconfigured, match="replica_c leads to the primary") as refused:
        close_hour(to_primary, NINE, ONE_REPLICA)

    assert "CB-CONFIG-REPLICA-IS-PRIMARY" in refused.value.text

    assert books.versions(NINE) == []


def test_the_reader_reads_in_one_read_only_snapshot(settings: Settings, platform: Platform) -> None:
    def work(source: Source) -> tuple[dict[str, Any], str, str]:
        row = source.connection.execute("select current_user as role").fetchone()
        assert row is not None
        return limits(source), row["role"], source.snapshot_text

    found, role, snapshot_text = replicas.read(settings, NINE, work)

    assert role == "closebook_reader"
    assert found == {
        "isolation": "repeatable read",
        "read_only": "on",
        "statement_timeout": "30s",
        "snapshot_text": snapshot_text,
    }


def test_two_readers_on_one_snapshot_see_the_same_rows_while_one_arrives(
    stack: Stack, settings: Settings, platform: Platform
) -> None:
    platform.settle(NINE.start, 100)

    def work(source: Source) -> tuple[list[Any], list[Any], int]:
        first = source.rows("close_totals/read_volume", NINE.bounds)
        platform.settle(NINE.start, 4200)
        stack.replica_wait(source.replica.name)
        with source.second_reader() as beside:
            arrived = later_count(stack, source.replica.name, platform)
            return first, beside.rows("close_totals/read_volume", NINE.bounds), arrived

    first, beside, arrived = replicas.read(settings, NINE, work)

    assert arrived == 2
    assert first == beside
    assert [row["row_count"] for row in beside] == [1]


def later_count(stack: Stack, replica: str, platform: Platform) -> int:
    """How many transactions a new session sees on a replica."""
    with psycopg.connect(stack.replica_admin(replica, platform.database)) as connection:
        row = connection.execute("select count(*) from platform.transactions").fetchone()
    assert row is not None
    return int(row[0])


def test_a_second_reader_has_the_limits_of_the_first(
    settings: Settings, platform: Platform
) -> None:
    def work(source: Source) -> tuple[dict[str, Any], dict[str, Any]]:
        with source.second_reader() as beside:
            return limits(source), limits(beside)

    first, beside = replicas.read(settings, NINE, work)

    assert first == beside


def limits(source: Source) -> dict[str, Any]:
    row = source.connection.execute(
        "select current_setting('transaction_isolation') as isolation,"
        " current_setting('transaction_read_only') as read_only,"
        " current_setting('statement_timeout') as statement_timeout,"
        " pg_current_snapshot()::text as snapshot_text"
    ).fetchone()
    assert row is not None
    return row


def test_pgbouncer_keeps_the_connection_that_a_close_has_read_over(
    settings: Settings, platform: Platform
) -> None:
    only_a = replace(settings, replicas=settings.replicas[:1])

    def server_process(source: Source) -> int:
        row = source.connection.execute("select pg_backend_pid() as pid").fetchone()
        assert row is not None
        return int(row["pid"])

    assert len({replicas.read(only_a, NINE, server_process) for _ in range(3)}) == 1


def test_a_replica_is_read_as_the_reader_while_the_close_waits_to_write(
    stack: Stack, settings: Settings, platform: Platform
) -> None:
    with ThreadPoolExecutor() as pool:
        with store_held(settings, NINE):
            closing = pool.submit(close_hour, settings, NINE, ONE_REPLICA)
            eventually(lambda: waiting_to_write(settings) == 1)
            open_on = {name: open_transactions(stack, name, platform) for name in REPLICAS}
        closing.result(timeout=120)

    assert sorted(open_on.values()) == [[], ["closebook_reader"]]
