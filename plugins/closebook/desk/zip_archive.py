"""A ZIP of uncompressed files that can be sent from any byte on.

The number and the bytes of the files of each section are known before any file is read. So the
length of the ZIP is known before its first byte, and a part is made without reading what is before
it. A ZIP with more than 65,535 files or 4 GiB has the records of ZIP64.
"""

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from itertools import accumulate
from struct import Struct
from zlib import crc32

from closebook.errors import WrongData
from closebook.statements.zip_plan import Size

# APPNOTE 6.3.10, sections 4.3.7 and 4.3.12 to 4.3.16
_LOCAL = Struct("<4s5H3I2H")
_CENTRAL = Struct("<4s6H3I5H2I")
_OFFSET_64 = Struct("<2HQ")
_END_64 = Struct("<4sQ2H2I4Q")
_LOCATOR_64 = Struct("<4sIQI")
_END = Struct("<4s4H2IH")
_UTF8_NAMES = 1 << 11
_MOST_FILES, _MOST_BYTES = (1 << 16) - 1, (1 << 32) - 1
_VERSION, _VERSION_64, _UNIX = 20, 45, 3
_MODE_OF_A_FILE = 0o100600 << 16
_UNKNOWN = -1

Pieces = Callable[[int], Iterator[bytes]]


@dataclass(frozen=True, slots=True)
class ZipEntry:
    """A file of the ZIP: its name, its size, and a function that yields its bytes from one on.

    Without ``crc32`` the file is read as a whole to find it.
    """

    file_name: str
    byte_count: int
    pieces: Pieces
    crc32: int | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """Some files of the ZIP: their size, and a function that returns them when they are sent."""

    size: Size
    entries: Callable[[], Sequence[ZipEntry]]


def section_of(entries: Sequence[ZipEntry]) -> Section:
    """Return the section of files that are known already."""
    names = sum(len(each.file_name.encode()) for each in entries)
    size = Size(len(entries), names, sum(each.byte_count for each in entries))
    return Section(size, lambda: entries)


def whole_at_once(read: Callable[[], bytes]) -> Pieces:
    """Return the pieces of a file that is read as a whole."""

    def pieces(first_byte: int) -> Iterator[bytes]:
        yield read()[first_byte:]

    return pieces


