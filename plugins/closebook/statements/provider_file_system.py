"""Documents on a file system that an Airflow provider opens, such as Google's or Azure's."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime
from typing import Any

from closebook.errors import Transient
from closebook.statements.document_place import PIECE_BYTES


class ProviderFileSystem:
    """A place on a file system of fsspec, below a path. Writes once, by the mode ``create``."""

    keeps_trials = True

    def __init__(self, file_system: Any, base: str) -> None:
        self._file_system, self._base = file_system, base.rstrip("/")

    def create(self, name: str, content: bytes) -> bool:
        """Write the content, in one request that the server refuses if something has the name."""
        with _errors_of_a_provider():
            try:
                self._file_system.pipe_file(self._path(name), content, mode="create")
            except FileExistsError:
                return False
        return True

    def pieces(self, name: str, first_byte: int) -> Iterator[bytes]:
        """Yield the content from a byte on."""
        with _errors_of_a_provider(), self._opened(name) as file:
            file.seek(first_byte)
            while piece := file.read(PIECE_BYTES):
                yield piece

    def read_part(self, name: str, first_byte: int, byte_count: int) -> bytes:
        """Return a part of the content."""
        with _errors_of_a_provider(), self._opened(name) as file:
            file.seek(first_byte)
            return bytes(file.read(byte_count))

    def exists(self, name: str) -> bool:
        """Return whether something has the name now."""
        with _errors_of_a_provider():
            self._file_system.invalidate_cache()
            return bool(self._file_system.exists(self._path(name)))

    def names(self, folder: str) -> Iterator[str]:
        """Yield the names below a folder."""
        with _errors_of_a_provider():
            self._file_system.invalidate_cache()
            for path in self._file_system.find(self._path(folder)):
                yield str(path).removeprefix(f"{self._base}/")

    def remove_partial(self, folder: str, before: datetime) -> int:
        """Return 0: no write leaves a part of a document."""
        return 0

    def trial(self, name: str) -> nullcontext[None]:
        """Keep what the block writes."""
        return nullcontext()

    def _path(self, name: str) -> str:
        return f"{self._base}/{name}"

    def _opened(self, name: str) -> Any:
        # The file system keeps listings, and the length of a document in them may be an old one.
        self._file_system.invalidate_cache()
        return self._file_system.open(self._path(name), "rb")


@contextmanager
def _errors_of_a_provider() -> Iterator[None]:
    # A provider raises errors of its own classes, which Closebook does not import.
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise Transient(
            "CB-RETRY-DOCUMENT-PROVIDER-FAILED",
            f"the documents' provider failed ({type(error).__name__}: {error}): see that its "
            "server runs and accepts the connection's credentials, then run the task again",
        ) from error
