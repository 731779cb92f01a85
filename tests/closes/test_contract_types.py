"""The views' columns and types are compared with the contract before a row is read."""

import pytest
from psycopg import sql

from closebook.closes import staging
from closebook.closes.day import close_day
from closebook.closes.hour import close_hour
from closebook.errors import Misconfigured
from closebook.periods import day_of, hour_of
from closebook.platform import replicas
from closebook.platform.contract import CONTRACT
from closebook.platform.source import Source
from closebook.settings import Settings
from closebook.sql import query
from closebook.store.session import on_store
from local.stack import Stack
from tests.books import Books
from tests.close_fixtures import ONE_REPLICA, RUN, retyped
from tests.platform_rows import Platform, utc

NINE = hour_of(utc("2026-10-15T09:00Z"))
DAY = day_of(utc("2026-10-15T09:00Z").date(), "America/New_York")

# The view, the column, what the view gives, the type that is found, what the text says to write.
OTHER_TYPES = [
    ("transactions", "amount_minor", "amount_minor::numeric(12, 2) / 100", "numeric",
     "docs/contract.md#amounts-in-major-units"),
    ("transactions", "amount_minor", "amount_minor::numeric(12, 2)", "numeric(12,2)",
     "write amount_minor::bigint"),
    ("transactions", "fee_minor", "fee_minor::float8", "double precision", "minor units"),
    ("transactions", "discount_minor", "discount_minor::numeric::money", "money", "minor units"),
    ("transactions", "settled_at", "settled_at::timestamp", "timestamp without time zone",
     "write settled_at at time zone '…'"),
    ("transactions", "settled_at", "settled_at::date", "date", "a date is no instant"),
    ("transactions", "created_at", "extract(epoch from created_at)::bigint", "bigint", "convert"),
    ("transactions", "kind", "kind::reporting_source.word", "reporting_source.word",
     "write kind::text"),
    ("transactions", "currency", "currency::char(3)", "character(3)", "write currency::text"),
    ("transactions", "transaction_id", "gen_random_uuid()", "uuid",
     "set transactions=uuid in CLOSEBOOK_KEYS and run closebook migrate"),
    ("transactions", "merchant_id", "merchant_id::text", "text", "write merchant_id::bigint"),
    ("transactions", "merchant_id", "merchant_id::reporting_source.small_number",
     "reporting_source.small_number", "write merchant_id::bigint"),
    ("transactions", "promotion_id", "null", "text", "write promotion_id::bigint"),
    ("ledger_entries", "amount_minor", "amount_minor::int4", "integer",
     "write amount_minor::bigint"),
    ("ledger_entries", "amount_minor", "amount_minor::int2", "smallint",
     "write amount_minor::bigint"),
    ("ledger_entries", "entry_id", "entry_id::numeric", "numeric", "write entry_id::bigint"),
    ("ledger_entries", "posted_at", "posted_at::timestamp(3)", "timestamp(3) without time zone",
     "write posted_at at time zone '…'"),
    ("ledger_entries", "description", "convert_to(description, 'UTF8')", "bytea",
     "write convert_from(description, 'UTF8')"),
    ("ledger_entries", "counterparty", "counterparty::reporting_source.citext",
     "reporting_source.citext", "write counterparty::text"),
    ("accounts", "account_number", "account_number::char(40)", "character(40)",
     "write account_number::text"),
    ("accounts", "holder_name", "to_json(holder_name)", "json", "write holder_name::text"),
    ("merchants", "category", "category::name", "name", "write category::text"),
    ("promotions", "funding", "array[funding]", "text[]", "write funding::text"),
]  # fmt: skip


@pytest.fixture
def types_of_the_platform(platform: Platform) -> None:
    """Let the platform have types of its own."""
    platform.connection.execute("""
        create extension if not exists citext schema reporting_source;
        do $$ begin
            create type reporting_source.word as enum ('payment', 'refund', 'chargeback');
            create domain reporting_source.small_number as integer;
            create domain reporting_source.minor_units as bigint check (value > -1);
            create domain reporting_source.price as reporting_source.minor_units;
            create domain reporting_source.short_text as varchar(400);
        exception when duplicate_object then null;
        end $$;
    """)


@pytest.mark.usefixtures("types_of_the_platform")
@pytest.mark.parametrize(
    ("view", "column", "expression", "found", "what_to_write"),
    OTHER_TYPES,
    ids=[f"{view}.{column} as {found}" for view, column, _, found, _ in OTHER_TYPES],
)
def test_a_column_of_another_type_stops_the_first_hour_and_says_what_to_write(
    settings: Settings,
    platform: Platform,
    books: Books,
    view: str,
    column: str,
    expression: str,
    found: str,
    what_to_write: str,
) -> None:
    platform.settle(NINE.start, 40193, "EUR")

    with (
        retyped(platform, view, {column: expression}),
        pytest.raises(Misconfigured) as refused,
    ):
        close_hour(settings, NINE, ONE_REPLICA)

    assert refused.value.code == "CB-CONFIG-CONTRACT-DIFFERS"
    wanted = CONTRACT[view][column]
    assert f"{view}.{column} is {found} and must be {wanted}: " in refused.value.text
    assert what_to_write in refused.value.text
    assert sum(books.size().values()) == 0


