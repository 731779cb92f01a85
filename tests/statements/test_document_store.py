"""A document in the store is complete and has the name of its content, or it is not there."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from airflow.sdk.io import attach
from fsspec.implementations.memory import MemoryFileSystem  # type: ignore[import-untyped]

from closebook.errors import Misconfigured, Transient, WrongData
from closebook.statements.document_store import DocumentStore

ROOT = Path(__file__).parents[2]
CONTENT = b"%PDF-1.7 a document"
SHA256 = sha256(CONTENT).hexdigest()
NAME = f"statements/{SHA256[:2]}/{SHA256}.pdf"

attach("memory", fs=MemoryFileSystem())


@pytest.fixture(params=["file", "memory"])
def documents(request: pytest.FixtureRequest, tmp_path: Path) -> DocumentStore:
    """The store on a folder, and on an object store that has no true rename."""
    return DocumentStore(f"{request.param}://{tmp_path}/documents")


Change = Callable[[bytes], None]


@pytest.fixture
def change(documents: DocumentStore, tmp_path: Path) -> Change:
    """Overwrites the document NAME, as only somebody else does."""

    def to(content: bytes) -> None:
        path = f"{tmp_path}/documents/{NAME}"
        if documents.base_url.startswith("file:"):
            Path(path).write_bytes(content)
        else:
            MemoryFileSystem().pipe_file(path, content)

    return to


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_document_is_named_by_its_content(documents: DocumentStore) -> None:
    stored = documents.put(CONTENT, folder="statements", suffix="pdf")
    assert stored.object_name == NAME
    assert stored.sha256 == SHA256
    assert stored.byte_count == len(CONTENT)
    assert documents.exists(NAME)
    assert documents.read(NAME) == CONTENT


def test_a_document_that_was_never_stored_is_not_there(documents: DocumentStore) -> None:
    assert not documents.exists(NAME)
    with pytest.raises(WrongData, match="not in the store"):
        documents.read(NAME)


def test_storing_the_same_content_again_writes_nothing(tmp_path: Path) -> None:
    documents = DocumentStore(f"file://{tmp_path}")
    documents.put(CONTENT, folder="statements", suffix="pdf")
    before = (tmp_path / NAME).stat()
    documents.put(CONTENT, folder="statements", suffix="pdf")
    after = (tmp_path / NAME).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_other_bytes_under_the_name_stay_and_the_error_has_both_hashes(
    documents: DocumentStore, change: Change
) -> None:
    documents.put(CONTENT, folder="statements", suffix="pdf")
    change(CONTENT[:4])
    with pytest.raises(WrongData, match="was changed") as refused:
        documents.put(CONTENT, folder="statements", suffix="pdf")
    assert SHA256 in refused.value.text
    assert sha256(CONTENT[:4]).hexdigest() in refused.value.text
    with pytest.raises(WrongData, match="was changed"):
        documents.read(NAME)


def test_no_temporary_file_is_left(tmp_path: Path) -> None:
    DocumentStore(f"file://{tmp_path}").put(CONTENT, folder="statements", suffix="pdf")
    assert files_below(tmp_path) == [tmp_path / NAME]


def test_a_changed_document_is_noticed(documents: DocumentStore, change: Change) -> None:
    documents.put(CONTENT, folder="statements", suffix="pdf")
    change(CONTENT.replace(b"a", b"b"))
    with pytest.raises(WrongData, match=f"{NAME} was changed"):
        documents.read(NAME)
    with pytest.raises(WrongData, match=f"{NAME} was changed"):
        documents.read_all([NAME])


def test_many_documents_are_looked_for_at_once_and_the_missing_ones_are_named(
    documents: DocumentStore,
) -> None:
    names = [
        documents.put(b"%d" % number, folder="statements", suffix="pdf").object_name
        for number in range(1500)
    ]
    missing = [f"statements/{digit * 2}/{digit * 64}.pdf" for digit in "ab"]
    asked = [missing[0], *names, missing[1]]
    assert documents.absent(asked) == missing
    assert documents.read_all(asked) == missing


def test_a_trial_of_a_folder_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "yet" / "made"
    DocumentStore(f"file://{folder}").try_out()
    assert list(tmp_path.iterdir()) == []


def test_a_trial_of_a_bucket_leaves_one_document_however_often_it_is_made(
    tmp_path: Path,
) -> None:
    documents = DocumentStore(f"memory://{tmp_path}/trials")
    documents.try_out()
    documents.try_out()
    assert len(documents.names("doctor")) == 1


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    # Given a process that may not write more than 64 KiB into a file, which acts like a full disk
    program = """