class ZipArchive:
    """The bytes of a ZIP, from any byte on. ``identity`` identifies its contents, for the ETag."""

    def __init__(self, sections: Sequence[Section], day: date, identity: str) -> None:
        self._sections = sections
        self._date = (max(day.year, 1980) - 1980) << 9 | day.month << 5 | day.day
        sizes = [each.size for each in sections]
        self._file_count = sum(each.file_count for each in sizes)
        self._starts = [0, *accumulate(_local_bytes(each) for each in sizes)]
        largest = self._starts[-1] + sum(_central_bytes(each, is_64=True) for each in sizes)
        self._is_64 = self._file_count >= _MOST_FILES or largest >= _MOST_BYTES
        self._central = [
            self._starts[-1],
            *accumulate(
                (_central_bytes(each, is_64=self._is_64) for each in sizes),
                initial=self._starts[-1],
            ),
        ][1:]
        self.byte_count = self._central[-1] + len(self._end())
        content = f"closebook zip 1 {self.byte_count} {identity}"
        self.etag = f'"{sha256(content.encode()).hexdigest()[:32]}"'

    def chunks(self, first_byte: int, end: int) -> Iterator[bytes]:
        """Yield the bytes from ``first_byte`` to before ``end``.

        Each file is read just before it is sent. Raises WrongData if a file has another size or
        content than its entry says.
        """
        sums = array("q", [_UNKNOWN]) * self._file_count
        for place, chunk in self._all_chunks(first_byte, end, sums):
            if place >= end:
                return
            part = chunk[max(first_byte - place, 0) : end - place]
            if part:
                yield part

    def _all_chunks(
        self, first_byte: int, end: int, sums: "array[int]"
    ) -> Iterator[tuple[int, bytes]]:
        """Yield chunks with their places, without those that are outside of the part."""
        number = 0
        for section, start, after in zip(
            self._sections, self._starts, self._starts[1:], strict=False
        ):
            if first_byte < after and start < end:
                yield from self._contents(section, start, first_byte, end, number, sums)
            number += section.size.file_count
        number = 0
        for at, (section, start, after) in enumerate(
            zip(self._sections, self._central, self._central[1:], strict=False)
        ):
            if first_byte < after and start < end:
                yield start, self._directory(section, self._starts[at], number, sums)
            number += section.size.file_count
        yield self._central[-1], self._end()

    def _contents(
        self,
        section: Section,
        place: int,
        first_byte: int,
        end: int,
        number: int,
        sums: "array[int]",
    ) -> Iterator[tuple[int, bytes]]:
        for at, entry in enumerate(_entries(section), start=number):
            name = entry.file_name.encode()
            content = place + _LOCAL.size + len(name)
            after = content + entry.byte_count
            if after > first_byte and place < end:
                pieces: Iterator[bytes]
                found = entry.crc32
                skipped = max(first_byte - content, 0)
                if found is None:
                    whole = _whole(entry)
                    found, pieces = crc32(whole), iter([whole[skipped:]])
                else:
                    pieces = _checked(entry, found, skipped)
                sums[at] = found
                yield place, self._local_header(entry, name, found)
                place = content + skipped
                for piece in pieces:
                    yield place, piece
                    place += len(piece)
            place = after

    def _local_header(self, entry: ZipEntry, name: bytes, found: int) -> bytes:
        size = entry.byte_count
        of_file = (_VERSION, _UTF8_NAMES, 0, 0, self._date, found, size, size, len(name), 0)
        return _LOCAL.pack(b"PK\3\4", *of_file) + name

    def _directory(self, section: Section, place: int, number: int, sums: "array[int]") -> bytes:
        records: list[bytes] = []
        for at, entry in enumerate(_entries(section), start=number):
            name = entry.file_name.encode()
            found = sums[at] if entry.crc32 is None else entry.crc32
            if found == _UNKNOWN:
                found = crc32(_whole(entry))
            extra = _OFFSET_64.pack(1, 8, place) if self._is_64 else b""
            version = _VERSION_64 if self._is_64 else _VERSION
            records += [
                _CENTRAL.pack(
                    b"PK\1\2",
                    _UNIX << 8 | version,
                    version,
                    _UTF8_NAMES,
                    0,
                    0,
                    self._date,
                    found,
                    entry.byte_count,
                    entry.byte_count,
                    len(name),
                    len(extra),
                    0,
                    0,
                    0,
                    _MODE_OF_A_FILE,
                    _MOST_BYTES if self._is_64 else place,
                ),
                name,
                extra,
            ]
            place += _LOCAL.size + len(name) + entry.byte_count
        return b"".join(records)

    def _end(self) -> bytes:
        count, start, end = self._file_count, self._starts[-1], self._central[-1]
        if not self._is_64:
            return _END.pack(b"PK\5\6", 0, 0, count, count, end - start, start, 0)
        version = (_VERSION_64, _VERSION_64, 0, 0)
        return (
            _END_64.pack(b"PK\6\6", _END_64.size - 12, *version, count, count, end - start, start)
            + _LOCATOR_64.pack(b"PK\6\7", 0, end, 1)
            + _END.pack(b"PK\5\6", 0, 0, _MOST_FILES, _MOST_FILES, _MOST_BYTES, _MOST_BYTES, 0)
        )


def _local_bytes(size: Size) -> int:
    return size.file_count * _LOCAL.size + size.name_bytes + size.content_bytes


def _central_bytes(size: Size, *, is_64: bool) -> int:
    extra = _OFFSET_64.size if is_64 else 0
    return size.file_count * (_CENTRAL.size + extra) + size.name_bytes


def _entries(section: Section) -> Sequence[ZipEntry]:
    """Return the files of a section. Raises WrongData if they are not of the size that it says."""
    entries = section.entries()
    if section_of(entries).size != section.size:  # guard: zip.sizes-are-as-planned
        raise _other_size("the files of a part of the ZIP")
    return entries


def _whole(entry: ZipEntry) -> bytes:
    content = b"".join(entry.pieces(0))
    if len(content) != entry.byte_count:
        raise _other_size(entry.file_name)
    return content


def _checked(entry: ZipEntry, expected: int, skipped: int) -> Iterator[bytes]:
    """Yield the bytes of a file from one on. Raises WrongData if they differ from the entry."""
    found, byte_count = 0, skipped
    for piece in entry.pieces(skipped):
        found, byte_count = crc32(piece, found), byte_count + len(piece)
        if byte_count > entry.byte_count:
            break
        yield piece
    if byte_count != entry.byte_count or (not skipped and found != expected):
        raise _other_size(entry.file_name)


def _other_size(what: str) -> WrongData:
    return WrongData(
        "CB-DATA-ZIP-NOT-AS-PLANNED",
        f"the ZIP breaks off: {what}: another size or content than the register says; run "
        "`closebook audit`",
    )
