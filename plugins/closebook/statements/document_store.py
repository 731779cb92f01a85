"""The document store: each document is named by the sha256 of its content, and written once.

A document that is in the store is complete: a write that fails leaves no document behind.
"""

import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import islice
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import TypeVar

from closebook.errors import Misconfigured, Transient, WrongData
from closebook.statements.document_place import FolderPlace, Place

AT_ONCE = 16
"""How many requests for documents are sent at the same time."""

_BATCH = 1000
_MAX_WRITE_TIME = timedelta(hours=1)
_TRIALS, _TRIAL = "doctor", b"Closebook's doctor wrote this to see whether documents can be kept.\n"
_FOLDER = re.compile(r"[a-z0-9][a-z0-9_-]*(?:/[a-z0-9][a-z0-9_-]*)*")
_SUFFIX = re.compile(r"[a-z0-9]+(?:\.[a-z0-9]+)*")
_OBJECT_NAME = re.compile(
    rf"{_FOLDER.pattern}/(?P<shard>[0-9a-f]{{2}})/(?P<sha256>(?P=shard)[0-9a-f]{{62}})\.{_SUFFIX.pattern}"
)
_IN_BUCKETS = frozenset({"s3", "s3a", "s3n"})

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document in the store; ``object_name`` is relative to the store's base."""

    object_name: str
    sha256: str
    byte_count: int


class DocumentMissing(WrongData):
    """A document that should be in the store is not there."""

    def __init__(self, object_name: str) -> None:
        super().__init__(
            "CB-DATA-DOCUMENT-MISSING",
            f"document {object_name} is not in the store; restore it from a backup, "
            "or issue the statement again: the same statement makes the same document",
        )


