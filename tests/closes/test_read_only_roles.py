"""A transaction that only reads holds a close up, unless its role is set to be read-only."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from closebook.closes.hour import close_hour
from closebook.errors import NotReady
from closebook.settings import Settings
from local.postgres import binary
from local.stack import Stack
from tests.books import Books
from tests.close_fixtures import RUN, hour_ending
from tests.platform_rows import Platform

ANALYST = "closebook_test_analyst"
PASSWORD = "analyst"  # noqa: S105 (of a role that the test makes and drops)
PIPE_BYTES = 64 * 1024


@pytest.fixture
def analyst(stack: Stack, platform: Platform) -> Iterator[str]:
    """The conninfo of a role that reads all of the platform and writes nothing."""
    role = sql.Identifier(ANALYST)
    execute = platform.connection.execute
    execute(sql.SQL("create role {} login password {}").format(role, sql.Literal(PASSWORD)))
    execute(sql.SQL("grant pg_read_all_data to {}").format(role))
    yield make_conninfo(platform.conninfo, user=ANALYST, password=PASSWORD)
    execute(sql.SQL("drop role {}").format(role))


@contextmanager
def forgotten_session(conninfo: str) -> Iterator[int]:
    """A session that has read something and is left idle in transaction; its pid."""
    with psycopg.connect(conninfo, application_name="psql") as session:
        session.execute("select count(*) from platform.transactions")
        yield session.info.backend_pid


@contextmanager
def dump(conninfo: str) -> Iterator[None]:
    """A pg_dump that has begun and waits, since nobody reads its output."""
    with subprocess.Popen(
        [binary("pg_dump"), "--dbname", conninfo, "--data-only"], stdout=subprocess.PIPE
    ) as running:
        assert running.stdout is not None
        assert running.stdout.read(1)
        try:
            yield
            assert running.poll() is None
        finally:
            running.kill()


@pytest.fixture
def much_to_dump(platform: Platform) -> None:
    platform.connection.execute(
        "insert into platform.audit_log (actor, activity)"
        " select 'Ada', repeat('x', 1000) from generate_series(1, %s)",
        [10 * PIPE_BYTES // 1000],
    )


def test_a_session_that_was_left_idle_in_transaction_is_named_with_its_age(
    settings: Settings, platform: Platform, books: Books, analyst: str
) -> None:
    with forgotten_session(analyst) as pid:
        hour = hour_ending(platform.now())

        with pytest.raises(NotReady) as refused:
            close_hour(settings, hour, RUN)

    assert f"pid {pid}, role {ANALYST}, application 'psql', state idle in transaction" in str(
        refused.value
    )
    assert "a transaction open for 0." in str(refused.value)
    assert "CLOSEBOOK_READ_ONLY_ROLES" in str(refused.value)
    assert books.versions(hour) == []


@pytest.mark.usefixtures("much_to_dump")
def test_a_dump_is_named_with_its_age(
    settings: Settings, platform: Platform, books: Books, analyst: str
) -> None:
    with dump(analyst):
        hour = hour_ending(platform.now())

        with pytest.raises(NotReady, match=f"role {ANALYST}, application 'pg_dump'"):
            close_hour(settings, hour, RUN)

    assert books.versions(hour) == []


@pytest.mark.usefixtures("much_to_dump")
def test_a_session_of_a_read_only_role_does_not_hold_a_close_up(
    settings: Settings, platform: Platform, books: Books, analyst: str
) -> None:
    knowing = replace(settings, read_only_roles=(ANALYST,))
    with dump(analyst), forgotten_session(analyst):
        platform.settle(platform.now(), 4200)
        hour = hour_ending(platform.now())

        close_hour(knowing, hour, RUN)

    assert books.hour(hour) == platform.volume(hour) == {("USD", "payment"): (1, 4200, 0, 0)}


def test_a_writer_that_began_after_a_session_of_a_read_only_role_holds_a_close_up(
    settings: Settings, platform: Platform, books: Books, analyst: str
) -> None:
    knowing = replace(settings, read_only_roles=(ANALYST,))
    with (
        forgotten_session(analyst),
        psycopg.connect(platform.conninfo, application_name="checkout") as checkout,
    ):
        row = checkout.execute("select now()").fetchone()
        assert row is not None
        hour = hour_ending(platform.now())

        with pytest.raises(NotReady, match="application 'checkout'"):
            close_hour(knowing, hour, RUN)

        platform.settle(row[0], 4200, within=checkout)
        checkout.commit()
        close_hour(knowing, hour, RUN)

    assert books.hour(hour) == platform.volume(hour) == {("USD", "payment"): (1, 4200, 0, 0)}
