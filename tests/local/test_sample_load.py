"""Loading the sample platform: indexes, vacuum, progress, and what is refused."""

from pathlib import Path

import psycopg
import pytest
from psycopg.rows import TupleRow

from closebook.errors import Misconfigured
from local.sample_platform import (
    TABLES,
    load,
    pages_with_unseen_rows,
)
from local.stack import Stack
from tests.close_fixtures import eventually
from tests.local.sample import NEW_YORK, SIZE, UNTIL, Sample, load_small, no_progress


def test_tables_are_left_ready_for_index_only_scans_with_all_their_indexes(sample: Sample) -> None:
    assert {table: pages_with_unseen_rows(sample.connection, table) for table in TABLES} == (
        dict.fromkeys(TABLES, 0)
    )
    assert (
        sample.column("""
        select relname from pg_class
        where relnamespace = 'platform'::regnamespace and relkind = 'r'
            and (relallvisible = 0 or reltuples <= 0)
    """)
        == []
    )
    assert set(sample.column("select indexname from pg_indexes where schemaname = 'platform'")) >= {
        *("transactions_user_id", "transactions_merchant_id", "ledger_entries_wallet_id"),
        *("transactions_settled_hour", "ledger_entries_posted_at"),
    }


def test_indexes_that_are_made_after_the_rows_know_how_many_an_hour_has(stack: Stack) -> None:
    stack.create_platform("sample_late", indexes=False)
    try:
        load_small(stack.primary_admin("sample_late"))
        stack.create_indexes("sample_late")
        with psycopg.connect(stack.primary_admin("sample_late")) as connection:
            known = connection.execute("select n_distinct from pg_stats_ext_exprs").fetchall()
    finally:
        stack.drop_platform("sample_late")
    assert len(known) == 1
    assert known != [(None,)]


def test_pages_that_are_not_all_visible_are_counted_and_pages_without_rows_are_not(
    stack: Stack, platform_database: str
) -> None:
    dsn = stack.primary_admin(platform_database)
    with psycopg.connect(dsn, autocommit=True) as admin, psycopg.connect(dsn) as reader:
        admin.execute("create table platform.seen as select 1 as row_id")
        reader.execute("set transaction isolation level repeatable read")
        reader.execute("select 1")
        admin.execute("insert into platform.seen values (2)")
        admin.execute("vacuum platform.seen")
        assert pages_with_unseen_rows(admin, "platform.seen") == 1

        reader.rollback()
        [(file, page_bytes)] = admin.execute("""
            select
                current_setting('data_directory') || '/' || pg_relation_filepath('platform.seen'),
                current_setting('block_size')::int
        """).fetchall()
        with Path(file).open("ab") as pages:  # what a writer that waits for another leaves behind
            pages.write(bytes(page_bytes))
        eventually(lambda: vacuumed(admin) == (1, 2))  # autovacuum may look at it for a moment
        assert pages_with_unseen_rows(admin, "platform.seen") == 0


def vacuumed(admin: psycopg.Connection[TupleRow]) -> TupleRow | None:
    """How many pages of the table are visible after a vacuum, and how many it has."""
    admin.execute("vacuum (truncate false) platform.seen")
    return admin.execute(
        "select relallvisible, relpages from pg_class where oid = 'platform.seen'::regclass"
    ).fetchone()


def test_progress_counts_up_to_its_end(sample: Sample) -> None:
    by_step: dict[str, list[tuple[int, int]]] = {}
    for step, done, total in sample.steps:
        by_step.setdefault(step, []).append((done, total))
    assert len(by_step) == 2
    for counted in by_step.values():
        assert [done for done, _ in counted] == list(range(1, counted[-1][1] + 1))


def test_a_platform_that_holds_rows_is_left_alone(sample: Sample, sample_database: str) -> None:
    with pytest.raises(Misconfigured, match="holds rows already"):
        load_small(sample_database)
    assert sample.column("select count(*) from platform.transactions") == [SIZE.transactions]


def test_an_instant_without_a_zone_is_refused(sample_database: str) -> None:
    with pytest.raises(Misconfigured, match="time zone"):
        load(
            sample_database,
            SIZE,
            seed=7,
            until=UNTIL.replace(tzinfo=None),
            time_zone=NEW_YORK,
            progress=no_progress,
        )
