"""A manifest of parts has the root and the proofs of one that has its entries in itself."""

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from closebook.cli import EXIT_FAILED, EXIT_OK, EXIT_UNUSABLE
from closebook.statements import manifest_document, released_plans
from closebook.statements.document_store import DocumentStore
from closebook.statements.manifest_document import (
    FORMAT_OF_PARTS,
    ManifestDocument,
    Proof,
    TreeHead,
    manifest_content,
)
from closebook.statements.manifest_entries import Entry, NoManifest, root_of, tree_of
from closebook.statements.manifest_parts import (
    FOLDER,
    ListedPart,
    ListedParts,
    folder_of,
    part_content,
)
from closebook.statements.released_plans import released_plan
from closebook.statements.zip_plan import PlanMaker, listed_of_rows, make_plan
from tests.statements.rendered_pdf import rendered
from tests.statements.test_released_plans import (
    CONTENT,
    COUNT,
    ROWS,
    WITHOUT_DOCUMENT,
    listed_of,
)
from tests.statements.test_verify_command import run
from tests.statements.verify_samples import ANOTHER, FEW, manifest

MONTH = "2026-10"
WHOLE = ManifestDocument.read(CONTENT)


def listed(entries: list[Entry], content: bytes, **changed: Any) -> ListedPart:
    return replace(
        ListedPart(
            entries[0]["account_id"],
            entries[0]["currency"],
            len(entries),
            sum(each["sha256"] is not None for each in entries),
            tree_of(MONTH, entries).root.hex(),
            sha256(content).hexdigest(),
            len(content),
            0,
        ),
        **changed,
    )


def in_parts(documents: DocumentStore, entries: list[Entry], size: int) -> ListedParts:
    parts = []
    for first in range(0, len(entries), size):
        some = entries[first : first + size]
        content = part_content(MONTH, some)
        documents.put(content, folder=folder_of(MONTH), suffix="json")
        parts.append(listed(some, content))
    return ListedParts(MONTH, parts, documents.read)


def content_of(parts: ListedParts) -> bytes:
    head = TreeHead(MONTH, parts.upper_tree.root.hex(), len(parts))
    return manifest_content(
        head,
        7,
        parts,
        [],
        signature=None,
        previous_sha256=None,
        log_entry_count=0,
        log_sha256="0" * 64,
    )


@pytest.fixture
def documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DocumentStore:
    monkeypatch.setattr(manifest_document, "MOST_ENTRIES_IN_ONE", 0)
    return DocumentStore(tmp_path.as_uri())


@pytest.fixture
def parts(documents: DocumentStore) -> ListedParts:
    return in_parts(documents, [*WHOLE.entries], 64)


def test_the_root_and_every_proof_are_those_of_the_whole_list(
    documents: DocumentStore, parts: ListedParts
) -> None:
    content = content_of(parts)
    read = ManifestDocument.read(content, documents.read)

    assert json.loads(content)["format"] == FORMAT_OF_PARTS
    assert "statements" not in json.loads(content)
    assert read.head == WHOLE.head
    assert [*read.entries] == [*WHOLE.entries]
    assert (read.document_count, read.missing_count) == (WHOLE.document_count, WHOLE.missing_count)
    for number in range(1, COUNT + 1):
        proof = read.proof(number, "USD")
        assert proof is not None
        assert proof == WHOLE.proof(number, "USD")
        assert Proof.read(proof).entry["account_id"] == number
    assert read.held_count == 0


def test_a_small_month_has_its_entries_in_its_manifest(
    parts: ListedParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifest_document, "MOST_ENTRIES_IN_ONE", COUNT)
    stated = json.loads(content_of(parts))
    assert (stated["format"], len(stated["statements"])) == (manifest_document.FORMAT, COUNT)
    assert stated["root"] == root_of(MONTH, WHOLE.entries)


