"""A whole close, from fence to commit, compared with its queries on a replica. Without Airflow.

Each round closes another hour or day, for the first time and once more, in a store of its own. A
month takes minutes: it is closed once each way.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial, wraps
from multiprocessing import get_context
from statistics import median
from typing import Any
from unittest.mock import patch

import psycopg
from psycopg import sql

from benchmarks.platform import Stage
from benchmarks.timing import Results, Timed
from closebook import periods
from closebook.closes import register
from closebook.closes.day import close_day
from closebook.closes.hour import close_hour
from closebook.closes.month import close_month
from closebook.periods import Period
from closebook.platform import replicas, source
from closebook.settings import Run, Settings
from closebook.sql import query
from local.processes import peak_memory_kb

DATABASE = "closebook_benchmark"
RUN = Run("benchmark")
# The steps of a close, in order. Connecting is part of the other steps.
STEPS: Sequence[tuple[str, object, str]] = (
    ("connections, within the others", psycopg, "connect"),
    ("versions noted", register, "current_versions"),
    ("fence", replicas, "take_fence"),
    ("choice of a replica", replicas, "choose_replica"),
    ("rows copied to the store", source.Source, "copy_into"),
    ("control totals", source.Source, "rows"),
    ("written, proved and compared", register, "write"),
)
HOUR_QUERIES = ("hourly_volume/read", "close_totals/read_volume")
DAY_QUERIES = (
    *("daily_volume/read", "daily_account_movement/read"),
    *("close_totals/read_volume", "close_totals/read_ledger"),
)


@dataclass
class Steps:
    """Seconds by step of the last close. Two threads that run at once both count."""

    seconds: dict[str, float] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Time the steps of each close that the block makes."""
        with ExitStack() as patches:
            for name, owner, attribute in STEPS:
                timed = self._timed(name, getattr(owner, attribute))
                patches.enter_context(patch.object(owner, attribute, timed))
            yield

    def _timed(self, name: str, step: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(step)
        def timed(*arguments: Any, **named: Any) -> Any:
            began = time.perf_counter()
            try:
                return step(*arguments, **named)
            finally:
                with self.lock:
                    taken = time.perf_counter() - began
                    self.seconds[name] = self.seconds.get(name, 0.0) + taken

        return timed


def measure(stage: Stage, results: Results) -> None:
    """Close hours, days and a month, each for the first time and again."""
    days = list(stage.month.days())[: results.rounds() + 1]
    stack = stage.stack
    stack.drop_store(DATABASE)
    stack.create_store(DATABASE)
    try:
        settings = replace(stage.settings, store=stack.store(DATABASE))
        with psycopg.connect(
            stack.reader("replica_a"), autocommit=True, prepare_threshold=None
        ) as reader:
            hours = list(stage.day.hours())[-results.rounds() - 1 :]
            _measure("Close of an hour", settings, reader, hours, results)
            _measure("Close of a day", settings, reader, days, results)
        # The store is new and has no closed day, so the month waits for none.
        stack.drop_store(DATABASE)
        stack.create_store(DATABASE)
        _measure_month(settings, stage.month, results)
    finally:
        stack.drop_store(DATABASE)


def _measure(
    title: str,
    settings: Settings,
    reader: psycopg.Connection[Any],
    chosen: Sequence[Period],
    results: Results,
) -> None:
    is_hour = chosen[0].grain == periods.Grain.HOUR
    names = HOUR_QUERIES if is_hour else DAY_QUERIES
    close: Callable[..., object] = close_hour if is_hour else close_day
    seconds: dict[str, list[float]] = {}
    parts: dict[str, list[float]] = {}
    for number, period in enumerate(chosen):
        steps = Steps()
        for way, work in (
            ("its SQL alone", partial(_queries, reader, names, period)),
            ("closed first", partial(close, settings, period, RUN)),
            ("closed again", partial(close, settings, period, RUN)),
        ):
            with steps.watched():
                steps.seconds.clear()
                began = time.perf_counter()
                work()
                taken = time.perf_counter() - began
            if number:  # the first one warms up
                seconds.setdefault(way, []).append(taken)
                if way == "closed first":
                    for name, part in steps.seconds.items():
                        parts.setdefault(name, []).append(part)
    results.report(
        title,
        {name: Timed(name, tuple(taken)) for name, taken in seconds.items()},
        "its SQL alone",
        periods=[period.label for period in chosen[1:]],
        sql_alone=list(names),
        steps_of_a_first_close_ms={
            name: round(median(taken) * 1000, 1) for name, taken in parts.items()
        },
        peak_mb_of_a_process={
            f"{len(closed)} closed": _peak_mb(close, settings, closed)
            for closed in (chosen[:1], chosen)
        },
    )


def _measure_month(settings: Settings, month: Period, results: Results) -> None:
    timed: dict[str, Timed] = {}
    peaks: dict[str, float] = {}
    for way in ("closed first", "closed again"):
        began = time.perf_counter()
        peaks[way] = _peak_mb(close_month, settings, [month])
        timed[way] = Timed(way, (time.perf_counter() - began,))
    results.report(
        "Close of a month",
        timed,
        "closed first",
        month=month.label,
        rows=_month_rows(settings),
        peak_mb_of_a_process=peaks,
    )


def _month_rows(settings: Settings) -> dict[str, int]:
    with psycopg.connect(settings.store) as store:
        return {
            table: store.execute(
                sql.SQL("select count(*) from reporting.{}").format(sql.Identifier(table))
            ).fetchall()[0][0]
            for table in ("statements", "statement_lines")
        }


def _peak_mb(close: Callable[..., object], settings: Settings, closed: Sequence[Period]) -> float:
    """The peak of memory of a process that has closed some periods."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(_peak_mb_after, close, settings, closed).result()


def _peak_mb_after(
    close: Callable[..., object], settings: Settings, closed: Sequence[Period]
) -> float:
    for period in closed:
        close(settings, period, RUN)
    return round(peak_memory_kb() / 1024, 1)


def _queries(reader: psycopg.Connection[Any], names: Sequence[str], period: Period) -> int:
    """Run a close's queries on a replica, one after another; return the bytes read."""
    size = 0
    for name in names:
        reading = sql.SQL("copy ({}) to stdout (format binary)").format(sql.SQL(query(name)))
        with (
            reader.cursor() as cursor,
            cursor.copy(
                reading, {**period.bounds, "left_out_currencies": [], "has_text_keys": False}
            ) as blocks,
        ):
            size += sum(len(block) for block in blocks)
    return size
