"""Days belong to a close, and lines to a statement: triggers check what a foreign key would."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import ForeignKeyViolation, RestrictViolation

from local.stack import Stack

CLOSE = """
    insert into reporting.closes (
        grain, period_start, period_end, time_zone, close_version, fence_lsn, fenced_at,
        snapshot_text, replica_name, code_version, run_id, first_date, last_date
    ) values (
        'day', '2026-03-10 00:00Z', '2026-03-11 00:00Z', 'UTC', %s, '0/1', '2026-03-11 00:00Z',
        '', '', '', '', '2026-03-10', '2026-03-10'
    ) returning close_id
"""
VOLUME = """
    insert into reporting.daily_volume
    select close_id, '2026-03-10', 1, 'books', 'US', 'USD', 'none', 'payment', 1, 100, 0, 0
    from unnest(%s::bigint[]) as ids (close_id)
"""
MOVEMENT = """
    insert into reporting.daily_account_movement
    select close_id, '2026-03-10', 1, 'USD', 1, 100, 0
    from unnest(%s::bigint[]) as ids (close_id)
"""
STATEMENT = """
    insert into reporting.statements (
        close_id, account_id, currency, account_number, holder_name, holder_address, locale_code,
        opening_minor, closing_minor, line_count
    ) values (%s, 1, 'USD', 'A1', '', '', 'en', 0, 100, 1)
"""
LINES = """
    insert into reporting.statement_lines (
        close_id, account_id, currency, line_number, entry_id, posted_at, kind, description,
        amount_minor, balance_minor
    )
    select %s, account_id, currency, 1, entry_id, '2026-03-10 12:00Z', 'payment', '', 100, 100
    from unnest(%s::bigint[], %s::text[]) with ordinality as keys (account_id, currency, entry_id)
