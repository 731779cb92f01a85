"""Verify the hash chain of the desk's log: `closebook verify-log`.

Each entry's hash covers the entry and the hash of the entry before it, and is computed again here.
If the owner of the table changes or removes an entry, the hashes after it do not match any more.
A chain alone cannot show that its last entries were removed, or that the owner wrote it again with
hashes that follow. So its end is kept outside of the database, as anchors in the document store
(statements/log_anchors.py). The hash of the last entry is also printed: an operator can keep it
elsewhere and pass it to the next verification.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from hashlib import sha256
from typing import Any

from psycopg.rows import dict_row

from closebook.errors import WrongData
from closebook.sql import query
from closebook.store.administration import store_transaction

_HASH_BEFORE_FIRST_ENTRY = "0" * 64
_ROWS_AT_ONCE = 1000


@dataclass(frozen=True)
class Chain:
    """A verified log: the number of its entries, and the hash of the last one."""

    entry_count: int
    last_sha256: str


@dataclass(frozen=True)
class Anchor:
    """The end of the log at one time: its number of entries, and the hash of its last entry.

    ``source`` is the document that has kept it.
    """

    entry_count: int
    sha256: str
    source: str


def verify_log(
    conninfo: str, seen_sha256: str | None = None, anchors: Sequence[Anchor] = ()
) -> Chain:
    """Check the whole log, in constant memory.

    Raises WrongData naming the first entry whose hashes do not match, when the log does not
    have the hash of an anchor in its place, or when no entry has the hash that was seen before;
    else as `store_transaction`.
    """
    chain = EMPTY
    is_found = seen_sha256 in (None, _HASH_BEFORE_FIRST_ENTRY)
    with log_entries(conninfo) as entries:
        for entry, chain in verified_entries(entries, anchors):  # noqa: B007  # the last one counts
            is_found = is_found or entry["entry_sha256"] == seen_sha256
    if not is_found:
        raise WrongData(
            "CB-DATA-DESK-LOG-CUT-SHORT",
            f"no entry of the desk's log has the hash {seen_sha256}: entries at its end were "
            "deleted, or the log was written again; compare reporting.desk_log with a backup",
        )
    return chain


@contextmanager
def log_entries(conninfo: str) -> Iterator[Iterable[dict[str, Any]]]:
    """Read the entries of the log in their order, a thousand at a time."""
    with (
        store_transaction(conninfo) as store,
        store.cursor("desk_log", row_factory=dict_row) as entries,
    ):
        entries.itersize = _ROWS_AT_ONCE
        yield entries.execute(query("desk_log/entries"))


EMPTY = Chain(0, _HASH_BEFORE_FIRST_ENTRY)
"""The chain before the first entry."""


def verified_entries(
    entries: Iterable[dict[str, Any]], anchors: Sequence[Anchor] = (), chain: Chain = EMPTY
) -> Iterator[tuple[dict[str, Any], Chain]]:
    """Yield each entry with the chain up to it, once it was verified.

    ``chain`` is the one before the first of the entries. Raises WrongData as ``verify_log`` does.
    """
    by_count: dict[int, list[Anchor]] = {}
    for anchor in anchors:
        by_count.setdefault(anchor.entry_count, []).append(anchor)
    _refuse_other_anchor(chain, by_count)
    for entry in entries:
        expected_id = chain.entry_count + 1
        if entry["entry_id"] != expected_id:
            raise WrongData(
                "CB-DATA-DESK-LOG-ENTRY-MISSING",
                f"entry {expected_id} of the desk's log is missing: the next one there is "
                f"{entry['entry_id']}; compare reporting.desk_log with a backup",
            )
        # guard: desk.chain-is-verified
        if entry["previous_sha256"] != chain.last_sha256 or entry["entry_sha256"] != _hash(entry):
            raise WrongData(
                "CB-DATA-DESK-LOG-ENTRY-CHANGED",
                f"entry {expected_id} of the desk's log, or the one before it, was changed after "
                "it was written: the hashes do not match; compare reporting.desk_log with a backup",
            )
        chain = Chain(expected_id, entry["entry_sha256"])
        _refuse_other_anchor(chain, by_count)
        yield entry, chain
    beyond = [
        anchor for count, each in by_count.items() if count > chain.entry_count for anchor in each
    ]
    if beyond:  # guard: desk.anchored-log-is-not-cut-short
        raise WrongData(
            "CB-DATA-DESK-LOG-SHORTER-THAN-ANCHOR",
            f"the desk's log has {chain.entry_count} entries, and {beyond[0].source} was written "
            f"when it had {beyond[0].entry_count}: entries at its end were deleted; compare "
            "reporting.desk_log with a backup",
        )


def _refuse_other_anchor(chain: Chain, by_count: dict[int, list[Anchor]]) -> None:
    for anchor in by_count.get(chain.entry_count, ()):
        if anchor.sha256 != chain.last_sha256:  # guard: desk.anchors-are-verified
            raise WrongData(
                "CB-DATA-DESK-LOG-REWRITTEN",
                f"entry {chain.entry_count} of the desk's log is not the one that "
                f"{anchor.source} has: the log was written again; compare reporting.desk_log with "
                "a backup",
            )


def _hash(entry: dict[str, Any]) -> str:
    """Return the entry's hash, computed as the trigger of reporting.desk_log does."""
    parts = (
        entry["previous_sha256"],
        str(entry["entry_id"]),
        f"{entry['logged_at'].astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
        entry["person"],
        entry["act"],
        entry["subject"],
        entry["document_sha256"],
        entry["address"],
    )
    return sha256(b",".join(map(_with_length, parts))).hexdigest()


def _with_length(part: str | None) -> bytes:
    if part is None:
        return b"-"
    content = part.encode()
    return b"%d:%b" % (len(content), content)
