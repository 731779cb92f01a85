"""Write a PDF file object by object, with the table that says where each object is."""

import re
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
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
        found = value.endswith(b" 0 R") and _REFERENCE.fullmatch(value)
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


def _differences(rows: list[bytes]) -> bytes:
    """Return each row as its difference to the row before, the predictor Up of PNG.

    Most rows have the next place of an object stream: their differences are equal, and compress
    to a fifth.
    """
    length = len(rows[0])
    every = b"".join(rows)
    above = bytes(length) + every[:-length]
    found = bytes([(here - there) & 0xFF for here, there in zip(every, above, strict=True)])
    up = bytes((_UP,))
    return up + up.join([found[at : at + length] for at in range(0, len(found), length)])


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
        self._waiting: list[tuple[int, bytes]] = []
        self._stream_numbers: dict[bytes, int] = {}
        self._write(_HEADER)
        self.reserve()  # the number 0 is the head of the list of free objects

    def reserve(self) -> int:
        """Return a number for an object that is written later."""
        self._kinds.append(_FREE)
        self._places.append(0)
        self._indexes.append(0)
        return len(self._kinds) - 1

    def add(self, content: bytes, number: int | None = None) -> int:
        """Write an object that is not a stream, and return its number."""
        number = self.reserve() if number is None else number
        self._waiting.append((number, content))
        if len(self._waiting) == _OBJECTS_IN_A_STREAM:
            self.end_object_stream()
        return number

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
        self._kinds[number], self._places[number] = _IN_FILE, self._position
        self._write(b"%d 0 obj\n%s\nendobj\n" % (number, stream_syntax(head, content)))
        return number

    def finish(self, *, root: int, info: int, identifier: bytes) -> None:
        """Write the cross-reference stream, which ends the file.

        ``identifier`` is the file's first identifier: it stays the same when the file is updated.
        """
        self.end_object_stream()
        number = self.reserve()
        self._kinds[number], self._places[number] = _IN_FILE, self._position
        start = self._position
        width = (start.bit_length() + 7) // 8
        rows = [
            bytes((kind,)) + place.to_bytes(width, "big") + index.to_bytes(2, "big")
            for kind, place, index in zip(self._kinds, self._places, self._indexes, strict=True)
        ]
        content = self._deflated(_differences(rows))
        head = b"/Type /XRef/W [1 %d 2]/Size %d" % (width, number + 1)
        head += b"/DecodeParms <</Predictor %d/Columns %d>>" % (_PNG_UP, len(rows[0]))
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
        places, position = [], 0
        for number, content in self._waiting:
            places.append(b"%d %d" % (number, position))
            position += len(content) + 1
        first = b" ".join(places) + b"\n"
        head = b"/Type /ObjStm/N %d/First %d" % (len(self._waiting), len(first))
        content = first + b"\n".join(content for _, content in self._waiting)
        stream = self.add_stream(content, head, self.reserve())
        for index, (number, _) in enumerate(self._waiting):
            self._kinds[number], self._places[number] = _IN_OBJECT_STREAM, stream
            self._indexes[number] = index
        self._waiting.clear()

    def _write(self, content: bytes) -> None:
        self._output.write(content)
        self._digest.update(content)
        self._position += len(content)
