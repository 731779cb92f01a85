"""From a frozen month to its documents: each rendered once, whole, and listed in the manifest."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import psycopg
import pytest
from pypdf import PdfReader

from closebook.closes.month import close_month
from closebook.errors import WrongData
from closebook.periods import parse_month
from closebook.settings import KeyFile, Settings
from closebook.sql import query
from closebook.statements import frozen, issue
from closebook.statements.archive import Cabinet
from closebook.statements.bounded_process import Limits
from closebook.statements.document_store import Documents
from closebook.statements.issue import Shard
from closebook.statements.manifest import Manifest, write_manifest
from closebook.statements.render.document import render
from closebook.statements.signing.key_loader import signer_of
from closebook.store.session import on_store
from tests.books import Books
from tests.close_fixtures import RUN
from tests.platform_rows import Platform
from tests.statements.certificates import PASSPHRASE, identity

OCTOBER = parse_month("2026-10", "America/New_York")
ACCOUNTS = (1, 2, 3)


@pytest.fixture
def close_id(settings: Settings, platform: Platform) -> int:
    """October, frozen: three accounts, of which one rests."""
    platform.open_account(1, "USD", "Ada Lovelace")
    platform.open_account(2, "JPY", "山田太郎")
    platform.open_account(3, "KWD", "<b>Bobby</b> & Söhne")
    platform.post(1, OCTOBER.start, 123_456)
    platform.post(1, OCTOBER.end - timedelta(hours=1), -56, kind="fee")
    platform.post(2, OCTOBER.start, 7_000, "JPY")
    platform.post(3, OCTOBER.start - timedelta(days=1), 1_005, "KWD")
    return close_month(settings, OCTOBER, RUN).close_id


def render_all(settings: Settings, close_id: int, account_ids: list[int] | None = None) -> int:
    shards = issue.plan_shards(settings, close_id, account_ids)
    return sum(
        issue.render_shard(settings, close_id, Shard(**shard), account_ids, RUN) for shard in shards
    )


def manifest_of(settings: Settings, close_id: int) -> tuple[Manifest, dict[str, Any]]:
    manifest = write_manifest(settings, close_id, RUN)
    return manifest, json.loads(stored(settings, manifest.object_name).read_bytes())


def stored(settings: Settings, object_name: str) -> Path:
    return Path(unquote(urlparse(settings.documents_url).path)) / object_name


def documents(books: Books) -> dict[int, dict[str, Any]]:
    rows = books.rows("select * from reporting.statement_documents")
    return {row["account_id"]: row for row in rows}


# ---- documents --------------------------------------------------------------------------


def test_every_statement_gets_a_document_that_says_what_was_frozen(
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
        month = frozen.closed_month(store, close.close_id)
        [row] = store.execute(
            query("statement_documents/of_shard"),
            {
                "close_id": close.close_id,
                "first_account_id": 1,
                "last_account_id": 1,
                "account_ids": None,
            },
        ).fetchall()
        made = frozen.frozen_statement(store, settings, month, row)
    assert [line.reference for line in made.lines] == ["1", "2", "1000"]
    assert [line.transaction_reference for line in made.lines] == ["1000", "1000", None]


def test_rendered_again_nothing_is_left_to_do(
    settings: Settings, books: Books, close_id: int
) -> None:
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


def test_a_lost_file_that_would_not_be_the_same_again_has_to_come_from_a_backup(
    settings: Settings, books: Books, close_id: int
) -> None:
    render_all(settings, close_id)
    before = documents(books)
    lost = before[2]["object_name"]
    stored(settings, lost).unlink()
    moved = replace(settings, issuer_address="99 New Street\nCork")

    with pytest.raises(WrongData, match="backup") as failed:
        render_all(moved, close_id)

    assert lost in str(failed.value)
    assert documents(books) == before


def test_only_the_accounts_that_are_named_are_rendered(
    settings: Settings, books: Books, close_id: int
) -> None:
    assert render_all(settings, close_id, [3, 1]) == 2
    assert documents(books).keys() == {1, 3}


def test_a_twin_of_each_kind_is_kept_beside_each_document(
    settings: Settings, books: Books, close_id: int
) -> None:
    render_all(settings, close_id)
    twins = books.rows("select * from reporting.statement_twins order by account_id, media_type")
    assert [(row["account_id"], row["media_type"]) for row in twins] == [
        (account_id, kind) for account_id in ACCOUNTS for kind in ("application/xml", "text/csv")
    ]
    for row in twins:
        content = stored(settings, row["object_name"]).read_bytes()
        assert sha256(content).hexdigest() == row["sha256"]
        assert len(content) == row["byte_count"]
    assert "<b>Bobby" not in stored(settings, twins[4]["object_name"]).read_text(encoding="utf-8")


def test_the_register_says_what_each_document_was_made_with(
    settings: Settings, books: Books, close_id: int
) -> None:
    render_all(settings, close_id)
    (renderer,) = books.rows("select * from reporting.renderers")
    assert renderer["template_version"] == "v1"
    assert "weasyprint" in renderer["renderer_version"]
    assert len(renderer["typefaces"]["NotoSans-Regular.ttf"]) == 64
    for row in documents(books).values():
        assert row["renderer_sha256"] == renderer["renderer_sha256"]
        assert row["conformance"] == "PDF/A-3a, PDF/UA-1"
        assert row["replaced_count"] == 0


def test_a_document_that_takes_too_much_fails_alone_and_the_run_says_which(
    settings: Settings, books: Books, platform: Platform, close_id: int
) -> None:
    # Given an account with so many lines that its document takes more time than one may
    platform.open_account(4, "USD", "Grace Hopper")
    platform.open_account(5, "USD", "Mary Somerville")
    for _ in range(2_500):
        platform.post(4, OCTOBER.start, 1)
    platform.post(5, OCTOBER.start, 1)
    close_id = close_month(settings, OCTOBER, RUN).close_id
    # When the shard is rendered
    with pytest.raises(WrongData, match="1 documents are missing, those of the accounts 4: each"):
        issue.render_shard(settings, close_id, Shard(1, 5, 5), None, RUN, Limits(cpu_seconds=1))
    # Then the document of that account is missing, and those before and after it are issued
    assert documents(books).keys() == {1, 2, 3, 5}
    assert manifest_of(settings, close_id)[0].missing_count == 1
    # And rendered again with enough time it is made, alone
    assert render_all(settings, close_id) == 1
    assert documents(books).keys() == {1, 2, 3, 4, 5}


def test_an_account_without_a_statement_cannot_be_named(settings: Settings, close_id: int) -> None:
    with pytest.raises(WrongData, match="1 of the 2 accounts"):
        issue.plan_shards(settings, close_id, [1, 77])


def test_names_of_files_say_nothing_of_whom_they_are_about(
    settings: Settings, books: Books, close_id: int
) -> None:
    render_all(settings, close_id)
    manifest_of(settings, close_id)

    root = stored(settings, "")
    names = [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]
    assert len(names) == 3 * 3 + 1
    for name in names:
        folder, month, shard, file = name.split("/")
        assert folder in {"statements", "manifests"}
        assert month == "2026-10"
        assert file.startswith(shard)
        assert len(file.partition(".")[0]) == 64


# ---- signed documents -------------------------------------------------------------------


@pytest.fixture
def signing(settings: Settings, tmp_path: Path) -> Settings:
    """The settings of one who signs."""
    path = tmp_path / "signing.p12"
    path.write_bytes(identity("rsa").pkcs12)
    return replace(settings, signing_key=KeyFile(path, PASSPHRASE))


def test_a_signed_document_is_registered_by_its_hash_before_and_after(
    settings: Settings, signing: Settings, books: Books, close_id: int
) -> None:
    render_all(signing, close_id)

    signed = documents(books)
    for row in signed.values():
        content = stored(settings, row["object_name"]).read_bytes()
        assert sha256(content).hexdigest() == row["sha256"] != row["unsigned_sha256"]
        assert b"/ByteRange" in content
        before = content[: content.rindex(b"%%EOF", 0, content.rindex(b"%%EOF")) + 6]
        assert sha256(before).hexdigest() == row["unsigned_sha256"]
        assert len(row["certificate_sha256"]) == 64
    _, contents = manifest_of(settings, close_id)
    listed = {entry["account_id"]: entry["unsigned_sha256"] for entry in contents["statements"]}
    assert listed == {account: row["unsigned_sha256"] for account, row in signed.items()}


def test_a_signed_document_that_is_lost_has_to_come_from_a_backup(
    settings: Settings, signing: Settings, books: Books, close_id: int
) -> None:
    # Given a signed document whose file is lost: signed again, it would be another one
    render_all(signing, close_id)
    before = documents(books)
    files = sorted(stored(settings, "statements").rglob("*.*"))
    stored(settings, before[2]["object_name"]).unlink()
    # When the shard is rendered again, then it says so and leaves nothing behind
    with pytest.raises(WrongData, match="backup"):
        render_all(signing, close_id)
    assert documents(books) == before
    left = set(stored(settings, "statements").rglob("*.*"))
    assert left == set(files) - {stored(settings, before[2]["object_name"])}


def test_of_two_that_sign_the_same_statement_one_files_it_and_the_other_leaves_nothing(
    settings: Settings, signing: Settings, books: Books, close_id: int
) -> None:
    # Given a statement that two runs have rendered, neither knowing of the other
    with on_store(settings) as one, on_store(settings) as other:
        row = one.execute(
            query("statement_documents/of_shard"),
            {"close_id": close_id, "first_account_id": 1, "last_account_id": 1}
            | {"account_ids": None},
        ).fetchone()
        assert row is not None
        statement = frozen.frozen_statement(one, settings, OCTOBER, row)
        rendered = render(statement)
        # When both file it
        for store in (one, other):
            store.commit()
            cabinet = Cabinet(
                store,
                Documents(settings.documents_url),
                signer_of(signing.signing_key),
                OCTOBER,
                RUN,
            )
            cabinet.file(statement, rendered, None)
            store.commit()
    # Then there is one file, which is the registered one
    [path] = stored(settings, "statements").rglob("*.pdf")
    assert str(path.relative_to(stored(settings, ""))) == documents(books)[1]["object_name"]


# ---- the manifest -----------------------------------------------------------------------


def test_the_manifest_lists_every_statement_with_the_digest_of_its_file(
    settings: Settings, books: Books, close_id: int
) -> None:
    render_all(settings, close_id)

    manifest, contents = manifest_of(settings, close_id)

    assert (manifest.document_count, manifest.missing_count) == (3, 0)
    assert (contents["month"], contents["close_id"]) == ("2026-10", close_id)
    listed = {entry["account_id"]: entry for entry in contents["statements"]}
    frozen = books.statements(close_id)
    assert listed.keys() == frozen.keys() == set(ACCOUNTS)
    for account_id, entry in listed.items():
        opening, closing, lines = frozen[account_id]
        assert (entry["opening_minor"], entry["closing_minor"]) == (opening, closing)
        assert entry["line_count"] == lines
        content = stored(settings, entry["object_name"]).read_bytes()
        assert entry["sha256"] == sha256(content).hexdigest()
    assert [listed[a]["currency"] for a in ACCOUNTS] == ["USD", "JPY", "KWD"]
    assert (
        manifest.sha256 == sha256(stored(settings, manifest.object_name).read_bytes()).hexdigest()
    )


def test_the_manifest_says_what_is_still_missing(settings: Settings, close_id: int) -> None:
    render_all(settings, close_id, [1])

    manifest, contents = manifest_of(settings, close_id)

    assert (manifest.document_count, manifest.missing_count) == (1, 2)
    assert [entry["sha256"] is None for entry in contents["statements"]] == [False, True, True]


def test_written_again_it_is_the_same_manifest(
    settings: Settings, books: Books, close_id: int
) -> None:
    render_all(settings, close_id)

    assert manifest_of(settings, close_id) == manifest_of(settings, close_id)
    assert len(books.rows("select 1 from reporting.statement_manifests")) == 1


def test_a_registered_document_that_is_lost_stops_the_manifest(
    settings: Settings, books: Books, close_id: int
) -> None:
    render_all(settings, close_id)
    stored(settings, documents(books)[2]["object_name"]).unlink()

    with pytest.raises(WrongData, match="accounts 2 "):
        write_manifest(settings, close_id, RUN)


# ---- days on the page -------------------------------------------------------------------


def test_a_line_of_an_hour_that_the_clocks_showed_twice_stays_in_its_month(
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


# ---- shards -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statements", "sizes"),
    [
        (0, []),
        (1, [1]),
        (99, [99]),
        (100, [50, 50]),
        (149, [75, 74]),
        (3200, [50] * 64),
        (3210, [51] * 10 + [50] * 54),
    ],
)
def test_a_month_is_cut_into_shards_of_at_least_fifty(
    settings: Settings, platform: Platform, statements: int, sizes: list[int]
) -> None:
    with psycopg.connect(platform.conninfo) as connection:
        connection.execute(
            "insert into platform.wallets (wallet_id, account_number, user_id, currency,"
            " balance_minor) select 3 * n, 'N' || n, 1, 'USD', 0 from generate_series(1, %s) n",
            [statements],
        )
        connection.execute(
            "insert into platform.ledger_entries (entry_id, wallet_id, posted_at, amount_minor,"
            " currency, kind, description) select n, 3 * n, %s, n, 'USD', 'payment', ''"
            " from generate_series(1, %s) n",
            [OCTOBER.start, statements],
        )
    close_id = close_month(settings, OCTOBER, RUN).close_id

    shards = [Shard(**shard) for shard in issue.plan_shards(settings, close_id, None)]

    assert [shard.statement_count for shard in shards] == sizes
    assert all(one.last_account_id < other.first_account_id for one, other in pairwise(shards))
    assert len(shards) <= issue.MOST_SHARDS
