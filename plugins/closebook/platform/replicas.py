"""The choice of a replica past the fence, and the read there; a lost one is replaced by another."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import TypeVar

from closebook.errors import ClosebookError, Misconfigured, NotReady, Transient
from closebook.periods import Period
from closebook.platform.fence import Fence, raise_fence
from closebook.platform.replica_status import (
    OpenReplica,
    ReplicaLost,
    ReplicaStatus,
    open_replica,
)
from closebook.platform.source import Source, connected, read_transaction
from closebook.settings import Replica, Settings

FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 1.0

Result = TypeVar("Result")
OpenSource = Callable[[], AbstractContextManager[Source]]


def read(settings: Settings, period: Period, work: Callable[[Source], Result]) -> Result:
    """Do the work in one read transaction on a replica that provably holds the whole period.

    When the replica fails half-way everything is thrown away and the work starts again, on
    another replica if there is one. Raises NotReady when the period may still change or no
    replica has it yet, Transient when the replicas kept failing, Misconfigured when none of
    them can ever serve.
    """
    fence = raise_fence(settings, period)
    avoided: Replica | None = None
    for attempt in range(settings.read_attempts):
        with choose_replica(settings, fence, avoided) as chosen:
            try:
                # guard: replica.same-connection
                with read_transaction(settings, fence, chosen) as source:
                    return work(source)
            except ReplicaLost as error:
                avoided, last_error = chosen.status.replica, error
        time.sleep(FIRST_PAUSE_SECONDS * 2**attempt)
    raise Transient(
        f"{period}: reading failed {settings.read_attempts} times, last on "
        f"{chosen.status.replica.name}: {last_error}"
    )


def read_both(
    settings: Settings, period: Period, work: Callable[[Source, OpenSource], Result]
) -> Result:
    """Do the work in a read transaction on each of two replicas that are past the same fence.

    The second begins when the work opens it, so that neither waits for the other. Raises
    Misconfigured when there is only one replica, NotReady when only one is fit, else as
    `read` does; a replica that fails half-way is Transient, since nobody is left to take over.
    """
    if len(settings.replicas) == 1:
        raise Misconfigured(
            "a cross-check needs two replicas and CLOSEBOOK_REPLICAS names one: switch cross_check "
            "off, or name another"
        )
    fence = raise_fence(settings, period)
    # The second's turn may come in minutes, and who idles that long may be cut off on the way: each
    # is connected to anew when it is read.
    first = _chosen_status(settings, fence)
    # guard: cross-check.two-replicas
    others = tuple(r for r in settings.replicas if r != first.replica)
    try:
        second = _chosen_status(replace(settings, replicas=others), fence)
    except (NotReady, Misconfigured) as lacking:
        raise type(lacking)(
            f"the cross-check has no second replica beside {first.replica.name}: {lacking}"
        ) from None
    with _connected_read(settings, fence, first) as source:
        return work(source, lambda: _connected_read(settings, fence, second))


def choose_replica(settings: Settings, fence: Fence, avoided: Replica | None) -> OpenReplica:
    """Return the least busy replica that has replayed past the fence, once there is one.

    A replica to be avoided is taken only when no other one will do. No snapshot is held while
    this waits, and no connection but the chosen one's is left open. Raises NotReady after the
    bound on waiting, with what each replica lacks; Misconfigured when that is nothing that
    waiting can bring.
    """
    deadline = time.monotonic() + settings.replica_wait_seconds
    pause_seconds = FIRST_PAUSE_SECONDS
    with ThreadPoolExecutor(len(settings.replicas)) as pool:
        while True:
            answers = list(pool.map(lambda replica: _ask(replica, fence), settings.replicas))
            opened = [answer for answer in answers if isinstance(answer, OpenReplica)]
            ready = [answer for answer in opened if answer.status.lack(fence) is None]
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
            lacks = "; ".join(
                str(a.status.lack(fence) if isinstance(a, OpenReplica) else a) for a in answers
            )
            if all(isinstance(answer, Misconfigured) for answer in answers):
                raise Misconfigured(f"no replica can be read: {lacks}")
            remaining_seconds = deadline - time.monotonic()
            if remaining_seconds <= 0:
                raise NotReady(
                    f"no replica has reached {fence.lsn} within "
                    f"{settings.replica_wait_seconds:g} s: {lacks}"
                )
            time.sleep(min(pause_seconds, remaining_seconds))
            pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)


def _ask(replica: Replica, fence: Fence) -> OpenReplica | ClosebookError:
    try:
        asked = open_replica(replica)
    except (ReplicaLost, Misconfigured) as error:
        return error
    if asked.status.cluster != fence.cluster:  # guard: replica.same-cluster
        asked.close()
        return Misconfigured(
            f"{replica.name} is {asked.status.cluster}, and the primary is {fence.cluster}: "
            "point the connections of both at one platform"
        )
    return asked


def _chosen_status(settings: Settings, fence: Fence) -> ReplicaStatus:
    with choose_replica(settings, fence, None) as chosen:
        return chosen.status


@contextmanager
def _connected_read(settings: Settings, fence: Fence, status: ReplicaStatus) -> Iterator[Source]:
    with (
        OpenReplica(status, connected(status.replica)) as chosen,
        read_transaction(settings, fence, chosen) as source,
    ):
        yield source
