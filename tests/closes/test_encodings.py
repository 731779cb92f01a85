"""A platform's encoding and its roles' settings change no text and no number."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from closebook.closes.day import close_day
from closebook.closes.hour import close_hour
from closebook.closes.month import close_month
from closebook.errors import Misconfigured
from closebook.periods import day_of, hour_of, parse_month
from closebook.settings import Settings
from local.databases import sql_file
from local.stack import Stack
from tests.books import Books
from tests.close_fixtures import RUN, empty, settings_on
from tests.platform_rows import Platform

NEW_YORK = "America/New_York"
NOON = datetime(2026, 10, 31, 16, tzinfo=UTC)
DAY = day_of(NOON.date(), NEW_YORK)
MONTH = parse_month("2026-10", NEW_YORK)
UMLAUTS = "Jürgen Groß, Müllerstraße"


@contextmanager
def platform_in(stack: Stack, encoding: str) -> Iterator[str]:
    """A platform database of an encoding, on the primary and both replicas."""
    name = f"platform_{encoding.lower()}"
    with psycopg.connect(stack.primary_admin(), autocommit=True) as admin:
        admin.execute(
            sql.SQL(
                "create database {} template template0 encoding {} lc_collate 'C' lc_ctype 'C'"
            ).format(sql.Identifier(name), sql.Literal(encoding))
        )
    try:
        with psycopg.connect(stack.primary_admin(name), client_encoding="UTF8") as connection:
            for file in ("sample_platform", "contract", "grants"):
                connection.execute(sql_file("platform", file))
        stack.replica_wait()
        yield name
    finally:
        stack.drop_platform(name)


@pytest.fixture
def store(stack: Stack, module_store_database: str) -> str:
    empty(stack.store_admin(module_store_database), "reporting")
    return module_store_database


@pytest.mark.parametrize("encoding", ["LATIN1", "LATIN9", "WIN1252", "UTF8"])
def test_a_platform_of_any_known_encoding_closes_with_its_letters(
    stack: Stack, store: str, tmp_path: Path, encoding: str
) -> None:
    with platform_in(stack, encoding) as database:
        settings = settings_on(stack, database, store, tmp_path)
        fill(Platform(f"{stack.primary_admin(database)} client_encoding=UTF8"))
        close_day(settings, DAY, RUN)
        month = close_month(settings, MONTH, RUN)

        books = Books(stack.store(store))
    assert books.rows("select merchant_category from reporting.current_daily_volume") == [
        {"merchant_category": "Bücher"}
    ]
    assert books.rows(
        "select holder_name from reporting.statements where close_id = %s", month.close_id
    ) == [{"holder_name": UMLAUTS}]
    assert books.rows(
        "select description from reporting.statement_lines where close_id = %s", month.close_id
    ) == [{"description": "Frühstück"}]


def test_a_database_that_does_not_know_its_encoding_is_refused_before_a_row_is_read(
    stack: Stack, store: str, tmp_path: Path
) -> None:
    with platform_in(stack, "SQL_ASCII") as database:
        settings = settings_on(stack, database, store, tmp_path)
        fill(Platform(f"{stack.primary_admin(database)} client_encoding=UTF8"))
        with pytest.raises(Misconfigured, match="encoding SQL_ASCII") as refused:
            close_hour(settings, hour_of(NOON), RUN)

    assert refused.value.code == "CB-CONFIG-NO-ENCODING"
    assert sum(Books(stack.store(store)).size().values()) == 0


@pytest.mark.parametrize(
    "setting",
    [
        "client_encoding = 'LATIN1'",
        "datestyle = 'German'",
        "datestyle = 'SQL, DMY'",
        "intervalstyle = 'sql_standard'",
        "timezone = 'Asia/Kathmandu'",
        "extra_float_digits = -15",
        "bytea_output = 'escape'",
        "search_path = ''",
    ],
)
def test_what_is_set_for_roles_of_the_platform_and_the_store_changes_nothing(
    stack: Stack, settings: Settings, platform: Platform, books: Books, setting: str
) -> None:
    fill(platform)
    with (
        set_for(stack.primary_admin(platform.database), setting),
        set_for(stack.store_admin(books.connection.info.dbname), setting),
    ):
        stack.replica_wait()
        for pooler in ("replica_a", "replica_b"):
            reconnect(stack, pooler)
        close_day(settings, DAY, RUN)
        month = close_month(settings, MONTH, RUN)

    hour = hour_of(NOON)
    assert books.hour(hour) == platform.volume(hour)
    [statement] = books.rows("select * from reporting.statements")
    assert statement["close_id"] == month.close_id
    assert (statement["holder_name"], statement["closing_minor"]) == (UMLAUTS, 77)


def fill(platform: Platform) -> None:
    """A transaction and an account with an entry, all with letters beyond ASCII."""
    platform.connection.execute("update platform.merchants set category = 'Bücher'")
    platform.settle(NOON, 40193, "EUR")
    platform.open_account(1, "EUR", holder_name=UMLAUTS)
    platform.post(1, NOON, 77, "EUR")
    platform.connection.execute("update platform.ledger_entries set description = 'Frühstück'")


@contextmanager
def set_for(admin: str, setting: str) -> Iterator[None]:
    """Let new sessions in a database have a setting within the block."""
    with psycopg.connect(admin, autocommit=True) as connection:
        database = sql.Identifier(connection.info.dbname)
        name = setting.partition(" = ")[0]
        connection.execute(sql.SQL("alter database {} set " + setting).format(database))
        try:
            yield
        finally:
            connection.execute(sql.SQL("alter database {} reset " + name).format(database))


def reconnect(stack: Stack, replica: str) -> None:
    """Let a pooler open new connections to its replica."""
    with psycopg.connect(
        stack.pool_admin(replica), autocommit=True, cursor_factory=psycopg.ClientCursor
    ) as console:
        console.execute("reconnect")
