"""replica_status.sql on a real replica that pauses, falls behind and is kept busy."""

from typing import Any

import psycopg
from psycopg.rows import dict_row

from closebook.sql import query
from local.stack import Stack

REPLICA = "replica_a"


def test_a_replica_that_replays_has_a_position_as_high_as_the_primary(
    stack: Stack, platform_database: str
) -> None:
    written_up_to = _write_on_primary(stack, platform_database)
    stack.replica_wait(REPLICA)
    assert _status(stack, platform_database)["replay_position"] >= written_up_to


def test_a_paused_replica_says_so_and_stays_where_it_is(
    stack: Stack, platform_database: str
) -> None:
    stack.pause_replay(REPLICA)
    try:
        before = _status(stack, platform_database)
        written_up_to = _write_on_primary(stack, platform_database)
        after = _status(stack, platform_database)
    finally:
        stack.resume_replay(REPLICA)
    assert before["replay_paused"]
    assert before["replay_position"] == after["replay_position"] < written_up_to


def test_each_open_transaction_counts_once(stack: Stack, platform_database: str) -> None:
    before = _status(stack, platform_database)["open_transactions"]
    admin = stack.replica_admin(REPLICA, platform_database)
    with psycopg.connect(admin) as one, psycopg.connect(admin) as other:
        one.execute("select count(*) from platform.users")
        other.execute("select count(*) from platform.users")
        during = _status(stack, platform_database)["open_transactions"]
    assert during == before + 2


def test_postmaster_started_at_is_the_start_of_the_replicas_server(
    stack: Stack, platform_database: str
) -> None:
    with psycopg.connect(stack.replica_admin(REPLICA)) as connection:
        started_at = connection.execute("select pg_postmaster_start_time()").fetchone()
    assert (_status(stack, platform_database)["postmaster_started_at"],) == started_at


def _status(stack: Stack, dbname: str) -> dict[str, Any]:
    with psycopg.connect(
        stack.reader(REPLICA, dbname), autocommit=True, prepare_threshold=None, row_factory=dict_row
    ) as connection:
        row = connection.execute(query("replica/replica_status")).fetchone()
    assert row is not None
    return row


def _write_on_primary(stack: Stack, dbname: str) -> int:
    """Commit something; return a position of the log that lies after it, in bytes."""
    with psycopg.connect(stack.primary_admin(dbname)) as primary:
        primary.execute("insert into platform.audit_log (actor, activity) values ('Ada', 'wrote')")
    with psycopg.connect(stack.primary_admin(dbname)) as primary:
        row = primary.execute("select (pg_current_wal_lsn() - '0/0')::bigint").fetchone()
    assert row is not None
    position: int = row[0]
    return position
