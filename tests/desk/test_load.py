"""Many requests to the desk, and servers that hang: Airflow and the closes have their time."""

import asyncio
import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from closebook.periods import hour_of
from closebook.statements.document_store import StoredDocument
from local.airflow_api import AirflowApi
from local.people import people
from tests.airflow_runs import DAGS, wait_for_run
from tests.desk.conftest import ADA, GRACE, MARY, Desk, moved_away

# Airflow answers within 0.1 s on a machine that is not busy; without the desk's own threads it
# answered after 60 s or more.
IN_TIME_SECONDS = 5.0
CLOSED_SECONDS = 60.0
OLD_ZIP = "/statements/months/2024-03/zip"
LOG_LOCK = "select pg_advisory_lock(hashtextextended('closebook desk log', 0))"

pytestmark = pytest.mark.usefixtures("ready")


@dataclass
class Watch:
    """Asks Airflow's REST API and its API of tasks all the time, and keeps how long each took."""

    desk: Desk
    seconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    is_over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        stack = self.desk.stack
        with AirflowApi.login(stack.ui_url, "admin", stack.credentials["admin"]) as api:
            while not self.is_over.wait(0.1):
                for path in ("/api/v2/monitor/health", "/api/v2/dags", "/execution/health"):
                    began = time.monotonic()
                    try:
                        api.client.get(path, timeout=30).raise_for_status()
                    except httpx.HTTPError as error:
                        self.failures.append(f"{path}: {error!r}")
                    self.seconds.append(time.monotonic() - began)


@contextmanager
def airflow_in_time(desk: Desk) -> Iterator[Watch]:
    """Fails unless Airflow answers in time inside the with block."""
    watch = Watch(desk)
    thread = threading.Thread(target=watch.run)
    thread.start()
    try:
        yield watch
        time.sleep(0.5)
    finally:
        watch.is_over.set()
        thread.join()
    assert not watch.failures
    assert len(watch.seconds) > 3
    assert max(watch.seconds) < IN_TIME_SECONDS


@pytest.fixture(scope="module")
def ready(desk: Desk) -> None:
    """All DAGs are known, and the first of each page is made."""
    stack = desk.stack
    with AirflowApi.login(stack.ui_url, "admin", stack.credentials["admin"]) as api:
        api.wait_for_dags(DAGS, seconds=60)
    assert desk.get("finance", f"{desk.path('october', ADA)}/pages/1/picture").status_code == 200


@pytest.fixture(scope="module")
def crowd(desk: Desk) -> Iterator[list[dict[str, str]]]:
    """The headers of 20 people with the role of finance."""
    stack = desk.stack
    with people(stack, 20, like="finance") as names:
        tokens = []
        for name in names:
            body = {"username": name, "password": stack.credentials["finance"]}
            answer = httpx.post(f"{stack.ui_url}/auth/token", json=body, trust_env=False)
            tokens.append({"Authorization": f"Bearer {answer.json()['access_token']}"})
        yield tokens


def all_at_once(
    desk: Desk, requests: Sequence[tuple[dict[str, str], str]], seconds: float = 90
) -> list[httpx.Response]:
    async def send() -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(timeout=seconds, limits=limits, trust_env=False) as client:
            return await asyncio.gather(
                *(client.get(f"{desk.url}{path}", headers=headers) for headers, path in requests)
            )

    return asyncio.run(send())


def close_an_hour(desk: Desk) -> float:
    """Close an hour of the stack's platform through Airflow; return the seconds it took."""
    stack = desk.stack
    with AirflowApi.login(stack.ui_url, "admin", stack.credentials["admin"]) as api:
        api.unpause("hourly_platform_volume")
        began = time.monotonic()
        hour = hour_of(datetime.now(UTC) - timedelta(hours=5)).start
        run = api.post(
            "dags/hourly_platform_volume/dagRuns",
            {"logical_date": None, "conf": {"hour": hour.isoformat(), "reason": "a test"}},
        )
        wait_for_run(api, "hourly_platform_volume", run["dag_run_id"])
        return time.monotonic() - began


