"""Each frozen statement of a month gets one document, which is registered and stored."""

import logging
import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO
from typing import LiteralString

import psycopg
import pytest
from psycopg import sql
from pypdf import PdfReader

from closebook.closes.month import close_month
from closebook.errors import WrongData
from closebook.periods import parse_month
from closebook.settings import Settings
from closebook.sql import query
from closebook.statements import issue, statement_reader
from closebook.statements.bounded_process import Limits
from closebook.statements.document_store import DocumentStore
from closebook.statements.issue import Shard
from closebook.statements.manifest import refuse_exceptions
from closebook.statements.model import Statement
from closebook.statements.render.document import RenderedStatement, render
from closebook.statements.stamp import shard_renderer, stamped_renderer
from closebook.statements.stamp.stamped_renderer import STAMPED
from closebook.store.session import on_store
from local.stack import Stack
from tests.books import Books
from tests.close_fixtures import RUN
from tests.closes.month_documents import ACCOUNTS, documents, manifest_of, render_all, stored
from tests.closes.october import OCTOBER
from tests.platform_rows import Platform


def test_every_statement_gets_a_document_with_its_frozen_lines(
    settings: Settings, books: Books, close_id: int
) -> None:
    assert render_all(settings, close_id) == 3

    text = {
        account_id: "".join(
            page.extract_text()
            for page in PdfReader(BytesIO(stored(settings, row["object_name"]).read_bytes())).pages
        )
        for account_id, row in documents(books).items()
    }
    assert text.keys() == set(ACCOUNTS)
    assert "Ada Lovelace" in text[1]
    assert "1,234.00" in text[1]
    assert "7,000" in text[2]
    assert "<b>Bobby</b> & Söhne" in text[3]
    assert "1.005" in text[3]
    assert not any(other in text[2] for other in ("Ada", "Bobby"))


def test_the_files_have_the_instant_of_the_close_and_the_bounds_of_its_period(
    settings: Settings, books: Books, close_id: int
) -> None:
    render_all(settings, close_id)

    [close] = books.rows("select closed_at from reporting.closes where close_id = %s", close_id)
    made = f"{close['closed_at'].astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    for row in documents(books).values():
        pdf = PdfReader(BytesIO(stored(settings, row["object_name"]).read_bytes()))
        xml = pdf.attachments["statement.xml"][0].decode()
        assert re.findall("<CreDtTm>(.*?)</CreDtTm>", xml) == [made, made]
        assert re.findall("<(?:Fr|To)DtTm>(.*?)</", xml) == [
            "2026-10-01T00:00:00-04:00",
            "2026-10-31T23:59:59-04:00",
        ]


def test_a_second_run_renders_nothing(settings: Settings, books: Books, close_id: int) -> None:
    render_all(settings, close_id)
    before = documents(books)

    assert render_all(settings, close_id) == 0
    assert documents(books) == before


def test_a_lost_file_is_rendered_again_to_the_same_bytes(
    settings: Settings, books: Books, close_id: int
) -> None:
    render_all(settings, close_id)
    lost = documents(books)[2]
    path = stored(settings, lost["object_name"])
    content = path.read_bytes()
    path.unlink()

    assert render_all(settings, close_id) == 1
    assert path.read_bytes() == content
    assert documents(books)[2] == lost


