"""200 people at the desk while hours close: what they cost a close, and Airflow's REST API.

The hours close through Airflow one after the other, alone and beside the people in turns. The
people run in a process of their own: each searches, reads pages of statements as pictures,
downloads a document or a month as a ZIP, and pauses.
"""

import asyncio
import multiprocessing
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from statistics import quantiles
from typing import Any

import httpx
import psycopg
from psycopg.rows import dict_row

from benchmarks.platform import Stage
from benchmarks.timing import Results, Timed, console
from closebook.closes.month import close_month
from closebook.settings import Run
from closebook.statements import issue, release
from closebook.statements.manifest import write_manifest
from closebook.statements.release import Person, RunAct
from local.airflow_api import AirflowApi
from local.people import people
from local.sample_plan import SampleSize

SIZE = SampleSize(transactions=20_000, users=100, merchants=60, promotions=20, days=31)
"""Enough for a month of statements: what is measured does not depend on the platform's size."""
PEOPLE = 200
PAUSE_SECONDS = (5.0, 25.0)
SHORT_PAUSE_SECONDS = (0.2, 1.0)
"""Of a trial, whose figures mean nothing."""
# How many of a person's requests are of each kind.
KINDS = {"search": 6, "statement": 5, "picture": 5, "pdf": 3, "zip": 1}
DAG = "hourly_platform_volume"
PATIENCE_SECONDS = 300
BLOCKS = 3
HOURS_PER_BLOCK = 6
REST_PATHS = ("/api/v2/monitor/health", "/api/v2/dags", "/api/v2/connections")
ALONE, BESIDE = "alone", f"beside {PEOPLE} people"


@dataclass(frozen=True)
class Desk:
    """Where the people go: the desk's address, their headers, and a month that is released."""

    url: str
    headers: tuple[dict[str, str], ...]
    close_id: int
    accounts: tuple[str, ...]
    month: str
    pause_seconds: tuple[float, float]

    def path(self, kind: str, chance: random.Random) -> str:
        """Return the path of a request."""
        statement = f"/statements/{self.close_id}/{chance.choice(self.accounts)}"
        return {
            "search": f"/statements?month={self.month}",
            "statement": statement,
            "picture": f"{statement}/pages/1/picture",
            "pdf": f"{statement}/pdf",
            "zip": f"/statements/months/{self.month}/zip",
        }[kind]


def measure(stage: Stage, results: Results) -> None:
    """Close hours alone and beside the people in turns, and ask the REST API all the time."""
    stack = stage.stack
    close_id, accounts = _released_month(stage)
    count = 5 if results.is_tried_out else PEOPLE
    closes: dict[str, list[float]] = {ALONE: [], BESIDE: []}
    rest: dict[str, list[float]] = {ALONE: [], BESIDE: []}
    answers: Counter[str] = Counter()
    # Another hour each time: all of them were closed before, so each run does the same.
    count_of_hours = results.rounds(HOURS_PER_BLOCK)
    hours = [stage.hour.start + timedelta(hours=number) for number in range(count_of_hours)]
    with (
        AirflowApi.login(stack.ui_url, "admin", stack.credentials["admin"]) as airflow,
        people(stack, count, like="finance") as names,
    ):
        airflow.wait_for_dags((DAG,), seconds=60)
        airflow.unpause(DAG)
        headers = tuple(
            _headers(stack.ui_url, name, stack.credentials["finance"]) for name in names
        )
        url = f"{stack.ui_url}/closebook"
        pause = SHORT_PAUSE_SECONDS if results.is_tried_out else PAUSE_SECONDS
        desk = Desk(url, headers, close_id, accounts, stage.month.label, pause)
        for hour in hours:
            _close(airflow, hour.isoformat())
        for _ in range(results.rounds(BLOCKS)):
            for way in (ALONE, BESIDE):
                crowd = _crowd(desk, answers) if way is BESIDE else _nobody(desk)
                with crowd, _asked(stack.ui_url, airflow, rest[way]):
                    for hour in hours:
                        closes[way].append(_close(airflow, hour.isoformat()))
    timed = {way: Timed(way, tuple(seconds)) for way, seconds in closes.items()}
    results.report(
        "Desk",
        timed,
        ALONE,
        people=count,
        times_as_long=round(timed[BESIDE].median_seconds / timed[ALONE].median_seconds, 2),
        times_as_long_slowest=round(max(closes[BESIDE]) / max(closes[ALONE]), 2),
        rest_p50_p95_max_seconds={way: _spread(seconds) for way, seconds in rest.items()},
        answers=dict(sorted(answers.items())),
    )


def _released_month(stage: Stage) -> tuple[int, tuple[str, ...]]:
    """Issue and release the statements of the month, unless they are released already."""
    settings, month = stage.settings, stage.month
    run = Run("benchmark", requested_by="ada")
    with psycopg.connect(stage.stack.store(), row_factory=dict_row) as store:
        found = _statements(store, month.start)
    if not found:
        settings = replace(settings, issuer_name="Northgate Payments")
        close_id = close_month(settings, month, run).close_id
        for shard in issue.plan_shards(settings, close_id, None):
            console.print(f"rendering {shard}")
            issue.render_shard(settings, close_id, issue.Shard(**shard), None, run)
        write_manifest(settings, close_id, run)
        with psycopg.connect(stage.stack.desk(), row_factory=dict_row) as desk:
            issued = release.latest_issued_month(desk, month)
            started = [RunAct(run.run_id, "triggered", "1", "ada")]
            release.release(
                desk,
                stage.stack.secrets["decisions"],
                month,
                issued.sha256,
                Person("2", "bob"),
                lambda _: started,
            )
        with psycopg.connect(stage.stack.store(), row_factory=dict_row) as store:
            found = _statements(store, month.start)
    return found[0]["close_id"], tuple(f"{row['account_id']}/{row['currency']}" for row in found)