"""
TABLES = {"daily_volume": VOLUME, "daily_account_movement": MOVEMENT}
UNKNOWN_ID = 4711

Connection = psycopg.Connection[tuple[int, ...]]


@pytest.fixture
def store(stack: Stack, store_database: str) -> Iterator[Connection]:
    """A connection with the role that closes write with."""
    with psycopg.connect(stack.store(store_database), autocommit=True) as connection:
        yield connection


@pytest.fixture
def owner(stack: Stack, store_database: str) -> Iterator[Connection]:
    """A connection as the owner, who migrates."""
    with psycopg.connect(stack.store_owner(store_database), autocommit=True) as connection:
        yield connection


def draft(connection: Connection, version: int = 1) -> int:
    row = connection.execute(CLOSE.encode(), [version]).fetchone()
    assert row is not None
    return row[0]


def count(connection: Connection, table: str) -> int:
    counting = sql.SQL("select count(*) from {}").format(sql.Identifier("reporting", table))
    row = connection.execute(counting).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize("table", TABLES)
def test_rows_of_an_unknown_close_are_refused(store: Connection, table: str) -> None:
    known_ids = [draft(store, version) for version in (1, 2)]
    insert = TABLES[table].encode()
    for ids in ([UNKNOWN_ID], [known_ids[0], UNKNOWN_ID, known_ids[1]]):
        with pytest.raises(ForeignKeyViolation, match=f"close {UNKNOWN_ID} is not in") as refused:
            store.execute(insert, [ids])
        assert refused.value.diag.table_name == table
        assert refused.value.diag.constraint_name == f"{table}_close_is_known"
    assert count(store, table) == 0

    store.execute(insert, [known_ids])

    assert count(store, table) == 2


def test_copied_rows_are_checked_against_the_register(store: Connection) -> None:
    copying = "copy reporting.daily_account_movement from stdin"
    row = (UNKNOWN_ID, "2026-03-10", 1, "USD", 1, 100, 0)
    with pytest.raises(ForeignKeyViolation), store.cursor().copy(copying) as copy:
        copy.write_row(row)
    assert count(store, "daily_account_movement") == 0


@pytest.mark.parametrize("table", TABLES)
def test_a_close_that_another_has_not_committed_is_unknown(
    stack: Stack, store_database: str, store: Connection, table: str
) -> None:
    with psycopg.connect(stack.store(store_database)) as other:
        close_id = draft(other)
        with pytest.raises(ForeignKeyViolation):
            store.execute(TABLES[table].encode(), [[close_id]])


@pytest.mark.parametrize("table", TABLES)
def test_not_even_the_owner_gives_rows_to_an_unknown_close(owner: Connection, table: str) -> None:
    close_id = draft(owner)
    owner.execute(TABLES[table].encode(), [[close_id]])
    moving = sql.SQL("update {} set close_id = %s").format(sql.Identifier("reporting", table))
    with pytest.raises(ForeignKeyViolation):
        owner.execute(moving, [UNKNOWN_ID])
    owner.execute(moving, [draft(owner, 2)])


@pytest.mark.parametrize(
    "attempt",
    [
        "delete from reporting.closes",
        "delete from reporting.closes where false",
        "update reporting.closes set close_id = default",
    ],
)
def test_not_even_the_owner_deletes_or_renumbers_a_close(owner: Connection, attempt: str) -> None:
    close_id = draft(owner)
    with pytest.raises(RestrictViolation, match="a close stays in the register"):
        owner.execute(attempt.encode())
    assert owner.execute("select close_id from reporting.closes").fetchall() == [(close_id,)]


def test_the_owner_empties_the_register_with_its_days_or_not_at_all(owner: Connection) -> None:
    for table, insert in TABLES.items():
        owner.execute(insert.encode(), [[draft(owner)]])
        with pytest.raises(ForeignKeyViolation, match="truncate them with it"):
            owner.execute("truncate reporting.closes cascade")
        assert count(owner, "closes") == 1
        days = sql.Identifier("reporting", table)
        owner.execute(sql.SQL("truncate reporting.closes, {} cascade").format(days))
        assert count(owner, "closes") == 0


# ---- lines ------------------------------------------------------------------------------


@pytest.fixture
def close_id(owner: Connection) -> int:
    """Given a close with the statement of account 1 in USD, which has a line."""
    close_id = draft(owner)
    owner.execute(STATEMENT, [close_id])
    owner.execute(LINES, [close_id, [1], ["USD"]])
    return close_id


@pytest.mark.parametrize(
    ("accounts", "currencies", "unknown"),
    [
        ([2], ["USD"], "account 2 in USD"),
        ([1], ["EUR"], "account 1 in EUR"),
        ([1, 2, 1], ["USD", "USD", "USD"], "account 2 in USD"),
    ],
)
def test_lines_of_an_unknown_statement_are_refused(
    store: Connection, accounts: list[int], currencies: list[str], unknown: str
) -> None:
    close_id = draft(store)
    store.execute(STATEMENT, [close_id])
    said = f"close {close_id} has lines of {unknown}, and no statement for them"
    with pytest.raises(ForeignKeyViolation, match=said) as refused:
        store.execute(LINES, [close_id, accounts, currencies])
    assert refused.value.diag.constraint_name == "statement_lines_statement_is_known"
    assert count(store, "statement_lines") == 0


@pytest.mark.parametrize(
    "attempt",
    [
        "update reporting.statement_lines set account_id = 2",
        "update reporting.statement_lines set currency = 'EUR'",
        "update reporting.statement_lines set close_id = 4711",
    ],
)
def test_not_even_the_owner_gives_lines_to_an_unknown_statement(
    owner: Connection, close_id: int, attempt: str
) -> None:
    with pytest.raises(ForeignKeyViolation, match="and no statement for them"):
        owner.execute(attempt.encode())
    owner.execute("update reporting.statement_lines set amount_minor = 1")


@pytest.mark.parametrize(
    "attempt",
    [
        "delete from reporting.statements",
        "update reporting.statements set account_id = 2",
        "update reporting.statements set currency = 'EUR'",
    ],
)
def test_not_even_the_owner_takes_the_statement_from_its_lines(
    owner: Connection, close_id: int, attempt: str
) -> None:
    with pytest.raises(ForeignKeyViolation, match="a statement that has lines stays"):
        owner.execute(attempt.encode())
    owner.execute("update reporting.statements set holder_name = 'another'")
    owner.execute(
        "with gone as (delete from reporting.statement_lines) delete from reporting.statements"
    )
    assert (count(owner, "statements"), count(owner, "statement_lines")) == (0, 0)


def test_the_owner_empties_the_statements_with_their_lines_or_not_at_all(
    owner: Connection, close_id: int
) -> None:
    with pytest.raises(ForeignKeyViolation, match="truncate both"):
        owner.execute("truncate reporting.statements cascade")
    assert count(owner, "statements") == 1
    owner.execute("truncate reporting.statements, reporting.statement_lines cascade")
    assert (count(owner, "statements"), count(owner, "statement_lines")) == (0, 0)
