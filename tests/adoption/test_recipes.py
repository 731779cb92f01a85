"""Each recipe of docs/recipes.md is a working view: its rows, its types, and its plans."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from closebook.closes.day import close_day
from closebook.periods import day_of, hour_of
from closebook.platform.contract import CONTRACT
from closebook.platform.contract_differences import differences
from closebook.settings import Settings
from closebook.sql import query
from local.stack import Stack
from tests.books import Books
from tests.close_fixtures import RUN, books, settings
from tests.markdown import DOCS, blocks, section, text

RECIPES = DOCS / "recipes.md"
TITLES = re.findall(r"^## (.+)$", text(RECIPES), re.MULTILINE)
VOLUME = (
    "select transaction_id, kind, currency, amount_{unit}::text, status, settled_at is not null"
)

Rows = list[tuple[Any, ...]]

__all__ = ["books", "settings"]


@dataclass(frozen=True)
class Recipe:
    """Rows of the platform, a query of a view with its answer, and views in major units.

    ``before`` are rows that are there before the recipe is followed.
    """

    rows: str
    asked: str
    answer: Rows
    before: str = ""
    in_major: frozenset[str] = field(default_factory=frozenset)


def volume(unit: str = "minor") -> str:
    return VOLUME.format(unit=unit) + " from reporting_source.transactions order by 1"


CASES = {
    "No settlement time": Recipe(
        "insert into shop.payments (payment_id, merchant_id, currency, amount_cents, status)"
        " values (2, 1, 'EUR', 250, 'new'), (3, 1, 'EUR', 1, 'paid');"
        "update shop.payments set status = 'paid' where payment_id = 2;"
        # Neither a second settlement nor another update moves it.
        "update shop.settlements set settled_at = '2026-10-31 14:00Z' where payment_id = 2;"
        "update shop.payments set status = 'archived', updated_at = now() where payment_id = 2;"
        "update shop.payments set status = 'paid' where payment_id = 2;"
        "insert into shop.payments (payment_id, merchant_id, currency, amount_cents, status)"
        " values (4, 1, 'EUR', 5, 'new');",
        "select transaction_id, status, settled_at = '2026-10-31 14:00Z'"
        " from reporting_source.transactions order by 1",
        [(1, "settled", False), (2, "settled", True), (3, "settled", False), (4, "pending", None)],
        before="insert into shop.payments values (1, 1, 'EUR', 100, 'paid', now(), now());",
    ),
    "A status that changes": Recipe(
        "insert into shop.payments values"
        " (1, 1, 'EUR', 500, 'refunded', now(), '2026-10-31 14:00Z', 200, '2026-11-03 10:00Z'),"
        " (2, 1, 'EUR', 300, 'new', now(), null, null, null);",
        volume(),
        [
            (2, "payment", "EUR", "500", "settled", True),
            (3, "refund", "EUR", "200", "settled", True),
            (4, "payment", "EUR", "300", "pending", False),
        ],
    ),
    "Back-dated entries": Recipe(
        "insert into shop.entries values (1, 7, '2020-01-31', '2026-10-31 14:00Z', -5,"
        " 'EUR', 'x');",
        "select account_id, amount_minor, posted_at = '2026-10-31 14:00Z', description"
        " from reporting_source.ledger_entries",
        [(7, -5, True, "x (value date 2020-01-31)")],
    ),
    "No ledger": Recipe(
        "",
        "select (select count(*) from reporting_source.accounts) as accounts,"
        " (select count(*) from reporting_source.ledger_entries) as entries",
        [(0, 0)],
    ),
    "No merchants": Recipe("", "select * from reporting_source.merchants", [(0, "all")]),
    "Partitioned tables": Recipe(
        "insert into shop.payments values"
        " (1, 1, 'payment', 'EUR', 5, '2026-10-31 14:00Z', '2026-10-31 14:01Z');",
        volume(),
        [(1, "payment", "EUR", "5", "settled", True)],
    ),
    "Computed columns": Recipe(
        "insert into shop.orders values (1, 1, 'EUR', 100, 20, '2026-10-31 14:30'),"
        " (2, 1, 'EUR', 100, 20, null);",
        volume(),
        [
            (1, "payment", "EUR", "120", "settled", True),
            (2, "payment", "EUR", "120", "pending", False),
        ],
    ),
    "Joined views": Recipe(
        "insert into shop.users values (1, 'GB');"
        "insert into shop.payments values (1, 1, 1, 'EUR', 9, '2026-10-31 14:00Z');",
        "select transaction_id, user_country, amount_minor from reporting_source.transactions",
        [(1, "GB", 9)],
    ),
    "Amounts in major units": Recipe(
        "insert into shop.orders values (1, 1, 'EUR', 123.45, null, '2026-10-31 14:00Z');",
        volume("major"),
        [(1, "payment", "EUR", "123.45000", "settled", True)],
        in_major=frozenset({"transactions"}),
    ),
    "Accounts of many currencies": Recipe(
        "insert into shop.holders values (7, 'Ada', now());"
        "insert into shop.entries values (1, 7, 'EUR', 5), (2, 7, 'JPY', 5), (3, 7, 'EUR', -5);",
        "select account_id, currency, account_number from reporting_source.accounts order by 2",
        [(7, "EUR", "7"), (7, "JPY", "7")],
    ),
    "Clocks of an application": Recipe(
        "insert into shop.entries values"
        " (1, 7, '2026-10-31 13:59:59', '2026-10-31 14:00:01Z', 5, 'EUR');",
        "select posted_at = '2026-10-31 14:00:01Z', description"
        " from reporting_source.ledger_entries",
        [(True, "at 2026-10-31 13:59:59")],
    ),
}


@pytest.fixture
def platform(stack: Stack, settings: Settings) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """The sample platform with a schema `shop`; what a test makes is rolled back."""
    name = settings.primary.split("dbname=")[1].split()[0]
    admin = stack.primary_admin(name)
    with psycopg.connect(admin, row_factory=dict_row) as connection:
        connection.execute("create schema shop")
        yield connection
        connection.rollback()


def follow(connection: psycopg.Connection[Any], title: str, before: str = "") -> None:
    """Run the blocks of a recipe, with rows that are there before the last of them."""
    *tables, view = blocks(section(RECIPES, title), "sql")
    for block in tables:
        connection.execute(block.encode())
    connection.execute(before.encode())
    for _ in range(1 if "create function" in view else 2):  # it may be run again
        connection.execute(view.encode())


def test_each_recipe_has_a_case() -> None:
    assert [*CASES] == TITLES


@pytest.mark.parametrize("title", TITLES)
def test_a_recipe_gives_the_rows_that_it_says_and_columns_of_the_contract(
    platform: psycopg.Connection[dict[str, Any]], title: str
) -> None:
    recipe = CASES[title]

    follow(platform, title, recipe.before)
    platform.execute(recipe.rows.encode())

    answer = platform.execute(recipe.asked.encode()).fetchall()
    assert [tuple(row.values()) for row in answer] == recipe.answer
    columns = platform.execute(query("replica/contract_columns"), {"views": [*CONTRACT]}).fetchall()
    assert differences(columns, recipe.in_major) == []


def plan_of(platform: psycopg.Connection[dict[str, Any]], name: str) -> str:
    """The plan of a close's query for an hour of October, as the reader would run it."""
    for setting in ("enable_nestloop", "jit"):
        platform.execute(f"set local {setting} = off".encode())
    bounds = hour_of(datetime(2026, 10, 25, 14, tzinfo=UTC)).bounds
    rows = psycopg.ClientCursor(platform).execute("explain " + query(name), bounds).fetchall()
    return "\n".join(str(row["QUERY PLAN"]) for row in rows)


