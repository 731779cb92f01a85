"""The desk's own threads and its limits: no request of a person uses what Airflow needs."""

import asyncio
import re
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import date
from typing import Annotated, Any

import psycopg
import pytest
from cryptography.fernet import Fernet
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.responses import StreamingResponse
from psycopg.conninfo import make_conninfo
from starlette.exceptions import HTTPException
from starlette.types import Message

from closebook.desk import audit_log, capacity, client_limits
from closebook.desk.app import make_app, process_app
from closebook.desk.capacity import ConcurrencyLimit, DeskBusy, Lane, admitted
from closebook.desk.client_limits import limited_receive, limited_send
from closebook.desk.current_user import User
from closebook.desk.desk_route import DeskRoute, desk_router
from closebook.desk.downloads import ZipResponse
from closebook.desk.zip_archive import ZipArchive, ZipEntry, section_of
from closebook.errors import Transient
from closebook.settings.desk_settings import DeskSettings
from closebook.store import session
from closebook.store.session import on_store
from local import PLUGINS, REPOSITORY
from local.databases import sql_file
from local.stack import Stack
from tests.decisions import DECISION_KEY

LIMITS = {
    "statement_timeout": "15s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "10s",
}


# ---- where a route runs ------------------------------------------------------------------


def calls(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for each in dependant.dependencies:
        yield from calls(each)


@pytest.mark.parametrize(
    "route", make_app().routes, ids=lambda route: f"{min(route.methods)} {route.path}"
)
def test_neither_a_route_nor_its_dependencies_run_in_the_threads_of_airflow(route: Any) -> None:
    assert isinstance(route, DeskRoute)
    # FastAPI runs everything that is not a coroutine in the shared threads.
    assert all(each.is_coroutine_callable for each in calls(route.dependant))
    assert route.lane in capacity.LANES


def test_a_route_that_is_a_coroutine_is_refused_when_it_is_declared() -> None:
    async def on_the_event_loop() -> Response:
        return Response()

    with pytest.raises(TypeError, match="event loop"):
        desk_router(capacity.PAGES).get("/late")(on_the_event_loop)


def test_a_dependency_in_the_threads_of_airflow_is_refused_when_it_is_declared() -> None:
    def dependency() -> None: ...

    def route(_needed: Annotated[None, Depends(dependency)]) -> Response:
        return Response()

    with pytest.raises(TypeError, match="dependency"):
        desk_router(capacity.PAGES).get("/")(route)


async def never(_message: Message | None = None) -> Message:
    await asyncio.Event().wait()
    raise AssertionError


def finish(work: Awaitable[Any]) -> None:
    async def run() -> None:
        async with asyncio.timeout(10):
            await work

    asyncio.run(run())


def answer_of(router: APIRouter, path: str) -> tuple[int, bytes]:
    """The status and the content of a route's answer, without middleware."""
    app = FastAPI(openapi_url=None)
    app.include_router(router)
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b""}
    finish(app(scope, never, send))
    return sent[0]["status"], b"".join(each.get("body", b"") for each in sent)


def test_a_route_and_each_piece_of_a_zip_run_in_a_thread_of_the_lane() -> None:
    names: list[str] = []

    def content() -> Iterator[bytes]:
        names.append(threading.current_thread().name)
        yield b"a document"

    router = desk_router(capacity.ZIPS)

    @router.get("/zip")
    def zip_route() -> ZipResponse:
        names.append(threading.current_thread().name)
        entry = ZipEntry("a.pdf", len(b"a document"), lambda _: content())
        archive = ZipArchive([section_of([entry])], date(2026, 10, 1), "a test")
        return ZipResponse(archive, "a.zip")

    status, body = answer_of(router, "/zip")

    assert status == 200
    assert b"a document" in body
    assert len(names) == 2
    assert all(name.startswith("closebook desk: a ZIP") for name in names)


def test_an_answer_that_the_threads_of_airflow_would_send_is_refused() -> None:
    router = desk_router(capacity.PAGES)

    @router.get("/stream")
    def stream() -> StreamingResponse:
        return StreamingResponse(iter([b"a"]))

    with pytest.raises(TypeError, match="Airflow's threads would send"):
        answer_of(router, "/stream")


def test_python_changes_to_airflows_event_loop_at_once() -> None:
    before = sys.getswitchinterval()
    process_app.cache_clear()
    try:
        process_app()
        assert sys.getswitchinterval() <= 0.001
    finally:
        sys.setswitchinterval(before)


