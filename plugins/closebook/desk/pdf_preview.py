"""The pages of a statement as pictures and as text, for browsers that cannot show a PDF.

Poppler's programs make them from the registered PDF. Each program runs as a process with limits.
"""

import os
import re
import resource
import subprocess
import textwrap
from contextlib import suppress
from dataclasses import dataclass

from closebook.errors import Misconfigured, Transient

# A4 at 144 dpi, twice the resolution of a screen. A limit in pixels bounds any size of page.
MAX_SIDE_PIXELS = 1684

_PAGES = re.compile(r"^Pages: +(\d+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one process. Page 835 of a PDF of 20,000 lines took 0.3 s of CPU and 32 MB."""

    cpu_seconds: int = 10
    wall_seconds: float = 20.0
    memory_bytes: int = 512 * 1024**2


_LIMITS = Limits()
_NICENESS = 19


def page_count(content: bytes, limits: Limits = _LIMITS) -> int:
    """Return the number of pages of a PDF.

    Raises Transient if the program fails or exceeds its limits, and Misconfigured if Poppler is not
    installed.
    """
    counts = _PAGES.findall(_output(limits, content, "pdfinfo", "-").decode())
    if not counts:
        raise Transient(
            "CB-RETRY-PREVIEW-PAGES-UNKNOWN", "pdfinfo does not say how many pages the document has"
        )
    # A title of several lines can contain a line "Pages:", but the title comes before the count.
    return int(counts[-1])


def page_picture(content: bytes, number: int, limits: Limits = _LIMITS) -> bytes:
    """Return a page (from 1) as PNG. Raises what ``page_count`` raises."""
    size = ("-scale-to", str(MAX_SIDE_PIXELS))
    return _output(limits, content, "pdftoppm", "-png", *size, *_page_range(number), "-")


def page_text(content: bytes, number: int, limits: Limits = _LIMITS) -> str:
    """Return the text of a page (from 1), line by line. Raises what ``page_count`` raises."""
    read = _output(
        limits, content, "pdftotext", "-layout", "-nopgbrk", *_page_range(number), "-", "-"
    )
    lines = (line.rstrip() for line in textwrap.dedent(read.decode()).splitlines())
    return "\n".join(filter(None, lines))


def _page_range(number: int) -> tuple[str, ...]:
    return ("-f", str(number), "-l", str(number))


def _output(limits: Limits, content: bytes, program: str, *arguments: str) -> bytes:
    try:
        process = subprocess.Popen(
            [program, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Its messages can contain text of the page.
            stderr=subprocess.DEVNULL,
            # The environment of Airflow contains secrets, which the program does not need.
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
            output, _ = process.communicate(content, timeout=limits.wall_seconds)
        except subprocess.TimeoutExpired as error:
            raise Transient(
                "CB-RETRY-PREVIEW-TOOK-TOO-LONG",
                f"{program} was stopped because it took more than {limits.wall_seconds:g} s",
            ) from error
        finally:
            process.kill()
    if process.returncode != 0:
        raise Transient(
            "CB-RETRY-PREVIEW-FAILED",
            f"{program} failed, or exceeded its limits of time and memory (exit status"
            f" {process.returncode}); the PDF itself can be downloaded",
        )
    return output


def _limit(pid: int, limits: Limits) -> None:
    """Set the limits of the process. It must not have any input yet."""
    with suppress(ProcessLookupError):
        # The machine of the API server may also run the scheduler and closes.
        os.setpriority(os.PRIO_PROCESS, pid, _NICENESS)
        for which, amount in (
            (resource.RLIMIT_CPU, limits.cpu_seconds),
            (resource.RLIMIT_AS, limits.memory_bytes),
            (resource.RLIMIT_CORE, 0),
        ):
            resource.prlimit(pid, which, (amount, amount))
