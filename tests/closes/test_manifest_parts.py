"""A month's manifest is made from parts, each of which is written once."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from closebook.audit.register_audit import audit
from closebook.closes.month import close_month
from closebook.errors import Transient, WrongData
from closebook.settings import Settings
from closebook.statements import manifest_document, part_listing
from closebook.statements.document_store import DocumentStore, StoredDocument
from closebook.statements.manifest import write_manifest
from closebook.statements.manifest_document import FORMAT_OF_PARTS, ManifestDocument
from closebook.statements.manifest_entries import entry_facts, root_of
from closebook.statements.part_listing import write_parts
from local.stack import Stack
from tests.books import Books
from tests.close_fixtures import RUN
from tests.closes.month_documents import documents, manifest_of, render_all, stored
from tests.closes.october import OCTOBER
from tests.platform_rows import Platform

PUT, PIECES = DocumentStore.put, DocumentStore.pieces


@pytest.fixture(autouse=True)
def parts_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three accounts make a part of two statements, and one of one."""
    monkeypatch.setattr(part_listing, "PART_ENTRIES", 2)


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every month is so large that its manifest lists parts."""
    monkeypatch.setattr(manifest_document, "MOST_ENTRIES_IN_ONE", 0)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each document was read."""
    counted = Counter[str]()

    def pieces(self: DocumentStore, object_name: str, first_byte: int = 0) -> Iterator[bytes]:
        counted[object_name] += 1
        return PIECES(self, object_name, first_byte)

    monkeypatch.setattr(DocumentStore, "pieces", pieces)
    return counted


def registered(books: Books) -> list[dict[str, Any]]:
    return books.rows(
        "select first_entry, object_name from reporting.manifest_parts order by part_id"
    )


def test_the_parts_of_a_shard_are_written_once_and_its_documents_are_read_once(
    settings: Settings, books: Books, close_id: int, reads: Counter[str]
) -> None:
    render_all(settings, close_id)
    # Given two tasks that have made the documents of their shards: one of account 1, one of 2 and 3
    assert write_parts(settings, close_id, 1, 1, RUN) == 1
    first = registered(books)
    assert [row["first_entry"] for row in first] == [0]
    assert write_parts(settings, close_id, 2, 3, RUN) == 2

    # When the manifest is written, then it is made from these parts
    parts = registered(books)
    manifest, contents = manifest_of(settings, close_id)
    assert parts[:1] == first
    assert registered(books) == parts
    listed = [
        entry
        for row in parts
        for entry in json.loads(stored(settings, row["object_name"]).read_bytes())["statements"]
    ]
    assert contents["statements"] == listed
    assert manifest.root_sha256 == root_of("2026-10", listed)
    assert {reads[row["object_name"]] for row in documents(books).values()} == {1}