# ---- lanes and places ---------------------------------------------------------------------


@contextmanager
def blocked(lane: Lane, person: str, count: int = 1) -> Iterator[threading.Event]:
    """Inside the with block, work of this person hangs in as many threads as the person gets."""
    gate, begun = threading.Event(), threading.Semaphore(0)

    def hang() -> None:
        begun.release()
        gate.wait(30)

    def run() -> None:
        with admitted(person):
            asyncio.run(lane.run(hang))

    with ThreadPoolExecutor(count) as pool:
        for _ in range(count):
            pool.submit(run)
        for _ in range(count):
            assert begun.acquire(timeout=60)
        try:
            yield gate
        finally:
            gate.set()


def run_as(person: str, lane: Lane, work: Callable[[], Any]) -> Any:
    with admitted(person):
        return asyncio.run(lane.run(work))


@contextmanager
def patience() -> Iterator[None]:
    """Inside the with block, work that has to be done may take as long as a busy machine needs."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(capacity, "MAX_WAIT_SECONDS", 60)
        patched.setattr(capacity, "MAX_WORK_SECONDS", 60)
        yield


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capacity, "MAX_WAIT_SECONDS", 0.3)
    monkeypatch.setattr(capacity, "MAX_WORK_SECONDS", 0.3)


@pytest.mark.usefixtures("short_waits")
def test_one_person_whose_work_hangs_leaves_a_thread_to_others() -> None:
    lane = Lane("a test", 2, of_one_person=1)
    with blocked(lane, "ada"):
        with pytest.raises(DeskBusy, match=r"no free thread for a test within 0\.3 s"):
            run_as("ada", lane, lambda: "not begun")
        with patience():
            assert run_as("bob", lane, lambda: "done") == "done"
    with patience():
        assert run_as("ada", lane, lambda: "done") == "done"


@pytest.mark.usefixtures("short_waits")
def test_work_for_which_nobody_waits_any_more_is_not_begun() -> None:
    lane = Lane("a test", 1, of_one_person=1)
    begun: list[str] = []
    with blocked(lane, "ada"), pytest.raises(DeskBusy):
        run_as("bob", lane, lambda: begun.append("too late"))
    with patience():
        assert run_as("bob", lane, lambda: begun) == []
    assert not lane._waiting


@pytest.mark.usefixtures("short_waits")
def test_a_request_does_not_wait_for_work_that_hangs_and_its_thread_stays_taken() -> None:
    lane = Lane("a test", 1, of_one_person=1)
    gate = threading.Event()
    with pytest.raises(Transient, match=r"waited more than 0\.3 s for a test"):
        run_as("ada", lane, lambda: gate.wait(30))
    with pytest.raises(DeskBusy):
        run_as("ada", lane, lambda: "not begun")
    gate.set()
    with patience():
        assert run_as("ada", lane, lambda: "done") == "done"


def test_what_the_work_raises_reaches_the_request() -> None:
    def fail() -> None:
        raise LookupError("no such row")

    with pytest.raises(LookupError, match="no such row"):
        run_as("ada", Lane("a test", 1, of_one_person=1), fail)


def test_work_that_hangs_does_not_keep_the_process_from_ending() -> None:
    script = (
        "import asyncio, time; from closebook.desk import capacity as c; c.MAX_WORK_SECONDS=0.1"
        "\nc.MAX_WAIT_SECONDS=0.1\ntry: asyncio.run(c.PAGES.run(lambda: time.sleep(60)))\n"
        "except Exception as error: print(type(error).__name__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": str(PLUGINS)},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stdout == "Transient\n"


def test_a_person_gets_some_places_and_leaves_the_rest_to_others() -> None:
    limit = ConcurrencyLimit("requests", 3, 2)
    with ExitStack() as ada:
        ada.enter_context(limit.slot("ada"))
        ada.enter_context(limit.slot("ada"))
        with pytest.raises(DeskBusy, match="2 requests of one person"), limit.slot("ada"):
            pass
        with limit.slot("bob"), pytest.raises(DeskBusy, match="3 requests in all"):
            ada.enter_context(limit.slot("eve"))
    # And all places are free again, those of the refused ones too
    with ExitStack() as others:
        for person in ("bob", "eve", "bob"):
            others.enter_context(limit.slot(person))


def test_a_place_of_a_zip_is_taken_until_the_request_is_answered() -> None:
    lane = Lane("a ZIP", 1, of_one_person=1, limit=ConcurrencyLimit("ZIPs", 1, 1))
    with admitted("ada"):
        lane.take_slot()
        with admitted("bob"), pytest.raises(DeskBusy, match="1 ZIPs in all"):
            lane.take_slot()
    with admitted("bob"):
        lane.take_slot()


# ---- clients ------------------------------------------------------------------------------


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_limits, "MAX_SILENCE_SECONDS", 0.2)


@pytest.mark.usefixtures("impatient")
def test_a_client_that_does_not_take_its_answer_is_given_up() -> None:
    send = limited_send(never)  # type: ignore[arg-type]
    with pytest.raises(TimeoutError):
        finish(send({"type": "http.response.body", "body": b"a"}))


@pytest.mark.usefixtures("impatient")
def test_a_client_that_does_not_finish_its_form_is_given_up() -> None:
    with pytest.raises(HTTPException) as caught:
        finish(limited_receive(never)())
    assert caught.value.status_code == 408


def test_a_long_answer_is_sent_piece_by_piece() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    body = bytes(range(256)) * 1000
    finish(limited_send(send)({"type": "http.response.body", "body": body}))

    assert b"".join(each["body"] for each in sent) == body
    assert max(len(each["body"]) for each in sent) == client_limits.PIECE_BYTES
    assert [each["more_body"] for each in sent] == [True] * (len(sent) - 1) + [False]


# ---- the reporting store -------------------------------------------------------------------


def test_the_role_of_the_desk_has_limits_of_time_and_of_connections(
    stack: Stack, store_template: str
) -> None:
    with psycopg.connect(stack.desk(store_template), autocommit=True) as desk:
        role = desk.execute(
            "select rolconnlimit, rolconfig from pg_roles where rolname = current_user"
        ).fetchone()
    assert role is not None
    # The lanes of three processes of the API server; one lane uses no store.
    threads = sum(lane.thread_count for lane in capacity.LANES if lane is not capacity.ACCESS)
    assert 3 * threads <= role[0] < 50
    assert dict(each.split("=") for each in role[1]) == LIMITS


def test_the_session_of_the_desk_has_the_limits_of_its_role() -> None:
    session = (REPOSITORY / "sql" / "session" / "limit_desk.sql").read_text("utf-8")
    in_session = dict(re.findall(r"set_config\('(\w+)', '(\w+)', false\)", session))
    in_role = dict(
        re.findall(
            r"alter role closebook_desk set (\w+) = '(\w+)'",
            sql_file("reporting", "roles").decode(),
        )
    )
    assert in_session == in_role == LIMITS


@pytest.fixture
def desk_settings(stack: Stack, store_database: str) -> DeskSettings:
    return DeskSettings(stack.desk(store_database), stack.redis_app, "file:///nowhere", "UTC")


def test_the_desk_waits_for_a_lock_no_longer_than_its_limit(
    stack: Stack, desk_settings: DeskSettings, store_database: str
) -> None:
    with psycopg.connect(stack.store_owner(store_database)) as owner:
        # Without the limits of the role: an installation may lack them.
        settings = replace(
            desk_settings,
            store=make_conninfo(desk_settings.store, options="-c lock_timeout=0"),
        )
        owner.execute("select pg_advisory_lock(7)")
        began = time.monotonic()
        with pytest.raises(Transient, match="lock timeout"), on_store(settings) as store:
            store.execute("select pg_advisory_lock(7)")
        # Not for ever; how long beyond the limit depends on how busy the machine is.
        assert 4 < time.monotonic() - began < 60


def test_the_desk_hangs_up_on_a_store_that_does_not_answer(
    desk_settings: DeskSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "DESK_SECONDS", 1.0)
    began = time.monotonic()
    with pytest.raises(Transient, match="no answer within 1 s"), on_store(desk_settings) as store:
        store.execute("select pg_sleep(60)")
    assert time.monotonic() - began < 30


def test_after_its_entry_a_request_holds_up_nobody_elses_entry(
    desk_settings: DeskSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_log, "decision_key", lambda: DECISION_KEY)
    request = Request({"type": "http", "client": ("127.0.0.1", 1), "state": {}})
    request.state.user = User("4711", "ada", frozenset(), "", Fernet(Fernet.generate_key()))
    with on_store(desk_settings) as one, on_store(desk_settings) as other:
        audit_log.record(one, request, "looked", "volume")
        audit_log.record(other, request, "looked", "volume")