def test_one_statement_is_found_by_reading_one_part(documents: DocumentStore) -> None:
    read: list[str] = []

    def reader(object_name: str) -> bytes:
        read.append(object_name)
        return documents.read(object_name)

    content = content_of(in_parts(documents, [*WHOLE.entries], 64))
    month = ManifestDocument.read(content, reader)

    assert read == []
    assert month.entry(100, "USD") == WHOLE.entry(100, "USD")
    assert len(read) == 1
    for account_id, currency in ((0, "USD"), (100, "EUR"), (COUNT + 1, "USD"), ("100", "USD")):
        assert month.entry(account_id, currency) is None


def test_the_head_of_a_manifest_is_read_without_its_parts(parts: ListedParts) -> None:
    month = ManifestDocument.read(content_of(parts))
    assert month.head == WHOLE.head
    with pytest.raises(NoManifest, match="not given"):
        month.entry(1, "USD")


@pytest.mark.parametrize(
    "changed",
    [
        {"node": "0" * 64},
        {"sha256": "0" * 64},
        {"entry_count": 63},
        {"document_count": 63 - 1},
    ],
    ids=str,
)
def test_a_part_that_is_not_the_listed_one_is_refused(
    parts: ListedParts, changed: dict[str, Any]
) -> None:
    content = part_content(MONTH, [*parts[:64]])
    other = replace(parts.parts[0], **changed)
    with pytest.raises(NoManifest, match="part 1 of the manifest is not the one"):
        ListedParts(MONTH, [other], lambda _: content).of_part(0)


def test_an_entry_that_was_changed_in_a_part_is_refused(parts: ListedParts) -> None:
    entries = [*parts[:64]]
    entries[5] = {**entries[5], "closing_minor": 1}
    content = part_content(MONTH, entries)
    # Even if the part's hash was changed in the manifest too: the node is that of the root.
    other = replace(parts.parts[0], sha256=sha256(content).hexdigest())
    with pytest.raises(NoManifest, match="part 1 of the manifest is not the one"):
        ListedParts(MONTH, [other], lambda _: content).of_part(0)


@pytest.mark.parametrize("content", [b"no JSON", b"[]", part_content("2026-09", [])], ids=repr)
def test_a_document_that_is_no_part_of_the_month_is_refused(
    parts: ListedParts, content: bytes
) -> None:
    with pytest.raises(NoManifest, match="no part of the manifest of 2026-10"):
        ListedParts(MONTH, parts.parts, lambda _: content).of_part(0)


def test_parts_that_are_no_nodes_of_one_tree_are_refused(documents: DocumentStore) -> None:
    entries = [*WHOLE.entries]
    with pytest.raises(NoManifest, match="not nodes of one tree"):
        in_parts(documents, entries, 65)
    of_64 = in_parts(documents, entries, 64).parts
    with pytest.raises(NoManifest, match="not nodes of one tree"):
        ListedParts(MONTH, [of_64[-1], *of_64[:-1]], None)
    with pytest.raises(NoManifest, match="not in order"):
        ListedParts(MONTH, [of_64[1], of_64[0]], None)


def test_a_manifest_whose_parts_have_another_root_is_refused(parts: ListedParts) -> None:
    stated = json.loads(content_of(parts))
    stated["parts"][0]["node"] = "0" * 64
    with pytest.raises(NoManifest, match="do not have the root"):
        ManifestDocument.read(json.dumps(stated).encode())
    stated["parts"][0]["node"] = "no digits"
    with pytest.raises(NoManifest, match="no manifest of a month"):
        ManifestDocument.read(json.dumps(stated).encode())