import resource, sys
from closebook.errors import Transient
from closebook.statements.document_store import DocumentStore
documents = DocumentStore(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
try:
    documents.put(bytes(1_000_000), folder="statements", suffix="pdf")
except Transient as error:
    print(error)
"""
    # When it stores a larger document
    ran = subprocess.run(
        [sys.executable, "-c", program, f"file://{tmp_path}/documents"],
        env=os.environ | {"PYTHONPATH": str(ROOT / "plugins")},
        capture_output=True,
        text=True,
        check=True,
    )
    # Then it gets an error, and neither the document nor a part of it is there
    assert "the document store failed at statements/" in ran.stdout
    assert "File too large" in ran.stdout
    assert files_below(tmp_path / "documents") == []


def test_the_partial_file_of_a_killed_process_is_removed_an_hour_later(
    tmp_path: Path,
) -> None:
    # Given a document, and a process that was killed while it wrote another one
    documents = DocumentStore(f"file://{tmp_path}")
    stored = documents.put(CONTENT, folder="statements", suffix="pdf")
    program = """
import resource, signal, sys
from closebook.statements.document_store import DocumentStore
documents = DocumentStore(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
documents.put(bytes(1_000_000), folder="statements", suffix="pdf")
"""
    killed = subprocess.run(
        [sys.executable, "-c", program, f"file://{tmp_path}"],
        env=os.environ | {"PYTHONPATH": str(ROOT / "plugins")},
        check=False,
    )
    assert killed.returncode == -signal.SIGXFSZ
    (left,) = [path for path in files_below(tmp_path) if path.name.endswith(".partial")]
    # When partial files are removed at once, then this one stays: its process may still write it
    assert documents.remove_partial_files("statements") == 0
    assert left.exists()
    # When they are removed more than an hour later, then it is gone, and the document stays
    os.utime(left, (0, 0))
    assert documents.remove_partial_files("statements") == 1
    assert files_below(tmp_path) == [tmp_path / stored.object_name]


def test_nothing_is_removed_where_no_partial_file_is(documents: DocumentStore) -> None:
    assert documents.remove_partial_files("statements") == 0
    documents.put(CONTENT, folder="statements", suffix="pdf")
    assert documents.remove_partial_files("statements") == 0
    assert documents.exists(NAME)


class _FullStore(MemoryFileSystem):  # type: ignore[misc]
    """An object store that has no room."""

    store: dict[str, object] = {}  # noqa: RUF012
    pseudo_dirs = [""]  # noqa: RUF012

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **_: object) -> None:
        raise OSError(28, "No space left on device")


class _OwnErrors(_FullStore):
    """An object store whose library has errors of its own."""

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **_: object) -> None:
        raise LookupError("no such subscription")


@pytest.mark.parametrize(
    ("kind", "text"),
    [(_FullStore, "No space left on device"), (_OwnErrors, "LookupError: no such subscription")],
)
def test_a_write_that_a_provider_refuses_is_transient_and_leaves_nothing(
    kind: type[_FullStore], text: str
) -> None:
    store = kind()
    store.touch("/before")
    attach("memory", conn_id=kind.__name__, fs=store)
    with pytest.raises(Transient, match=text):
        DocumentStore(f"memory://{kind.__name__}@bucket/documents").put(
            CONTENT, folder="statements", suffix="pdf"
        )
    assert store.find("/") == ["/before"]


@pytest.mark.parametrize(
    "object_name",
    [
        "../../etc/passwd",
        f"/etc/{NAME}",
        f"statements/../{NAME}",
        f"statements/00/{SHA256}.pdf",
        "",
    ],
)
def test_a_name_that_leads_out_of_the_store_is_refused(
    object_name: str, documents: DocumentStore
) -> None:
    with pytest.raises(WrongData, match="not the name of a document"):
        documents.read(object_name)
    with pytest.raises(WrongData, match="not the name of a document"):
        documents.exists(object_name)


@pytest.mark.parametrize(("folder", "suffix"), [("../x", "pdf"), ("Anna Smith", "pdf"), ("a", "/")])
def test_a_folder_or_suffix_that_is_not_a_plain_word_is_refused(
    folder: str, suffix: str, documents: DocumentStore
) -> None:
    with pytest.raises(Misconfigured):
        documents.put(CONTENT, folder=folder, suffix=suffix)


@pytest.mark.parametrize("url", ["/var/documents", "nosuchscheme://bucket/folder"])
def test_a_url_that_cannot_be_opened_is_a_wrong_setting(url: str) -> None:
    with pytest.raises(Misconfigured, match="CLOSEBOOK_DOCUMENTS_URL"):
        DocumentStore(url)
