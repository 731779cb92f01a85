"""Optional columns of the ledger's view: frozen and attached where there are any, absent else."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from hashlib import sha256
from io import BytesIO
from typing import Any

import psycopg
import pytest
from pypdf import PdfReader

from closebook.closes.month import close_month
from closebook.closes.register import ChangeWithoutReason
from closebook.errors import Misconfigured, WrongData
from closebook.platform import uncomputable_values
from closebook.platform.contract import OPTIONAL
from closebook.settings import Settings
from closebook.sql import query
from closebook.statements.document_store import DocumentStore
from closebook.statements.verify.attached_csv import read_csv
from closebook.statements.verify.attached_xml import read_xml
from closebook.statements.verify.report import Outcome
from closebook.statements.verify.verification import VerifyInputs, verify
from local.stack import Stack
from tests.books import Books
from tests.close_fixtures import ONE_REPLICA, RUN, retyped
from tests.closes.exception_rows import exceptions_of
from tests.closes.month_documents import render_all
from tests.closes.october import BUSY, OCTOBER, RESTING
from tests.platform_rows import Platform

IBAN = "DE89 3704 0044 0532 0130 00"
NOON = OCTOBER.start + timedelta(hours=12)
UNASKED = replace(RUN, reason=None)
# Entry 1 has all of them, entry 2 none, entry 3 the account only.
OPTIONS: Mapping[str, str | None] = {
    "value_date": "case entry_id when 1 then date '2026-10-05' end",
    "original_amount_minor": "case entry_id when 1 then -10800::bigint end",
    "original_currency": "case entry_id when 1 then 'USD' end",
    "exchange_rate": "case entry_id when 1 then 0.92590 end",
    "counterparty_account": f"case entry_id when 1 then '{IBAN}' when 3 then 'acct <7>' end",
    "customer_reference": "case entry_id when 1 then 'Order 7' end",
    "interest_rate": "case entry_id when 1 then 1.250 end",
}
FX = ("original_amount_minor", "original_currency", "exchange_rate")


def fill(platform: Platform) -> None:
    for account_id in (BUSY, RESTING):
        platform.open_account(account_id, "EUR")
    platform.post(BUSY, NOON, -10_000, "EUR")
    platform.post(BUSY, NOON, 500, "EUR")
    platform.post(RESTING, NOON, 70, "EUR")


def details(books: Books, close_id: int) -> list[tuple[Any, ...]]:
    rows = books.rows(
        "select account_id, line_number, value_date, original_amount_minor, original_currency,"
        " exchange_rate, counterparty_account, customer_reference, interest_rate"
        " from reporting.statement_line_details"
        " where close_id = %s order by account_id, line_number",
        close_id,
    )
    return [tuple(row.values()) for row in rows]


def versions(books: Books, close_id: int) -> dict[int, int]:
    rows = books.rows("select * from reporting.statement_versions where close_id = %s", close_id)
    return {row["account_id"]: row["statement_version"] for row in rows}


def document(settings: Settings, books: Books, close_id: int, account_id: int) -> bytes:
    [row] = books.rows(
        "select object_name from reporting.statement_documents"
        " where close_id = %s and account_id = %s",
        close_id,
        account_id,
    )
    return DocumentStore(settings.documents_url).read(row["object_name"])


def attachment(pdf: bytes, name: str) -> bytes:
    [content] = PdfReader(BytesIO(pdf)).attachments[name]
    return bytes(content)


# ---- without -----------------------------------------------------------------------------


def test_a_platform_without_optional_columns_is_read_without_them_and_stores_no_row(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    one = replace(settings, replicas=settings.replicas[:1])

    def reads_of_details() -> list[tuple[Any, ...]]:
        with psycopg.connect(stack.replica_admin("replica_a", platform.database)) as replica:
            return replica.execute(
                "select calls from pg_stat_statements inner join pg_database on dbid = oid"
                " where datname = current_database() and query like '%original_amount_major%'"
            ).fetchall()

    month = close_month(one, OCTOBER, ONE_REPLICA)
    assert reads_of_details() == []
    assert details(books, month.close_id) == []
    # And no other query of a close names one of these columns.
    for name in ("statement_lines/read", "statement_balances/read", "daily_account_movement/read"):
        for units in (frozenset[str](), frozenset({"ledger_entries"})):
            assert not [each for each in OPTIONAL["ledger_entries"] if each in query(name, units)]

    with retyped(platform, "ledger_entries", {"value_date": "null::date"}):
        close_month(one, OCTOBER, ONE_REPLICA)
    assert len(reads_of_details()) == 1


def test_a_line_without_optional_values_is_no_larger(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    without = close_month(settings, OCTOBER, RUN)
    with retyped(platform, "ledger_entries", OPTIONS):
        with_them = close_month(settings, OCTOBER, RUN)

    sizes = {
        close_id: [
            row["size"]
            for row in books.rows(
                "select pg_column_size(lines.*) as size from reporting.statement_lines as lines"
                " where close_id = %s order by entry_id",
                close_id,
            )
        ]
        for close_id in (without.close_id, with_them.close_id)
    }
    assert sizes[without.close_id] == sizes[with_them.close_id]
    [columns] = books.rows(
        "select count(*) as count from pg_attribute"
        " where attrelid = 'reporting.statement_lines'::regclass and attnum > 0"
    )
    assert columns["count"] == 13


# ---- with --------------------------------------------------------------------------------


def test_optional_values_are_frozen_and_attached_and_verify_compares_them(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    with retyped(platform, "ledger_entries", OPTIONS):
        month = close_month(settings, OCTOBER, RUN)
    render_all(settings, month.close_id)

    assert details(books, month.close_id) == [
        (
            *(BUSY, 1, date(2026, 10, 5), -10_800, "USD", Decimal("0.9259"), IBAN),
            *("Order 7", Decimal("1.25")),
        ),
        (RESTING, 1, None, None, None, None, "acct <7>", None, None),
    ]
    pdf = document(settings, books, month.close_id, BUSY)
    xml = attachment(pdf, "statement.xml").decode()
    assert "<ValDt><Dt>2026-10-05</Dt></ValDt>" in xml
    assert '<InstdAmt><Amt Ccy="USD">108.00</Amt>' in xml
    assert "<XchgRate>0.9259</XchgRate>" in xml
    assert "<CdtrAcct><Id><IBAN>DE89370400440532013000</IBAN></Id></CdtrAcct>" in xml
    lines = attachment(pdf, "statement.csv").decode("utf-8-sig").splitlines()
    assert lines[0].endswith(
        '"value_date","original_amount","original_currency","original_amount_minor",'
        '"original_currency_exponent","exchange_rate","counterparty_account",'
        '"customer_reference","interest_rate"'
    )
    assert lines[2].endswith(
        f'"2026-10-05","-108.00","USD","-10800","2","9259E-4","{IBAN}","Order 7","125E-2"'
    )
    assert lines[3].endswith(',"","","","","","","","",""')
    assert read_xml(xml.encode()).lines == read_csv(attachment(pdf, "statement.csv")).lines
    found = {each.check: each.outcome for each in verify(pdf, VerifyInputs()).findings}
    assert {found[check] for check in ("totals", "CSV", "page")} == {Outcome.OK}
    other = attachment(document(settings, books, month.close_id, RESTING), "statement.xml")
    assert b"<Othr><Id>acct &lt;7&gt;</Id></Othr>" in other


def test_a_view_may_have_some_optional_columns_and_the_others_are_null(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    with retyped(platform, "ledger_entries", {"value_date": "posted_at::date"}):
        month = close_month(settings, OCTOBER, RUN)

    day = date(2026, 10, 1)
    assert [row[2:] for row in details(books, month.close_id)] == [(day, *[None] * 6)] * 3


def test_an_original_amount_in_major_units_is_converted_by_its_own_currency(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    in_major = replace(settings, major_amounts=frozenset({"ledger_entries"}))
    columns = {
        "amount_minor": None,
        "amount_major": "amount_minor / 100.0",
        "original_amount_major": "case entry_id when 1 then -1.0800 when 2 then 1500.0 end",
        "original_currency": "case entry_id when 1 then 'KWD' when 2 then 'JPY' end",
        "exchange_rate": "case when entry_id < 3 then 1.0 end",
    }
    with retyped(platform, "ledger_entries", columns):
        month = close_month(in_major, OCTOBER, RUN)

    taken = [row[3:5] for row in details(books, month.close_id)]
    assert taken == [(-1_080, "KWD"), (1_500, "JPY")]


def test_a_long_account_keeps_its_start_and_gets_its_hash(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    account = "x" * 101
    long = dict.fromkeys(("counterparty_account", "customer_reference"), f"'{account}'::varchar")
    with retyped(platform, "ledger_entries", long):
        month = close_month(settings, OCTOBER, RUN)

    digest = sha256(account.encode()).hexdigest()[:16]
    kept = f"{'x' * 40} (too long, sha256 {digest})"
    assert {row[-3:-1] for row in details(books, month.close_id)} == {(kept, kept)}


# ---- what is wrong -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"value_date": "posted_at"}, "value_date is timestamp with time zone and must be date"),
        ({"value_date": "posted_at"}, "write (value_date at time zone '…')::date"),
        ({"value_date": "'2026-10-05'::text"}, "write value_date::date"),
        (dict.fromkeys(FX, "1.5::numeric"), "original_amount_minor is numeric and must be bigint"),
        (
            {**dict.fromkeys(FX, "1::bigint"), "exchange_rate": "1::float8"},
            "write exchange_rate::numeric",
        ),
        ({"counterparty_account": "'a'::char(3)"}, "write counterparty_account::text"),
        (
            {"original_amount_minor": "1::bigint", "exchange_rate": "1.0"},
            "original_currency (text) is missing: it belongs to exchange_rate,"
            " original_amount_minor",
        ),
        (
            {"original_amount_major": "1.0", "original_currency": "'USD'", "exchange_rate": "1.0"},
            "it is called original_amount_major: name ledger_entries in CLOSEBOOK_MAJOR_AMOUNTS",
        ),
    ],
)
def test_an_optional_column_of_another_type_or_unit_stops_before_a_row_is_read(
    settings: Settings,
    platform: Platform,
    books: Books,
    columns: dict[str, str | None],
    said: str,
) -> None:
    fill(platform)
    with (
        retyped(platform, "ledger_entries", columns),
        pytest.raises(Misconfigured) as refused,
    ):
        close_month(settings, OCTOBER, RUN)

    assert refused.value.code == "CB-CONFIG-CONTRACT-DIFFERS"
    assert said in refused.value.text
    assert sum(books.size().values()) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"original_currency": "null::text"},
        {"exchange_rate": "null::numeric"},
        {"original_amount_minor": "null::bigint"},
        {"exchange_rate": "0.0"},
        {"exchange_rate": "-0.5"},
        {"exchange_rate": "'NaN'::numeric"},
        {"exchange_rate": "0.12345678901"},
        {"original_currency": "'BTC'"},
        {"original_currency": "'usd'"},
        {"original_amount_minor": "10800::bigint"},
        {"value_date": "'infinity'::date"},
        {"interest_rate": "'NaN'::numeric"},
        {"interest_rate": "0.12345678901"},
    ],
    ids=str,
)
def test_an_incomplete_or_unusable_optional_value_leaves_out_its_account_only(
    settings: Settings, platform: Platform, books: Books, wrong: dict[str, str]
) -> None:
    fill(platform)
    [(name, value)] = wrong.items()
    otherwise = OPTIONS[name]
    columns = {**OPTIONS, name: f"case entry_id when 1 then {value} else {otherwise} end"}
    with retyped(platform, "ledger_entries", columns):
        month = close_month(settings, OCTOBER, RUN)

    assert exceptions_of(books, month.close_id) == [
        (str(BUSY), "EUR", "detail_unusable", 2, -9_500)
    ]
    assert [row[0] for row in details(books, month.close_id)] == [RESTING]
    assert [*versions(books, month.close_id)] == [RESTING]


def test_the_row_whose_optional_column_cannot_be_computed_is_named(
    settings: Settings, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given more such values than a close leaves out
    monkeypatch.setattr(uncomputable_values, "MOST_VALUES", 0)
    fill(platform)
    wrong = "case entry_id when 2 then ('day ' || entry_id)::date end"
    with (
        retyped(platform, "ledger_entries", {"value_date": wrong}),
        pytest.raises(WrongData) as refused,
    ):
        close_month(settings, OCTOBER, ONE_REPLICA)

    assert refused.value.text.endswith(
        "the column value_date of the view ledger_entries, in the row with entry_id 2"
    )


# ---- versions ----------------------------------------------------------------------------


def test_new_optional_columns_change_only_the_statements_with_values_and_only_for_a_reason(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    close_month(settings, OCTOBER, RUN)
    with retyped(platform, "ledger_entries", {"value_date": OPTIONS["value_date"]}):
        with pytest.raises(ChangeWithoutReason) as refused:
            close_month(settings, OCTOBER, UNASKED)
        gained = close_month(settings, OCTOBER, RUN)
        again = close_month(settings, OCTOBER, RUN)

    assert f"account_id={BUSY}" in refused.value.text
    assert versions(books, gained.close_id) == {BUSY: 2, RESTING: 1}
    assert again.close_id == gained.close_id


def test_an_error_shows_no_account_of_a_counterparty(
    settings: Settings, platform: Platform
) -> None:
    fill(platform)
    close_month(settings, OCTOBER, RUN)
    with (
        retyped(platform, "ledger_entries", OPTIONS),
        pytest.raises(ChangeWithoutReason) as refused,
    ):
        close_month(settings, OCTOBER, UNASKED)

    assert "DE89" not in refused.value.text
    assert "acct" not in refused.value.text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("value_date", "date '2026-10-06'"),
        ("original_amount_minor", "-10801::bigint"),
        ("original_currency", "'GBP'"),
        ("exchange_rate", "0.9260"),
        ("counterparty_account", "'another'"),
        ("customer_reference", "'Order 8'"),
        ("interest_rate", "1.251"),
    ],
)
def test_a_corrected_optional_value_gives_its_statement_a_new_version(
    settings: Settings, platform: Platform, books: Books, name: str, value: str
) -> None:
    fill(platform)
    with retyped(platform, "ledger_entries", OPTIONS):
        close_month(settings, OCTOBER, RUN)
    changed = {**OPTIONS, name: f"case entry_id when 1 then {value} else {OPTIONS[name]} end"}
    with retyped(platform, "ledger_entries", changed):
        corrected = close_month(settings, OCTOBER, RUN)

    assert versions(books, corrected.close_id) == {BUSY: 2, RESTING: 1}


# ---- the limit of an account -------------------------------------------------------------


def limits(books: Books, close_id: int) -> dict[int, int | None]:
    rows = books.rows("select * from reporting.statements where close_id = %s", close_id)
    return {row["account_id"]: row["overdraft_limit_minor"] for row in rows}


def test_the_limit_of_an_account_is_frozen_attached_and_no_reason_to_issue_again(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    without = close_month(settings, OCTOBER, RUN)
    assert limits(books, without.close_id) == {BUSY: None, RESTING: None}
    limit = {"overdraft_limit_minor": f"case account_id when {BUSY} then 50025::bigint end"}
    with retyped(platform, "accounts", limit):
        again = close_month(settings, OCTOBER, UNASKED)
        platform.post(BUSY, NOON, 1, "EUR")
        corrected = close_month(settings, OCTOBER, RUN)
    render_all(settings, corrected.close_id)

    assert again.close_id == without.close_id
    assert limits(books, corrected.close_id) == {BUSY: 50_025, RESTING: None}
    pdf = document(settings, books, corrected.close_id, BUSY)
    assert b'<CdtLine><Incl>false</Incl><Amt Ccy="EUR">500.25<' in attachment(pdf, "statement.xml")
    assert b'"overdraft_limit",' in attachment(pdf, "statement.csv")


def test_a_limit_in_major_units_is_converted_by_the_currency_of_its_account(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    in_major = replace(settings, major_amounts=frozenset({"ledger_entries"}))
    amounts = {"amount_minor": None, "amount_major": "amount_minor / 100.0"}
    with (
        retyped(platform, "ledger_entries", amounts),
        retyped(platform, "accounts", {"overdraft_limit_major": "500.2500"}),
    ):
        month = close_month(in_major, OCTOBER, RUN)

    assert limits(books, month.close_id) == {BUSY: 50_025, RESTING: 50_025}


def test_a_limit_in_the_other_unit_stops_before_a_row_is_read(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    with (
        retyped(platform, "accounts", {"overdraft_limit_major": "500.25"}),
        pytest.raises(Misconfigured) as refused,
    ):
        close_month(settings, OCTOBER, RUN)

    said = "it is called overdraft_limit_major: name ledger_entries in CLOSEBOOK_MAJOR_AMOUNTS"
    assert said in refused.value.text
    assert sum(books.size().values()) == 0


@pytest.mark.parametrize("wrong", ["-1::bigint", "('x' || account_id)::bigint"])
def test_an_unusable_limit_leaves_out_its_account_only(
    settings: Settings, platform: Platform, books: Books, wrong: str
) -> None:
    fill(platform)
    column = f"case account_id when {BUSY} then {wrong} else 7::bigint end"
    with retyped(platform, "accounts", {"overdraft_limit_minor": column}):
        month = close_month(settings, OCTOBER, RUN)

    assert [row[0] for row in exceptions_of(books, month.close_id)] == [str(BUSY)]
    assert limits(books, month.close_id) == {RESTING: 7}
