"""Errors of the stack. Each is one line: what failed, where, and what to do next."""

import errno
import shutil
from pathlib import Path
from typing import Self

import psycopg

from closebook.errors import ClosebookError

TAIL_LINES = 12
LOG_BYTES = 1024**2
FOR_EXPLANATION = (psycopg.Error, OSError)
"""Errors of other libraries that a command of the stack explains, see `explained`."""


class StackError(ClosebookError):
    """The stack cannot do what was asked; `log_tail` holds the last lines of the log, if any."""

    code_prefix = "CB-STACK-"
    log_tail = ""

    def with_log(self, log_tail: str) -> Self:
        """Add the last lines of a log, which the error's text then quotes."""
        self.log_tail = log_tail
        return self

    def __str__(self) -> str:
        if not self.log_tail:
            return super().__str__()
        quoted = "\n".join(f"    {line}" for line in self.log_tail.splitlines())
        return f"{super().__str__()}\n{quoted}"


class PortInUseError(StackError):
    """Another program listens on a port that the stack has chosen."""


def failure(name: str, what: str, log: Path) -> StackError:
    """Return a StackError with the end of a server's log and, if the cause is known, what to do."""
    try:
        return explained_output(name, what, log.read_bytes(), log)
    except FileNotFoundError:
        return StackError(
            "CB-STACK-NO-LOG", f"{name} {what}, and left no log at {log}: run the command again"
        )


def explained_output(name: str, what: str, output: bytes, log: Path) -> StackError:
    """Return the same from what a program printed, in case a full disk kept it out of the log."""
    tail = "\n".join(output.decode(errors="replace").splitlines()[-TAIL_LINES:])
    full = shutil.disk_usage(log.parent).free < LOG_BYTES
    remedy = _remedy("No space left on device" if full else tail)
    return StackError("CB-STACK-SERVER-FAILED", f"{name} {what}: {remedy} (log: {log})").with_log(
        tail
    )


def explained(error: Exception, logs: Path) -> StackError:
    """Return an error of FOR_EXPLANATION as one line with what to do next."""
    text = " ".join(str(error).split())
    if isinstance(error, psycopg.errors.DiskFull) or _is(error, errno.ENOSPC, errno.EDQUOT):
        return StackError(
            "CB-STACK-DISK-FULL", f"the disk is full ({text}): make room and run the command again"
        )
    if _is(error, errno.EACCES, errno.EPERM, errno.EROFS):
        return StackError(
            "CB-STACK-NOT-PERMITTED",
            f"this user may not use what the stack needs ({text}): run the command as the user"
            " who made the stack, or have that user run `make clean`",
        )
    if isinstance(error, psycopg.Error):
        return StackError(
            "CB-STACK-DATABASE-FAILED",
            f"a database of the stack failed ({text}): see the servers' logs in {logs},"
            " correct that, and run the command again",
        )
    return StackError("CB-STACK-FAILED", text)


def _is(error: Exception, *numbers: int) -> bool:
    return isinstance(error, OSError) and error.errno in numbers


def _remedy(tail: str) -> str:
    if "No space left on device" in tail:
        return "the disk is full, make room and try again"
    if "Address already in use" in tail:
        return "a port is in use, try again with `.venv/bin/python -m local up --new-ports`"
    if "Cannot allocate memory" in tail or "could not map anonymous shared memory" in tail:
        return "not enough memory, end other programs and try again"
    if "database files are incompatible with server" in tail:
        return "its data are of another version of PostgreSQL, run `make clean`, then start again"
    return "see its last lines below, correct that, and run the command again"
