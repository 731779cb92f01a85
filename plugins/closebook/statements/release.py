"""The release or the rejection of a month's statements, decided by a second person.

After its run a month is issued and not yet released. The reporting store decides what may be
released, and by whom, with the function reporting.decision_obstacles. The store's table of
decisions calls the same function when a decision is inserted. The store writes a decision only with
a proof by the key of decisions, which says who decides: a log-in to the store proves no person.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from typing import Literal

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from closebook.errors import NotReady, WrongData
from closebook.periods import Period
from closebook.sql import query
from closebook.store.decision_key import write_proven
from closebook.store.session import Store

Verdict = Literal["released", "rejected"]

ALREADY_RELEASED = "already_released"
REJECTED = "rejected"
OBSTACLES: Mapping[str, str] = {
    "no_such_manifest": "there is no such manifest",
    "other_hash": "the hash that was shown is not that of this manifest",
    ALREADY_RELEASED: "it is released already",
    REJECTED: "it was rejected",
    "closed_again": "the month was closed again since",
    "issued_since": "a newer manifest was written since",
    "documents_issued_since": "documents were issued since",
    "documents_missing": "documents are missing",
    "check_failed": "a check does not tie out",
    "no_check_on_record": "no check of this close is recorded",
    "person_unknown": "it is not known who acted on a run",
    "second_person_needed": "a second person, who acted on no run of the month, has to decide",
    "exceptions_not_named": "it has exceptions, which a release must name",
    "no_such_exception": "an account is named that is no exception",
    "reason_needed": "a release without its exceptions needs a reason",
    "exceptions_changed": "the exceptions are not those of the manifest",
}
"""What each code of reporting.decision_obstacles means, in the words that a person reads."""


class DecisionRefused(WrongData):
    """A person may not release or reject a month; ``obstacles`` holds the reasons."""

    def __init__(self, month: Period, verdict: Verdict, obstacles: Sequence["Obstacle"]) -> None:
        self.obstacles = tuple(obstacles)
        super().__init__(
            "CB-DATA-DECISION-REFUSED",
            f"{month} is not {verdict}: {'; '.join(map(str, obstacles))}",
        )


@dataclass(frozen=True)
class IssuedMonth:
    """An issued month, as its newest manifest lists it; ``sha256`` is the manifest's.

    ``reason`` is that of the run that wrote the manifest. ``root_sha256`` is the root of its
    entries, None for a manifest from before there was one.
    """

    manifest_id: int
    close_id: int
    sha256: str
    document_count: int
    missing_count: int
    exception_count: int
    written_at: datetime
    reason: str | None = None
    root_sha256: str | None = None


@dataclass(frozen=True)
class Obstacle:
    """One reason why a month may not be released: its code, and what it is about."""

    code: str
    detail: str

    @property
    def text(self) -> str:
        """What the code means, or the code itself if this version does not know it."""
        return OBSTACLES.get(self.code, self.code)

    def __str__(self) -> str:
        return f"{self.text} ({self.detail})"


@dataclass(frozen=True)
class Person:
    """A user of Airflow. The id says who it is; the name is for readers and may change."""

    user_id: str
    name: str


@dataclass(frozen=True)
class RunAct:
    """What somebody did to a run of the month, as Airflow recorded it.

    ``act`` is a word such as triggered, backfilled, cleared or marked; it is ``scheduled`` for the
    start of a run by the schedule, which has no user. For any other act a ``user_id`` of None means
    that the person is not known.
    """

    run_id: str
    act: str
    user_id: str | None = None
    user_name: str | None = None
    acted_at: datetime | None = None


_dumps = partial(json.dumps, default=str)  # with instants as text

ActsOfRuns = Callable[[Sequence[str]], Sequence[RunAct]]
"""Returns what Airflow recorded of the runs with these ids."""


@dataclass(frozen=True)
class Decision:
    """A person's decision on a manifest, as the register has it."""

    manifest_sha256: str
    verdict: Verdict
    person: str
    decided_at: datetime


def latest_issued_month(store: Store, month: Period) -> IssuedMonth:
    """Return the month as its newest manifest lists it.

    Raises NotReady while the month's current close has no manifest.
    """
    row = store.execute(
        query("statement_manifests/latest"), {"period_start": month.start}
    ).fetchone()
    if row is None:
        raise NotReady(
            "CB-WAIT-MONTH-NOT-ISSUED",
            f"{month} is not issued: no manifest of its current close is written; "
            "run monthly_statements, or clear write_manifest",
        )
    return IssuedMonth(**row)


