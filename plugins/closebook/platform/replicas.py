"""Choose a replica that is past the fence, and read it; if it fails, choose another one."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from typing import TypeVar

from closebook.errors import ClosebookError, Misconfigured, NotReady, Transient
from closebook.keys import BIGINT_KEYS, KeyTypes
from closebook.periods import Period
from closebook.platform.fence import Fence, take_fence
from closebook.platform.replica_status import (
    OpenReplica,
    ReplicaLost,
    ReplicaStatus,
    open_replica,
    replica_is_primary,
)
from closebook.platform.source import Source, connected, read_transaction, roll_back
from closebook.platform.unreadable_rows import UnreadableRow, located
from closebook.settings import Replica, Settings

FIRST_PAUSE_SECONDS = 0.05
MAX_PAUSE_SECONDS = 1.0

Result = TypeVar("Result")
OpenSource = Callable[[], AbstractContextManager[Source]]


def read(
    settings: Settings,
    period: Period,
    work: Callable[[Source], Result],
    check_fence: Callable[[Fence], None] = lambda _: None,
    keys: KeyTypes = BIGINT_KEYS,
) -> Result:
    """Do the work in one read transaction on a replica that provably holds the whole period.

    ``check_fence`` is called before a replica is chosen. If it raises an error, the read ends.
    ``keys`` are the types of the store's keys.
    If the replica fails, the work starts again from the beginning, on another replica if there is
    one. If a view cannot compute a value, the work starts again without the values of the period
    that fail, if they can be left out. Raises NotReady if the period may still change or no replica
    has it yet, Transient if replicas failed ``read_attempts`` times, Misconfigured if no replica
    can be read as configured, WrongData if a view cannot compute a value that the work needs.
    """
    fence = take_fence(settings, period)
    check_fence(fence)
    avoided: Replica | None = None
    for attempt in range(settings.read_attempts):
        with choose_replica(settings, fence, avoided) as chosen:
            try:
                return _done(settings, period, fence, chosen, keys, work)
            except ReplicaLost as error:
                avoided, last_error = chosen.status.replica, error
        time.sleep(FIRST_PAUSE_SECONDS * 2**attempt)
    raise Transient(
        "CB-RETRY-READ-FAILED",
        f"{period}: reading failed {settings.read_attempts} times, last on "
        f"{chosen.status.replica.name}: {last_error}",
    )


def read_both(
    settings: Settings,
    period: Period,
    work: Callable[[Source, OpenSource], Result],
    check_fence: Callable[[Fence], None] = lambda _: None,
    keys: KeyTypes = BIGINT_KEYS,
) -> Result:
    """Do the work in a read transaction on each of two replicas that are past the same fence.

    The second transaction begins when the work opens it. Raises Misconfigured if there is only
    one replica, NotReady if only one can be read, Transient if a replica fails, since no third
    one is chosen; else as `read` does.
    """
    if len(settings.replicas) == 1:
        raise Misconfigured(
            "CB-CONFIG-CROSS-CHECK-ONE-REPLICA",
            "a cross-check needs two replicas and CLOSEBOOK_REPLICAS names one: switch cross_check "
            "off, or name another",
        )
    fence = take_fence(settings, period)
    check_fence(fence)
    # The second read may begin minutes later, and an idle connection may be cut in that time. So
    # each replica gets a new connection when it is read.
    first = _chosen_status(settings, fence)
    # guard: cross-check.two-replicas
    others = tuple(r for r in settings.replicas if r != first.replica)
    try:
        second = _chosen_status(replace(settings, replicas=others), fence)
    except NotReady as error:
        raise NotReady("CB-WAIT-NO-SECOND-REPLICA", _no_second(first, error)) from None
    except Misconfigured as error:
        raise Misconfigured("CB-CONFIG-NO-SECOND-REPLICA", _no_second(first, error)) from None

    def done(failed: UnreadableRow | None) -> Result:
        connected_read = partial(_connected_read, settings, period, fence, keys, failed)
        with connected_read(first) as source:
            return work(source, lambda: connected_read(second))

    try:
        return done(None)
    except UnreadableRow as error:
        return done(error)


def _done(
    settings: Settings,
    period: Period,
    fence: Fence,
    chosen: OpenReplica,
    keys: KeyTypes,
    work: Callable[[Source], Result],
) -> Result:
    """Do the work in a read transaction, and again without the values that cannot be computed."""
    try:
        # guard: replica.same-connection
        with read_transaction(settings, fence, chosen, keys) as source:
            return work(source)
    except UnreadableRow as error:
        with _read_without(settings, period, fence, chosen, keys, error) as source:
            return work(source)


def _no_second(first: ReplicaStatus, error: ClosebookError) -> str:
    return f"the cross-check has no second replica beside {first.replica.name}: {error}"


def choose_replica(settings: Settings, fence: Fence, avoided: Replica | None) -> OpenReplica:
    """Wait for a replica that has replayed past the fence; return the least busy one.

    ``avoided`` is chosen only if no other replica can be read. This holds no snapshot while it
    waits, and closes all connections but the one that it returns. Raises NotReady after
    ``replica_wait_seconds``, with the reason for each replica; Misconfigured if every replica is
    misconfigured.
    """
    deadline = time.monotonic() + settings.replica_wait_seconds
    pause_seconds = FIRST_PAUSE_SECONDS
    with ThreadPoolExecutor(len(settings.replicas)) as pool:
        while True:
            answers = list(
                pool.map(lambda replica: _open_of_cluster(replica, fence), settings.replicas)
            )
            opened = [answer for answer in answers if isinstance(answer, OpenReplica)]
            ready = [answer for answer in opened if answer.status.unfit_reason(fence) is None]
            chosen = min(
                ready,
                # guard: replica.another-after-failure
                key=lambda r: (r.status.replica == avoided, r.status.open_transactions),
                default=None,
            )
            for other in opened:
                if other is not chosen:
                    other.close()  # guard: replica.others-are-closed
            if chosen is not None:
                return chosen
            reasons = "; ".join(
                str(a.status.unfit_reason(fence) if isinstance(a, OpenReplica) else a)
                for a in answers
            )
            if all(isinstance(answer, Misconfigured) for answer in answers):
                raise Misconfigured(
                    "CB-CONFIG-NO-REPLICA-READABLE", f"no replica can be read: {reasons}"
                )
            remaining_seconds = deadline - time.monotonic()
            if remaining_seconds <= 0:
                raise NotReady(
                    "CB-WAIT-NO-REPLICA-CAUGHT-UP",
                    f"no replica has reached {fence.lsn} within "
                    f"{settings.replica_wait_seconds:g} s: {reasons}",
                )
            time.sleep(min(pause_seconds, remaining_seconds))
            pause_seconds = min(2 * pause_seconds, MAX_PAUSE_SECONDS)


def _open_of_cluster(replica: Replica, fence: Fence) -> OpenReplica | ClosebookError:
    """Return the open replica, or the error why it cannot be read or is of another cluster."""
    try:
        opened = open_replica(replica)
    except (ReplicaLost, Misconfigured) as error:
        return error
    if opened.status.cluster != fence.cluster:  # guard: replica.same-cluster
        opened.close()
        return Misconfigured(
            "CB-CONFIG-TWO-PLATFORMS",
            f"{replica.name} is {opened.status.cluster}, and the primary is {fence.cluster}: "
            "point the connections of both at one platform",
        )
    if opened.status.is_primary_of(fence):  # guard: replica.is-not-the-primary
        opened.close()
        return replica_is_primary(replica)
    return opened


def _chosen_status(settings: Settings, fence: Fence) -> ReplicaStatus:
    with choose_replica(settings, fence, None) as chosen:
        return chosen.status


@contextmanager
def _connected_read(
    settings: Settings,
    period: Period,
    fence: Fence,
    keys: KeyTypes,
    failed: UnreadableRow | None,
    status: ReplicaStatus,
) -> Iterator[Source]:
    with OpenReplica(status, connected(status.replica)) as chosen:
        if failed is None:
            with read_transaction(settings, fence, chosen, keys) as source:
                yield source
        else:
            with _read_without(settings, period, fence, chosen, keys, failed) as source:
                yield source


@contextmanager
def _read_without(
    settings: Settings,
    period: Period,
    fence: Fence,
    chosen: OpenReplica,
    keys: KeyTypes,
    failed: UnreadableRow,
) -> Iterator[Source]:
    """Read again after an error, without the values that cannot be computed.

    An error that ends this read too names the view, the column and the row.
    """
    try:
        roll_back(chosen)
        with read_transaction(settings, fence, chosen, keys) as source:
            yield source.without_uncomputable(period, failed)
    except UnreadableRow as error:
        raise located(chosen.connection, period, settings.major_amounts, error) from None