@pytest.mark.parametrize(
    ("title", "rows"),
    [
        (
            "Computed columns",
            "insert into shop.orders select n, 1, 'EUR', 1, 1,"
            " timestamp '2026-10-01' + n * interval '30 seconds' from generate_series(1, 90000) n;"
            "analyze shop.orders",
        ),
        (
            "Partitioned tables",
            "insert into shop.payments select n, 1, 'payment', 'EUR', 1, at, at"
            " from generate_series(1, 80000) n, lateral"
            " (select timestamptz '2026-10-01Z' + n * interval '30 seconds' as at) as x;"
            "analyze shop.payments",
        ),
    ],
    ids=["Computed columns", "Partitioned tables"],
)
def test_the_index_of_a_recipe_is_used(
    platform: psycopg.Connection[dict[str, Any]], title: str, rows: str
) -> None:
    follow(platform, title)
    platform.execute(rows.encode())
    plan = plan_of(platform, "hourly_volume/read")
    assert "settled_hour" in plan, plan
    assert "Seq Scan" not in plan, plan


def test_a_lookup_as_a_subquery_reads_no_large_table_whole(
    platform: psycopg.Connection[dict[str, Any]],
) -> None:
    follow(platform, "Joined views")
    platform.execute(
        "insert into shop.users select n, 'GB' from generate_series(1, 50000) n;"
        "insert into shop.payments select n, n, 1, 'EUR', 1,"
        " timestamptz '2026-10-01Z' + n * interval '1 minute' from generate_series(1, 50000) n;"
        "analyze shop.users; analyze shop.payments"
    )
    asked = "explain select transaction_id, user_country from reporting_source.transactions"
    where = " where settled_at >= '2026-10-05Z' and settled_at < '2026-10-05 02:00Z'"
    platform.execute("set local enable_nestloop = off")

    plan = "\n".join(
        str(row["QUERY PLAN"]) for row in platform.execute((asked + where).encode()).fetchall()
    )
    assert "Index Scan using users_pkey" in plan, plan
    assert "Seq Scan" not in plan, plan

    # What the recipe replaces
    joined = (
        "explain select payments.payment_id, users.country from shop.payments"
        " inner join shop.users on payments.user_id = users.user_id"
    )
    plan = "\n".join(
        str(row["QUERY PLAN"]) for row in platform.execute((joined + where).encode()).fetchall()
    )
    assert "Seq Scan on users" in plan, plan


