"""The jobs that run beside the payments: those of the old way, and Closebook's."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle

import psycopg
from psycopg.rows import TupleRow

from benchmarks.legacy.old_report import old_report, statement
from benchmarks.platform import Stage
from closebook.closes.day import close_day
from closebook.closes.hour import close_hour
from closebook.closes.month import close_month
from closebook.counter import publisher
from closebook.errors import ClosebookError
from closebook.periods import Period
from closebook.settings import Run

REPORT_EVERY_SECONDS = 60
COUNTER_EVERY_SECONDS = 1
HOUR_EVERY_SECONDS = 60
STATEMENTS_AT_ONCE = 200
DAYS_AT_ONCE = 5
LINES_WRITTEN = """
    select entry_id, posted_at, description, lines.amount_minor, balance_minor
    from reporting.statement_lines as lines
    inner join reporting.closes on lines.close_id = closes.close_id
    where closes.grain = 'month' and closes.period_start = %(month_start)s and closes.is_current
        and account_id = %(account_id)s
    order by line_number
"""


@dataclass
class Job:
    """Work that is repeated, at most once in so many seconds."""

    name: str
    every_seconds: float
    work: Callable[[], object]
    done_count: int = 0
    seconds: float = 0.0
    failures: list[str] = field(default_factory=list)

    def run(self, stopping: threading.Event) -> None:
        """Repeat the work until stopped. A failure is kept, and the work goes on."""
        while not stopping.is_set():
            began = time.monotonic()
            try:
                self.work()
                self.done_count += 1
            except (psycopg.Error, ClosebookError) as error:
                self.failures.append(str(error).splitlines()[0])
            taken = time.monotonic() - began
            self.seconds += taken
            stopping.wait(max(0.0, self.every_seconds - taken))


@contextmanager
def running(jobs: list[Job]) -> Iterator[None]:
    """Run jobs at the same time; at the end wait until each has finished its current work."""
    stopping = threading.Event()
    threads = [threading.Thread(target=job.run, args=[stopping]) for job in jobs]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopping.set()
        for thread in threads:
            thread.join()


def old_way(stage: Stage, conninfo: str) -> list[Job]:
    """The old way, all on the primary: report in a loop, counter by a full count, statements."""

    def report() -> None:
        with psycopg.connect(conninfo) as primary:
            old_report(primary, stage.day.start, stage.day.end)

    def live_count() -> None:
        with psycopg.connect(conninfo) as primary:
            primary.execute(statement("live_count")).fetchall()

    def statements() -> None:
        with psycopg.connect(conninfo) as primary:
            for account_id in range(1, STATEMENTS_AT_ONCE + 1):
                _old_lines(primary, stage.month, account_id)

    return [
        Job("old report", REPORT_EVERY_SECONDS, report),
        Job("live count", COUNTER_EVERY_SECONDS, live_count),
        Job(f"{STATEMENTS_AT_ONCE} statements", REPORT_EVERY_SECONDS, statements),
    ]


def closebook_way(stage: Stage) -> list[Job]:
    """The same by closes on the replicas: the end of a month, and an hour each minute.

    Far more often than they are due: the last days of the month one after another and then the
    month. The days before them are closed here, as they would have been when they ended. Looking
    at the counter costs no database anything.
    """
    settings, run = stage.settings, Run("benchmark")
    days = list(stage.month.days())
    hours = cycle(stage.day.hours())
    for day in days[:-DAYS_AT_ONCE]:
        close_day(settings, day, run)

    def hour() -> None:
        close_hour(settings, next(hours), run)
        publisher.publish(settings, run)

    def end_of_month() -> None:
        for day in days[-DAYS_AT_ONCE:]:
            close_day(settings, day, run)
        close_month(settings, stage.month, run)

    return [
        Job(
            f"close_day, {DAYS_AT_ONCE} times, and close_month", threading.TIMEOUT_MAX, end_of_month
        ),
        Job("close_hour and publish", HOUR_EVERY_SECONDS, hour),
    ]


def require_same_statements(stage: Stage, conninfo: str) -> None:
    """Compare the old statements' lines with those of the month that a close has written."""
    month = stage.month
    with psycopg.connect(conninfo) as primary, psycopg.connect(stage.settings.store) as store:
        for account_id in range(1, STATEMENTS_AT_ONCE + 1):
            wanted = {"account_id": account_id, "month_start": month.start}
            written = store.execute(LINES_WRITTEN, wanted).fetchall()
            assert _old_lines(primary, month, account_id) == written, account_id  # noqa: S101


def _old_lines(
    primary: psycopg.Connection[TupleRow], month: Period, account_id: int
) -> list[TupleRow]:
    wanted = {**month.bounds, "account_id": account_id}
    return primary.execute(statement("statement_of_account"), wanted).fetchall()
