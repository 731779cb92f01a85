"""The state of the desk's log for auditors: whether the hashes of its newest entries are right."""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg.rows import DictRow

from closebook.errors import WrongData
from closebook.sql import query
from closebook.statements.document_store import DocumentStore
from closebook.statements.log_anchors import WrittenAnchor, written_anchors
from closebook.store.audit_chain import Anchor, Chain, verified_entries
from closebook.store.session import Store

COMPARED_ENTRIES = 10_000
"""How many entries the page compares. `closebook verify-log` compares all."""

# One anchor is written each day, so a request reads only the new ones.
_known_anchors: dict[str, WrittenAnchor] = {}


@dataclass(frozen=True)
class LogState:
    """What was compared: the entries from ``first_entry`` on, and the anchors among them.

    ``problem`` is what does not match, or None.
    """

    entry_count: int
    sha256: str
    first_entry: int
    anchor_count: int
    newest_anchor: Anchor | None
    problem: str | None


def newest_entries(store: Store) -> list[DictRow]:
    """Return the entries that the page compares, oldest first."""
    parameters = {"last_entry_id": None, "row_count": COMPARED_ENTRIES}
    return store.execute(query("desk/log_page"), parameters).fetchall()[::-1]


def log_state(documents: DocumentStore, entries: Sequence[DictRow]) -> LogState:
    """Return the state of the log that ends with these entries.

    No transaction of the store is open: this lists the anchors of the document store, and reads
    those that this process has not read yet.
    """
    anchors: list[Anchor] = []
    problem = None
    try:
        anchors = written_anchors(documents, _known_anchors)
    except WrongData as error:
        problem = str(error)
    first = entries[0]["entry_id"] if entries else 1
    before = Chain(first - 1, entries[0]["previous_sha256"] if entries else "0" * 64)
    compared = [each for each in anchors if each.entry_count >= before.entry_count]
    try:
        for _ in verified_entries(entries, compared, before):
            pass
    except WrongData as error:
        problem = problem or str(error)
    return LogState(
        entries[-1]["entry_id"] if entries else 0,
        entries[-1]["entry_sha256"] if entries else before.last_sha256,
        first,
        len(compared),
        max(anchors, key=lambda each: each.entry_count, default=None),
        problem,
    )
