"""Where documents are kept: bytes under names, each name written once.

This module has the place in a folder. ``bucket`` has the place in a bucket of S3, and
``provider_file_system`` the places that other Airflow providers open. ``document_store`` computes
and compares the hashes.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Protocol

PIECE_BYTES = 8 * 1024 * 1024
_PIECE_OF_A_FILE = 1024 * 1024
"""How much of a large document is in memory at once."""

_PARTIAL = ".partial"


class Place(Protocol):
    """What a document store needs of a place. Names are relative to the place's base.

    Reading a name that nothing has raises FileNotFoundError. Any other failure raises OSError,
    or an error of Closebook that says what to do.
    """

    keeps_trials: bool
    """Whether the document of a ``trial`` stays, since the place removes nothing."""

    def create(self, name: str, content: bytes) -> bool:
        """Write all of the content; return False, and change nothing, if something has the name."""
        ...

    def pieces(self, name: str, first_byte: int) -> Iterator[bytes]:
        """Yield the content from a byte on."""
        ...

    def read_part(self, name: str, first_byte: int, byte_count: int) -> bytes:
        """Return a part of the content."""
        ...

    def exists(self, name: str) -> bool:
        """Return whether something has the name now."""
        ...

    def names(self, folder: str) -> Iterator[str]:
        """Yield the names below a folder, in any order."""
        ...

    def remove_partial(self, folder: str, before: datetime) -> int:
        """Remove unfinished files below a folder that are older than a moment; return how many."""
        ...

    def trial(self, name: str) -> AbstractContextManager[None]:
        """Remove the document of this name after the block, unless ``keeps_trials``."""
        ...


class FolderPlace:
    """A folder of this machine, or one that several machines mount."""

    keeps_trials = False

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def create(self, name: str, content: bytes) -> bool:
        """Write the content under a temporary name, and rename it once all of it is on the disk."""
        final = self._folder / name
        if final.exists():
            return False
        partial = final.parent / f".{final.stem}.{secrets.token_hex(8)}{_PARTIAL}"
        _write_file(partial, final, content)  # guard: documents.rename
        return True

    def pieces(self, name: str, first_byte: int) -> Iterator[bytes]:
        """Yield the content from a byte on."""
        with (self._folder / name).open("rb") as file:
            file.seek(first_byte)
            while piece := file.read(_PIECE_OF_A_FILE):
                yield piece

    def read_part(self, name: str, first_byte: int, byte_count: int) -> bytes:
        """Return a part of the content."""
        with (self._folder / name).open("rb") as file:
            file.seek(first_byte)
            return file.read(byte_count)

    def exists(self, name: str) -> bool:
        """Return whether a file has the name."""
        return (self._folder / name).exists()

    def names(self, folder: str) -> Iterator[str]:
        """Yield the names of all files below a folder, without temporary ones."""
        for path in self._files(folder):
            if path.suffix != _PARTIAL:
                yield path.relative_to(self._folder).as_posix()

    def remove_partial(self, folder: str, before: datetime) -> int:
        """Remove temporary files that were last written before a moment; return how many."""
        removed = 0
        for path in self._files(folder):
            if path.suffix == _PARTIAL and path.stat().st_mtime < before.timestamp():
                path.unlink()
                removed += 1
        return removed

    @contextmanager
    def trial(self, name: str) -> Iterator[None]:
        """Remove the file after the block, and the folders that were made for it."""
        path = self._folder / name
        made = [each for each in path.parents if not each.exists()]
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
            for each in made:
                if each.exists():
                    each.rmdir()

    def _files(self, folder: str) -> Iterator[Path]:
        # A folder that cannot be read must not count as an empty one.
        for root, _, names in os.walk(self._folder / folder, onerror=_raise_unless_missing):
            for name in names:
                yield Path(root) / name


def _raise_unless_missing(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


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
