"""A statement's file as somebody received it: whole or refused, and read within bounds.

Whoever made it may mean harm, so nothing of it is believed before it was looked at.
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

# The longest statement that was tried, of 20,000 lines, is 6 MB: 26 MB of it pages, 8 MB its XML.
MOST_BYTES = 64 * 1024**2
MOST_BYTES_OF_A_STREAM = 64 * 1024**2
MOST_PAGES = 20_000
MOST_ELEMENTS = 1_000_000

CSV_NAME, XML_NAME = "statement.csv", "statement.xml"

_BEGINNING = b"%PDF-1.7\n"
_END = re.compile(rb"startxref\s+(\d{1,10})\s+%%EOF\s*\Z")
_END_IS_WITHIN = 64
# Whatever a stranger writes, a reader trips over it in its own way.
_TRIPS = (PyPdfError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


class Refused(WrongData):
    """A file that is no whole statement; the text says why, in words for who received it.

    All have one code. Who reads the report received a file, runs no pipeline and has no runbook:
    the report prints the ``text`` alone, beside the name of the check that failed.
    """

    def __init__(self, text: str) -> None:
        super().__init__("CB-DATA-FILE-REFUSED", text)


@dataclass(frozen=True)
class Received:
    """A file that begins and ends like one of ours; what is in it is read when asked for.

    Reading raises Refused for what is broken, missing, or out of bounds.
    """

    content: bytes

    @classmethod
    def of(cls, content: bytes) -> "Received":
        """Look at both ends, and open it. Raises Refused."""
        if len(content) > MOST_BYTES:
            raise Refused(f"it has {len(content):,} bytes, and no statement has more than 64 MB")
        if not content.startswith(_BEGINNING):
            raise Refused("it does not begin as a statement does (%PDF-1.7)")
        end = _END.search(content[-_END_IS_WITHIN:])
        if end is None:
            raise Refused("its end is missing: it was cut short, or something was added to it")
        if int(end[1]) >= len(content):
            raise Refused("its end names a place that it does not have: a part of it is missing")
        made = cls(content)
        with reading():
            if made.reader.is_encrypted:
                raise Refused("it is encrypted, and no statement is")
            _ = made.is_signed
            if not 0 < made.page_count <= MOST_PAGES:
                raise Refused(f"it has {made.page_count:,} pages")
        return made

    @property
    def sha256(self) -> str:
        """Of the whole file, as the register has it."""
        return sha256(self.content).hexdigest()

    @cached_property
    def reader(self) -> pypdf.PdfReader:
        """The file as pypdf reads it, which mends nothing."""
        return pypdf.PdfReader(BytesIO(self.content), strict=True)

    @cached_property
    def page_count(self) -> int:
        """How many pages it has."""
        return len(self.reader.pages)

    @cached_property
    def is_signed(self) -> bool:
        """Whether it has a form, which a statement only has for its signature."""
        return "/AcroForm" in self.reader.root_object

    @cached_property
    def attachments(self) -> dict[str, bytes]:
        """The two attached files by their names. Raises Refused when there are others."""
        with reading():
            found = {name: list(files) for name, files in self.reader.attachments.items()}
        if {name: len(files) for name, files in found.items()} != {CSV_NAME: 1, XML_NAME: 1}:
            raise Refused(f"it must have {CSV_NAME} and {XML_NAME} attached, each once, no others")
        return {name: files[0] for name, files in found.items()}


@contextmanager
def reading() -> Iterator[None]:
    """Within bounds, and with Refused for whatever a reader of PDFs finds amiss."""
    try:
        with pypdf.apply_configuration(
            maximum_declared_stream_length=MOST_BYTES_OF_A_STREAM,
            zlib_maximum_output_length=MOST_BYTES_OF_A_STREAM,
            zlib_maximum_recovery_input_length=0,
            array_maximum_element_count=MOST_ELEMENTS,
            stream_filters_maximum_length=1,
            page_tree_maximum_entries=MOST_PAGES,
        ):
            yield
    except Refused:
        raise
    except LimitReachedError as error:
        raise Refused(f"it unpacks to more than a statement does: {error}") from error
    except RecursionError as error:
        raise Refused("its objects are nested deeper than a statement's are") from error
    except MemoryError as error:
        raise Refused("reading it takes more memory than a statement does") from error
    except (
        PyPdfError,
        ArithmeticError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
    ) as error:
        # Whatever a stranger writes, a reader trips over it in its own way.
        raise Refused(f"it cannot be read: {_first_line(error)}") from error


def items(value: Any) -> list[Any]:
    """The items of an array, or the one that stands for it."""
    value = value.get_object()
    return list(value) if isinstance(value, list) else [value]


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]
