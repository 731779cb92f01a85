"""The replica that is read has the primary's cluster and timeline, and was not restarted since."""

import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.rows import DictRow

from closebook.closes.hour import close_hour
from closebook.errors import Misconfigured, NotReady
from closebook.periods import hour_of
from closebook.platform import replica_status, replicas, source
from closebook.platform.connections import connect_to
from closebook.platform.fence import Fence, take_fence
from closebook.platform.replica_status import OpenReplica
from closebook.settings import Replica, Settings
from local.addresses import REPLICAS
from local.stack import Stack
from tests.books import Books
from tests.close_fixtures import ONE_REPLICA, RUN, hurried
from tests.platform_rows import Platform, utc

NINE = hour_of(utc("2026-10-15T09:00Z"))
A, B = REPLICAS
Connections = list[tuple[str, psycopg.Connection[DictRow]]]
"""To replicas, by name."""


# ---- the log of another primary ---------------------------------------------------------


@contextmanager
def promoted(stack: Stack, replica: str) -> Iterator[None]:
    """A replica that is promoted; afterwards it is created again as a replica."""
    try:
        with psycopg.connect(stack.replica_admin(replica), autocommit=True) as admin:
            assert admin.execute("select pg_promote(true, 60)").fetchone() == (True,)
        yield
    finally:
        stack.stop(replica)
        shutil.rmtree(stack.root / "servers" / replica)
        stack.up()