def test_major_units_are_never_answered_with_one_factor_for_all_currencies(
    settings: Settings, platform: Platform
) -> None:
    with (
        retyped(platform, "transactions", {"amount_minor": "amount_minor::numeric / 100"}),
        pytest.raises(Misconfigured) as refused,
    ):
        close_hour(settings, NINE, ONE_REPLICA)

    assert "* 100" not in refused.value.text
    assert "name the view in CLOSEBOOK_MAJOR_AMOUNTS" in refused.value.text


def test_all_differences_are_said_at_once(settings: Settings, platform: Platform) -> None:
    with (
        retyped(platform, "transactions", {"fee_minor": "fee_minor::int4", "status": None}),
        retyped(platform, "merchants", {"merchant_id": "merchant_id::int4"}),
        pytest.raises(Misconfigured) as refused,
    ):
        close_hour(settings, NINE, ONE_REPLICA)

    for said in (
        "merchants.merchant_id is integer and must be bigint: write merchant_id::bigint",
        "transactions.fee_minor is integer and must be bigint: write fee_minor::bigint",
        "transactions.status (text) is missing",
    ):
        assert said in refused.value.text


def test_a_view_that_is_missing_is_named(settings: Settings, platform: Platform) -> None:
    platform.connection.execute("alter view reporting_source.promotions rename to promotion")
    try:
        with pytest.raises(Misconfigured, match="the view promotions is missing") as refused:
            close_hour(settings, NINE, ONE_REPLICA)
    finally:
        platform.connection.execute("alter view reporting_source.promotion rename to promotions")

    assert refused.value.code == "CB-CONFIG-CONTRACT-DIFFERS"


@pytest.mark.usefixtures("types_of_the_platform")
def test_types_of_the_same_bytes_and_further_columns_close_with_the_same_numbers(
    settings: Settings, platform: Platform, books: Books
) -> None:
    platform.settle(DAY.start, 40193, "EUR", fee_minor=7)
    platform.settle(DAY.start, 5, "JPY", user_id=2)
    given: dict[str, str | None] = {
        "amount_minor": "amount_minor::reporting_source.price",
        "fee_minor": "fee_minor::reporting_source.minor_units",
        "kind": "kind::varchar(20)",
        "user_country": "user_country::reporting_source.short_text",
        "status": "status::varchar",
        "internal_note": "'not for Closebook'::char(3)",
    }
    with retyped(platform, "transactions", given):
        close_day(settings, DAY, RUN)

    first = next(iter(DAY.hours()))
    assert books.hour(first) == platform.volume(first)
    assert books.hour(first)["EUR", "payment"] == (1, 40193, 7, 0)


def test_a_view_is_looked_at_again_in_each_read(
    settings: Settings, platform: Platform, books: Books
) -> None:
    platform.settle(NINE.start, 100)
    close_hour(settings, NINE, ONE_REPLICA)
    with (
        retyped(platform, "transactions", {"settled_at": "settled_at::timestamp"}),
        pytest.raises(Misconfigured, match="settled_at is timestamp without time zone"),
    ):
        close_hour(settings, NINE, ONE_REPLICA)
    close_hour(settings, NINE, ONE_REPLICA)

    assert len(books.versions(NINE)) == 1


def test_a_view_that_is_made_anew_during_a_read_is_read_again(
    stack: Stack, settings: Settings, platform: Platform
) -> None:
    attempts = []

    def work(source: Source) -> None:
        attempts.append(source.replica.name)
        if len(attempts) == 1:
            with retyped(platform, "transactions", {"amount_minor": "amount_minor::numeric"}):
                stack.replica_wait(source.replica.name)
                stage(source)
        stage(source)

    def stage(source: Source) -> None:
        with on_store(settings) as store:
            staging.stage(store, source, "hourly_volume", NINE)

    replicas.read(settings, NINE, work)

    assert len(attempts) == 2


def test_the_comparison_takes_less_than_a_millisecond(
    settings: Settings, platform: Platform
) -> None:
    contract_columns = sql.SQL(query("replica/contract_columns"))
    explain = sql.SQL("explain (analyze, format json) ") + contract_columns

    def work(source: Source) -> float:
        [plan] = source.connection.execute(explain, {"views": [*CONTRACT]}).fetchall()
        [explained] = plan["QUERY PLAN"]
        return float(explained["Planning Time"] + explained["Execution Time"])

    def fastest(source: Source) -> float:
        # Others may use the machine too: the best of some tries counts.
        return min(work(source) for _ in range(30))

    assert replicas.read(settings, NINE, fastest) < 1.0