@pytest.mark.parametrize("signature", [None, "a signature"])
def test_the_plan_of_a_zip_is_the_same_from_parts(
    parts: ListedParts, signature: str | None
) -> None:
    listed_of = listed_of_rows(ROWS, MONTH)
    maker = PlanMaker(MONTH, COUNT)
    for number, part in enumerate(in_256(parts)):
        maker.add(part_content(MONTH, part), listed_of, f"part {number}")
    assert WHOLE.head is not None
    whole = make_plan(CONTENT, WHOLE.head, signature, listed_of)
    made = maker.plan(signature)

    assert made.index_crc32 == whole.index_crc32
    assert [replace(each, object_name=None, first_byte=0) for each in made.blocks] == [
        replace(each, first_byte=0) for each in whole.blocks
    ]
    assert [each.object_name for each in made.blocks] == ["part 0", "part 1", "part 2"]
    content = part_content(MONTH, in_256(parts)[1])
    block = made.blocks[1]
    of_block = content[block.first_byte : block.first_byte + block.byte_count]
    assert block.entries(MONTH, of_block) == [*WHOLE.entries[256:512]]


def test_the_released_plan_of_a_manifest_of_parts_names_its_parts(
    documents: DocumentStore, parts: ListedParts
) -> None:
    released_plans._known.clear()
    maker = PlanMaker(MONTH, COUNT)
    made = in_parts(documents, [*parts], 256)
    for number, part in enumerate(in_256(parts)):
        name = made.parts[number].object_name(MONTH)
        maker.add(part_content(MONTH, part), listed_of_rows(ROWS, MONTH), name)
    stored = documents.put(content_of(made), folder="manifests/2026-10", suffix="json")
    release = {
        "manifest_sha256": stored.sha256,
        "manifest_object_name": stored.object_name,
        "plan": json.loads(json.dumps(maker.plan(None).content)),
    }

    found = released_plan(documents, release, listed_of)

    assert (found.parts, found.head) == (made.parts, WHOLE.head)
    block = found.plan.blocks[2]
    assert block.object_name is not None
    content = documents.read_part(block.object_name, block.first_byte, block.byte_count)
    assert block.entries(MONTH, content) == [*WHOLE.entries[512:]]
    # And a plan of other parts is refused
    released_plans._known.clear()
    release["plan"]["blocks"][0]["node"] = "0" * 64
    with pytest.raises(NoManifest, match="of another manifest"):
        released_plan(documents, release, listed_of)


def in_256(parts: ListedParts) -> list[list[Entry]]:
    return [[*parts[first : first + 256]] for first in range(0, len(parts), 256)]


def test_only_parts_with_missing_documents_are_read_to_count_them(parts: ListedParts) -> None:
    found = [entry["account_id"] for entry in parts.with_missing() if entry["sha256"] is None]
    assert found == [WITHOUT_DOCUMENT]
    assert len([*parts.with_missing()]) == 64


def test_the_command_verifies_a_file_by_a_manifest_and_the_parts_beside_it(
    documents: DocumentStore, tmp_path: Path
) -> None:
    pdf = rendered(FEW).pdf
    whole = ManifestDocument.read(manifest((ANOTHER, b"of somebody else"), (FEW, pdf)))
    entries = sorted(whole.entries, key=lambda each: str(each["account_id"]))
    made = in_parts(documents, entries, 1)
    folder = tmp_path / "unpacked"
    (folder / FOLDER).mkdir(parents=True)
    (folder / "manifest.json").write_bytes(content_of(made))
    (folder / "statement.pdf").write_bytes(pdf)
    for part in made.parts:
        content = documents.read(part.object_name(MONTH))
        (folder / FOLDER / f"{part.sha256}.json").write_bytes(content)
    asked = [
        *(str(folder / "statement.pdf"), "--manifest", str(folder / "manifest.json")),
        *("--root", made.upper_tree.root.hex()),
    ]

    assert run(*asked)[0] == EXIT_OK
    (folder / "statement.pdf").write_bytes(rendered(ANOTHER).pdf)
    code, said, _ = run(*asked)
    assert (code, "is not in the manifest of 2026-10" in said) == (EXIT_FAILED, True)
    for path in (folder / FOLDER).iterdir():
        path.unlink()
    code, _, error = run(*asked)
    assert (code, "manifest-parts/" in error) == (EXIT_UNUSABLE, True)