def test_statements_are_stamped_by_the_setting_and_a_lost_one_is_stamped_again(
    settings: Settings,
    books: Books,
    close_id: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("CLOSEBOOK_STAMPED_STATEMENTS", "on")
    monkeypatch.setattr(stamped_renderer, "FEWEST_STATEMENTS", 1)
    with caplog.at_level(logging.INFO):
        assert render_all(settings, close_id) == 3

    made = documents(books)
    stamped = [row for row in made.values() if STAMPED in row["renderer_version"]]
    assert made[1] in stamped
    assert f"{len(stamped)} of 3 statements are stamped" in caplog.text
    path = stored(settings, made[1]["object_name"])
    content = path.read_bytes()
    path.unlink()
    monkeypatch.delenv("CLOSEBOOK_STAMPED_STATEMENTS")
    assert render_all(settings, close_id) == 1
    assert path.read_bytes() == content
    assert documents(books) == made


def test_a_lost_file_that_cannot_be_made_again_has_to_come_from_a_backup(
    settings: Settings, books: Books, close_id: int, caplog: pytest.LogCaptureFixture
) -> None:
    render_all(settings, close_id)
    before = documents(books)
    lost = before[2]["object_name"]
    stored(settings, lost).unlink()
    moved = replace(settings, issuer_address="99 New Street\nCork")

    with pytest.raises(WrongData, match=r"accounts 2 \(CB-DATA-DOCUMENT-NOT-REPEATABLE"):
        render_all(moved, close_id)

    assert f"restore {lost} from a backup" in caplog.text
    assert documents(books) == before


def test_a_document_whose_place_has_other_bytes_fails_alone(
    settings: Settings, books: Books, close_id: int
) -> None:
    # Given a file with other bytes where the document of account 2 is to be
    with on_store(settings) as store:
        row = store.execute(
            query("statement_documents/of_shard"),
            {"close_id": close_id, "first_account_id": 2, "last_account_id": 2}
            | {"account_ids": None},
        ).fetchone()
        assert row is not None
        made = render(statement_reader.read_statement(store, settings, OCTOBER, row))
    name = DocumentStore.name_of(made.pdf, folder="statements/2026-10", suffix="pdf").object_name
    place = stored(settings, name)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(b"something else")

    # When all are filed in one batch
    with pytest.raises(WrongData, match=r"accounts 2 \(CB-DATA-DOCUMENT-CHANGED"):
        render_all(settings, close_id)

    # Then the others are registered with their files and attachments
    found = documents(books)
    assert found.keys() == {1, 3}
    assert all(stored(settings, each["object_name"]).exists() for each in found.values())
    twins = books.rows("select distinct account_id from reporting.statement_twins")
    assert {each["account_id"] for each in twins} == {1, 3}


def test_only_the_named_accounts_are_rendered(
    settings: Settings, books: Books, close_id: int
) -> None:
    assert render_all(settings, close_id, [3, 1]) == 2
    assert documents(books).keys() == {1, 3}


def test_each_attachment_is_stored_as_a_document_too(
    settings: Settings, books: Books, close_id: int
) -> None:
    render_all(settings, close_id)
    attachments = books.rows(
        "select * from reporting.statement_twins order by account_id, media_type"
    )
    assert [(row["account_id"], row["media_type"]) for row in attachments] == [
        (account_id, kind) for account_id in ACCOUNTS for kind in ("application/xml", "text/csv")
    ]
    for row in attachments:
        content = stored(settings, row["object_name"]).read_bytes()
        assert sha256(content).hexdigest() == row["sha256"]
        assert len(content) == row["byte_count"]
    assert "<b>Bobby" not in stored(settings, attachments[4]["object_name"]).read_text(
        encoding="utf-8"
    )


def test_the_register_has_the_fingerprint_of_the_renderer_of_each_document(
    settings: Settings, books: Books, close_id: int
) -> None:
    render_all(settings, close_id)
    (renderer,) = books.rows("select * from reporting.renderers")
    assert renderer["template_version"] == "v1"
    assert "weasyprint" in renderer["renderer_version"]
    assert len(renderer["typefaces"]["NotoSans-Regular.ttf"]) == 64
    for row in documents(books).values():
        assert row["renderer_sha256"] == renderer["renderer_sha256"]
        assert row["conformance"] is None  # no validator has checked it
        assert row["replaced_count"] == 0


def test_a_document_that_exceeds_the_limits_fails_alone_and_the_run_names_its_account(
    settings: Settings, books: Books, platform: Platform, close_id: int
) -> None:
    # Given an account with so many lines that its document takes more time than the limit
    platform.open_account(4, "USD", "Grace Hopper")
    platform.open_account(5, "USD", "Mary Somerville")
    for _ in range(2_500):
        platform.post(4, OCTOBER.start, 1)
    platform.post(5, OCTOBER.start, 1)
    close_id = close_month(settings, OCTOBER, RUN).close_id
    # When the shard is rendered
    with pytest.raises(
        WrongData,
        match=r"1 documents are missing, .* accounts 4 \(CB-DATA-DOCUMENT-TOOK-TOO-LONG\)",
    ):
        issue.render_shard(settings, close_id, Shard(1, 5, 5), None, RUN, Limits(cpu_seconds=1))
    # Then the document of that account is missing, and all others of the shard are issued
    assert documents(books).keys() == {1, 2, 3, 5}
    manifest, contents = manifest_of(settings, close_id)
    assert (manifest.missing_count, manifest.exception_count) == (0, 1)
    assert contents["exceptions"] == [
        {"subject": "4", "currency": "USD", "reason": "CB-DATA-DOCUMENT-TOOK-TOO-LONG"}
    ]
    # And a run with a higher limit renders this document and no other
    assert render_all(settings, close_id) == 1
    assert documents(books).keys() == {1, 2, 3, 4, 5}


def test_a_statement_in_an_unknown_currency_fails_alone(
    stack: Stack, settings: Settings, books: Books, close_id: int
) -> None:
    # Given an account that an older version has frozen in a code that is no currency
    in_another_currency(stack, books, "XTS")
    # When the month is rendered
    with pytest.raises(WrongData, match=r"accounts 1 \(CB-DATA-UNKNOWN-CURRENCY\)"):
        render_all(settings, close_id)
    # Then all others are issued, and the manifest lists it with the reason
    assert documents(books).keys() == {2, 3}
    manifest, contents = manifest_of(settings, close_id)
    assert (manifest.document_count, manifest.missing_count, manifest.exception_count) == (2, 0, 1)
    assert contents["exceptions"] == [
        {"subject": "1", "currency": "XTS", "reason": "CB-DATA-UNKNOWN-CURRENCY"}
    ]
    with pytest.raises(WrongData, match=r"without 1 accounts.* 1 \(CB-DATA-UNKNOWN-CURRENCY\)"):
        refuse_exceptions(settings, close_id)


def test_a_statement_with_more_decimals_than_its_xml_has_room_for_fails_alone(
    stack: Stack,
    settings: Settings,
    books: Books,
    close_id: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CLOSEBOOK_CURRENCIES", "BTC=8")
    in_another_currency(stack, books, "BTC")

    with pytest.raises(WrongData, match=r"accounts 1 \(CB-DATA-TOO-MANY-DECIMAL-PLACES\)"):
        render_all(settings, close_id)

    assert documents(books).keys() == {2, 3}


def test_a_statement_that_contradicts_itself_fails_alone(
    stack: Stack, settings: Settings, books: Books, close_id: int
) -> None:
    in_owners_hand(
        stack, books, "update reporting.statement_lines set balance_minor = 5 where account_id = 2"
    )

    with pytest.raises(WrongData, match=r"accounts 2 \(CB-DATA-STATEMENT-CONTRADICTS-ITSELF\)"):
        render_all(settings, close_id)

    assert documents(books).keys() == {1, 3}


def test_a_document_that_cannot_be_made_fails_alone(
    settings: Settings, books: Books, close_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = render

    def refuse_the_first(statement: Statement) -> RenderedStatement:
        if statement.account_id == 1:
            raise WrongData("CB-DATA-PAGE-ASKED-FOR-ADDRESS", "the page asked for an address")
        return made(statement)

    monkeypatch.setattr(shard_renderer, "render", refuse_the_first)
    with pytest.raises(WrongData, match=r"accounts 1 \(CB-DATA-PAGE-ASKED-FOR-ADDRESS\)"):
        render_all(settings, close_id)

    assert documents(books).keys() == {2, 3}


def in_another_currency(stack: Stack, books: Books, currency: str) -> None:
    """Let the first account be frozen in another currency, though no other row allows it."""
    with psycopg.connect(stack.store_admin(books.connection.info.dbname)) as admin:
        admin.execute("set session_replication_role = replica")
        for table in ("statements", "statement_lines", "statement_versions"):
            admin.execute(
                sql.SQL("update reporting.{} set currency = %s where account_id = 1").format(
                    sql.Identifier(table)
                ),
                [currency],
            )


def in_owners_hand(stack: Stack, books: Books, statement: LiteralString) -> None:
    """Change what is frozen, as nobody but the store's owner can."""
    with psycopg.connect(stack.store_owner(books.connection.info.dbname)) as owner:
        owner.execute(statement)


def test_file_names_hold_no_personal_data(settings: Settings, books: Books, close_id: int) -> None:
    render_all(settings, close_id)
    manifest_of(settings, close_id)

    root = stored(settings, "")
    names = [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]
    folders = Counter(name.split("/")[0] for name in names)
    assert folders == {"statements": 3 * 3, "manifests": 1, "manifest-parts": 1, "shared": 1}
    for name in names:
        _, month, shard, file = name.split("/")
        assert month == "2026-10"
        assert file.startswith(shard)
        assert len(file.partition(".")[0]) == 64


def test_a_line_of_an_hour_that_comes_twice_stays_in_its_month(
    settings: Settings, platform: Platform
) -> None:
    """St. John's turned its clocks at 00:01 on 1 November 2009 back to 23:01 on 31 October."""
    newfoundland = replace(settings, time_zone="America/St_Johns")
    november = parse_month("2009-11", "America/St_Johns")
    platform.open_account(1)
    platform.post(1, datetime(2009, 11, 1, 2, 45, tzinfo=UTC), 100)
    close = close_month(newfoundland, november, RUN)

    [shard] = issue.plan_shards(newfoundland, close.close_id, None)
    rendered = issue.render_shard(newfoundland, close.close_id, Shard(**shard), None, RUN)

    assert rendered == 1


def test_a_document_keeps_the_days_of_its_close_when_the_business_time_zone_changes(
    settings: Settings, books: Books, close_id: int
) -> None:
    render_all(settings, close_id)
    before = documents(books)
    for row in before.values():
        stored(settings, row["object_name"]).unlink()

    assert render_all(replace(settings, time_zone="Pacific/Kiritimati"), close_id) == 3

    assert documents(books) == before
    assert all(stored(settings, row["object_name"]).is_file() for row in before.values())


def test_a_close_that_the_store_does_not_have_is_refused(
    settings: Settings, platform: Platform
) -> None:
    shard = Shard(first_account_id=1, last_account_id=9, statement_count=1)

    with pytest.raises(WrongData, match="close 404 is not in this reporting store"):
        issue.render_shard(settings, 404, shard, None, RUN)


def test_a_payment_its_fee_and_another_entry_of_one_number_have_references_of_their_own(
    settings: Settings, platform: Platform
) -> None:
    platform.open_account(1)
    for amount_minor in (-1000, -30, 5):
        platform.post(1, OCTOBER.start, amount_minor)
    payment = platform.settle(OCTOBER.start, 1000)
    execute = platform.connection.execute
    execute(
        "update platform.ledger_entries set transaction_id = %s where amount_minor < 0",
        [payment.transaction_id],
    )
    execute(
        "update platform.ledger_entries set entry_id = %s where amount_minor = 5",
        [payment.transaction_id],
    )

    close = close_month(settings, OCTOBER, RUN)

    with on_store(settings) as store:
        month = statement_reader.read_closed_month(store, close.close_id)
        [row] = store.execute(
            query("statement_documents/of_shard"),
            {
                "close_id": close.close_id,
                "first_account_id": 1,
                "last_account_id": 1,
                "account_ids": None,
            },
        ).fetchall()
        made = statement_reader.read_statement(store, settings, month, row)
    assert [line.reference for line in made.lines] == ["1", "2", "1000"]
    assert [line.transaction_reference for line in made.lines] == ["1000", "1000", None]
