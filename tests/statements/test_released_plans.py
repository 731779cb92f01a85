"""The plan of a month's ZIP is of the manifest that was released, or there is no ZIP."""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from benchmarks.large_month import manifest_of
from closebook.errors import WrongData
from closebook.statements import released_plans
from closebook.statements.document_store import DocumentStore
from closebook.statements.manifest_document import ManifestDocument
from closebook.statements.manifest_entries import Entry, NoManifest
from closebook.statements.released_plans import ReleasedPlan, released_plan
from closebook.statements.zip_plan import (
    BLOCK_ENTRIES,
    INDEX_ENDS,
    INDEX_STARTS,
    Listed,
    ZipPlan,
    index_parts,
    listed_from,
    plan_of_rows,
)

COUNT = 2 * BLOCK_ENTRIES + 5
WITHOUT_DOCUMENT = 17


def row(number: int) -> dict[str, Any]:
    is_there = number != WITHOUT_DOCUMENT
    return {
        "account_id": number,
        "statement_version": 1,
        "issued_close_id": 0,
        "currency": "USD",
        **dict.fromkeys(("line_count", "opening_minor", "closing_minor"), 0),
        "sha256": f"{number:064x}" if is_there else None,
        "byte_count": 1_000 + number if is_there else None,
        "twins": {},
        "twin_bytes": {"text/csv": 10} if is_there else {},
        "account_number": f"AT{number}",
        "holder_name": "Zoë",
    }


ROWS = [row(number) for number in range(1, COUNT + 1)]
CONTENT = manifest_of("2026-10", ROWS)


def listed_of(entries: Sequence[Entry]) -> list[Listed]:
    rows = [ROWS[each["account_id"] - 1] for each in entries if each["sha256"]]
    return [listed_from(each, "2026-10") for each in rows]


@pytest.fixture
def documents(tmp_path: Path) -> DocumentStore:
    released_plans._known.clear()
    return DocumentStore(tmp_path.as_uri())


def compared(
    documents: DocumentStore,
    plan: dict[str, Any] | None,
    content: bytes = CONTENT,
    list_of: Callable[[Sequence[Entry]], list[Listed]] = listed_of,
) -> ReleasedPlan:
    stored = documents.put(content, folder="manifests/2026-10", suffix="json")
    release = {
        "manifest_sha256": stored.sha256,
        "manifest_object_name": stored.object_name,
        "plan": plan,
    }
    return released_plan(documents, release, list_of)


def stored_plan(content: bytes = CONTENT) -> dict[str, Any]:
    """The plan as the register gives it back."""
    plan: dict[str, Any] = json.loads(json.dumps(plan_of_rows(content, ROWS).content))
    return plan


def test_a_plan_has_the_entries_the_proofs_and_the_sizes_of_its_manifest(
    documents: DocumentStore,
) -> None:
    found = compared(documents, stored_plan())
    manifest = ManifestDocument.read(CONTENT)
    assert found.head == manifest.head
    assert found.byte_count == len(CONTENT)
    entries: list[Entry] = []
    for block in found.plan.blocks:
        part = CONTENT[block.first_byte : block.first_byte + block.byte_count]
        entries += block.entries("2026-10", part)
        assert len(entries) == block.first_entry + block.entry_count
    assert entries == [*manifest.entries]
    proofs = sum(len(manifest.proof(each, "USD") or b"") for each in range(1, COUNT + 1))
    without = len(manifest.proof(WITHOUT_DOCUMENT, "USD") or b"")
    sizes = [block.sizes["proof.json"].content_bytes for block in found.plan.blocks]
    assert sum(sizes) == proofs - without
    assert found.plan.document_count == COUNT - 1


@pytest.mark.parametrize("form", ["csv", "json"])
def test_the_index_has_the_size_that_the_plan_says(documents: DocumentStore, form: str) -> None:
    plan = compared(documents, stored_plan()).plan
    lines = index_parts(form, listed_of(ManifestDocument.read(CONTENT).entries), is_first=True)
    index = INDEX_STARTS[form] + lines + INDEX_ENDS[form]
    assert len(index) == plan.index_bytes(form)
    if form == "json":
        assert len(json.loads(index)) == COUNT - 1
    else:
        assert index.count(b"\r\n") == COUNT