def _statements(
    store: psycopg.Connection[dict[str, Any]], month_start: Any
) -> list[dict[str, Any]]:
    return store.execute(
        "select close_id, account_id, currency from reporting.released_statements"
        " where period_start = %s",
        [month_start],
    ).fetchall()


def _headers(url: str, name: str, password: str) -> dict[str, str]:
    body = {"username": name, "password": password}
    answer = httpx.post(f"{url}/auth/token", json=body, timeout=60, trust_env=False)
    # As a browser sends it.
    return {"Cookie": f"_token={answer.raise_for_status().json()['access_token']}"}


def _close(airflow: AirflowApi, hour: str) -> float:
    """Close an hour through Airflow; return the seconds from its place in the queue to its end.

    Airflow states both times, so the answer does not contain how long the REST API takes.
    """
    conf = {"hour": hour, "reason": "a benchmark"}
    run = airflow.post(f"dags/{DAG}/dagRuns", {"logical_date": None, "conf": conf})
    began, path = time.perf_counter(), f"dags/{DAG}/dagRuns/{run['dag_run_id']}"
    while (run := airflow.get(path))["state"] != "success":
        if time.perf_counter() - began > PATIENCE_SECONDS:
            raise TimeoutError(f"the hour {hour} was not closed within {PATIENCE_SECONDS} s")
        time.sleep(0.05)
    queued_at, ended_at = (
        datetime.fromisoformat(run[time_of]) for time_of in ("queued_at", "end_date")
    )
    return (ended_at - queued_at).total_seconds()


@contextmanager
def _asked(url: str, airflow: AirflowApi, seconds: list[float]) -> Iterator[None]:
    """Inside the with block the REST API is asked ten times a second."""
    is_over = threading.Event()
    headers = dict(airflow.client.headers)

    def ask() -> None:
        with httpx.Client(base_url=url, headers=headers, timeout=120, trust_env=False) as client:
            while not is_over.wait(0.1):
                for path in REST_PATHS:
                    began = time.perf_counter()
                    client.get(path).raise_for_status()
                    seconds.append(time.perf_counter() - began)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


@contextmanager
def _nobody(desk: Desk) -> Iterator[None]:
    time.sleep(desk.pause_seconds[0])  # the requests of the last block end
    yield


@contextmanager
def _crowd(desk: Desk, answers: Counter[str]) -> Iterator[None]:
    """Inside the with block the people use the desk; their answers are counted."""
    context = multiprocessing.get_context("spawn")
    is_answered, is_over, counted = context.Event(), context.Event(), context.Queue()
    crowd = context.Process(target=_use_desk, args=(desk, is_answered, is_over, counted))
    crowd.start()
    try:
        is_answered.wait(PATIENCE_SECONDS)
        time.sleep(2 * desk.pause_seconds[0])
        yield
    finally:
        is_over.set()
        answers.update(counted.get(timeout=PATIENCE_SECONDS))
        crowd.join(PATIENCE_SECONDS)


def _use_desk(desk: Desk, is_answered: Any, is_over: Any, counted: Any) -> None:
    # In reality people use other machines' processors. Linux shares a processor among sessions
    # first, so the session has to be nice too (sched(7), "The autogroup feature").
    os.setsid()
    os.nice(19)
    with suppress(FileNotFoundError):
        Path("/proc/self/autogroup").write_text("19")
    answers: Counter[str] = Counter()

    async def all_people() -> None:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(limits=limits, timeout=120, trust_env=False) as client:
            await asyncio.gather(
                *(
                    _person(desk, client, n, is_answered, is_over, answers)
                    for n in range(len(desk.headers))
                )
            )

    asyncio.run(all_people())
    counted.put(answers)


async def _person(
    desk: Desk,
    client: httpx.AsyncClient,
    number: int,
    is_answered: Any,
    is_over: Any,
    answers: Counter[str],
) -> None:
    chance = random.Random(number)  # noqa: S311  # the same requests in each run
    await asyncio.sleep(chance.uniform(0, desk.pause_seconds[1]))
    while not is_over.is_set():
        [kind] = chance.choices([*KINDS], [*KINDS.values()])
        url = f"{desk.url}{desk.path(kind, chance)}"
        try:
            answer = await client.get(url, headers=desk.headers[number])
        except httpx.RemoteProtocolError:  # the server closed a connection that was idle
            continue
        answers[f"{kind} {answer.status_code}"] += 1
        is_answered.set()
        if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            await asyncio.sleep(float(answer.headers["Retry-After"]))
        await asyncio.sleep(chance.uniform(*desk.pause_seconds))


def _spread(seconds: list[float]) -> tuple[float, float, float]:
    """The median, the 95th percentile and the longest."""
    cuts = quantiles(seconds, n=20, method="inclusive")
    return round(cuts[9], 3), round(cuts[18], 3), round(max(seconds), 3)
