"""Keys of any kind go through store, statements, manifest, verify and audit as they stand."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import dict_row
from psycopg.types.string import TextLoader

from closebook.audit.register_audit import audit
from closebook.closes.day import close_day
from closebook.closes.hour import close_hour
from closebook.closes.month import close_month
from closebook.errors import Misconfigured
from closebook.keys import KeyType
from closebook.periods import hour_of
from closebook.settings import Settings
from closebook.statements import issue, release
from closebook.statements.issue import Shard
from closebook.statements.manifest import write_manifest
from closebook.statements.release import Person, RunAct
from closebook.statements.verify.checks import VerifyInputs, verify
from local.stack import Stack
from tests.audit.released_month import log
from tests.books import Books
from tests.close_fixtures import ONE_REPLICA, RUN, empty, retyped, settings_on
from tests.closes.october import LAST_DAY, OCTOBER, fill, recount
from tests.keyed import ALL_OF, key, keyed
from tests.platform_rows import Platform, utc

KINDS = [KeyType.INTEGER, KeyType.UUID, KeyType.TEXT]
NINE = hour_of(utc("2026-10-31T13:00Z"))
ON_PURPOSE = replace(RUN, run_id="manual", reason="a late entry", requested_by="ada")


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> KeyType:
    """The type of all five keys."""
    kind: KeyType = request.param
    return kind


@pytest.fixture(scope="module")
def keyed_store(stack: Stack, kind: KeyType) -> Iterator[str]:
    """A reporting store that was migrated for these keys."""
    name = f"closebook_{kind}"
    stack.create_store(name, ALL_OF[kind])
    yield name
    stack.drop_store(name)


@pytest.fixture
def settings(
    stack: Stack, module_platform_database: str, keyed_store: str, tmp_path: Path
) -> Settings:
    empty(stack.primary_admin(module_platform_database), "platform")
    empty(stack.store_admin(keyed_store), "reporting")
    return settings_on(stack, module_platform_database, keyed_store, tmp_path / "documents")


@pytest.fixture
def books(stack: Stack, settings: Settings, keyed_store: str) -> Iterator[Books]:
    books = Books(stack.store(keyed_store))
    # As text: a uuid is one then.
    books.connection.adapters.register_loader("uuid", TextLoader)
    yield books
    books.connection.close()


@pytest.fixture
def of_kind(platform: Platform, kind: KeyType) -> Iterator[Platform]:
    """The platform, with views that have keys of this kind."""
    with keyed(platform, ALL_OF[kind]):
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


def issue_month(settings: Settings, close_id: int) -> None:
    for shard in issue.plan_shards(settings, close_id, None):
        issue.render_shard(settings, close_id, Shard(**shard), None, ON_PURPOSE)
    write_manifest(settings, close_id, ON_PURPOSE)


def test_the_store_has_keys_of_the_platforms_type(books: Books, kind: KeyType) -> None:
    collation = "C" if kind is KeyType.TEXT else None
    found = types_of(books)
    assert len(found) > 10
    assert {name: type_ for name, (type_, _) in found.items()} == dict.fromkeys(found, str(kind))
    tables = {name: c for (name, _), (_, c) in found.items() if name == "statement_lines"}
    assert set(tables.values()) == {collation}


@pytest.mark.usefixtures("of_kind")
def test_an_hour_and_a_day_are_closed_and_corrected(
    settings: Settings, platform: Platform, books: Books, kind: KeyType
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
        (key(kind, "merchants", 10), "books", "merchant"),
        (key(kind, "merchants", 11), "travel", "none"),
    ]
    moved = books.rows("select * from reporting.daily_account_movement order by credit_minor desc")
    assert [(row["account_id"], row["credit_minor"], row["debit_minor"]) for row in moved] == [
        (key(kind, "accounts", 5), 1_000, 0),
        (key(kind, "accounts", 6), 0, 40),
    ]

    # And a late row is found again, and corrected
    platform.settle(NINE.start, 77, "EUR")
    platform.post(5, NINE.start, 11, "EUR")
    again = close_day(settings, LAST_DAY, ON_PURPOSE)
    assert (again.version, again.outcome) == (2, "changed")
    assert books.hour(NINE) == platform.volume(NINE)
    assert close_day(settings, LAST_DAY, ON_PURPOSE).outcome == "confirmed"


@pytest.mark.usefixtures("of_kind")
def test_a_month_is_issued_corrected_released_verified_and_audited(
    settings: Settings,
    platform: Platform,
    books: Books,
    kind: KeyType,
    stack: Stack,
    keyed_store: str,
) -> None:
    fill(platform)
    close_day(settings, LAST_DAY, RUN)
    first = close_month(settings, OCTOBER, RUN)
    assert books.statements(first.close_id) == {
        key(kind, "accounts", number): numbers
        for number, numbers in recount(platform, OCTOBER).items()
    }
    issue_month(settings, first.close_id)

    # Given a late entry, only its account is issued again
    platform.post(4, OCTOBER.end - (OCTOBER.end - OCTOBER.start) / 2, 7, "EUR")
    second = close_month(settings, OCTOBER, ON_PURPOSE)
    issue_month(settings, second.close_id)
    versions = books.rows(
        "select account_id, statement_version from reporting.statement_versions"
        " where close_id = %s and statement_version > 1",
        second.close_id,
    )
    assert [(row["account_id"], row["statement_version"]) for row in versions] == [
        (key(kind, "accounts", 4), 2)
    ]

    # Then the month is released, each document is verified with its manifest, and all agrees
    with psycopg.connect(stack.desk(keyed_store), row_factory=dict_row) as desk:
        shown = release.latest_issued_month(desk, OCTOBER)
        release.release(
            desk,
            OCTOBER,
            shown.sha256,
            Person("2", "bob"),
            lambda ids: [RunAct(run_id, "triggered", "1", "ada") for run_id in ids],
        )
    log(stack, keyed_store, "released", shown.sha256)
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


@pytest.mark.usefixtures("of_kind")
def test_accounts_of_a_run_are_named_as_text(
    settings: Settings, platform: Platform, books: Books, kind: KeyType
) -> None:
    fill(platform)
    close_id = close_month(settings, OCTOBER, RUN).close_id
    named = [str(key(kind, "accounts", number)) for number in (1, 4)]

    [shard] = issue.plan_shards(settings, close_id, named)
    assert issue.render_shard(settings, close_id, Shard(**shard), named, RUN) == 2

    made = books.rows("select account_id from reporting.statement_documents")
    assert sorted(str(row["account_id"]) for row in made) == sorted(named)


def test_keys_of_another_type_than_the_store_has_stop_the_first_hour(
    settings: Settings, platform: Platform, books: Books, kind: KeyType
) -> None:
    platform.settle(NINE.start, 1_000, "EUR")
    with pytest.raises(Misconfigured) as refused:
        close_hour(settings, NINE, ONE_REPLICA)
    assert refused.value.code == "CB-CONFIG-CONTRACT-DIFFERS"
    for column in ("accounts.account_id", "ledger_entries.account_id", "transactions.merchant_id"):
        assert f"{column} is bigint and must be {kind}: " in refused.value.text
    assert "accounts=bigint in CLOSEBOOK_KEYS and run closebook migrate" in refused.value.text
    assert sum(books.size().values()) == 0


def test_a_view_whose_key_has_another_type_than_the_view_it_belongs_to_is_refused(
    settings: Settings, of_kind: Platform, kind: KeyType
) -> None:
    other = "1::bigint" if kind is KeyType.TEXT else "account_id::text"
    with (
        retyped(of_kind, "ledger_entries", {"account_id": other}),
        pytest.raises(Misconfigured, match=rf"ledger_entries.account_id is \w+ and must be {kind}"),
    ):
        close_hour(settings, NINE, ONE_REPLICA)