def test_a_hundred_pictures_at_once_stop_neither_airflow_nor_a_close(
    desk: Desk, crowd: list[dict[str, str]]
) -> None:
    picture = f"{desk.path('october', MARY)}/pages/1/picture"
    is_over = threading.Event()
    answers: list[httpx.Response] = []

    def look() -> None:
        while not is_over.is_set():
            answers.extend(all_at_once(desk, [(headers, picture) for headers in crowd * 5]))

    with airflow_in_time(desk):
        crowd_thread = threading.Thread(target=look)
        crowd_thread.start()
        try:
            time.sleep(1)
            seconds = close_an_hour(desk)
        finally:
            is_over.set()
            crowd_thread.join()

    assert seconds < CLOSED_SECONDS
    statuses = Counter(answer.status_code for answer in answers)
    assert set(statuses) == {200, 429}
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.headers["Retry-After"] == "3"
    assert refused.headers["Content-Type"].startswith("text/plain")
    assert "CB-RETRY-DESK-BUSY" in refused.text


def test_one_person_with_many_requests_leaves_the_desk_to_the_others(
    desk: Desk, crowd: list[dict[str, str]]
) -> None:
    picture = f"{desk.path('october', MARY)}/pages/1/picture"
    requests = [(crowd[0], picture)] * 60
    answers: list[httpx.Response] = []
    one = threading.Thread(target=lambda: answers.extend(all_at_once(desk, requests)))
    one.start()
    try:
        time.sleep(0.5)
        [other] = all_at_once(desk, [(crowd[1], picture)])
    finally:
        one.join()
    assert other.status_code == 200
    assert sum(answer.status_code == 429 for answer in answers) >= 60 - 10
    assert "10 requests of one person" in str([answer.text for answer in answers])


def test_a_lock_that_is_held_on_the_audit_log_stops_neither_airflow_nor_a_close(
    desk: Desk, crowd: list[dict[str, str]]
) -> None:
    paths = ("/statements", desk.path("october", ADA), f"{desk.path('october', ADA)}/pdf")
    requests = [(headers, path) for headers in crowd for path in paths]
    with airflow_in_time(desk), desk.owner() as owner:
        owner.execute(LOG_LOCK.encode())
        began = time.monotonic()
        closing: list[float] = []
        close = threading.Thread(target=lambda: closing.append(close_an_hour(desk)))
        close.start()
        answers = all_at_once(desk, requests)
        took = time.monotonic() - began
        close.join()
    assert closing[0] < CLOSED_SECONDS
    assert {answer.status_code for answer in answers} == {429, 503}
    assert "lock timeout" in str([answer.text for answer in answers])
    assert took < 45
    assert desk.get("finance", "/statements").status_code == 200


def test_fifteen_zips_that_nobody_reads_stop_neither_airflow_nor_the_pages(
    desk: Desk, crowd: list[dict[str, str]], ten_thousand: StoredDocument
) -> None:
    at = urlsplit(desk.stack.ui_url)
    with ExitStack() as lines, airflow_in_time(desk):
        statuses = []
        for headers in crowd[:15]:
            line = lines.enter_context(socket.create_connection((at.hostname, at.port), 60))
            line.sendall(
                f"GET /closebook{OLD_ZIP} HTTP/1.1\r\nHost: {at.netloc}\r\n"
                f"Authorization: {headers['Authorization']}\r\n\r\n".encode()
            )
            statuses.append(int(line.recv(64).split(b" ", 2)[1]))
        began = time.monotonic()
        pages = all_at_once(desk, [(headers, "/statements") for headers in crowd[15:]])
        assert [page.status_code for page in pages] == [200] * 5
        assert time.monotonic() - began < IN_TIME_SECONDS
        assert Counter(statuses) == {200: 4, 429: 11}
        # After half a minute the clients that do not read are given up.
        deadline = time.monotonic() + 60
        while desk.get("approver", "/statements/months/2026-10/zip").status_code == 429:
            assert time.monotonic() < deadline
            time.sleep(1)