class DocumentStore:
    """A content-addressed store below a URL (``file:///…``, ``s3://…``).

    A document's name is ``<folder>/<first two hex digits>/<sha256>.<suffix>``. Such a name holds
    no personal data. Writing the same content twice changes nothing, and nothing is overwritten.
    Each method raises Transient when the store fails, and Misconfigured when it refuses.
    """

    def __init__(self, base_url: str) -> None:
        """Open the store. Raises Misconfigured for a URL whose scheme is missing or unknown."""
        if "://" not in base_url:
            raise Misconfigured(
                "CB-CONFIG-DOCUMENTS-URL-NO-SCHEME",
                f"the documents URL {base_url!r} has no scheme; set CLOSEBOOK_DOCUMENTS_URL to "
                "one such as file:///var/lib/closebook/documents or s3://connection@bucket/folder",
            )
        self.base_url = base_url
        self._place = _opened_places.of(base_url)

    @staticmethod
    def name_of(content: bytes, *, folder: str, suffix: str) -> StoredDocument:
        """Return the content's name and sha256, whether it is in the store or not."""
        if not _FOLDER.fullmatch(folder) or not _SUFFIX.fullmatch(suffix):
            raise Misconfigured(
                "CB-CONFIG-DOCUMENT-FOLDER-INVALID",
                f"{folder!r} and {suffix!r} do not make a document's name",
            )
        digest = sha256(content).hexdigest()
        return StoredDocument(
            object_name=f"{folder}/{digest[:2]}/{digest}.{suffix}",
            sha256=digest,
            byte_count=len(content),
        )

    def put(self, content: bytes, *, folder: str, suffix: str) -> StoredDocument:
        """Store the content and return its name.

        A document that has the name already stays, and is compared. Raises WrongData if it has
        other bytes.
        """
        stored = self.name_of(content, folder=folder, suffix=suffix)
        with _store_errors(stored.object_name):
            is_new = self._place.create(stored.object_name, content)
        if not is_new:
            try:
                self._refuse_changed(stored.object_name)  # guard: documents.other-bytes-are-told
            except DocumentMissing as error:
                raise Transient(
                    "CB-RETRY-DOCUMENT-REMOVED",
                    f"the document store had {stored.object_name} when it was to be written, and "
                    "not a moment later: see who may remove documents, then run the task again",
                ) from error
        return stored

    def put_all(
        self, contents: Sequence[tuple[bytes, str]], *, folder: str
    ) -> list[StoredDocument]:
        """Store some contents, each with its suffix, and return their names.

        They are written at once: a disk that syncs several files does so in little more time than
        for one. Raises what ``put`` raises, for the first of them.
        """

        def put(content: tuple[bytes, str]) -> StoredDocument:
            return self.put(content[0], folder=folder, suffix=content[1])

        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="documents") as threads:
            return list(threads.map(put, contents))

    def try_out(self) -> None:
        """Store a document, read it, and check that the store refuses another one of its name.

        It is removed after that, but for a store from which nothing is removed: there the next
        trial finds it. Raises Misconfigured if the store lets a document be overwritten.
        """
        # Two doctors at once must not remove one another's document.
        mark = b"" if self._place.keeps_trials else secrets.token_hex().encode()
        name = self.name_of(_TRIAL + mark, folder=_TRIALS, suffix="txt").object_name
        with _store_errors(name), self._place.trial(name):
            self.put(_TRIAL + mark, folder=_TRIALS, suffix="txt")
            self.read(name)
            # guard: documents.store-that-overwrites-is-told
            if self._place.create(name, b"This must not be written.\n"):
                raise Misconfigured(
                    "CB-CONFIG-DOCUMENTS-OVERWRITTEN",
                    f"{self.base_url} lets a document be overwritten: its server ignores "
                    "If-None-Match; use one that has conditional writes (docs/object-storage.md)",
                )

    def remove_partial_files(self, folder: str) -> int:
        """Remove the temporary files below the folder that killed processes left; return how many.

        A temporary file younger than an hour stays: its process may still be writing it.
        """
        with _store_errors(folder):
            return self._place.remove_partial(folder, datetime.now(UTC) - _MAX_WRITE_TIME)

    def names(self, folder: str) -> list[str]:
        """Return the names of all documents below a folder, in order.

        A name that is not one of this store is returned as it is; a temporary file is left out.
        """
        with _store_errors(folder):
            return sorted(self._place.names(folder))

    def exists(self, object_name: str) -> bool:
        """Return whether the document is in the store."""
        sha256_of_name(object_name)
        with _store_errors(object_name):
            return self._place.exists(object_name)

    def absent(self, object_names: Iterable[str]) -> list[str]:
        """Return those of these names that no document has, in the order given."""
        return [name for name, is_there in _at_once(self.exists, object_names) if not is_there]

    def read_all(self, object_names: Iterable[str]) -> list[str]:
        """Read many documents to compare their hashes; return the names that no document has.

        Raises WrongData for a document that was changed.
        """
        return [
            name for name, is_there in _at_once(self._is_unchanged, object_names) if not is_there
        ]

    def read(self, object_name: str) -> bytes:
        """Return the document's content. Raises WrongData when it is missing or was changed."""
        return b"".join(self.pieces(object_name))

    def pieces(self, object_name: str, first_byte: int = 0) -> Iterator[bytes]:
        """Yield the document's content from a byte on, in pieces, for one that is large.

        Raises WrongData when it is missing; at its end when it was changed and all of it was read.
        """
        expected, digest = sha256_of_name(object_name), sha256()
        with _store_errors(object_name), _missing_is_wrong(object_name):
            for piece in self._place.pieces(object_name, first_byte):
                digest.update(piece)
                yield piece
        if first_byte == 0:
            _compare(object_name, expected, digest.hexdigest())

    def read_part(self, object_name: str, first_byte: int, byte_count: int) -> bytes:
        """Return a part of the document. It is not compared with the document's hash.

        Raises WrongData when the document is missing.
        """
        sha256_of_name(object_name)
        with _store_errors(object_name), _missing_is_wrong(object_name):
            return self._place.read_part(object_name, first_byte, byte_count)

    def _is_unchanged(self, object_name: str) -> bool:
        try:
            self._refuse_changed(object_name)
        except DocumentMissing:
            return False
        return True

    def _refuse_changed(self, object_name: str) -> None:
        for _ in self.pieces(object_name):
            pass


