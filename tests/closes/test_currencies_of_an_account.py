"""An account of several currencies has a statement in each, made and left out on its own."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import dict_row
from pypdf import PdfReader

from closebook.audit.register_audit import audit
from closebook.closes.day import close_day
from closebook.closes.month import close_month
from closebook.settings import Settings
from closebook.statements import issue, release
from closebook.statements.issue import Shard
from closebook.statements.manifest import write_manifest
from closebook.statements.manifest_document import ManifestDocument
from closebook.statements.release import Person, RunAct
from closebook.statements.verify.checks import VerifyInputs, verify
from local.stack import Stack
from tests.audit.released_month import log
from tests.books import Books
from tests.close_fixtures import RUN, view_of
from tests.closes.left_out import exceptions_of
from tests.closes.october import LAST_DAY, OCTOBER, SEPTEMBER
from tests.platform_rows import Platform

BOTH, ONE = 7, 8
ON_PURPOSE = replace(RUN, run_id="manual", reason="a late entry", requested_by="ada")

# A wallet of the sample platform has one currency: here wallet 7 is listed in two.
ACCOUNTS = """
select w.wallet_id as account_id, w.account_number, c.currency, w.opened_at,
    u.full_name as holder_name, u.address as holder_address, u.locale_code
from platform.wallets as w
join platform.users as u on u.user_id = w.user_id
cross join lateral unnest(
    case when w.wallet_id = 7 then array['EUR', 'USD'] else array[w.currency] end
) as c (currency)
"""


@pytest.fixture
def wallets(platform: Platform) -> Iterator[Platform]:
    """One account in EUR and USD, and one in EUR alone."""
    platform.open_account(BOTH, "EUR")
    platform.open_account(ONE, "EUR")
    platform.post(BOTH, SEPTEMBER.start, 1_000, "EUR")
    platform.post(BOTH, SEPTEMBER.start, 9_000, "USD")
    platform.post(BOTH, OCTOBER.start, -25, "EUR")
    platform.post(BOTH, OCTOBER.start, 60, "USD")
    platform.post(BOTH, LAST_DAY.start, 5, "USD")
    platform.post(ONE, LAST_DAY.start, 300, "EUR")
    with view_of(platform, "accounts", ACCOUNTS):
        yield platform


def statements(books: Books, close_id: int) -> dict[tuple[int, str], tuple[int, int, int]]:
    """Opening, closing and number of lines, by account and currency."""
    return {
        (row["account_id"], row["currency"]): (
            row["opening_minor"],
            row["closing_minor"],
            row["line_count"],
        )
        for row in books.rows("select * from reporting.statements where close_id = %s", close_id)
    }


def versions(books: Books, close_id: int) -> dict[tuple[int, str], int]:
    rows = books.rows("select * from reporting.statement_versions where close_id = %s", close_id)
    return {(row["account_id"], row["currency"]): row["statement_version"] for row in rows}


def issue_month(settings: Settings, close_id: int) -> ManifestDocument:
    for shard in issue.plan_shards(settings, close_id, None):
        issue.render_shard(settings, close_id, Shard(**shard), None, ON_PURPOSE)
    written = write_manifest(settings, close_id, ON_PURPOSE)
    return ManifestDocument.read(file(settings, written.object_name).read_bytes())


def file(settings: Settings, object_name: str) -> Path:
    return Path(settings.documents_url.removeprefix("file://")) / object_name


def documents(books: Books) -> dict[tuple[int, str], str]:
    rows = books.rows("select * from reporting.statement_documents")
    return {(row["account_id"], row["currency"]): row["object_name"] for row in rows}


@pytest.mark.usefixtures("wallets")
def test_each_currency_is_a_statement_that_ties_out_with_days_and_months(
    settings: Settings, books: Books
) -> None:
    close_month(settings, SEPTEMBER, RUN)
    close_day(settings, LAST_DAY, RUN)

    close = close_month(settings, OCTOBER, RUN)

    assert statements(books, close.close_id) == {
        (BOTH, "EUR"): (1_000, 975, 1),
        (BOTH, "USD"): (9_000, 9_065, 2),
        (ONE, "EUR"): (0, 300, 1),
    }
    lines = books.rows(
        "select currency, line_number, balance_minor from reporting.statement_lines"
        " where account_id = %s and close_id = %s order by currency, line_number",
        BOTH,
        close.close_id,
    )
    assert [tuple(line.values()) for line in lines] == [
        ("EUR", 1, 975),
        ("USD", 1, 9_060),
        ("USD", 2, 9_065),
    ]
    assert exceptions_of(books, close.close_id) == []
    assert books.failed_tie_outs() == []


def test_documents_manifest_proofs_verification_release_and_audit_are_of_each_currency(
    settings: Settings,
    wallets: Platform,
    books: Books,
    stack: Stack,
    module_store_database: str,
) -> None:
    close_id = close_month(settings, OCTOBER, RUN).close_id
    manifest = issue_month(settings, close_id)

    assert manifest.head is not None
    root = manifest.head.root
    made = documents(books)
    assert made.keys() == {(BOTH, "EUR"), (BOTH, "USD"), (ONE, "EUR")}
    content = json.dumps([{**each} for each in manifest.entries])
    assert content.count('"account_id": 7') == 2
    listed = books.rows("select object_name, sha256 from reporting.statement_manifests")
    identifiers = set()
    for (account_id, currency), name in made.items():
        pdf = file(settings, name).read_bytes()
        entry = manifest.entry(account_id, currency)
        assert entry is not None
        proof = manifest.proof(account_id, currency)
        assert proof is not None
        by_proof = verify(pdf, VerifyInputs(proof=proof, root=root))
        by_manifest = verify(
            pdf,
            VerifyInputs(
                manifest=file(settings, listed[0]["object_name"]).read_bytes(),
                manifest_sha256=listed[0]["sha256"],
            ),
        )
        assert by_proof.is_proven, by_proof.text
        assert by_manifest.is_proven, by_manifest.text
        xml = PdfReader(file(settings, name)).attachments["statement.xml"][0].decode()
        identifiers.add(xml.split("<MsgId>")[1].split("<")[0])
    # The identifier of an account with one currency is as it always was.
    assert identifiers == {f"{close_id}-7~EUR-1", f"{close_id}-7~USD-1", f"{close_id}-8-1"}
    # And the proof of one is no proof of the other
    other = manifest.proof(BOTH, "USD")
    wrong = verify(
        file(settings, made[BOTH, "EUR"]).read_bytes(),
        VerifyInputs(proof=other, root=root),
    )
    assert wrong.has_failed
    assert "which has a document in USD for this account" in wrong.text

    # Given a late entry in USD, that statement alone is issued again
    wallets.post(BOTH, OCTOBER.start, 1, "USD")
    again = close_month(settings, OCTOBER, ON_PURPOSE).close_id
    assert versions(books, again) == {(BOTH, "EUR"): 1, (BOTH, "USD"): 2, (ONE, "EUR"): 1}
    issue_month(settings, again)
    with psycopg.connect(stack.desk(module_store_database), row_factory=dict_row) as desk:
        shown = release.latest_issued_month(desk, OCTOBER)
        release.release(
            desk,
            OCTOBER,
            shown.sha256,
            Person("2", "bob"),
            lambda ids: [RunAct(run_id, "triggered", "1", "ada") for run_id in ids],
        )
    log(stack, module_store_database, "released", shown.sha256)
    released = books.rows(
        "select account_id, currency, statement_version from reporting.released_statements"
        " order by 1, 2, 3"
    )
    assert [tuple(row.values()) for row in released] == [
        (BOTH, "EUR", 1),
        (BOTH, "USD", 2),
        (ONE, "EUR", 1),
    ]
    assert audit(settings).findings == []


def test_one_currency_is_an_exception_while_the_other_is_issued_and_released(
    settings: Settings,
    wallets: Platform,
    books: Books,
    stack: Stack,
    module_store_database: str,
) -> None:
    wallets.post(BOTH, OCTOBER.start, 2**63 - 1, "USD")
    close_day(settings, LAST_DAY, RUN)
    close = close_month(settings, OCTOBER, RUN)

    assert statements(books, close.close_id).keys() == {(BOTH, "EUR"), (ONE, "EUR")}
    assert exceptions_of(books, close.close_id) == [
        ("7", "USD", "beyond_bigint", 3, 2**63 - 1 + 65)
    ]
    assert books.failed_tie_outs() == []
    manifest = issue_month(settings, close.close_id)
    assert manifest.exceptions == ({"subject": "7", "currency": "USD", "reason": "beyond_bigint"},)
    assert (manifest.document_count, manifest.missing_count) == (2, 0)
    with psycopg.connect(stack.desk(module_store_database), row_factory=dict_row) as desk:
        shown = release.latest_issued_month(desk, OCTOBER)
        release.release(
            desk,
            OCTOBER,
            shown.sha256,
            Person("2", "bob"),
            lambda ids: [RunAct(run_id, "triggered", "1", "ada") for run_id in ids],
            "without account 7 in USD",
            ["7"],
        )
    released = books.rows(
        "select account_id, currency from reporting.released_statements order by 1"
    )
    assert [tuple(row.values()) for row in released] == [(BOTH, "EUR"), (ONE, "EUR")]


def test_entries_in_a_currency_that_is_not_listed_stop_all_statements_of_their_account(
    settings: Settings, wallets: Platform, books: Books
) -> None:
    wallets.post(BOTH, OCTOBER.start, 11, "JPY")

    close = close_month(settings, OCTOBER, RUN)

    assert statements(books, close.close_id).keys() == {(ONE, "EUR")}
    assert [each[:3] for each in exceptions_of(books, close.close_id)] == [
        ("7", currency, "currency_differs") for currency in ("EUR", "JPY", "USD")
    ]


def test_a_run_that_names_an_account_renders_all_its_currencies(
    settings: Settings, wallets: Platform, books: Books
) -> None:
    close_id = close_month(settings, OCTOBER, RUN).close_id

    [shard] = issue.plan_shards(settings, close_id, [BOTH])
    assert issue.render_shard(settings, close_id, Shard(**shard), [BOTH], RUN) == 2

    assert documents(books).keys() == {(BOTH, "EUR"), (BOTH, "USD")}
    assert wallets.entries
