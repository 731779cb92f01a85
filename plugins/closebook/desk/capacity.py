"""The share of the API server that the desk may use: its own threads, and requests at once.

Airflow serves its pages, its REST API and the API of its tasks with one shared set of threads in
the same process. The desk uses none of these threads. Its work runs in lanes: a lane is a small
number of threads for work that waits for the same kind of server. A server that hangs holds the
threads of its lane, and nothing else.

Who may wait is limited too: a request beyond the limit of its person, or of all, gets HTTP 429.
"""

import asyncio
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from functools import partial
from threading import Condition, Lock, Thread
from typing import Any, TypeVar

from closebook.errors import Transient

Result = TypeVar("Result")

MAX_WAIT_SECONDS = 10.0
"""How long work waits for a thread of its lane."""
MAX_WORK_SECONDS = 30.0
"""How long a request waits for work that has begun. The thread is not free before the work ends."""
RETRY_AFTER_SECONDS = 3
SWITCH_SECONDS = 0.0005


class DeskBusy(Transient):
    """The desk does not begin this request, because too many others are under way."""

    def __init__(self, limit: str) -> None:
        super().__init__(
            "CB-RETRY-DESK-BUSY",
            f"the desk has too many requests at once ({limit}); load the page again in a few "
            "seconds",
        )


def shorten_thread_switch_interval() -> None:
    """Make Python switch between threads every 0.5 ms in this process, instead of every 5 ms.

    Airflow's event loop needs Python's global lock (GIL) several times for each request, and each
    time may have to wait one interval for each busy thread: with five busy threads of the desk
    25 ms.
    """
    sys.setswitchinterval(min(sys.getswitchinterval(), SWITCH_SECONDS))


class ConcurrencyLimit:
    """A limit for how many may run at once: in all, and of one person."""

    def __init__(self, what: str, most: int, most_of_one_person: int) -> None:
        self._what = what
        self._most = most
        self._most_of_one_person = most_of_one_person
        self._lock = Lock()
        self._used: Counter[str] = Counter()

    @contextmanager
    def slot(self, person: str) -> Iterator[None]:
        """Use a slot until the end of the block. Raises DeskBusy if none is free."""
        with self._lock:
            if self._used[person] >= self._most_of_one_person:  # guard: desk.places-of-one-person
                raise DeskBusy(f"{self._most_of_one_person} {self._what} of one person")
            if self._used.total() >= self._most:  # guard: desk.places-in-all
                raise DeskBusy(f"{self._most} {self._what} in all")
            self._used[person] += 1
        try:
            yield
        finally:
            with self._lock:
                self._used[person] -= 1
                self._used += Counter()  # drops persons who use no slot


@dataclass(frozen=True)
class _AdmittedRequest:
    """A request that was admitted. ``on_answer`` is closed when it was answered."""

    person: str
    on_answer: ExitStack = field(default_factory=ExitStack)


_REQUESTS = ConcurrencyLimit("requests", 64, 10)
_NO_REQUEST = _AdmittedRequest("")
_current_request: ContextVar[_AdmittedRequest] = ContextVar(
    "closebook_desk_request", default=_NO_REQUEST
)


@contextmanager
def admitted(person: str) -> Iterator[None]:
    """Admit a request of a person until it is answered. Raises DeskBusy."""
    with ExitStack() as on_answer:
        on_answer.enter_context(_REQUESTS.slot(person))
        token = _current_request.set(_AdmittedRequest(person, on_answer))
        try:
            yield
        finally:
            _current_request.reset(token)


@dataclass(frozen=True, eq=False)
class _Job:
    person: str
    work: Callable[[], Any]
    outcome: "Future[Any]" = field(default_factory=Future)

    def run(self) -> None:
        if not self.outcome.set_running_or_notify_cancel():
            return
        try:
            self.outcome.set_result(self.work())
        except BaseException as error:  # the request that waits raises it again
            self.outcome.set_exception(error)


