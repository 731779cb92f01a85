"""A document that takes too much fails alone: it is made in another process, within limits."""

import math
import os
import pickle
import resource
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

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


@dataclass(frozen=True, slots=True)
class Job(Generic[Made]):
    """Something to be made, and what an error calls it."""

    what: str
    make: Callable[[], Made]


def each_within(limits: Limits, jobs: Sequence[Job[Made]]) -> Iterator[Made | TooMuch]:
    """What each job makes, in their order; TooMuch in place of one that takes more than the limits.

    All are made in one copy of this process, a fork that finds fonts and templates loaded, and
    ends with the last of them. A job that takes too much ends the copy; another one goes on with
    the next. Raises what a job raises on purpose.
    """
    left = deque(jobs)
    while left:
        yield from _by_one_copy(limits, left)


def _by_one_copy(limits: Limits, left: deque[Job[Made]]) -> Iterator[Made | TooMuch]:
    """What a copy makes until it has made all that is left, or ends before."""
    reading, writing = os.pipe()
    # What is in the buffers must not be written by both.
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _be_the_copy(limits, left, writing)
    os.close(writing)
    ended = False
    try:
        with os.fdopen(reading, "rb") as pipe:
            while left:
                try:
                    made, error = pickle.load(pipe)  # noqa: S301  # by the copy of this process
                except (EOFError, pickle.UnpicklingError):
                    break
                left.popleft()
                if error is not None:
                    raise error
                yield made
        ended = True
    finally:
        # When the rest is not wanted, nobody else would end it.
        if not ended:
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    if left:
        yield _too_much(limits, left.popleft().what, status)


def _too_much(limits: Limits, what: str, status: int) -> TooMuch:
    died_of = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
    if died_of in _OUT_OF_TIME:
        return TooMuch(
            "CB-DATA-DOCUMENT-TOOK-TOO-LONG",
            f"{what} was not made: it took more than {limits.cpu_seconds} s of CPU",
        )
    how = "no result" if died_of is None else signal.Signals(died_of).name
    return TooMuch(
        "CB-DATA-DOCUMENT-PROCESS-ENDED",
        f"{what} was not made: its process ended with {how}, most likely for more than "
        f"{limits.memory_bytes // 1024**2} MB of memory",
    )


def _be_the_copy(limits: Limits, jobs: Iterable[Job[Any]], writing: int) -> None:
    """Do the jobs, write each outcome into the pipe, and end without what a process does then."""
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with os.fdopen(writing, "wb") as pipe:
            for job in jobs:
                _limit(limits)
                outcome: tuple[object, ClosebookError | None]
                try:
                    outcome = (job.make(), None)
                except ClosebookError as error:
                    outcome = (None, error)
                pickle.dump(outcome, pipe)
                pipe.flush()
    except MemoryError:
        os._exit(1)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
        os._exit(2)
    os._exit(0)


def _limit(limits: Limits) -> None:
    """Let this process take so much from now on."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = math.ceil(used.ru_utime + used.ru_stime) + limits.cpu_seconds
    for which, amount in (
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, _bytes_now() + limits.memory_bytes),
    ):
        _, hard = resource.getrlimit(which)
        resource.setrlimit(which, (amount, hard))


def _bytes_now() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123
        return int(file.read().split()[0]) * resource.getpagesize()
