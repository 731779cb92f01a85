"""Verify the hash chain of the desk's log: `closebook verify-log`.

Each entry's hash covers the entry and the hash of the entry before it, and is computed again here.
If the owner of the table changes or removes an entry, the hashes after it do not match any more.
A chain cannot show that its last entries were removed. So the hash of the last entry is printed: an
operator keeps it elsewhere and passes it to the next verification.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC
from hashlib import sha256
from typing import Any

from psycopg.rows import dict_row

from closebook.errors import WrongData
from closebook.sql import query
from closebook.store.administration import administered

_HASH_BEFORE_FIRST_ENTRY = "0" * 64
_ROWS_AT_ONCE = 1000


@dataclass(frozen=True)
class Chain:
    """A verified log: the number of its entries, and the hash of the last one."""

    entry_count: int
    last_sha256: str


def verify_log(conninfo: str, seen_sha256: str | None = None) -> Chain:
    """Check the whole log, in constant memory.

    Raises WrongData naming the first entry that is not as it was written, or when no entry has the
    hash that was seen before; else as `administered`.
    """
    with (
        administered(conninfo) as store,
        store.cursor("desk_log", row_factory=dict_row) as entries,
    ):
        entries.itersize = _ROWS_AT_ONCE
        return _verified(entries.execute(query("desk/log_entries")), seen_sha256)


def _verified(entries: Iterable[dict[str, Any]], seen_sha256: str | None) -> Chain:
    chain = Chain(0, _HASH_BEFORE_FIRST_ENTRY)
    is_found = seen_sha256 in (None, _HASH_BEFORE_FIRST_ENTRY)
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
                f"entry {expected_id} of the desk's log is not as it was written: its hash does "
                "not follow; compare reporting.desk_log with a backup",
            )
        chain = Chain(expected_id, entry["entry_sha256"])
        is_found = is_found or chain.last_sha256 == seen_sha256
    if not is_found:
        raise WrongData(
            "CB-DATA-DESK-LOG-CUT-SHORT",
            f"no entry of the desk's log has the hash {seen_sha256}: entries were taken off its "
            "end; compare reporting.desk_log with a backup",
        )
    return chain


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
