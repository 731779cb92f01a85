"""Transactions of a platform that run beside each other around the end of a period.

A plan says what one transaction does and when, in milliseconds from the period's end. They
run on the real primary, each in a session of its own, while the period is closed.
"""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any, Literal

import psycopg
from hypothesis import strategies as st
from psycopg import sql

from closebook.closes.hour import close_hour
from closebook.errors import NotReady
from closebook.periods import Period
from closebook.settings import Settings
from tests.books import Books
from tests.close_fixtures import ONE_REPLICA, hour_ending
from tests.platform_rows import Volume

MAX_SESSIONS = 5
ROWS_EACH = 3
EARLIEST_MS = -12
PATIENCE_SECONDS = 20.0

Clock = Literal["now()", "clock_timestamp()"]
Savepoint = Literal["none", "released", "rolled back"]
Ending = Literal["commit", "commit and chain", "rollback", "commit prepared", "rollback prepared"]


class RowsMissing(AssertionError):
    """A close was called complete, and a committed row of its period is not in it."""


@dataclass(frozen=True)
class Plan:
    """What one transaction does: it begins, writes, writes again, perhaps is prepared, and ends."""

    begins_at_ms: int
    first_write_after_ms: int
    savepoint: Savepoint
    ends_after_ms: int
    ending: Ending
    prepared_for_ms: int
    stamped_by: Clock
    asynchronous: bool


def plans() -> st.SearchStrategy[list[Plan]]:
    """Some transactions around the end of a period."""
    moment = st.one_of(st.integers(EARLIEST_MS, -1), st.just(0), st.integers(1, 8))
    # A close takes about 100 ms: the longest are still open when it could have read.
    duration = st.one_of(st.just(0), st.integers(1, 20), st.integers(60, 150))
    plan = st.builds(
        Plan,
        begins_at_ms=moment,
        first_write_after_ms=duration,
        savepoint=st.sampled_from(["none", "released", "rolled back"]),
        ends_after_ms=duration,
        ending=st.sampled_from(
            ["commit", "commit and chain", "rollback", "commit prepared", "rollback prepared"]
        ),
        prepared_for_ms=duration,
        stamped_by=st.sampled_from(["now()", "clock_timestamp()"]),
        asynchronous=st.booleans(),
    )
    return st.lists(plan, min_size=1, max_size=MAX_SESSIONS)


class PeriodEnd:
    """When the period ends: soon after all sessions are ready, however long that takes them."""

    def __init__(self, sessions: int) -> None:
        self._ready = Barrier(sessions + 1, action=self._name_the_end)

    def wait(self) -> datetime:
        """Wait for all of them; return the end, the same one to each."""
        self._ready.wait(PATIENCE_SECONDS)
        return self._end

    def _name_the_end(self) -> None:
        self._end = datetime.now(UTC) + timedelta(milliseconds=3 - EARLIEST_MS)


@dataclass
class InterleavingRunner:
    """Runs interleavings, and counts how often a period was closed.

    ``written_late_count`` is the number of rows that were written after the end of their period.
    """

    settings: Settings
    books: Books
    sessions: Sequence[psycopg.Connection[Any]]
    threads: ThreadPoolExecutor
    closed_count: int = 0
    written_late_count: int = 0
    _first_row: int = field(default=1, init=False)

    def run(self, interleaving: Sequence[Plan]) -> None:
        """Close a period while the plans run. Raises RowsMissing."""
        end = PeriodEnd(len(interleaving))
        running = []
        for session, plan in zip(self.sessions, interleaving, strict=False):
            running.append(self.threads.submit(_run, session, plan, end, self._first_row))
            self._first_row += ROWS_EACH
        hour = hour_ending(end.wait())
        closed = self._close(hour)
        for transaction in running:
            transaction.result()
        self.closed_count += 1
        committed = self._recount(hour)
        if closed != committed:
            raise RowsMissing(f"{hour}: {closed} instead of {committed}")

    def _close(self, hour: Period) -> Volume:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                close = close_hour(self.settings, hour, ONE_REPLICA)
            except NotReady:
                assert time.monotonic() < deadline, "the period never closed"
            else:
                return self.books.hour_version(close.close_id)

    def _recount(self, hour: Period) -> Volume:
        """The period as the primary has it now that all sessions are done."""
        row = (
            self.sessions[0]
            .execute(
                "select count(*), sum(amount_minor)::bigint,"
                " count(*) filter (where created_at > %(end)s)"
                " from platform.transactions"
                " where settled_at >= %(start)s and settled_at < %(end)s",
                {"start": hour.start, "end": hour.end},
            )
            .fetchone()
        )
        assert row is not None
        count, amount_minor, written_late_count = row
        self.written_late_count += written_late_count
        return {("USD", "payment"): (count, amount_minor, 0, 0)} if count else {}


@contextmanager
def interleaving_runner(
    settings: Settings, books: Books, platform_conninfo: str
) -> Iterator[InterleavingRunner]:
    """A runner with sessions of its own."""
    with ExitStack() as stack:
        sessions = [
            stack.enter_context(psycopg.connect(platform_conninfo, autocommit=True))
            for _ in range(MAX_SESSIONS)
        ]
        threads = stack.enter_context(ThreadPoolExecutor(MAX_SESSIONS))
        yield InterleavingRunner(settings, books, sessions, threads)


def _run(session: psycopg.Connection[Any], plan: Plan, end: PeriodEnd, first_row: int) -> None:
    """Run one transaction as planned. Its rows' amounts are their numbers, so none can hide."""

    def write(row: int) -> None:
        session.execute(
            sql.SQL(
                "insert into platform.transactions (transaction_id, user_id, merchant_id, kind,"
                " currency, amount_minor, status, created_at, settled_at)"
                " values (%(row)s, 1, 10, 'payment', 'USD', %(row)s, 'settled',"
                " clock_timestamp(), {})"
            ).format(sql.SQL(plan.stamped_by)),
            {"row": row},
        )

    session.execute(
        "select set_config('synchronous_commit', %s, false)",
        ["off" if plan.asynchronous else "on"],
    )
    _sleep_until(end.wait() + timedelta(milliseconds=plan.begins_at_ms))
    session.execute("begin")
    _sleep_ms(plan.first_write_after_ms)
    write(first_row)
    if plan.savepoint != "none":
        session.execute("savepoint midway")
        write(first_row + 1)
        session.execute("release midway" if plan.savepoint == "released" else "rollback to midway")
    _sleep_ms(plan.ends_after_ms)
    match plan.ending:
        case "commit" | "rollback":
            session.execute(plan.ending)
        case "commit and chain":
            session.execute("commit and chain")
            write(first_row + 2)
            session.execute("commit")
        case "commit prepared" | "rollback prepared":
            name = sql.Literal(f"row {first_row}")
            session.execute(sql.SQL("prepare transaction {}").format(name))
            _sleep_ms(plan.prepared_for_ms)
            session.execute(sql.SQL("{} {}").format(sql.SQL(plan.ending), name))


def _sleep_until(instant: datetime) -> None:
    time.sleep(max(0.0, (instant - datetime.now(UTC)).total_seconds()))


def _sleep_ms(milliseconds: int) -> None:
    time.sleep(milliseconds / 1000)
