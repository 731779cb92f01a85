"""Keys of any kind go through store, statements, manifest, verify and audit as they stand."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from psycopg.types.string import TextLoader

from closebook.audit.register_audit import audit
from closebook.closes.day import close_day
from closebook.closes.hour import close_hour
from closebook.closes.month import close_month
from closebook.errors import Misconfigured, WrongData
from closebook.keys import KeyType, KeyTypes
from closebook.periods import hour_of
from closebook.platform.contract import KEY_COLUMNS
from closebook.settings import Settings
from closebook.statements import issue
from closebook.statements.issue import Shard
from closebook.statements.verify.verification import VerifyInputs, verify
from local.stack import Stack
from tests.audit.released_month import release_issued
from tests.books import Books
from tests.close_fixtures import ONE_REPLICA, RUN, retyped, view_of
from tests.closes.month_documents import manifest_of, render_all
from tests.closes.october import LAST_DAY, OCTOBER, fill, recount
from tests.platform_keys import ALL_OF, OF_DIFFERENT_TYPES, key, keyed
from tests.platform_rows import Platform, utc

KEYS = {
    **{str(kind): ALL_OF[kind] for kind in (KeyType.INTEGER, KeyType.UUID, KeyType.TEXT)},
    "of-different-types": OF_DIFFERENT_TYPES,
}
NINE = hour_of(utc("2026-10-31T13:00Z"))
ON_PURPOSE = replace(RUN, run_id="manual", reason="a late entry", requested_by="ada")


@pytest.fixture(scope="module", params=KEYS)
def name_of_keys(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def keys(name_of_keys: str) -> KeyTypes:
    """The types of the five keys."""
    return KEYS[name_of_keys]


@pytest.fixture(scope="module")
def module_store_database(stack: Stack, name_of_keys: str, keys: KeyTypes) -> Iterator[str]:
    """A reporting store that was migrated for these keys."""
    name = f"closebook_{name_of_keys.replace('-', '_')}"
    stack.create_store(name, keys)
    yield name
    stack.drop_store(name)


@pytest.fixture
def books(books: Books) -> Books:
    """The reporting store, with a uuid as text."""
    books.connection.adapters.register_loader("uuid", TextLoader)
    return books


@pytest.fixture
def with_keys(platform: Platform, keys: KeyTypes) -> Iterator[Platform]:
    """The platform, with views that have keys of these types."""
    with keyed(platform, keys):
        yield platform


def types_of(books: Books) -> dict[tuple[str, str], tuple[str, str | None]]:
    rows = books.rows(
        "select table_name, column_name, data_type, collation_name from information_schema.columns"
        " where table_schema = 'reporting' and column_name in ('account_id', 'entry_id',"
        " 'transaction_id', 'merchant_id') and table_name <> 'desk_log'"
    )
    return {
        (row["table_name"], row["column_name"]): (row["data_type"], row["collation_name"])
        for row in rows
    }


def test_the_store_has_keys_of_the_platforms_type(books: Books, keys: KeyTypes) -> None:
    found = types_of(books)
    assert len(found) > 10
    for (table, column), (type_name, collation) in found.items():
        wanted: KeyType = getattr(keys, KEY_COLUMNS[column])
        assert type_name == wanted
        if table == "statement_lines":
            assert collation == ("C" if wanted is KeyType.TEXT else None)


@pytest.mark.usefixtures("with_keys")
def test_an_hour_and_a_day_are_closed_and_corrected(
    settings: Settings, platform: Platform, books: Books, keys: KeyTypes
) -> None:
    platform.settle(NINE.start, 1_000, "EUR", promotion_id=100)
    platform.settle(NINE.start, 500, "EUR", merchant_id=11)
    platform.open_account(5, "EUR")
    platform.open_account(6, "EUR")
    platform.post(5, NINE.start, 1_000, "EUR")
    platform.post(6, NINE.start, -40, "EUR")
    close_hour(settings, NINE, RUN)
    day = close_day(settings, LAST_DAY, RUN)

    assert books.hour(NINE) == platform.volume(NINE)
    cells = books.rows(
        "select merchant_id, merchant_category, promotion_funding from reporting.daily_volume"
        " where close_id = %s order by 2",
        day.close_id,
    )
    assert [tuple(cell.values()) for cell in cells] == [
        (key(keys.merchants, "merchants", 10), "books", "merchant"),
        (key(keys.merchants, "merchants", 11), "travel", "none"),
    ]
    moved = books.rows("select * from reporting.daily_account_movement order by credit_minor desc")
    assert [(row["account_id"], row["credit_minor"], row["debit_minor"]) for row in moved] == [
        (key(keys.accounts, "accounts", 5), 1_000, 0),
        (key(keys.accounts, "accounts", 6), 0, 40),
    ]

    # And a late row is found again, and corrected
    platform.settle(NINE.start, 77, "EUR")
    platform.post(5, NINE.start, 11, "EUR")
    again = close_day(settings, LAST_DAY, ON_PURPOSE)
    assert (again.version, again.outcome) == (2, "changed")
    assert books.hour(NINE) == platform.volume(NINE)
    assert close_day(settings, LAST_DAY, ON_PURPOSE).outcome == "confirmed"


@pytest.mark.usefixtures("with_keys")
def test_a_month_is_issued_corrected_released_verified_and_audited(
    settings: Settings,
    platform: Platform,
    books: Books,
    keys: KeyTypes,
    stack: Stack,
    module_store_database: str,
) -> None:
    fill(platform)
    close_day(settings, LAST_DAY, RUN)
    first = close_month(settings, OCTOBER, RUN)
    assert books.statements(first.close_id) == {
        key(keys.accounts, "accounts", number): numbers
        for number, numbers in recount(platform, OCTOBER).items()
    }
    render_all(settings, first.close_id, run=ON_PURPOSE)
    manifest_of(settings, first.close_id, ON_PURPOSE)

    # Given a late entry, only its account is issued again
    platform.post(4, OCTOBER.end - (OCTOBER.end - OCTOBER.start) / 2, 7, "EUR")
    second = close_month(settings, OCTOBER, ON_PURPOSE)
    render_all(settings, second.close_id, run=ON_PURPOSE)
    manifest_of(settings, second.close_id, ON_PURPOSE)
    versions = books.rows(
        "select account_id, statement_version from reporting.statement_versions"
        " where close_id = %s and statement_version > 1",
        second.close_id,
    )
    assert [(row["account_id"], row["statement_version"]) for row in versions] == [
        (key(keys.accounts, "accounts", 4), 2)
    ]

    # Then the month is released, each document is verified with its manifest, and all agrees
    release_issued(stack, module_store_database)
    documents = books.rows(
        "select documents.account_id, documents.object_name from reporting.statement_documents as"
        " documents inner join reporting.statement_versions as versions on versions.close_id = %s"
        " and versions.issued_close_id = documents.close_id"
        " and versions.account_id = documents.account_id",
        second.close_id,
    )
    [manifest] = books.rows(
        "select object_name, sha256 from reporting.statement_manifests where close_id = %s",
        second.close_id,
    )
    folder = Path(settings.documents_url.removeprefix("file://"))
    listed = (folder / manifest["object_name"]).read_bytes()
    assert [each["account_id"] for each in json.loads(listed)["statements"]] == sorted(
        each["account_id"] for each in documents
    )
    for each in documents:
        report = verify(
            (folder / each["object_name"]).read_bytes(),
            VerifyInputs(manifest=listed, manifest_sha256=manifest["sha256"]),
        )
        assert not report.has_failed, report.text
    assert audit(settings).findings == []


@pytest.mark.usefixtures("with_keys")
def test_the_row_that_a_view_cannot_compute_is_named_by_its_key(
    settings: Settings, platform: Platform, keys: KeyTypes
) -> None:
    for minute in range(7):
        platform.settle(NINE.start + timedelta(minutes=minute), 120 + minute)
    wrong = "case when amount_minor = 123 then ('€' || currency)::bigint::text else currency end"
    with (
        retyped(platform, "transactions", {"currency": wrong}),
        pytest.raises(WrongData) as refused,
    ):
        close_hour(settings, NINE, RUN)

    named = key(keys.transactions, "transactions", 1003)
    assert refused.value.text.endswith(
        f"the column currency of the view transactions, in the row with transaction_id {named}"
    )


@pytest.mark.usefixtures("with_keys")
def test_a_merchant_that_is_listed_twice_is_named_by_its_key(
    settings: Settings, platform: Platform, books: Books, keys: KeyTypes
) -> None:
    platform.settle(NINE.start, 1_000, "EUR", merchant_id=10)
    [(before,)] = platform.connection.execute(
        "select pg_get_viewdef('reporting_source.merchants'::regclass)"
    )
    listed = before.rstrip().rstrip(";")
    with view_of(platform, "merchants", f"{listed} union all {listed}"):
        day = close_day(settings, LAST_DAY, ONE_REPLICA)

    merchant = str(key(keys.merchants, "merchants", 10))
    assert [(row.subject_kind, row.subject, row.reason) for row in day.exceptions] == [
        ("merchant", merchant, "merchant_repeated")
    ]


@pytest.mark.usefixtures("with_keys")
def test_accounts_of_a_run_are_named_as_text(
    settings: Settings, platform: Platform, books: Books, keys: KeyTypes
) -> None:
    fill(platform)
    close_id = close_month(settings, OCTOBER, RUN).close_id
    named = [str(key(keys.accounts, "accounts", number)) for number in (1, 4)]

    [shard] = issue.plan_shards(settings, close_id, named)
    assert issue.render_shard(settings, close_id, Shard(**shard), named, RUN) == 2

    made = books.rows("select account_id from reporting.statement_documents")
    assert sorted(str(row["account_id"]) for row in made) == sorted(named)


def test_keys_of_another_type_than_the_store_has_stop_the_first_hour(
    settings: Settings, platform: Platform, books: Books, keys: KeyTypes
) -> None:
    platform.settle(NINE.start, 1_000, "EUR")
    with pytest.raises(Misconfigured) as refused:
        close_hour(settings, NINE, ONE_REPLICA)
    assert refused.value.code == "CB-CONFIG-CONTRACT-DIFFERS"
    for column in ("accounts.account_id", "ledger_entries.account_id", "ledger_entries.entry_id"):
        wanted = getattr(keys, KEY_COLUMNS[column.partition(".")[2]])
        assert f"{column} is bigint and must be {wanted}: " in refused.value.text
    assert "accounts=bigint in CLOSEBOOK_KEYS and run closebook migrate" in refused.value.text
    assert sum(books.size().values()) == 0


def test_a_view_whose_key_has_another_type_than_the_view_it_belongs_to_is_refused(
    settings: Settings, with_keys: Platform, keys: KeyTypes
) -> None:
    other = "1::bigint" if keys.accounts is KeyType.TEXT else "account_id::text"
    refused = rf"ledger_entries.account_id is \w+ and must be {keys.accounts}"
    with (
        retyped(with_keys, "ledger_entries", {"account_id": other}),
        pytest.raises(Misconfigured, match=refused),
    ):
        close_hour(settings, NINE, ONE_REPLICA)