def test_a_month_from_before_there_were_plans_gets_the_same_one(documents: DocumentStore) -> None:
    assert compared(documents, None).plan == ZipPlan.read(stored_plan())


def test_other_zips_begin_while_the_plan_of_an_old_month_is_made(documents: DocumentStore) -> None:
    has_begun, may_go_on = Event(), Event()

    def slowly(entries: Sequence[Entry]) -> list[Listed]:
        has_begun.set()
        assert may_go_on.wait(30)
        return listed_of(entries)

    with ThreadPoolExecutor(max_workers=2) as threads:
        old = threads.submit(compared, documents, None, list_of=slowly)
        assert has_begun.wait(30)
        content = manifest_of("2026-11", ROWS)
        try:
            other = threads.submit(compared, documents, stored_plan(content), content)
            assert other.result(timeout=20).head.month == "2026-11"
            assert not old.done()
        finally:
            may_go_on.set()
        assert old.result().plan == ZipPlan.read(stored_plan())


def test_a_manifest_of_an_old_format_gets_a_plan_without_proofs(documents: DocumentStore) -> None:
    old = json.loads(CONTENT)
    content = json.dumps({"statements": old["statements"], "month": "2026-10"}).encode()
    found = compared(documents, None, content)
    assert found.plan.document_count == COUNT - 1
    assert not any(block.sizes["proof.json"].file_count for block in found.plan.blocks)


def test_a_plan_of_another_manifest_is_refused(documents: DocumentStore) -> None:
    # New salts make another manifest of the same statements
    with pytest.raises(NoManifest, match="of another manifest"):
        compared(documents, stored_plan(manifest_of("2026-10", ROWS)))


def test_a_manifest_that_is_not_the_released_one_is_refused(documents: DocumentStore) -> None:
    stored = documents.put(CONTENT, folder="manifests/2026-10", suffix="json")
    release = {
        "manifest_sha256": "0" * 64,
        "manifest_object_name": stored.object_name,
        "plan": stored_plan(),
    }
    with pytest.raises(NoManifest, match="was released"):
        released_plan(documents, release, listed_of)


def test_a_manifest_that_was_changed_in_the_document_store_is_refused(
    documents: DocumentStore, tmp_path: Path
) -> None:
    stored = documents.put(CONTENT, folder="manifests/2026-10", suffix="json")
    # In its last entry, which no plan has to read
    (tmp_path / stored.object_name).write_bytes(CONTENT[:-200] + b"X" + CONTENT[-199:])
    release = {
        "manifest_sha256": stored.sha256,
        "manifest_object_name": stored.object_name,
        "plan": stored_plan(),
    }
    with pytest.raises(WrongData, match="was changed after it was written"):
        released_plan(documents, release, listed_of)


def test_entries_that_were_changed_are_refused(documents: DocumentStore) -> None:
    block = compared(documents, stored_plan()).plan.blocks[1]
    part = CONTENT[block.first_byte : block.first_byte + block.byte_count]
    assert block.entries("2026-10", part)
    more = part.replace(b'"closing_minor": 0', b'"closing_minor": 1', 1)
    for changed in (more, part[:-1], b""):
        with pytest.raises(NoManifest, match="node of their block"):
            block.entries("2026-10", changed)
    with pytest.raises(NoManifest, match="node of their block"):
        replace(block, entry_count=3).entries("2026-10", part)


def test_two_statements_never_have_the_same_name() -> None:
    first = Listed("1-2", "A", "EUR", "2026-10", 1, "", 1, {})
    numbers = {"A": "1-2", "A-1": "2", "A/1": "2.0", "": "3", "../..": "4", "ＡＢ": "5"}
    stems = [
        replace(first, account_number=number, account_id=key).stem
        for number, key in numbers.items()
    ]
    assert len({*stems}) == len(stems)
    assert not any("/" in each or ".." in each for each in stems)
