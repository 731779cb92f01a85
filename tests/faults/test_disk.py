"""The disk is full while documents are written: whole documents or none, and the run goes on."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from closebook.closes.month import close_month
from closebook.closes.values import Close
from closebook.errors import Transient
from closebook.periods import parse_month
from closebook.settings import Settings
from closebook.statements import issue
from closebook.statements.document_store import DocumentStore
from closebook.statements.issue import Shard
from closebook.statements.manifest import write_manifest
from local import REPOSITORY
from tests.books import Books
from tests.close_fixtures import RUN
from tests.faults.outcome import (
    assert_documents_are_whole,
    assert_no_orphan_document,
    assert_nothing_is_left,
)
from tests.platform_rows import Platform

OCTOBER = parse_month("2026-10", "America/New_York")
ACCOUNTS = range(1, 5)


@dataclass(frozen=True)
class Disk:
    """A folder that can be made too small for a while, and what the system says then."""

    folder: Path
    with_room_for: Callable[[int], AbstractContextManager[None]]
    complaint: str


@pytest.fixture
def small_file_system(tmp_path: Path) -> Iterator[Disk]:
    """A file system of the test's own, of which there can be too little."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = mount("-t", "tmpfs", "closebook", str(folder))
    if mounted.returncode != 0:
        pytest.skip(f"only root may mount a file system: {mounted.stderr}")

    @contextmanager
    def with_room_for(free_bytes: int) -> Iterator[None]:
        used_bytes = sum(path.stat().st_blocks * 512 for path in folder.rglob("*"))
        resize(folder, f"{used_bytes + free_bytes}")
        try:
            yield
        finally:
            resize(folder, "16m")

    try:
        yield Disk(folder, with_room_for, "No space left on device")
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.fixture
def limited_files(tmp_path: Path) -> Disk:
    """A folder of a process whose files may only grow up to a limit."""

    @contextmanager
    def with_room_for(free_bytes: int) -> Iterator[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (free_bytes, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return Disk(tmp_path, with_room_for, "File too large")


def mount(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["mount", *arguments], check=False, capture_output=True, text=True)


def resize(folder: Path, size: str) -> None:
    done = mount("-o", f"remount,size={size}", str(folder))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("kind", ["small_file_system", "limited_files"])
def test_a_disk_that_is_full_while_documents_are_written(
    request: pytest.FixtureRequest, settings: Settings, platform: Platform, books: Books, kind: str
) -> None:
    disk: Disk = request.getfixturevalue(kind)
    on_disk = replace(settings, documents_url=(disk.folder / "documents").as_uri())
    # Given a month of which one document is written, and room for a part of the next,
    close = freeze(on_disk, platform)
    assert render(on_disk, close, [1]) == 1
    [first] = books.rows("select byte_count from reporting.statement_documents")

    with disk.with_room_for(first["byte_count"] // 2), pytest.raises(Transient) as refused:
        render(on_disk, close, None)

    # then the error says what failed, where, and what to do;
    assert "the document store failed at statements/2026-10/" in str(refused.value)
    assert disk.complaint in str(refused.value)
    assert "see that it has room and may be written to, then run the task again" in str(
        refused.value
    )
    # nothing is there by half, nor registered that is not there;
    assert books.size()["statement_documents"] == 1
    assert_documents_are_whole(books, on_disk)
    # and with room again the task goes on where it stopped.
    assert render(on_disk, close, None) == len(ACCOUNTS) - 1
    manifest = write_manifest(on_disk, close.close_id, RUN)
    assert (manifest.document_count, manifest.missing_count) == (len(ACCOUNTS), 0)
    assert books.statements(close.close_id) == {
        account_id: (0, platform.balance(account_id, OCTOBER.end), 1) for account_id in ACCOUNTS
    }
    assert_no_orphan_document(books, on_disk)
    assert_nothing_is_left(books)


def test_a_task_that_is_killed_while_it_writes_a_document(tmp_path: Path) -> None:
    # Given a process that the system kills when a file of it grows past 64 KiB,
    program = """
import resource, signal, sys
from closebook.statements.document_store import DocumentStore
documents = DocumentStore(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
documents.put(bytes(1_000_000), folder="statements", suffix="pdf")
"""
    url = (tmp_path / "documents").as_uri()
    # when it dies in the midst of a document,
    ran = subprocess.run(
        [sys.executable, "-c", program, url],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY / "plugins")},
        check=False,
    )
    assert ran.returncode == -signal.SIGXFSZ

    # then what it wrote has no name that anybody would read, and the next one is whole.
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [(path.name[0], path.suffix) for path in left] == [(".", ".partial")]
    stored = DocumentStore(url).put(bytes(1_000_000), folder="statements", suffix="pdf")
    assert DocumentStore(url).read(stored.object_name) == bytes(1_000_000)


def freeze(settings: Settings, platform: Platform) -> Close:
    """A month of some accounts, each with a line."""
    for account_id in ACCOUNTS:
        platform.open_account(account_id)
        platform.post(account_id, OCTOBER.start, 100 * account_id)
    return close_month(settings, OCTOBER, RUN)


def render(settings: Settings, close: Close, account_ids: list[int] | None) -> int:
    [shard] = issue.plan_shards(settings, close.close_id, account_ids)
    return issue.render_shard(settings, close.close_id, Shard(**shard), account_ids, RUN)
