"""The document store: each document is named by the sha256 of its content.

A document that is in the store is complete: a write that fails leaves no document behind.
"""

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import IO, TYPE_CHECKING

from closebook.errors import Misconfigured, Transient, WrongData

if TYPE_CHECKING:
    from airflow.sdk import ObjectStoragePath

_PARTIAL = ".partial"
_PIECE_BYTES = 1024 * 1024
_MAX_WRITE_TIME = timedelta(hours=1)
_FOLDER = re.compile(r"[a-z0-9][a-z0-9_-]*(?:/[a-z0-9][a-z0-9_-]*)*")
_SUFFIX = re.compile(r"[a-z0-9]+(?:\.[a-z0-9]+)*")
_OBJECT_NAME = re.compile(
    rf"{_FOLDER.pattern}/(?P<shard>[0-9a-f]{{2}})/(?P<sha256>(?P=shard)[0-9a-f]{{62}})\.{_SUFFIX.pattern}"
)


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document in the store; ``object_name`` is relative to the store's base."""

    object_name: str
    sha256: str
    byte_count: int


class DocumentStore:
    """A content-addressed store below an ObjectStoragePath URL (``file:///…``, ``s3://…``).

    A document's name is ``<folder>/<first two hex digits>/<sha256>.<suffix>``. Such a name holds
    no personal data. Writing the same content twice changes nothing.
    """

    def __init__(self, base_url: str) -> None:
        """Open the store. Raises Misconfigured for a URL whose scheme is missing or unknown."""
        if "://" not in base_url:
            raise Misconfigured(
                "CB-CONFIG-DOCUMENTS-URL-NO-SCHEME",
                f"the documents URL {base_url!r} has no scheme; set CLOSEBOOK_DOCUMENTS_URL to "
                "one such as file:///var/lib/closebook/documents or s3://connection@bucket/folder",
            )
        from airflow.sdk import ObjectStoragePath  # slow: kept out of the parse of a DAG file

        self.base_url = base_url
        try:
            self._base = ObjectStoragePath(base_url)
            _ = self._base.fs
        except (ValueError, ImportError) as error:
            raise Misconfigured(
                "CB-CONFIG-DOCUMENTS-URL-UNUSABLE",
                f"the documents URL {base_url!r} cannot be opened ({error}); install the Airflow "
                "provider of its scheme, or correct CLOSEBOOK_DOCUMENTS_URL",
            ) from error

    @property
    def _is_file(self) -> bool:
        return bool(self._base.protocol == "file")

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

        The content is written under a temporary name and then renamed. When this fails, the
        temporary file is removed. Raises Transient when the store refuses the write.
        """
        stored = self.name_of(content, folder=folder, suffix=suffix)
        final = self._base / stored.object_name
        with _store_errors(stored.object_name):
            if _byte_count(final) == stored.byte_count and final.read_bytes() == content:
                return stored
            partial = final.parent / f".{stored.sha256}.{secrets.token_hex(8)}{_PARTIAL}"
            if self._is_file:
                # guard: documents.rename
                _write_file(Path(partial.path), Path(final.path), content)
            else:
                _write_object(partial, final, content)
        return stored

    def try_out(self, content: bytes, *, folder: str, suffix: str) -> None:
        """Store the content, read it, and remove it with the folders that were made for it.

        Raises Transient when the store refuses one of these.
        """
        name = self.name_of(content, folder=folder, suffix=suffix).object_name
        path = self._base / name
        made = [
            each
            for each in (path.parent, *path.parent.parents)
            if self._is_file and not each.exists()
        ]
        self.put(content, folder=folder, suffix=suffix)
        try:
            self.read(name)
        finally:
            with _store_errors(name):
                path.unlink()
                for each in made:
                    Path(each.path).rmdir()

    def remove_partial_files(self, folder: str) -> int:
        """Remove the temporary files below the folder that killed processes left; return how many.

        A temporary file younger than an hour stays: its process may still be writing it.
        """
        removed = 0
        before = datetime.now(UTC) - _MAX_WRITE_TIME
        with _store_errors(folder):
            store, below = self._base.fs, self._base / folder
            for path in store.find(below.path) if below.exists() else []:
                if path.endswith(_PARTIAL) and _utc(store.modified(path)) < before:
                    store.rm_file(path)
                    removed += 1
        return removed

    def names(self, folder: str) -> list[str]:
        """Return the names of all documents below a folder, in order.

        A name that is not one of this store is returned as it is; a temporary file is left out.
        """
        with _store_errors(folder):
            root, below = self._base.path.rstrip("/") + "/", self._base / folder
            paths = self._base.fs.find(below.path) if below.exists() else []
            return sorted(
                str(path).removeprefix(root) for path in paths if not path.endswith(_PARTIAL)
            )

    def exists(self, object_name: str) -> bool:
        """Return whether the document is in the store."""
        sha256_of_name(object_name)
        with _store_errors(object_name):
            return (self._base / object_name).exists()

    def read(self, object_name: str) -> bytes:
        """Return the document's content. Raises WrongData when it is missing or was changed."""
        expected = sha256_of_name(object_name)
        with _store_errors(object_name):
            try:
                content: bytes = (self._base / object_name).read_bytes()
            except FileNotFoundError as error:
                raise _missing(object_name) from error
        _refuse_changed(object_name, expected, sha256(content).hexdigest())
        return content

    def pieces(self, object_name: str, first_byte: int = 0) -> Iterator[bytes]:
        """Yield the document's content from a byte on, in pieces, for one that is large.

        Raises WrongData when it is missing; at its end when it was changed and all of it was read.
        """
        expected, digest = sha256_of_name(object_name), sha256()
        with _store_errors(object_name), self._opened(object_name) as file:
            file.seek(first_byte)
            while piece := file.read(_PIECE_BYTES):
                digest.update(piece)
                yield piece
        if first_byte == 0:
            _refuse_changed(object_name, expected, digest.hexdigest())

    def read_part(self, object_name: str, first_byte: int, byte_count: int) -> bytes:
        """Return a part of the document. It is not compared with the document's hash.

        Raises WrongData when the document is missing.
        """
        sha256_of_name(object_name)
        with _store_errors(object_name), self._opened(object_name) as file:
            file.seek(first_byte)
            return bytes(file.read(byte_count))

    @contextmanager
    def _opened(self, object_name: str) -> Iterator[IO[bytes]]:
        try:
            file: IO[bytes] = self._base.fs.open((self._base / object_name).path, "rb")
        except FileNotFoundError as error:
            raise _missing(object_name) from error
        with file:
            yield file