def exceptions(store: Store, issued: IssuedMonth) -> list[DictRow]:
    """Return what the manifest lists as exceptions: ``subject``, ``currency`` and ``reason``.

    A release names the subjects, each once.
    """
    return store.execute(
        query("manifest_exceptions/of_manifest"), {"manifest_id": issued.manifest_id}
    ).fetchall()


def obstacles(
    store: Store,
    issued: IssuedMonth,
    shown_sha256: str,
    verdict: Verdict,
    person: Person,
    acts: Sequence[RunAct],
    named_exceptions: Sequence[str] = (),
) -> list[Obstacle]:
    """Return the reasons why this person may not give this verdict on the manifest that they saw.

    ``acts`` is what Airflow recorded of the runs that ``involved_runs`` returns.
    ``named_exceptions`` are the accounts that they release the month without.
    """
    deciding = {
        "manifest_id": issued.manifest_id,
        "manifest_sha256": shown_sha256,
        "decision": verdict,
        "person_id": person.user_id,
        "run_acts": _as_json(acts),
        "named_exceptions": [*named_exceptions],
    }
    rows = store.execute(query("statement_decisions/obstacles"), deciding)
    return [Obstacle(row["obstacle"], row["detail"]) for row in rows]


def involved_runs(store: Store, issued: IssuedMonth) -> list[str]:
    """Return the ids of the runs that made what a release of the month would show."""
    rows = store.execute(
        query("statement_decisions/involved_runs"), {"manifest_id": issued.manifest_id}
    )
    return [row["run_id"] for row in rows]


def release(
    store: Store,
    key: str,
    month: Period,
    shown_sha256: str,
    person: Person,
    acts_of_runs: ActsOfRuns,
    reason: str | None = None,
    named_exceptions: Sequence[str] = (),
) -> Decision:
    """Release a month's statements as listed in the manifest that the person was shown.

    ``key`` is the key of decisions. The caller knows by a log-in who the person is.
    A month with exceptions is released without them if ``named_exceptions`` are the accounts that
    the manifest lists, all of them and no others; a reason is needed then.
    Raises DecisionRefused when a statement was issued after that manifest, a check does not tie
    out, documents are missing, the month was rejected, the person acted on one of its runs, or it
    is not known who did. Raises NotReady when nothing is issued, Misconfigured when the store has
    another key.
    """
    return _decide(
        store, key, month, shown_sha256, person, "released", reason, acts_of_runs, named_exceptions
    )


def reject(
    store: Store, key: str, month: Period, shown_sha256: str, person: Person, reason: str
) -> Decision:
    """Record that a person does not release a month, and why.

    Nobody can release that manifest then: the month has to be closed again with a reason. Raises
    DecisionRefused when the person was shown another manifest than the newest one, or when it is
    released or rejected already. Raises NotReady when nothing is issued, Misconfigured when the
    store has another key.
    """
    return _decide(store, key, month, shown_sha256, person, "rejected", reason)


def _decide(
    store: Store,
    key: str,
    month: Period,
    shown_sha256: str,
    person: Person,
    verdict: Verdict,
    reason: str | None,
    acts_of_runs: ActsOfRuns = lambda _: (),
    named_exceptions: Sequence[str] = (),
) -> Decision:
    if named_exceptions and not reason:
        raise DecisionRefused(month, verdict, [Obstacle("reason_needed", "exceptions")])
    # Read before the lock is taken, since Airflow's database may be slow. A run that is added
    # meanwhile has no acts here, so decision_obstacles returns person_unknown for it.
    acts = acts_of_runs(involved_runs(store, latest_issued_month(store, month)))
    with store.transaction():
        # This lock keeps out another close of the month, and another decision on it, between the
        # check and the insert.
        store.execute(
            query("closes/lock_periods"), {"grains": [str(month.grain)], "starts": [month.start]}
        )
        issued = latest_issued_month(store, month)
        found = obstacles(store, issued, shown_sha256, verdict, person, acts, named_exceptions)
        if found:
            raise DecisionRefused(month, verdict, found)
        written = write_proven(
            store,
            key,
            "statement_decisions/insert",
            {
                "manifest_id": issued.manifest_id,
                "manifest_sha256": shown_sha256,
                "decision": verdict,
                "person_name": person.name,
                "person_id": person.user_id,
                "run_acts": [asdict(act) for act in acts],
                "reason": reason,
                "named_exceptions": [*named_exceptions],
            },
        )
    assert written is not None  # noqa: S101  # the insert returns its row
    return Decision(shown_sha256, verdict, person.name, written["decided_at"])


def _as_json(acts: Sequence[RunAct]) -> Jsonb:
    return Jsonb([asdict(act) for act in acts], dumps=_dumps)
