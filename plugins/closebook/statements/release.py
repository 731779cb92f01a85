"""The release or the rejection of a month's statements, decided by a second person.

After its run a month is issued and not yet released. The reporting store decides what may be
released, and by whom, with the function reporting.decision_obstacles. The store's table of
decisions calls the same function when a decision is inserted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from closebook.errors import NotReady, WrongData
from closebook.periods import Period
from closebook.sql import query
from closebook.store.session import Store

Verdict = Literal["released", "rejected"]

ALREADY_RELEASED = "already_released"
OBSTACLES: Mapping[str, str] = {
    "no_such_manifest": "there is no such manifest",
    "other_hash": "what was shown has another hash",
    ALREADY_RELEASED: "it is released already",
    "closed_again": "the month was closed again since",
    "issued_since": "something was issued since",
    "documents_issued_since": "documents were issued since",
    "documents_missing": "documents are missing",
    "check_failed": "a check does not tie out",
    "no_check_on_record": "no check is on record",
    "second_person_needed": "it takes a second person",
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
class Batch:
    """A month's statements as its newest manifest lists them; ``sha256`` is the manifest's.

    ``root_sha256`` is the root of its entries, None for a manifest from before there was one.
    """

    manifest_id: int
    close_id: int
    sha256: str
    object_name: str
    document_count: int
    missing_count: int
    written_at: datetime
    root_sha256: str | None


@dataclass(frozen=True)
class Obstacle:
    """One reason why a month may not be released: its code, and what it is about."""

    code: str
    detail: str

    @property
    def text(self) -> str:
        """What the code means. A code that this version does not know stands for itself."""
        return OBSTACLES.get(self.code, self.code)

    def __str__(self) -> str:
        return f"{self.text} ({self.detail})"


@dataclass(frozen=True)
class Decision:
    """A person's decision on a manifest, as the register has it."""

    decision_id: int
    manifest_sha256: str
    verdict: Verdict
    person: str
    decided_at: datetime


def latest_batch(store: Store, month: Period) -> Batch:
    """Return the documents that the month's newest manifest lists.

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
    return Batch(**row)


def obstacles(
    store: Store, batch: Batch, shown_sha256: str, verdict: Verdict, person: str
) -> list[Obstacle]:
    """Return the reasons why this person may not decide so on the manifest that they were shown."""
    deciding = {
        "manifest_id": batch.manifest_id,
        "manifest_sha256": shown_sha256,
        "decision": verdict,
        "person": person,
    }
    rows = store.execute(query("statement_decisions/obstacles"), deciding)
    return [Obstacle(row["obstacle"], row["detail"]) for row in rows]


def release(
    store: Store, month: Period, shown_sha256: str, person: str, reason: str | None = None
) -> Decision:
    """Release a month's statements as listed in the manifest that the person was shown.

    Raises DecisionRefused when a statement was issued after that manifest, a check does not tie
    out, documents are missing, or the person asked for the run themselves. Raises NotReady when
    nothing is issued.
    """
    return _decide(store, month, shown_sha256, person, "released", reason)


def reject(store: Store, month: Period, shown_sha256: str, person: str, reason: str) -> Decision:
    """Record that a person does not release a month, and why.

    The month may still be released later. Raises DecisionRefused when the person was shown
    another manifest than the newest one, or when the month is released. Raises NotReady when
    nothing is issued.
    """
    return _decide(store, month, shown_sha256, person, "rejected", reason)


def _decide(
    store: Store,
    month: Period,
    shown_sha256: str,
    person: str,
    verdict: Verdict,
    reason: str | None,
) -> Decision:
    with store.transaction():
        # This lock keeps out another close of the month, and another decision on it, between the
        # check and the insert.
        store.execute(
            query("closes/lock_period"), {"grain": month.grain, "period_start": month.start}
        )
        batch = latest_batch(store, month)
        found = obstacles(store, batch, shown_sha256, verdict, person)
        if found:
            raise DecisionRefused(month, verdict, found)
        row = store.execute(
            query("statement_decisions/insert"),
            {
                "manifest_id": batch.manifest_id,
                "manifest_sha256": shown_sha256,
                "decision": verdict,
                "person": person.strip(),
                "reason": reason,
            },
        ).fetchone()
    assert row is not None  # noqa: S101  # the insert returns its row
    return Decision(row["decision_id"], shown_sha256, verdict, person.strip(), row["decided_at"])
