"""The anchors of the desk's log: a page reads each of them once."""

import json
from pathlib import Path

import pytest

from closebook.errors import WrongData
from closebook.statements.document_store import DocumentStore
from closebook.statements.log_anchors import FOLDER, WrittenAnchor, written_anchors


def put(documents: DocumentStore, number: int, previous: str | None) -> str:
    content = {
        "format": "closebook log anchor 1",
        "entry_count": number,
        "sha256": f"{number:064x}",
        "previous": previous,
    }
    return documents.put(json.dumps(content).encode(), folder=FOLDER, suffix="json").object_name


def test_anchors_that_were_read_are_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = DocumentStore(tmp_path.as_uri())
    first = put(documents, 1, None)
    second = put(documents, 2, first)
    read: list[str] = []
    real = DocumentStore.read

    def noted(store: DocumentStore, name: str) -> bytes:
        read.append(name)
        return real(store, name)

    monkeypatch.setattr(DocumentStore, "read", noted)
    known: dict[str, WrittenAnchor] = {}
    assert {each.entry_count for each in written_anchors(documents, known)} == {1, 2}
    third = put(documents, 3, second)
    assert {each.entry_count for each in written_anchors(documents, known)} == {1, 2, 3}
    assert sorted(read) == sorted([first, second, third])


def test_an_anchor_that_is_missing_is_noticed_though_it_was_read_before(tmp_path: Path) -> None:
    documents = DocumentStore(tmp_path.as_uri())
    first = put(documents, 1, None)
    put(documents, 2, first)
    known: dict[str, WrittenAnchor] = {}
    written_anchors(documents, known)
    (tmp_path / first).unlink()
    with pytest.raises(WrongData, match="was removed from the document store"):
        written_anchors(documents, known)