class _OpenedPlaces:
    """The places that this process has opened, by URL: to open a bucket takes 0.3 seconds.

    A place is opened again after ``_OPEN_SECONDS``: the key of its connection may have changed.
    """

    def __init__(self) -> None:
        self._opened: OrderedDict[str, tuple[float, Place]] = OrderedDict()
        self._opening = Lock()

    def of(self, url: str) -> Place:
        with self._opening:
            opened_at, place = self._opened.pop(url, (0.0, None))
            if place is None or monotonic() - opened_at > _OPEN_SECONDS:
                opened_at, place = monotonic(), _open_place(url)
            self._opened[url] = opened_at, place
            while len(self._opened) > _MOST_OPENED:
                self._opened.popitem(last=False)
            return place


_OPEN_SECONDS = 300
_MOST_OPENED = 8
_opened_places = _OpenedPlaces()


def _open_place(url: str) -> Place:
    from airflow.sdk import ObjectStoragePath  # slow: kept out of the parse of a DAG file

    try:
        path = ObjectStoragePath(url)
        if path.protocol == "file":
            return FolderPlace(Path(path.path))
        if path.protocol in _IN_BUCKETS:
            from closebook.statements.bucket import Bucket
            from closebook.statements.bucket_access import bucket_access

            return Bucket(bucket_access(path.conn_id, path.bucket, path.key.strip("/")))

        from closebook.statements.provider_file_system import ProviderFileSystem

        return ProviderFileSystem(path.fs, path.path)
    except (ValueError, ImportError) as error:
        raise Misconfigured(
            "CB-CONFIG-DOCUMENTS-URL-UNUSABLE",
            f"the documents URL {url!r} cannot be opened ({error}); install the Airflow "
            "provider of its scheme, or correct CLOSEBOOK_DOCUMENTS_URL",
        ) from error


def _at_once(
    ask: Callable[[str], _Answer], object_names: Iterable[str]
) -> Iterator[tuple[str, _Answer]]:
    """Yield each name with the answer to it, in order, from AT_ONCE threads."""
    names = iter(object_names)
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="documents") as threads:
        while batch := list(islice(names, _BATCH)):
            # After a failure `map` cancels the rest of the batch, so that a server that is down is
            # not asked for each name.
            yield from zip(batch, threads.map(ask, batch), strict=True)


@contextmanager
def _missing_is_wrong(object_name: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise DocumentMissing(object_name) from error


def _compare(object_name: str, expected: str, found: str) -> None:
    if found != expected:  # guard: documents.content-is-as-named
        raise WrongData(
            "CB-DATA-DOCUMENT-CHANGED",
            f"document {object_name} was changed after it was written: its sha256 was {expected} "
            f"and is now {found}; keep this copy as evidence and restore the original from a "
            "backup",
        )


def sha256_of_name(object_name: str) -> str:
    """Return the sha256 that a document's name states. Raises WrongData for any other text."""
    # The name may come from a register that somebody changed: it must not lead out of the store.
    parts = _OBJECT_NAME.fullmatch(object_name)
    if parts is None:
        raise WrongData(
            "CB-DATA-DOCUMENT-NAME-INVALID",
            f"{object_name!r} is not the name of a document of this store",
        )
    return parts["sha256"]


@contextmanager
def _store_errors(object_name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Transient(
            "CB-RETRY-DOCUMENT-STORE-FAILED",
            f"the document store failed at {object_name}: {error.strerror or error}; "
            "see that it has room and may be written to, then run the task again",
        ) from error
