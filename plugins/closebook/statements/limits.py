"""A document that takes too much fails alone: it is made in a process of its own, with limits."""

import os
import pickle
import resource
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from closebook.errors import ClosebookError, WrongData

Made = TypeVar("Made")


class TooMuch(WrongData):
    """A document took more than one may; others can still be made."""


_SECOND = 1_000_000
_OUT_OF_TIME = {signal.SIGXCPU, signal.SIGKILL}


@dataclass(frozen=True, slots=True)
class Limits:
    """What one document may take: CPU seconds, and bytes of memory on top of what is there.

    20,000 lines took under 120 s and 200 MB, and nobody's account has five times as many.
    """

    cpu_seconds: int = 600
    memory_bytes: int = 2 * 1024**3


def within(limits: Limits, what: str, make: Callable[[], Made]) -> Made:
    """What ``make`` returns, made in a copy of this process that ends with it.

    Raises what it raises. Raises TooMuch, beginning with ``what``, when the copy takes more
    than the limits or dies. The copy is a fork, so it finds fonts and templates loaded.
    """
    reading, writing = os.pipe()
    # What is in the buffers must not be written by both.
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _be_the_copy(limits, make, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        content = pipe.read()
    _, status = os.waitpid(child, 0)
    died_of = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
    if died_of in _OUT_OF_TIME:
        raise TooMuch(f"{what} was not made: it took more than {limits.cpu_seconds} s of CPU")
    if died_of is not None or not content:
        how = "no result" if died_of is None else signal.Signals(died_of).name
        raise TooMuch(
            f"{what} was not made: its process ended with {how}, most likely for more than "
            f"{limits.memory_bytes // 1024**2} MB of memory"
        )
    made, error = pickle.loads(content)  # noqa: S301  # by the copy of this process
    if error is not None:
        raise error
    result: Made = made
    return result


def _be_the_copy(limits: Limits, make: Callable[[], object], writing: int) -> None:
    """Make it, write it into the pipe, and end without what a process does at its end."""
    outcome: tuple[object, ClosebookError | None]
    try:
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, hard))
        memory = _bytes_now() + limits.memory_bytes
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        try:
            outcome = (make(), None)
        except ClosebookError as error:
            outcome = (None, error)
        with os.fdopen(writing, "wb") as pipe:
            pickle.dump(outcome, pipe)
    except MemoryError:
        os._exit(1)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
        os._exit(2)
    os._exit(0)


def _bytes_now() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123
        return int(file.read().split()[0]) * resource.getpagesize()