def test_after_a_failover_a_replica_of_the_old_primary_is_not_read(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    """Its log may be past the new primary's, with rows that the new primary never had."""
    platform.settle(NINE.start, 100)
    stack.replica_wait()
    with promoted(stack, B):
        platform.settle(NINE.start, 66_600)  # on the old primary, which is lost
        for _ in range(20):
            platform.open_account(int(time.monotonic() * 1e6))
        stack.replica_wait(A)
        new_primary = make_conninfo(settings.primary, port=stack.ports[B])
        failed_over = replace(settings, primary=new_primary)
        fence = take_fence(failed_over, NINE)
        assert replica_status.replica_status(settings.replicas[0]).replay_position > fence.position

        with pytest.raises(NotReady, match=f"{A} follows timeline 1, .* writes timeline 2"):
            close_hour(hurried(failed_over), NINE, ONE_REPLICA)

    assert books.versions(NINE) == []


# ---- a replica that refuses -------------------------------------------------------------


@contextmanager
def without_its_function(platform: Platform, stack: Stack) -> Iterator[None]:
    execute = platform.connection.execute
    execute("revoke execute on function reporting_source.wal_receiver() from closebook_reader")
    stack.replica_wait()
    try:
        yield
    finally:
        execute("grant execute on function reporting_source.wal_receiver() to closebook_reader")
        stack.replica_wait()


def test_replicas_that_do_not_report_their_replay_position_are_misconfigured(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    with (
        without_its_function(platform, stack),
        pytest.raises(Misconfigured, match=r"permission denied.*sql/platform/grants\.sql"),
    ):
        close_hour(settings, NINE, ONE_REPLICA)

    assert books.versions(NINE) == []


@pytest.mark.parametrize(
    "database",
    [
        pytest.param("platform", id="of another platform"),
        pytest.param("postgres", id="without the contract"),
    ],
)
def test_an_unfit_replica_is_passed_over_for_one_that_is_sound(
    stack: Stack, settings: Settings, platform: Platform, books: Books, database: str
) -> None:
    astray = replace(settings.replicas[0], conninfo=stack.reader(A, database))
    platform.settle(NINE.start, 100)

    close_hour(replace(settings, replicas=(astray, settings.replicas[1])), NINE, ONE_REPLICA)

    assert books.versions(NINE)[-1]["replica_name"] == B
    assert books.hour(NINE) == platform.volume(NINE)


# ---- connections ------------------------------------------------------------------------


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> Connections:
    """Every connection to a replica from here on, by its replica's name."""
    made: Connections = []

    def connect(replica: Replica) -> psycopg.Connection[DictRow]:
        connection = connect_to(replica)
        made.append((replica.name, connection))
        return connection

    for module in (replica_status, source):
        monkeypatch.setattr(module, "connect_to", connect)
    return made


def test_the_chosen_replica_is_read_on_the_connection_that_it_was_asked_on(
    settings: Settings,
    platform: Platform,
    connected: Connections,
) -> None:
    """A new connection takes as long as reading an hour."""
    platform.settle(NINE.start, 100)

    replicas.read(settings, NINE, lambda source: source.rows("hourly_volume/read", NINE.bounds))

    # Once a round of asking; a read of its own would be one more to one of them.
    times = Counter(name for name, _ in connected)
    assert set(times) == set(REPLICAS)
    assert len(set(times.values())) == 1
    assert all(connection.closed for _, connection in connected)


def test_connections_to_replicas_that_are_not_chosen_are_closed(
    stack: Stack,
    settings: Settings,
    platform: Platform,
    connected: Connections,
) -> None:
    elsewhere = replace(settings.replicas[0], conninfo=stack.reader(A, "platform"))
    unfit = replace(settings, replicas=(elsewhere, settings.replicas[1]))
    stack.pause_replay(B)
    platform.settle(NINE.start, 100)

    with pytest.raises(NotReady):
        close_hour(hurried(unfit), NINE, RUN)

    assert {name for name, _ in connected} == {A, B}
    assert all(connection.closed for _, connection in connected)


def test_the_connection_to_a_replica_that_refuses_a_query_is_closed(
    stack: Stack, settings: Settings, platform: Platform, connected: Connections
) -> None:
    with without_its_function(platform, stack), pytest.raises(Misconfigured):
        close_hour(settings, NINE, ONE_REPLICA)

    assert {name for name, _ in connected} == {A, B}
    assert all(connection.closed for _, connection in connected)


def test_a_cross_check_closes_its_connections_to_both_replicas(
    settings: Settings, platform: Platform, connected: Connections
) -> None:
    platform.settle(NINE.start, 100)

    close_hour(settings, NINE, RUN)

    assert {name for name, _ in connected} == {A, B}
    assert all(connection.closed for _, connection in connected)


def test_a_cross_check_without_a_second_replica_closes_its_connection_to_the_first(
    stack: Stack,
    settings: Settings,
    platform: Platform,
    connected: Connections,
) -> None:
    stack.pause_replay(B)
    platform.settle(NINE.start, 100)

    with pytest.raises(NotReady, match="no second replica"):
        close_hour(hurried(settings), NINE, RUN)

    assert {name for name, _ in connected} == {A, B}
    assert all(connection.closed for _, connection in connected)


# ---- between the choice and the read ----------------------------------------------------


class ChangeBeforeRead:
    """Does something to a replica once, after it was chosen and before it is read."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, happen: Callable[[OpenReplica], None]
    ) -> None:
        self.chosen: list[str] = []
        self._choose, self._happen = replicas.choose_replica, happen
        monkeypatch.setattr(replicas, "choose_replica", self)

    def __call__(self, settings: Settings, fence: Fence, avoided: Replica | None) -> OpenReplica:
        chosen = self._choose(settings, fence, avoided)
        if not self.chosen:
            self._happen(chosen)
        self.chosen.append(chosen.status.replica.name)
        return chosen


def test_a_replica_that_is_restarted_before_it_is_read_is_not_read(
    monkeypatch: pytest.MonkeyPatch,
    stack: Stack,
    settings: Settings,
    platform: Platform,
    books: Books,
) -> None:
    """Another server may answer there by now, one that is behind the fence."""

    def restart(chosen: OpenReplica) -> None:
        stack.stop(chosen.status.replica.name)
        stack.start(chosen.status.replica.name)

    platform.settle(NINE.start, 100)
    change = ChangeBeforeRead(monkeypatch, restart)

    close_hour(settings, NINE, ONE_REPLICA)

    first, second = change.chosen
    assert first != second
    assert books.versions(NINE)[-1]["replica_name"] == second
    assert books.hour(NINE) == platform.volume(NINE)


def test_a_replica_whose_connection_is_lost_before_it_is_read_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, platform: Platform, books: Books
) -> None:
    platform.settle(NINE.start, 100)
    change = ChangeBeforeRead(monkeypatch, lambda chosen: chosen.connection.close())

    close_hour(settings, NINE, ONE_REPLICA)

    first, second = change.chosen
    assert first != second
    assert books.versions(NINE)[-1]["replica_name"] == second


def test_a_replica_that_is_promoted_before_it_is_read_is_not_read(
    monkeypatch: pytest.MonkeyPatch,
    stack: Stack,
    settings: Settings,
    platform: Platform,
    books: Books,
) -> None:
    platform.settle(NINE.start, 100)
    with ExitStack() as until_rebuilt:
        change = ChangeBeforeRead(
            monkeypatch,
            lambda chosen: until_rebuilt.enter_context(promoted(stack, chosen.status.replica.name)),
        )
        close_hour(settings, NINE, ONE_REPLICA)

    first, second = change.chosen
    assert first != second
    assert books.versions(NINE)[-1]["replica_name"] == second
    assert books.hour(NINE) == platform.volume(NINE)