class Lane:
    """A few threads for one kind of work, of which one person gets only some at a time.

    ``limit`` is for the requests that use this lane until they are answered completely, such as
    downloads that take minutes.
    """

    def __init__(
        self, name: str, threads: int, *, of_one_person: int, limit: ConcurrencyLimit | None = None
    ) -> None:
        self.name = name
        self.thread_count = threads
        self._of_one_person = of_one_person
        self._limit = limit
        self._changed = Condition()
        self._waiting: deque[_Job] = deque()
        self._running: Counter[str] = Counter()
        self._is_started = False

    def take_slot(self) -> None:
        """Use a slot of the lane until the current request is answered. Raises DeskBusy."""
        if self._limit is not None:
            request = _current_request.get()
            request.on_answer.enter_context(self._limit.slot(request.person))

    async def run(self, work: Callable[[], Result]) -> Result:
        """Run the work in a thread of this lane, and return what it returns.

        Raises DeskBusy if no thread is free in time, and Transient if the work does not end in
        time. It then goes on in its thread, which nobody can end.
        """
        job = _Job(_current_request.get().person, partial(copy_context().run, work))
        self._add(job)
        outcome = asyncio.wrap_future(job.outcome)
        outcome.add_done_callback(_retrieve_exception)
        try:
            await asyncio.wait({outcome}, timeout=MAX_WAIT_SECONDS)
            if job.outcome.cancel():
                raise DeskBusy(f"no free thread for {self.name} within {MAX_WAIT_SECONDS:g} s")
            await asyncio.wait({outcome}, timeout=MAX_WORK_SECONDS)
            if not outcome.done():
                raise Transient(
                    "CB-RETRY-DESK-WORK-TOO-LONG",
                    f"the desk waited more than {MAX_WORK_SECONDS:g} s for {self.name}: see "
                    "whether the reporting store and the document store answer",
                )
            result: Result = outcome.result()
            return result
        finally:
            # The client may be gone before the work began.
            if job.outcome.cancel():
                self._remove(job)

    def _add(self, job: _Job) -> None:
        with self._changed:
            self._waiting.append(job)
            self._changed.notify_all()
            if not self._is_started:
                self._is_started = True
                for number in range(self.thread_count):
                    # Daemons: a hanging document store must not keep the process from ending.
                    name = f"closebook desk: {self.name} {number + 1}"
                    Thread(target=self._serve, name=name, daemon=True).start()

    def _remove(self, job: _Job) -> None:
        with self._changed:
            if job in self._waiting:
                self._waiting.remove(job)

    def _serve(self) -> None:
        while True:
            with self._changed:
                while (job := self._next()) is None:
                    self._changed.wait()
                self._waiting.remove(job)
                self._running[job.person] += 1
            job.run()
            with self._changed:
                self._running[job.person] -= 1
                self._running += Counter()
                self._changed.notify_all()

    def _next(self) -> _Job | None:
        """Return the first job of a person who has a thread left."""
        for job in self._waiting:
            # guard: desk.threads-of-one-person
            if self._running[job.person] < self._of_one_person:
                return job
        return None


def _retrieve_exception(outcome: "asyncio.Future[Any]") -> None:
    # Otherwise asyncio logs the text of an error for which no request waits any more.
    if not outcome.cancelled():
        outcome.exception()


# Airflow's log-in and permissions, and what needs no server.
ACCESS = Lane("the log-in", 2, of_one_person=1)
# The reporting store.
PAGES = Lane("a page", 3, of_one_person=2)
# The reporting store, then the document store.
DOCUMENTS = Lane("a document", 2, of_one_person=1)
PICTURES = Lane("a picture of a page", 2, of_one_person=1)
ZIPS = Lane("a ZIP", 2, of_one_person=1, limit=ConcurrencyLimit("ZIPs", 4, 2))
# The counter in Redis and the metrics: programs ask for them again and again.
POLLS = Lane("the counter or the metrics", 2, of_one_person=1)

LANES = (ACCESS, PAGES, DOCUMENTS, PICTURES, ZIPS, POLLS)
