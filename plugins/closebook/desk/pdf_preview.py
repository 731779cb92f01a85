"""A statement's pages as pictures and as text, for where no browser shows a PDF.

Poppler makes them, of the file that is registered, in processes of their own within limits.
"""

import os
import re
import resource
import subprocess
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import BoundedSemaphore

from closebook.errors import Misconfigured, Transient

# A4 at 144 dpi, twice what a screen shows. A limit on pixels holds for any size of page.
LONGEST_SIDE_PIXELS = 1684

_PAGES = re.compile(r"^Pages: +(\d+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one page may take. The last of 835, of 20,000 lines, took 0.3 s of CPU and 32 MB."""

    cpu_seconds: int = 10
    wall_seconds: float = 20.0
    memory_bytes: int = 512 * 1024**2


_LIMITS = Limits()
# A third person waits: the API server has other work, and a machine few cores.
_AT_ONCE = BoundedSemaphore(2)


def page_count(content: bytes, limits: Limits = _LIMITS) -> int:
    """How many pages the PDF has. Raises Transient, or Misconfigured without Poppler."""
    told = _PAGES.findall(_told_by(limits, content, "pdfinfo", "-").decode())
    if not told:
        raise Transient(
            "CB-RETRY-PREVIEW-PAGES-UNKNOWN", "pdfinfo does not say how many pages the document has"
        )
    # A title may have lines of its own; it stands before.
    return int(told[-1])


def picture(content: bytes, number: int, limits: Limits = _LIMITS) -> bytes:
    """A page as PNG; the number is one of the document's. Raises as page_count does."""
    size = ("-scale-to", str(LONGEST_SIDE_PIXELS))
    return _told_by(limits, content, "pdftoppm", "-png", *size, *_only(number), "-")


def text(content: bytes, number: int, limits: Limits = _LIMITS) -> str:
    """What the page says, row by row. Raises as page_count does."""
    read = _told_by(limits, content, "pdftotext", "-layout", "-nopgbrk", *_only(number), "-", "-")
    lines = (line.rstrip() for line in textwrap.dedent(read.decode()).splitlines())
    return "\n".join(filter(None, lines))


def _only(number: int) -> tuple[str, ...]:
    return ("-f", str(number), "-l", str(number))


def _told_by(limits: Limits, content: bytes, program: str, *arguments: str) -> bytes:
    with _turn(limits):
        try:
            process = subprocess.Popen(
                [program, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                # What it says may hold what the page says.
                stderr=subprocess.DEVNULL,
                # It needs none of Airflow's secrets.
                # guard: desk.preview-sees-no-secrets
                env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
            )
        except FileNotFoundError as error:
            raise Misconfigured(
                "CB-CONFIG-PREVIEW-PROGRAM-MISSING",
                f"{program} is not on the API server's machine, so there are no pictures of pages:"
                " install Poppler's programs there (apt-get install poppler-utils)",
            ) from error
        with process:
            try:
                _limit(process.pid, limits)  # guard: desk.preview-limits
                told, _ = process.communicate(content, timeout=limits.wall_seconds)
            except subprocess.TimeoutExpired as error:
                raise Transient(
                    "CB-RETRY-PREVIEW-TOOK-TOO-LONG",
                    f"{program} was ended: it took more than {limits.wall_seconds:g} s",
                ) from error
            finally:
                process.kill()
    if process.returncode != 0:
        raise Transient(
            "CB-RETRY-PREVIEW-FAILED",
            f"{program} failed, or took more than it may (it ended with"
            f" {process.returncode}); the PDF itself can be downloaded",
        )
    return told


def _limit(pid: int, limits: Limits) -> None:
    """Bound the process before it is given anything to read."""
    with suppress(ProcessLookupError):
        for which, amount in (
            (resource.RLIMIT_CPU, limits.cpu_seconds),
            (resource.RLIMIT_AS, limits.memory_bytes),
            (resource.RLIMIT_CORE, 0),
        ):
            resource.prlimit(pid, which, (amount, amount))


@contextmanager
def _turn(limits: Limits) -> Iterator[None]:
    if not _AT_ONCE.acquire(timeout=limits.wall_seconds):
        raise Transient(
            "CB-RETRY-PREVIEW-BUSY", "too many pages are drawn at once; load the page again"
        )
    try:
        yield
    finally:
        _AT_ONCE.release()