def test_without_a_ledger_a_day_closes_with_its_volume(
    stack: Stack, settings: Settings, books: Books
) -> None:
    name = settings.primary.split("dbname=")[1].split()[0]
    with psycopg.connect(stack.primary_admin(name), autocommit=True) as connection:
        kept = {
            view: connection.execute(
                "select pg_get_viewdef(%s::regclass)", [f"reporting_source.{view}"]
            ).fetchall()[0][0]
            for view in ("accounts", "ledger_entries")
        }
        [block] = blocks(section(RECIPES, "No ledger"), "sql")
        granted = "grant select on all tables in schema reporting_source to closebook_reader;"
        connection.execute((block + granted).encode())
        connection.execute(
            "insert into platform.users values (1, 'A', 'B', 'GB', 'en_GB');"
            "insert into platform.merchants values (1, 'Shop', 'books', '2 Road', 'US', 'en_US');"
            "insert into platform.transactions (transaction_id, user_id, merchant_id, kind,"
            " currency, amount_minor, status, settled_at) values (1, 1, 1, 'payment', 'EUR', 12345,"
            " 'settled', '2026-10-31 14:30Z')"
        )
        stack.replica_wait()
        try:
            close_day(settings, day_of(date(2026, 10, 31), "America/New_York"), RUN)
        finally:
            for view, select in kept.items():
                replaced = f"drop view reporting_source.{view};" + (
                    f"create view reporting_source.{view} as {select}"
                )
                connection.execute((replaced + granted).encode())
    rows = books.rows("select amount_minor from reporting.current_daily_volume")
    assert [row["amount_minor"] for row in rows] == [12345]
