"""The ZIP of a month of many statements: its first byte, its memory, and a resumed download.

CLOSEBOOK_ZIP_STATEMENTS=200000 makes the month that large, CLOSEBOOK_ZIP_TWINS=false leaves its
attachments out of the ZIP; -s prints what was measured.
"""

import os
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import httpx
import psutil
import pytest

from benchmarks.large_month import small_files
from local.processes import Process, tree
from tests.desk.conftest import Desk, large_month

COUNT = int(os.environ.get("CLOSEBOOK_ZIP_STATEMENTS", "5000"))
COUNT_OF_TWO_BATCHES = 1_200
TWINS = os.environ.get("CLOSEBOOK_ZIP_TWINS", "true")
URL = f"/closebook/statements/months/2024-03/zip?twins={TWINS}"
FILES_OF_ONE = 4 if TWINS == "true" else 2
TRIES = 8
SMALL = 10_000
FIRST_BYTE_SECONDS = 1.0
MOST_GROWTH_BYTES = 40_000_000
PIECE = 1_000_000


@dataclass
class Download:
    """The result of a download, with its times and the memory of the server."""

    headers: httpx.Headers
    status: int
    first_byte_seconds: float
    resident: list[int]
    byte_count: int


@pytest.fixture
def month(desk: Desk) -> Iterator[None]:
    with large_month(desk, COUNT, small_files(2_000)):
        desk.get("finance", "/statements/months/2026-10/zip")
        yield


@pytest.fixture(scope="module")
def month_of_two_batches(desk: Desk) -> Iterator[None]:
    """A month whose documents are read in more than one batch, of which a download is short."""
    with large_month(desk, COUNT_OF_TWO_BATCHES, small_files(2_000)):
        yield


@pytest.mark.usefixtures("month")
def test_a_large_zip_begins_at_once_and_is_resumed(desk: Desk, tmp_path: Path) -> None:
    before = resident_bytes(desk)
    length = int(download(desk, None, until=1).headers["Content-Length"])
    # Others may use the machine too: the best of some tries counts.
    seconds = [
        min(download(desk, None, headers=part, until=1).first_byte_seconds for _ in range(TRIES))
        for part in ({}, {"Range": f"bytes={length // 2}-"}, {"Range": "bytes=-1000"})
    ]
    print(  # noqa: T201
        f"{COUNT:,} statements, {length / 1e6:,.0f} MB: first byte after"
        f" {', '.join(f'{each:.2f}' for each in seconds)} s from the start, the middle and the end"
    )
    assert max(seconds) < FIRST_BYTE_SECONDS

    idle = resident_bytes(desk)
    resumed = tmp_path / "resumed.zip"
    with resumed.open("wb") as file:
        half = download(desk, file, until=length * 3 // 5)
    assert half.status == 200
    assert half.byte_count < length
    assert half.headers["Accept-Ranges"] == "bytes"
    with resumed.open("ab") as file:
        part = {"Range": f"bytes={half.byte_count}-", "If-Range": half.headers["ETag"]}
        rest = download(desk, file, headers=part)
    assert rest.status == 206
    assert rest.headers["Content-Range"] == f"bytes {half.byte_count}-{length - 1}/{length}"
    assert resumed.stat().st_size == length

    resident = [*half.resident, *rest.resident]
    growth = max(resident) - before
    tenths = ", ".join(f"{each / 1e6:.0f}" for each in resident[:: len(resident) // 10 or 1])
    print(  # noqa: T201
        f"memory of the API server {before / 1e6:.0f} MB before, {idle / 1e6:.0f} MB after the"
        f" first bytes, at most {growth / 1e6:.0f} MB more; during the download {tenths} MB"
    )
    assert growth < MOST_GROWTH_BYTES
    with zipfile.ZipFile(resumed) as packed:
        assert packed.testzip() is None
        assert len(packed.namelist()) == FILES_OF_ONE * COUNT + 3
        last = packed.read(f"statement-2024-03-OLD-{COUNT}_{COUNT}-USD-v1.pdf")
    assert last == small_files(2_000)(COUNT)
    if COUNT <= SMALL:
        whole = tmp_path / "whole.zip"
        with whole.open("wb") as file:
            assert download(desk, file).byte_count == length
        assert digest(resumed) == digest(whole)
    subjects = [each["subject"] for each in desk.audit_log("downloaded")]
    subject = f"ZIP of month 2024-03: {COUNT} documents"
    assert subject in subjects
    assert f"{subject}, from byte {half.byte_count}" in subjects


@pytest.mark.usefixtures("month_of_two_batches")
def test_any_part_of_a_zip_is_as_in_the_whole(desk: Desk) -> None:
    length = int(download(desk, None, until=1).headers["Content-Length"])
    with desk.client("finance").stream("GET", URL) as answer:
        whole = answer.read()
    assert len(whole) == length
    places = [
        0,
        1,
        30,
        31,
        2_000,
        length // 3,
        length // 2,
        length - 30_000,
        length - 22,
        length - 1,
    ]
    for first in places:
        for last in (first, first + 1, first + 70_000, length - 1, length + 5):
            answer = desk.client("finance").get(URL, headers={"Range": f"bytes={first}-{last}"})
            assert answer.status_code == 206
            assert answer.content == whole[first : last + 1]
    suffix = desk.client("finance").get(URL, headers={"Range": "bytes=-100"})
    assert suffix.content == whole[-100:]


@pytest.mark.usefixtures("month_of_two_batches")
def test_a_part_of_another_zip_is_not_given(desk: Desk) -> None:
    client = desk.client("finance")
    etag = client.get(URL, headers={"Range": "bytes=0-0"}).headers["ETag"]
    # Without the attachments it is another file
    other = client.get(URL.partition("?")[0], headers={"Range": "bytes=0-9"})
    assert other.status_code == 206
    assert other.headers["ETag"] != etag
    for wrong in ('"another"', f"W/{etag}", "Mon, 30 Nov 2026 10:00:00 GMT"):
        part = {"Range": "bytes=5-9", "If-Range": wrong}
        assert download(desk, None, headers=part, until=1).status == 200
    assert client.get(URL, headers={"Range": "bytes=999999999999-"}).status_code == 416
    assert client.get(URL, headers={"Range": "bytes=-0"}).status_code == 416
    several = download(desk, None, headers={"Range": "bytes=0-1,5-6"}, until=1)
    assert several.status == 200


def download(
    desk: Desk, file: object, *, headers: dict[str, str] | None = None, until: int | None = None
) -> Download:
    """Download into a file; ``until`` is where the client breaks off."""
    began, first_byte, sent, pieces = time.perf_counter(), 0.0, 0, 0
    resident: list[int] = []
    with desk.client("finance").stream("GET", URL, headers=headers or {}) as answer:
        for piece in answer.iter_raw():
            if not sent:
                first_byte = time.perf_counter() - began
            sent, pieces = sent + len(piece), pieces + 1
            if hasattr(file, "write"):
                file.write(piece)
            if pieces % 200 == 1:
                resident.append(resident_bytes(desk))
            if until is not None and sent >= until:
                break
    return Download(answer.headers, answer.status_code, first_byte, resident, sent)


def digest(path: Path) -> str:
    with path.open("rb") as file:
        found = sha256()
        while piece := file.read(PIECE):
            found.update(piece)
    return found.hexdigest()


def resident_bytes(desk: Desk) -> int:
    """The memory of the API server and its children."""
    process: Process = desk.stack.running["api_server"].process
    return sum(psutil.Process(each.pid).memory_info().rss for each in tree(process))