@contextmanager
def unreadable(desk: Desk, account_id: int) -> Iterator[str]:
    """Inside the with block, whoever reads an account's document waits. Yields its path."""
    [row] = desk.rows(
        "select object_name from reporting.statement_documents"
        " where close_id = %s and account_id = %s",
        desk.closes["october"],
        account_id,
    )
    document = Path(desk.stack.root / "documents" / str(row["object_name"]))
    with moved_away(document):
        os.mkfifo(document)  # a pipe to which nobody writes
        try:
            yield f"{desk.path('october', account_id)}/pdf"
        finally:
            # Whoever waits gets an end of file. It may be several, one after the other.
            deadline = time.monotonic() + 3
            while time.monotonic() < deadline:
                os.close(os.open(document, os.O_RDWR | os.O_NONBLOCK))
                time.sleep(0.05)


def test_a_document_that_cannot_be_read_holds_up_one_person_only(
    desk: Desk, crowd: list[dict[str, str]]
) -> None:
    answers: list[httpx.Response] = []
    with airflow_in_time(desk), unreadable(desk, GRACE) as path:
        requests = [(crowd[0], path)] * 4
        one = threading.Thread(target=lambda: answers.extend(all_at_once(desk, requests)))
        one.start()
        time.sleep(2)
        began = time.monotonic()
        others = all_at_once(
            desk,
            [
                (crowd[1], f"{desk.path('october', ADA)}/pdf"),
                (crowd[2], "/statements"),
                (crowd[0], "/statements"),
            ],
        )
        took = time.monotonic() - began
        one.join()
    assert [other.status_code for other in others] == [200, 200, 200]
    assert took < IN_TIME_SECONDS
    assert Counter(answer.status_code for answer in answers) == {503: 1, 429: 3}
    assert "CB-RETRY-DESK-WORK-TOO-LONG" in str([answer.text for answer in answers])
    [again] = all_at_once(desk, [(crowd[0], path)])
    assert again.status_code == 200


def test_a_document_store_that_hangs_stops_neither_airflow_nor_other_pages(
    desk: Desk, crowd: list[dict[str, str]]
) -> None:
    answers: list[httpx.Response] = []
    with airflow_in_time(desk), unreadable(desk, GRACE) as path:
        requests = [(headers, path) for headers in crowd * 3]
        all_people = threading.Thread(target=lambda: answers.extend(all_at_once(desk, requests)))
        all_people.start()
        time.sleep(2)
        pages = all_at_once(desk, [(headers, "/statements") for headers in crowd[:2]])
        closed_seconds = close_an_hour(desk)
        all_people.join()
    assert [page.status_code for page in pages] == [200, 200]
    assert closed_seconds < CLOSED_SECONDS
    assert {answer.status_code for answer in answers} == {429, 503}


def test_a_reporting_store_that_does_not_answer_stops_neither_airflow_nor_the_log_in(
    desk: Desk, crowd: list[dict[str, str]]
) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        store_of_the_desk_at(desk, silent.getsockname()[1]),
        airflow_in_time(desk),
    ):
        began = time.monotonic()
        requests = [(headers, "/statements") for headers in crowd * 5]
        answers = all_at_once(desk, requests)
        first_page = httpx.get(f"{desk.url}/", headers=crowd[0], trust_env=False, timeout=30)
        took = time.monotonic() - began
    assert {answer.status_code for answer in answers} <= {429, 503}
    assert first_page.status_code == 200
    assert took < 45
    assert desk.get("finance", "/statements").status_code == 200


@contextmanager
def store_of_the_desk_at(desk: Desk, port: int) -> Iterator[None]:
    """Inside the with block, the desk's connection leads to another port."""
    stack = desk.stack

    def point_to(api: AirflowApi, to: int) -> None:
        api.client.patch(
            "/api/v2/connections/closebook_desk",
            params={"update_mask": "port"},
            json={"connection_id": "closebook_desk", "conn_type": "postgres", "port": to},
        ).raise_for_status()

    with AirflowApi.login(stack.ui_url, "admin", stack.credentials["admin"]) as api:
        before = int(api.get("connections/closebook_desk")["port"])
        point_to(api, port)
        try:
            yield
        finally:
            point_to(api, before)


def test_a_form_that_is_too_large_is_refused(desk: Desk) -> None:
    answer = desk.post("finance", "/statements", holder="x" * 300_000)
    assert answer.status_code == 413
