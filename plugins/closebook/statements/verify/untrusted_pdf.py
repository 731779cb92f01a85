"""Read a PDF that somebody received as a statement, within limits.

A stranger may have made it in order to do harm. Nothing in it is used before it was checked.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from io import BytesIO
from typing import Any

import pypdf
from pypdf.errors import LimitReachedError, PyPdfError

from closebook.errors import WrongData
from closebook.statements.formats import mt940, ofx

# A statement of 20,000 lines has 6 MB. Uncompressed, its pages have 26 MB and its XML has 8 MB.
MAX_BYTES = 64 * 1024**2
MAX_STREAM_BYTES = 64 * 1024**2
MAX_PAGES = 20_000
MAX_ELEMENTS = 1_000_000

CSV_NAME, XML_NAME = "statement.csv", "statement.xml"
_OTHER_NAMES = frozenset({mt940.FILE_NAME, ofx.FILE_NAME})

_HEADER = b"%PDF-1.7\n"
_END = re.compile(rb"startxref\s+(\d{1,10})\s+%%EOF\s*\Z")
_END_LENGTH = 64
_TOO_MUCH_MEMORY = "reading it takes more memory than any statement does"


class CheckFailed(WrongData):
    """A check of the file failed; the text tells the person who received the file what is wrong.

    All have one code: the reader of the report received a file and runs no pipeline, so the report
    prints the ``text`` alone, beside the name of the check that failed.
    """

    def __init__(self, text: str) -> None:
        super().__init__("CB-DATA-FILE-REFUSED", text)


@dataclass(frozen=True)
class UntrustedPdf:
    """A PDF that somebody received. Its parts are read when they are asked for.

    Reading raises CheckFailed for a part that is broken, missing, or larger than the limits.
    """

    content: bytes

    @classmethod
    def open(cls, content: bytes) -> "UntrustedPdf":
        """Check the beginning and the end of a file, and open it. Raises CheckFailed."""
        if len(content) > MAX_BYTES:
            raise CheckFailed(
                f"it has {len(content):,} bytes, and no statement has more than 64 MB"
            )
        if not content.startswith(_HEADER):
            raise CheckFailed("it does not begin as a statement does (%PDF-1.7)")
        end = _END.search(content[-_END_LENGTH:])
        if end is None:
            raise CheckFailed(
                "its end is missing: the file was cut short, or something was added to it"
            )
        if int(end[1]) >= len(content):
            raise CheckFailed("it is incomplete: its end refers to a part that is missing")
        opened = cls(content)
        with bounded_reading():
            if opened.reader.is_encrypted:
                raise CheckFailed("it is encrypted, and no statement is")
            _ = opened.is_signed
            if not 0 < opened.page_count <= MAX_PAGES:
                raise CheckFailed(f"it has {opened.page_count:,} pages")
        return opened

    @property
    def sha256(self) -> str:
        """The sha256 of the whole file, in hexadecimal digits, as in the register."""
        return sha256(self.content).hexdigest()

    @cached_property
    def reader(self) -> pypdf.PdfReader:
        """pypdf's reader of the file, in strict mode: it repairs nothing."""
        return pypdf.PdfReader(BytesIO(self.content), strict=True)

    @cached_property
    def page_count(self) -> int:
        """The number of pages."""
        return len(self.reader.pages)

    @cached_property
    def is_signed(self) -> bool:
        """Whether the file has a form: a statement has one only for its signature."""
        return "/AcroForm" in self.reader.root_object

    @cached_property
    def attachments(self) -> dict[str, bytes]:
        """The content of the attached files by name. Raises CheckFailed if there are others."""
        with bounded_reading():
            found = {name: list(files) for name, files in self.reader.attachments.items()}
        others = found.keys() - {CSV_NAME, XML_NAME}
        is_complete = found.keys() >= {CSV_NAME, XML_NAME} and others <= _OTHER_NAMES
        if not is_complete or any(len(files) != 1 for files in found.values()):
            raise CheckFailed(
                f"it must have {CSV_NAME} and {XML_NAME} attached, each once, no others"
            )
        return {name: files[0] for name, files in found.items()}


@contextmanager
def bounded_reading() -> Iterator[None]:
    """Let pypdf read within limits, and raise CheckFailed for any error of a PDF reader."""
    try:
        with pypdf.apply_configuration(
            maximum_declared_stream_length=MAX_STREAM_BYTES,
            zlib_maximum_output_length=MAX_STREAM_BYTES,
            zlib_maximum_recovery_input_length=0,
            array_maximum_element_count=MAX_ELEMENTS,
            stream_filters_maximum_length=1,
            page_tree_maximum_entries=MAX_PAGES,
        ):
            yield
    except CheckFailed:
        raise
    except LimitReachedError as error:
        raise CheckFailed(f"it is too large when it is decompressed: {error}") from error
    except RecursionError as error:
        raise CheckFailed("its objects are nested deeper than a statement's are") from error
    except MemoryError as error:
        raise CheckFailed(_TOO_MUCH_MEMORY) from error
    except (
        PyPdfError,
        ArithmeticError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
    ) as error:
        # A hostile file can make a PDF reader fail in many ways. pypdf may report its own error
        # when it runs out of memory.
        if _is_caused_by_memory_error(error):
            raise CheckFailed(_TOO_MUCH_MEMORY) from error
        raise CheckFailed(f"it cannot be read: {_first_line(error)}") from error


def array_items(value: Any) -> list[Any]:
    """Return the items of an array; a value that is not an array counts as its only item."""
    value = value.get_object()
    return list(value) if isinstance(value, list) else [value]


def _is_caused_by_memory_error(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, MemoryError):
        cause = cause.__cause__ or cause.__context__
    return cause is not None


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]
