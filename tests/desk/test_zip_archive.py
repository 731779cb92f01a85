"""The bytes of a ZIP: any part of it, and the records of ZIP64. No server is needed."""

import zipfile
from collections.abc import Iterator
from datetime import date
from io import BytesIO
from pathlib import Path
from zlib import crc32

import pytest

from closebook.desk.byte_ranges import asked_part, whole
from closebook.desk.zip_archive import Section, ZipArchive, ZipEntry, section_of, whole_at_once
from closebook.errors import WrongData
from closebook.statements import merkle
from closebook.statements.zip_plan import Size

DAY = date(2026, 10, 1)
CONTENTS = {"a.pdf": b"first" * 20, "Zoë.pdf": b"", "c.json": b"{}", "d.csv": b"1,2\r\n" * 9}


def entry(name: str, content: bytes, *, known: bool = True) -> ZipEntry:
    of_content = crc32(content) if known else None
    return ZipEntry(name, len(content), whole_at_once(lambda: content), of_content)


def archive_of(*sections: dict[str, bytes], known: bool = True) -> ZipArchive:
    return ZipArchive(
        [section_of([entry(*each, known=known) for each in part.items()]) for part in sections],
        DAY,
        "a test",
    )


def content_of(archive: ZipArchive) -> bytes:
    return b"".join(archive.chunks(0, archive.byte_count))


@pytest.mark.parametrize("known", [True, False])
def test_a_zip_is_read_by_others_and_has_the_length_that_it_says(known: bool) -> None:
    archive = archive_of(CONTENTS, {"e.pdf": b"last"}, known=known)
    content = content_of(archive)
    assert len(content) == archive.byte_count
    with zipfile.ZipFile(BytesIO(content)) as packed:
        assert packed.testzip() is None
        assert {name: packed.read(name) for name in packed.namelist()} == {
            **CONTENTS,
            "e.pdf": b"last",
        }
        assert {each.date_time[:3] for each in packed.infolist()} == {(2026, 10, 1)}


@pytest.mark.parametrize("known", [True, False])
def test_each_part_of_a_zip_is_as_in_the_whole(known: bool) -> None:
    archive = archive_of(CONTENTS, {"e.pdf": b"last"}, known=known)
    content = content_of(archive)
    for first in range(len(content)):
        for end in (first + 1, first + 40, len(content)):
            assert b"".join(archive.chunks(first, end)) == content[first:end]


def test_a_part_is_made_without_reading_what_is_before_it() -> None:
    read: list[int] = []

    def section(number: int) -> Section:
        def entries() -> list[ZipEntry]:
            read.append(number)
            return [entry(f"{number}.pdf", b"x" * 100)]

        return Section(Size(1, 5, 100), entries)

    archive = ZipArchive([section(number) for number in range(3)], DAY, "a test")
    assert len(b"".join(archive.chunks(2 * 135 + 50, 2 * 135 + 60))) == 10
    assert read == [2]


def test_a_zip_of_more_than_65535_files_is_read() -> None:
    count = 70_000
    archive = archive_of({f"{number}": b"" for number in range(count)})
    with zipfile.ZipFile(BytesIO(content_of(archive))) as packed:
        assert packed.namelist() == [str(number) for number in range(count)]


def test_files_beyond_four_gibibytes_are_found(tmp_path: Path) -> None:
    # Nothing but the ends of the large file is made: the file has a hole in between.
    large, size = b"\0" * 1024, (1 << 32) + 5

    def pieces(first_byte: int) -> Iterator[bytes]:
        while first_byte < size:
            yield large[: size - first_byte]
            first_byte += len(large)

    parts = [ZipEntry(f"{number}.bin", size // 2, pieces, 0) for number in range(2)]
    archive = ZipArchive([section_of([*parts, entry("z", b"found")])], DAY, "a test")
    second = 30 + 5 + size // 2
    third = 2 * second
    path = tmp_path / "large.zip"
    with path.open("wb") as file:
        for first, end in ((0, 35), (second, second + 35), (third, archive.byte_count)):
            file.seek(first)
            file.write(b"".join(archive.chunks(first, end)))
    assert path.stat().st_size == archive.byte_count > 1 << 32
    with zipfile.ZipFile(path) as packed:
        assert packed.namelist() == ["0.bin", "1.bin", "z"]
        assert packed.read("z") == b"found"
        assert packed.getinfo("1.bin").header_offset == second


@pytest.mark.parametrize("said", [Size(1, 5, 101), Size(1, 6, 100), Size(2, 5, 100)])
def test_files_of_another_size_than_was_said_break_the_zip_off(said: Size) -> None:
    section = Section(said, lambda: [entry("a.pdf", b"x" * 100)])
    with pytest.raises(WrongData, match="breaks off"):
        content_of(ZipArchive([section], DAY, "a test"))


def test_a_content_of_another_sum_than_was_said_breaks_the_zip_off() -> None:
    wrong = ZipEntry("a.pdf", 3, whole_at_once(lambda: b"abc"), crc32(b"abd"))
    with pytest.raises(WrongData, match="breaks off"):
        content_of(ZipArchive([section_of([wrong])], DAY, "a test"))


def test_the_length_of_an_audit_path_is_known_without_the_tree() -> None:
    for size in (1, 2, 3, 5, 8, 13, 1024, 1025):
        tree = merkle.Tree([merkle.leaf_hash(bytes([each % 256])) for each in range(size)])
        for index in range(size):
            assert merkle.path_length(index, size) == len(tree.audit_path(index))


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ({}, (0, 100, 200)),
        ({"Range": "bytes=0-"}, (0, 100, 206)),
        ({"Range": "bytes=10-19"}, (10, 20, 206)),
        ({"Range": "bytes=10-1000"}, (10, 100, 206)),
        ({"Range": "bytes=-30"}, (70, 100, 206)),
        ({"Range": "bytes=-300"}, (0, 100, 206)),
        ({"Range": "bytes=10-", "If-Range": '"e"'}, (10, 100, 206)),
        ({"Range": "bytes=10-", "If-Range": '"f"'}, (0, 100, 200)),
        ({"Range": "bytes=10-5"}, (0, 100, 200)),
        ({"Range": "bytes=1-2,5-6"}, (0, 100, 200)),
        ({"Range": "lines=1-2"}, (0, 100, 200)),
        ({"Range": "bytes=-"}, (0, 100, 200)),
    ],
)
def test_a_client_gets_the_part_that_it_asks_for(
    header: dict[str, str], part: tuple[int, int, int]
) -> None:
    asked = asked_part(header, 100, '"e"')
    assert (asked.first_byte, asked.end, asked.status) == part
    assert whole(100).end == 100