def test_a_task_that_was_killed_continues_after_its_last_part(
    settings: Settings, books: Books, close_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    render_all(settings, close_id)
    part_names: list[str] = []

    def put(self: DocumentStore, content: bytes, *, folder: str, suffix: str) -> StoredDocument:
        if folder.startswith("manifest-parts/") and part_names:
            raise Transient("CB-RETRY-DOCUMENT-STORE-FAILED", "the store is gone")
        made = PUT(self, content, folder=folder, suffix=suffix)
        part_names.append(made.object_name)
        return made

    # Given a task that ended after its first part
    monkeypatch.setattr(DocumentStore, "put", put)
    with pytest.raises(Transient):
        write_manifest(settings, close_id, RUN)
    assert [row["object_name"] for row in registered(books)] == part_names
    assert books.rows("select 1 from reporting.statement_manifests") == []

    # When it is tried again, then this part is the first one of the manifest
    monkeypatch.setattr(DocumentStore, "put", PUT)
    _, contents = manifest_of(settings, close_id)
    [first, second] = registered(books)
    assert first["object_name"] == part_names[0]
    kept = json.loads(stored(settings, first["object_name"]).read_bytes())["statements"]
    assert contents["statements"][:2] == kept
    assert second["first_entry"] == 2


def test_no_part_is_written_for_a_shard_before_all_its_statements_have_documents(
    settings: Settings, books: Books, close_id: int
) -> None:
    render_all(settings, close_id, [1])
    assert write_parts(settings, close_id, 1, 1, RUN) == 0
    assert registered(books) == []


def test_a_document_that_is_lost_or_changed_stops_the_part(
    settings: Settings, books: Books, close_id: int
) -> None:
    render_all(settings, close_id)
    path = stored(settings, documents(books)[2]["object_name"])
    content = path.read_bytes()
    path.write_bytes(content + b" ")
    for write in (
        lambda: write_parts(settings, close_id, 1, 2, RUN),
        lambda: write_manifest(settings, close_id, RUN),
    ):
        with pytest.raises(WrongData, match="was changed after it was written"):
            write()
    path.unlink()
    with pytest.raises(WrongData, match="accounts 2 "):
        write_parts(settings, close_id, 1, 2, RUN)
    assert registered(books) == []


@pytest.mark.parametrize(
    "spoil",
    [lambda path: path.unlink(), lambda path: path.write_bytes(b"{}")],
    ids=["lost", "changed"],
)
def test_a_part_that_is_lost_or_changed_is_written_again(
    settings: Settings, books: Books, close_id: int, spoil: Callable[[Any], object]
) -> None:
    render_all(settings, close_id)
    write_parts(settings, close_id, 1, 3, RUN)
    [first, second] = registered(books)
    spoil(stored(settings, first["object_name"]))

    _, contents = manifest_of(settings, close_id)

    assert [row["first_entry"] for row in registered(books)] == [0, 2, 0]
    kept = json.loads(stored(settings, second["object_name"]).read_bytes())["statements"]
    assert contents["statements"][2:] == kept
    assert [entry["account_id"] for entry in contents["statements"]] == [1, 2, 3]


@pytest.mark.usefixtures("in_parts")
def test_a_manifest_of_parts_is_written_once_and_passes_the_audit(
    settings: Settings, books: Books, platform: Platform, close_id: int
) -> None:
    render_all(settings, close_id)
    manifest, contents = manifest_of(settings, close_id)
    assert contents["format"] == FORMAT_OF_PARTS
    assert [part["entry_count"] for part in contents["parts"]] == [2, 1]
    assert (manifest.document_count, manifest.missing_count) == (3, 0)
    assert manifest_of(settings, close_id) == (manifest, contents)
    assert audit(settings).findings == []

    # When one statement is issued again, then only its part is another one
    platform.post(3, OCTOBER.start, 6, "KWD")
    corrected = close_month(settings, OCTOBER, replace(RUN, reason="late entries")).close_id
    render_all(settings, corrected)
    after, _ = manifest_of(settings, corrected)
    assert after.root_sha256 != manifest.root_sha256
    assert audit(settings).findings == []

    # And a part that is lost is found
    stored(settings, registered(books)[0]["object_name"]).unlink()
    assert "manifest-missing" in {finding.check for finding in audit(settings).findings}


@pytest.mark.usefixtures("in_parts")
def test_the_audit_compares_the_entries_of_parts_with_the_register(
    settings: Settings, stack: Stack, books: Books, close_id: int
) -> None:
    render_all(settings, close_id)
    write_manifest(settings, close_id, RUN)
    with psycopg.connect(stack.store_admin(books.connection.info.dbname)) as owner:
        owner.execute("set session_replication_role = replica")
        owner.execute("update reporting.statements set line_count = 9 where account_id = 3")
        owner.execute("delete from reporting.statement_versions where account_id = 1")
    found = {(each.check, each.subject) for each in audit(settings).findings}
    assert ("statement-differs", f"statement {close_id}-3-KWD") in found
    assert ("statement-missing", f"statement {close_id}-1-USD") in found


def test_a_month_keeps_a_manifest_that_was_written_before_there_were_parts(
    settings: Settings, stack: Stack, books: Books, close_id: int
) -> None:
    # Given a manifest whose salts are not those of any part
    render_all(settings, close_id)
    manifest, contents = manifest_of(settings, close_id)
    with psycopg.connect(stack.store_admin(books.connection.info.dbname)) as owner:
        owner.execute("delete from reporting.manifest_parts")

    again, same = manifest_of(settings, close_id)

    assert (again, same) == (manifest, contents)
    made_anew = [
        entry
        for row in registered(books)
        for entry in json.loads(stored(settings, row["object_name"]).read_bytes())["statements"]
    ]
    assert made_anew != contents["statements"]
    old = ManifestDocument.read(stored(settings, manifest.object_name).read_bytes())
    assert [entry_facts(each) for each in made_anew] == [entry_facts(each) for each in old.entries]
