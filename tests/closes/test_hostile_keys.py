"""Text keys of any content: each stops nobody but its own account, and names no other."""

import csv
from collections.abc import Iterator
from hashlib import sha256
from io import StringIO

import psycopg
import pytest

from closebook.audit.register_audit import audit
from closebook.closes.day import close_day
from closebook.closes.month import close_month
from closebook.keys import KeyType, label
from closebook.settings import Settings
from closebook.statements.verify.verification import VerifyInputs, verify
from local.stack import Stack
from tests.books import Books
from tests.close_fixtures import RUN
from tests.closes.exception_rows import exceptions_of
from tests.closes.month_documents import manifest_of, render_all, stored
from tests.closes.october import LAST_DAY, OCTOBER
from tests.platform_keys import ALL_OF, keyed
from tests.platform_rows import Platform

STORE = "closebook_hostile"
KEYS = {
    1: "a/b",
    2: "../../etc/passwd",
    3: "A",
    4: "a",
    5: "=cmd|' /C calc'!A0",
    6: "<script>alert(1)</script>",
    7: "two\nlines",
    8: "\u202eabc",
    9: "%2e%2e%2f~2e",
    10: "x" * 200,
    11: "Zoë 'n' \"王\"",
}
TOO_LONG, EMPTY, NONE = 20, 21, 22
UNUSABLE = {
    TOO_LONG: "y" * 10_000,
    EMPTY: "",
    NONE: "none",
    # As the exceptions of the first two are named.
    23: label("y" * 10_000),
    24: label(""),
}


def literal(key: str) -> str:
    return "'" + key.replace("'", "''").replace("{", "{{").replace("}", "}}") + "'"


CASES = " ".join(
    f"when {number} then {literal(key)}" for number, key in {**KEYS, **UNUSABLE}.items()
)
ACCOUNT = f"(case {{column}} {CASES} end)::text"
# Entries and transactions have such keys too.
ENTRY = f"({{column}} || ':' || left(case {{column}} % 12 {CASES} else '' end, 150))::text"


@pytest.fixture(scope="module")
def module_store_database(stack: Stack) -> Iterator[str]:
    stack.create_store(STORE, ALL_OF[KeyType.TEXT])
    yield STORE
    stack.drop_store(STORE)


@pytest.fixture
def hostile(platform: Platform) -> Iterator[Platform]:
    for number in (*KEYS, *UNUSABLE):
        platform.open_account(number, "EUR")
        platform.post(number, LAST_DAY.start, number, "EUR")
    with keyed(platform, ALL_OF[KeyType.TEXT], account_id=ACCOUNT, entry_id=ENTRY):
        yield platform


@pytest.mark.usefixtures("hostile")
def test_hostile_keys_are_closed_issued_verified_and_audited(
    settings: Settings, books: Books
) -> None:
    day = close_day(settings, LAST_DAY, RUN)
    month = close_month(settings, OCTOBER, RUN)
    render_all(settings, month.close_id)
    manifest, _ = manifest_of(settings, month.close_id)

    # Every account is there under its own key, and no other one is missing
    closings = books.rows("select account_id, closing_minor from reporting.statements")
    assert {row["account_id"]: row["closing_minor"] for row in closings} == {
        key: number for number, key in KEYS.items()
    }
    unusable = {label(key) for key in UNUSABLE.values()}
    left_out = exceptions_of(books, month.close_id)
    assert {(subject, reason) for subject, _, reason, _, _ in left_out} >= {
        (subject, "key_unusable") for subject in unusable
    }
    assert {reason for _, _, reason, _, _ in left_out} == {"key_unusable"}
    assert sum(row_count for _, _, _, row_count, _ in left_out) == len(UNUSABLE)
    assert all(len(subject) < 80 for subject, *_ in left_out)
    assert {each[2] for each in exceptions_of(books, day.close_id)} == {"key_unusable"}
    assert books.failed_tie_outs() == []
    # Each document verifies, and no cell of its CSV is a formula
    documents = books.rows("select account_id, object_name from reporting.statement_documents")
    assert {row["account_id"] for row in documents} == set(KEYS.values())
    listed = stored(settings, manifest.object_name).read_bytes()
    for row in documents:
        inputs = VerifyInputs(manifest=listed, manifest_sha256=sha256(listed).hexdigest())
        report = verify(stored(settings, row["object_name"]).read_bytes(), inputs)
        assert report.is_proven, report.text
        assert not report.has_failed, report.text
    for row in books.rows(
        "select object_name from reporting.statement_twins where media_type = 'text/csv'"
    ):
        text = stored(settings, row["object_name"]).read_bytes().decode("utf-8-sig")
        for line in csv.DictReader(StringIO(text)):
            assert not line["reference"].startswith(("=", "+", "-", "@", "\t"))
    findings = [each for each in audit(settings).findings if each.check != "decision-log"]
    assert findings == []


def test_an_entry_with_a_key_that_is_too_long_stops_its_account_alone(
    settings: Settings, platform: Platform, books: Books
) -> None:
    for number in (1, 3):
        platform.open_account(number, "EUR")
        platform.post(number, LAST_DAY.start, number, "EUR")
    long_entry = "case {column} when 2 then repeat('z', 300) else {column}::text end"
    with keyed(platform, ALL_OF[KeyType.TEXT], account_id=ACCOUNT, entry_id=long_entry):
        month = close_month(settings, OCTOBER, RUN)

    assert [
        row["account_id"] for row in books.rows("select account_id from reporting.statements")
    ] == ["a/b"]
    assert exceptions_of(books, month.close_id) == [("A", "EUR", "key_unusable", 1, 3)]


def test_a_merchant_with_a_long_key_is_counted_under_its_start_and_hash(
    settings: Settings, platform: Platform, books: Books
) -> None:
    platform.settle(LAST_DAY.start, 100, "EUR")
    platform.settle(LAST_DAY.start, 20, "EUR", merchant_id=11)
    long_key = "case {column} when 11 then repeat('m', 5000) else 'ten' end"
    with keyed(platform, ALL_OF[KeyType.TEXT], merchant_id=long_key):
        close_day(settings, LAST_DAY, RUN)

    rows = books.rows("select merchant_id, amount_minor from reporting.daily_volume order by 2")
    assert [tuple(row.values()) for row in rows] == [(label("m" * 5000), 20), ("ten", 100)]


def test_a_store_of_text_keys_orders_them_by_their_bytes(books: Books) -> None:
    with psycopg.connect(
        books.connection.info.dsn, password=books.connection.info.password
    ) as store:
        row = store.execute(
            "select array_agg(word order by key) from unnest(array['a', 'B', 'ä', 'Z', 'b']"
            "::text[]) as keys (word), lateral (select word::reporting.account_key as key) as k"
        ).fetchone()
    assert row is not None
    assert row[0] == ["B", "Z", "a", "b", "ä"]
