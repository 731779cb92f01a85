"""Write a PDF file object by object, with the table that says where each object is."""

import re
import sys
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import accumulate, chain
from typing import Any, BinaryIO

import deflate

from closebook.statements.weasyprint_adapter.drawn_pages import (
    is_stream,
    object_number,
    stream_dictionary,
    string_syntax,
)

_REFERENCE = re.compile(rb"(\d+) 0 R")
_HEADER = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
_OBJECTS_IN_A_STREAM = 400
# The kinds of entries in a cross-reference stream (ISO 32000-1, 7.5.8.3).
_FREE, _IN_FILE, _IN_OBJECT_STREAM = 0, 1, 2
# libdeflate's best level: a statement is 4 % smaller than by zlib's, and takes 20 ms longer.
_SMALLEST = 12
Deflate = Callable[[bytes], bytes]
"""A function that compresses the content of a stream."""

_INDEX_BYTES = 2
# PNG's predictor: the name of a stream's parameters, and the filter before each row.
_PNG_UP, _UP = 12, 2


@dataclass(frozen=True, slots=True)
class RawSyntax:
    """A value that is PDF syntax already, and that ``serialize`` writes as it is."""

    data: bytes


def reference(number: int) -> bytes:
    """Return the reference to an object: ``b"12 0 R"`` for the number 12."""
    return b"%d 0 R" % number


def text_string(text: str) -> bytes:
    """Return text as a PDF string: ASCII where that is enough, otherwise UTF-16."""
    encoded = text.encode("ascii") if text.isascii() else b"\xfe\xff" + text.encode("utf-16-be")
    return b"<" + encoded.hex().encode() + b">"


def stream_syntax(head: bytes, content: bytes) -> bytes:
    """Return a stream as PDF syntax; ``head`` is the inside of its dictionary, without Length.

    A line end stands between the content and ``endstream``, and a reader removes it. If the content
    ends with CR, the line end must be CR LF: after a line feed alone the reader would remove the
    content's CR too, and find one byte less than Length says (ISO 19005-3, 6.1.7.1).
    """
    # guard: documents.streams-have-their-length
    end = b"\r\n" if content.endswith(b"\r") else b"\n"
    return b"<<%s/Length %d>>\nstream\n%s%sendstream" % (head, len(content), content, end)


