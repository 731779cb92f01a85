"""PDF objects as bytes: pydyf's, renumbered and packed, and the table that finds them again."""

import re
import zlib
from array import array
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any, BinaryIO

_REFERENCE = re.compile(rb"(\d+) 0 R")
_HEADER = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
_OBJECTS_IN_A_STREAM = 400
_FREE, _PLAIN, _PACKED = 0, 1, 2


def number_of(reference: bytes) -> int:
    """The number of the object that a reference such as ``b"12 0 R"`` leads to."""
    return int(reference.split(b" ", 1)[0])


def reference(number: int) -> bytes:
    """The reference to an object by its number."""
    return b"%d 0 R" % number


def references(value: Any) -> Iterator[int]:
    """The numbers of all objects that a value refers to."""
    if isinstance(value, bytes):
        if value.endswith(b" 0 R") and _REFERENCE.fullmatch(value):
            yield number_of(value)
    elif isinstance(value, str | int | float):
        return  # most values: known before anything is asked of them
    elif isinstance(value, dict):
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from references(item)
    elif hasattr(value, "extra"):
        yield from references(value.extra)


def written(value: Any, renumbered: Callable[[int], int] = int) -> bytes:
    """A value as PDF syntax, its references renumbered: dictionaries, lists, names, numbers."""
    if isinstance(value, bytes):
        found = value.endswith(b" 0 R") and _REFERENCE.fullmatch(value)
        return reference(renumbered(int(found[1]))) if found else value
    if isinstance(value, dict):
        parts = (b"/%s %s" % (k.encode(), written(v, renumbered)) for k, v in value.items())
        return b"<<" + b"".join(parts) + b">>"
    if isinstance(value, list | tuple):
        return b"[" + b" ".join(written(item, renumbered) for item in value) + b"]"
    if isinstance(value, float):
        return (b"%.6f" % value).rstrip(b"0").rstrip(b".")
    if hasattr(value, "data"):
        text: bytes = value.data
        return text
    return str(value).encode("ascii")


class ObjectFile:
    """A PDF that is written object by object, so that none of them need stay in memory.

    Objects that are no streams are packed, some hundred at a time. The file's second identifier
    is of all that was written: equal objects in equal order give equal bytes.
    """

    def __init__(self, output: BinaryIO) -> None:
        self._output = output
        self._digest = sha256()
        self._position = 0
        self._kinds, self._places, self._indexes = array("B"), array("Q"), array("L")
        self._packing: list[tuple[int, bytes]] = []
        self._by_content: dict[bytes, int] = {}
        self._write(_HEADER)
        self.reserve()  # the head of the list of free objects has number 0

    def reserve(self) -> int:
        """A number for an object that is written later."""
        self._kinds.append(_FREE)
        self._places.append(0)
        self._indexes.append(0)
        return len(self._kinds) - 1

    def add(self, content: bytes, number: int | None = None) -> int:
        """Write an object that is no stream."""
        number = self.reserve() if number is None else number
        self._packing.append((number, content))
        if len(self._packing) == _OBJECTS_IN_A_STREAM:
            self.pack()
        return number

    def add_stream(
        self, content: bytes, head: bytes, number: int | None = None, *, compress: bool = True
    ) -> int:
        """Write a stream, an equal one only once; ``head`` is its dictionary's inside."""
        key = sha256(head + b"\0" + content).digest()
        if number is None and key in self._by_content:
            return self._by_content[key]
        number = self.reserve() if number is None else number
        self._by_content[key] = number
        if compress:
            content = zlib.compress(content)
            head += b"/Filter /FlateDecode"
        self._kinds[number], self._places[number] = _PLAIN, self._position
        self._write(
            b"%d 0 obj\n<<%s/Length %d>>\nstream\n%s\nendstream\nendobj\n"
            % (number, head, len(content), content)
        )
        return number

    def finish(self, *, root: int, info: int, identifier: bytes) -> None:
        """Write what finds the objects. ``identifier`` is the document's, the same in each version
        of its file."""
        self.pack()
        number = self.reserve()
        self._kinds[number], self._places[number] = _PLAIN, self._position
        start = self._position
        width = (start.bit_length() + 7) // 8
        rows = b"".join(
            bytes((kind,)) + place.to_bytes(width, "big") + index.to_bytes(2, "big")
            for kind, place, index in zip(self._kinds, self._places, self._indexes, strict=True)
        )
        content = zlib.compress(rows)
        head = b"/Type /XRef/W [1 %d 2]/Size %d" % (width, number + 1)
        head += b"/Root %s/Info %s" % (reference(root), reference(info))
        head += b"/ID [<%s><%s>]" % (identifier, self._digest.hexdigest()[:32].encode())
        head += b"/Filter /FlateDecode/Length %d" % len(content)
        self._write(b"%d 0 obj\n<<%s>>\nstream\n%s\nendstream\n" % (number, head, content))
        self._write(b"endobj\nstartxref\n%d\n%%%%EOF\n" % start)

    def pack(self) -> None:
        """Begin a new pack: a reader parses the head of a whole one to find an object of it."""
        if not self._packing:
            return
        places, position = [], 0
        for number, content in self._packing:
            places.append(b"%d %d" % (number, position))
            position += len(content) + 1
        first = b" ".join(places) + b"\n"
        head = b"/Type /ObjStm/N %d/First %d" % (len(self._packing), len(first))
        packed = first + b"\n".join(content for _, content in self._packing)
        stream = self.add_stream(packed, head, self.reserve())
        for index, (number, _) in enumerate(self._packing):
            self._kinds[number], self._places[number] = _PACKED, stream
            self._indexes[number] = index
        self._packing.clear()

    def _write(self, content: bytes) -> None:
        self._output.write(content)
        self._digest.update(content)
        self._position += len(content)
