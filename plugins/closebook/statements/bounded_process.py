"""Run tasks in a child process, each within limits of CPU time and memory.

A task that needs more than the limits fails alone: the tasks before and after it still run.
"""

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

import psutil

from closebook.errors import ClosebookError, WrongData

Result = TypeVar("Result")


class LimitExceeded(WrongData):
    """A task needed more CPU time or memory than the limits allow; other tasks can still run."""


_SIGNALS_OF_THE_CPU_LIMIT = {signal.SIGXCPU, signal.SIGKILL}


@dataclass(frozen=True, slots=True)
class Limits:
    """What one task may use: seconds of CPU, and bytes of memory beyond what the process has.

    A statement of 20,000 lines took less than 120 s and 200 MB. No known account has five times
    as many lines in a month.
    """

    cpu_seconds: int = 600
    memory_bytes: int = 2 * 1024**3


@dataclass(frozen=True, slots=True)
class BoundedTask(Generic[Result]):
    """A function to call within limits, and the name that an error gives to its result."""

    name: str
    run: Callable[[], Result]


def run_within(
    limits: Limits, tasks: Sequence[BoundedTask[Result]]
) -> Iterator[Result | WrongData]:
    """Yield the result of each task, in order, or the WrongData that it raised.

    A task that needed more than the limits gives a LimitExceeded.

    All tasks run in one child process, a fork of this one. The fork has the fonts and templates
    that this process has loaded. A task that exceeds a limit ends the child; the remaining tasks
    run in a new child. Raises any other ClosebookError that a task raises.
    """
    remaining = deque(tasks)
    while remaining:
        yield from _run_in_one_child(limits, remaining)


def _run_in_one_child(
    limits: Limits, remaining: deque[BoundedTask[Result]]
) -> Iterator[Result | WrongData]:
    """Run the remaining tasks in one child, until all are done or the child has ended early."""
    read_end, write_end = os.pipe()
    # Without this, parent and child would both write what is in the buffers.
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        os.close(read_end)
        _child_main(limits, remaining, write_end)
    os.close(write_end)
    child_has_ended = False
    try:
        with os.fdopen(read_end, "rb") as pipe:
            while remaining:
                try:
                    result, error = pickle.load(pipe)  # noqa: S301  # written by our own fork
                except (EOFError, pickle.UnpicklingError):
                    break
                remaining.popleft()
                # guard: documents.wrong-one-stops-itself-only
                if error is not None and not isinstance(error, WrongData):
                    raise error
                yield result if error is None else error
        child_has_ended = True
    finally:
        # The caller may stop before the last result, or a task may raise: end the child then.
        if not child_has_ended:
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    if remaining:
        yield _limit_exceeded(limits, remaining.popleft().name, status)


def _limit_exceeded(limits: Limits, name: str, status: int) -> LimitExceeded:
    ended_by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
    if ended_by in _SIGNALS_OF_THE_CPU_LIMIT:
        return LimitExceeded(
            "CB-DATA-DOCUMENT-TOOK-TOO-LONG",
            f"{name} was not made: it took more than {limits.cpu_seconds} s of CPU",
        )
    how = "no result" if ended_by is None else signal.Signals(ended_by).name
    return LimitExceeded(
        "CB-DATA-DOCUMENT-PROCESS-ENDED",
        f"{name} was not made: its process ended with {how}, most likely for more than "
        f"{limits.memory_bytes // 1024**2} MB of memory",
    )


def _child_main(limits: Limits, tasks: Iterable[BoundedTask[Any]], write_end: int) -> None:
    """Run the tasks, write each outcome into the pipe, and end without Python's exit handlers."""
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with os.fdopen(write_end, "wb") as pipe:
            for task in tasks:
                _set_limits(limits)
                outcome: tuple[object, ClosebookError | None]
                try:
                    outcome = (task.run(), None)
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


def _set_limits(limits: Limits) -> None:
    """Allow this process the limits in addition to what it has used so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu_seconds = math.ceil(used.ru_utime + used.ru_stime) + limits.cpu_seconds
    memory_bytes = psutil.Process().memory_info().vms + limits.memory_bytes
    for limit, amount in (
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_AS, memory_bytes),
    ):
        _, hard = resource.getrlimit(limit)
        resource.setrlimit(limit, (amount, hard))