def referenced_numbers(value: Any) -> Iterator[int]:
    """Yield the numbers of all objects that a value refers to."""
    if isinstance(value, bytes):
        if value.endswith(b" 0 R") and _REFERENCE.fullmatch(value):
            yield object_number(value)
    elif isinstance(value, str | int | float):
        return  # most values are of these types: this branch saves time
    elif isinstance(value, dict):
        for item in value.values():
            yield from referenced_numbers(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from referenced_numbers(item)
    elif is_stream(value):
        yield from referenced_numbers(stream_dictionary(value))


def serialize(value: Any, new_number: Callable[[int], int] = int) -> bytes:
    """Return a value as PDF syntax; ``new_number`` gives the new number of a referenced object."""
    if isinstance(value, bytes):
        is_known = new_number is int or not value.endswith(b" 0 R")
        found = None if is_known else _REFERENCE.fullmatch(value)
        return reference(new_number(int(found[1]))) if found else value
    if isinstance(value, dict):
        parts = (b"/%s %s" % (k.encode(), serialize(v, new_number)) for k, v in value.items())
        return b"<<" + b"".join(parts) + b">>"
    if isinstance(value, list | tuple):
        return b"[" + b" ".join(serialize(item, new_number) for item in value) + b"]"
    if isinstance(value, float):
        return (b"%.6f" % value).rstrip(b"0").rstrip(b".")
    if isinstance(value, RawSyntax):
        return value.data
    return string_syntax(value) or str(value).encode("ascii")


def _big_endian(numbers: "array[int]", width: int) -> list[bytes]:
    """Return the last bytes of some numbers: those of the highest value first."""
    size = numbers.itemsize
    every = array(numbers.typecode, numbers)
    if sys.byteorder == "little":
        every.byteswap()
    content = every.tobytes()
    return [content[at::size] for at in range(size - width, size)]


def _differences(columns: Sequence[bytes]) -> bytes:
    """Return the rows of these columns, each as its difference to the row before.

    That is the predictor Up of PNG, which names the filter in front of each row. Most rows have the
    next place of an object stream: their differences are equal, and compress to a fifth.
    """
    count, length = len(columns[0]), len(columns) + 1
    found = bytearray(count * length)
    found[::length] = bytes((_UP,)) * count
    for at, column in enumerate(columns, start=1):
        found[at::length] = _each_less(column, b"\0" + column[:-1])
    return bytes(found)


def _each_less(bytes_: bytes, others: bytes) -> bytes:
    """Return the difference of each two bytes, without borrowing from the next byte.

    The highest bit of each byte is set before the subtraction, so that it borrows nothing, and
    corrected after it. This is done for a whole column at once.
    """
    count = len(bytes_)
    high = int.from_bytes(b"\x80" * count, "big")
    one, other = int.from_bytes(bytes_, "big"), int.from_bytes(others, "big")
    less = (one | high) - (other & ~high)
    return (less ^ ((one ^ ~other) & high)).to_bytes(count, "big")


def as_small_as_possible(content: bytes) -> bytes:
    """Return the content in zlib's format. One version of libdeflate gives equal bytes again."""
    return bytes(deflate.zlib_compress(content, _SMALLEST))


class ObjectWriter:
    """Writes a PDF object by object, so that none of them has to stay in memory.

    Objects other than streams are compressed together, some hundred in one object stream. The
    file's second identifier is the hash of all that was written: the same objects in the same order
    give the same bytes. ``deflated`` compresses streams, in the format of zlib.
    """

    def __init__(self, output: BinaryIO, deflated: Deflate | None = None) -> None:
        self._output = output
        self._deflated = deflated or as_small_as_possible
        self._digest = sha256()
        self._position = 0
        # The cross-reference table, in three columns.
        self._kinds, self._places, self._indexes = array("B"), array("Q"), array("L")
        self._count = 0
        self._waiting: list[tuple[int, bytes]] = []
        self._stream_numbers: dict[bytes, int] = {}
        self._write(_HEADER)
        self.reserve()  # the number 0 is the head of the list of free objects

    def reserve(self, count: int = 1) -> int:
        """Return the first of some numbers for objects that are written later."""
        first = self._count
        self._count += count
        return first

    def add(self, content: bytes, number: int | None = None) -> int:
        """Write an object that is not a stream, and return its number."""
        number = self.reserve() if number is None else number
        self._waiting.append((number, content))
        if len(self._waiting) >= _OBJECTS_IN_A_STREAM:
            self.end_object_stream()
        return number

    def add_all(self, objects: Iterable[tuple[int, bytes]]) -> None:
        """Write objects that are no streams, each with its number."""
        self._waiting += objects
        if len(self._waiting) >= _OBJECTS_IN_A_STREAM:
            self.end_object_stream()

    def add_stream(
        self, content: bytes, head: bytes, number: int | None = None, *, compress: bool = True
    ) -> int:
        """Write a stream and return its number; a stream with equal content is written once.

        ``head`` is the inside of the stream's dictionary.
        """
        key = sha256(head + b"\0" + content).digest()
        if number is None and key in self._stream_numbers:
            return self._stream_numbers[key]
        number = self.reserve() if number is None else number
        self._stream_numbers[key] = number
        if compress:
            content = self._deflated(content)
            head += b"/Filter /FlateDecode"
        self._note_stream(number)
        self._write(b"%d 0 obj\n%s\nendobj\n" % (number, stream_syntax(head, content)))
        return number

    def finish(self, *, root: int, info: int, identifier: bytes) -> None:
        """Write the cross-reference stream, which ends the file.

        ``identifier`` is the file's first identifier: it stays the same when the file is updated.
        """
        self.end_object_stream()
        number = self.reserve()
        self._note_stream(number)
        start = self._position
        width = (start.bit_length() + 7) // 8
        columns = [self._kinds.tobytes(), *_big_endian(self._places, width)]
        columns += _big_endian(self._indexes, _INDEX_BYTES)
        content = self._deflated(_differences(columns))
        head = b"/Type /XRef/W [1 %d %d]/Size %d" % (width, _INDEX_BYTES, number + 1)
        head += b"/DecodeParms <</Predictor %d/Columns %d>>" % (_PNG_UP, len(columns))
        head += b"/Root %s/Info %s" % (reference(root), reference(info))
        head += b"/ID [<%s><%s>]" % (identifier, self._digest.hexdigest()[:32].encode())
        head += b"/Filter /FlateDecode"
        self._write(b"%d 0 obj\n%s\nendobj\n" % (number, stream_syntax(head, content)))
        self._write(b"startxref\n%d\n%%%%EOF\n" % start)

    def end_object_stream(self) -> None:
        """Write the waiting objects as one object stream, and begin a new one.

        A reader parses the head of a whole object stream to find one object of it. Objects that are
        often looked up therefore should not be in a large object stream.
        """
        if not self._waiting:
            return
        # This is done for each element of the tag tree.
        numbers, contents = zip(*self._waiting, strict=True)
        starts = accumulate((len(content) + 1 for content in contents[:-1]), initial=0)
        count = len(numbers)
        places = chain.from_iterable(zip(numbers, starts, strict=True))
        first = b"%s\n" % (b" ".join([b"%d %d"] * count) % tuple(places))
        head = b"/Type /ObjStm/N %d/First %d" % (count, len(first))
        stream = self.add_stream(first + b"\n".join(contents), head, self.reserve())
        kinds, places_, indexes = self._kinds, self._places, self._indexes
        for index, number in enumerate(numbers):
            kinds[number] = _IN_OBJECT_STREAM
            places_[number] = stream
            indexes[number] = index
        self._waiting.clear()

    def _note_stream(self, number: int) -> None:
        """Note that a stream begins here, in a table that has room for all numbers so far."""
        new = bytes(self._count - len(self._kinds))
        for column in (self._kinds, self._places, self._indexes):
            column.frombytes(new * column.itemsize)
        self._kinds[number], self._places[number] = _IN_FILE, self._position

    def _write(self, content: bytes) -> None:
        self._output.write(content)
        self._digest.update(content)
        self._position += len(content)