def _missing(object_name: str) -> WrongData:
    return WrongData(
        "CB-DATA-DOCUMENT-MISSING",
        f"document {object_name} is not in the store; restore it from a backup, "
        "or issue the statement again: the same statement makes the same document",
    )


def _refuse_changed(object_name: str, expected: str, found: str) -> None:
    if found != expected:  # guard: documents.content-is-as-named
        raise WrongData(
            "CB-DATA-DOCUMENT-CHANGED",
            f"document {object_name} was changed after it was written: its sha256 is now "
            f"{found}; keep this copy as evidence and restore the original from a backup",
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


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _byte_count(path: "ObjectStoragePath") -> int | None:
    try:
        return int(path.stat().st_size)
    except FileNotFoundError:
        return None


def _write_file(partial: Path, final: Path, content: bytes) -> None:
    _make_folder(final.parent)
    try:
        with partial.open("xb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(final)
    except BaseException:
        partial.unlink(missing_ok=True)  # guard: documents.no-partial-file
        raise
    _sync_folder(final.parent)


def _make_folder(folder: Path) -> None:
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(mode=0o700, exist_ok=True)
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    # A rename survives a power cut only once the folder itself is on the disk.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_object(partial: "ObjectStoragePath", final: "ObjectStoragePath", content: bytes) -> None:
    store = final.fs
    try:
        partial.write_bytes(content)
        store.mv(partial.path, final.path)
    except BaseException:
        if store.exists(partial.path):
            store.rm_file(partial.path)
        raise
