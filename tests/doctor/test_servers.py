"""What the doctor says of servers that are down, behind, or lack a function."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo

from closebook.doctor.finding import Severity
from closebook.doctor.installation import Installation
from closebook.doctor.platform_session import on_primary
from closebook.settings import Replica
from closebook.sql import SQL_FOLDER
from closebook.store import migrations
from local.addresses import PRIMARY, REPLICAS
from local.stack import Stack
from tests.doctor.conftest import Diagnosis, codes, only
from tests.platform_rows import Platform
from tests.redis_server import redis_server, url


def test_a_primary_that_is_down_is_found_and_the_replicas_are_looked_at(
    diagnosis: Diagnosis, healthy: Installation, platform: Platform
) -> None:
    away = make_conninfo(healthy.settings.primary, port=1)
    platform.connection.execute("alter role closebook_reader createdb")
    try:
        report = diagnosis(primary=away)
    finally:
        platform.connection.execute("alter role closebook_reader nocreatedb")

    assert codes(report) == {"primary-unreachable", "role-too-strong"}


def test_a_replica_that_is_down_is_found_and_the_other_one_is_looked_at(
    diagnosis: Diagnosis, healthy: Installation
) -> None:
    first, second = healthy.settings.replicas
    away = replace(first, conninfo=make_conninfo(first.conninfo, port=1))
    report = diagnosis(replicas=(away, second))

    assert codes(report) == {"replica-unreachable"}
    assert report.findings[0].subject == first.name
    assert report.unseen == ()


def test_a_replica_that_is_behind_is_found_once_a_close_would_have_given_up(
    stack: Stack, diagnosis: Diagnosis, platform: Platform
) -> None:
    report = diagnosis()
    assert codes(report) == set()
    stack.replica_wait()
    stack.pause_replay(REPLICAS[0])
    try:
        platform.open_account(2)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(Stack, "replica_wait", lambda *_: None)
            report = diagnosis(replica_wait_seconds=0.5)
    finally:
        stack.resume_replay(REPLICAS[0])

    finding = only(report, "replica-behind")
    assert finding.subject == REPLICAS[0]
    assert "replay is paused" in finding.what
    assert finding.severity is Severity.WARNING


@contextmanager
def revoked(platform: Platform, function: str) -> Iterator[None]:
    platform.connection.execute(f"revoke execute on function {function} from public")
    try:
        yield
    finally:
        platform.connection.execute(f"grant execute on function {function} to public")


def test_a_primary_that_refuses_the_fence_is_found(
    diagnosis: Diagnosis, platform: Platform
) -> None:
    with revoked(platform, "pg_control_system()"):
        report = diagnosis()

    assert codes(report) == {"fence-refused", "replica-status-refused"}
    assert all("grants.sql" in finding.mend for finding in report.findings)


def test_a_redis_without_memory_is_found(diagnosis: Diagnosis, tmp_path: Path) -> None:
    with redis_server(tmp_path / "full", "maxmemory 1") as port:
        report = diagnosis(redis_url=url(port))

    assert codes(report) == {"redis-full"}


def test_a_redis_that_may_drop_the_counter_is_found(diagnosis: Diagnosis, tmp_path: Path) -> None:
    with redis_server(tmp_path / "lru", "maxmemory-policy allkeys-lfu") as port:
        report = diagnosis(redis_url=url(port))
    assert codes(report) == {"redis-evicts"}

    # What evicts only keys with a time to live leaves the counter alone.
    with redis_server(tmp_path / "volatile", "maxmemory-policy volatile-lru") as port:
        report = diagnosis(redis_url=url(port))
    assert codes(report) == set()


def test_a_user_of_redis_that_may_only_write_the_counter_is_enough(
    diagnosis: Diagnosis, tmp_path: Path
) -> None:
    rules = (
        "user publisher on >secret resetkeys ~closebook:platform_volume -@all +evalsha"
        " +script|load +get +set"
    )
    with redis_server(tmp_path / "narrow", rules, "maxmemory-policy allkeys-lru") as port:
        report = diagnosis(redis_url=url(port, "publisher:secret@"))

    assert codes(report) == set()
    assert [unseen.subject for unseen in report.unseen] == ["the eviction policy of Redis"]
    assert "config get maxmemory-policy" in report.unseen[0].reason


def test_no_row_of_the_primary_is_read_where_a_readers_connection_leads_there(
    stack: Stack, diagnosis: Diagnosis, platform: Platform
) -> None:
    reader = stack.conninfo(PRIMARY, "closebook_reader", platform.database)
    platform.connection.execute("select pg_stat_statements_reset()")
    report = diagnosis(replicas=(Replica("replica_c", reader),))

    assert codes(report) == {"replica-is-primary"}
    ran = platform.connection.execute(
        "select query from pg_stat_statements inner join pg_roles on pg_roles.oid = userid"
        " where rolname = 'closebook_reader'"
    ).fetchall()
    assert ran
    assert not [text for (text,) in ran if "from reporting_source.transactions" in text]


def test_a_session_of_the_doctor_is_read_only_whoever_logs_in(
    stack: Stack, healthy: Installation, platform: Platform
) -> None:
    as_superuser = replace(healthy.settings, primary=platform.conninfo)
    with on_primary(as_superuser, 5) as session, session.snapshot():
        row = session.connection.execute("show transaction_read_only").fetchone()
    assert row == {"transaction_read_only": "on"}


def test_a_store_that_is_a_replica_is_found(
    stack: Stack, diagnosis: Diagnosis, platform: Platform
) -> None:
    # Given what looks like a store on the platform's primary, and so on its replicas
    ours = sorted(path.stem for path in (SQL_FOLDER / migrations.FOLDER).glob("*.sql"))
    execute = platform.connection.execute
    execute("create schema reporting")
    try:
        execute("create table reporting.migrations as select unnest(%s::text[]) migration", [ours])
        stack.replica_wait()
        report = diagnosis(store=stack.replica_admin(REPLICAS[0], platform.database))
    finally:
        execute("drop schema reporting cascade")

    assert codes(report) == {"store-is-replica", "store-role-too-strong"}
