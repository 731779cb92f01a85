"""The chain of the desk's log, checked from outside: `python -m closebook verify-log`.

Each entry's hash is computed again here, from what the entry says and the hash of the one before.
Who owns the table can change an entry, or take one out, but not so that all later hashes agree.
What a chain cannot show is that its end was cut off: so the hash of the last entry is printed, to
be kept elsewhere, and looked for the next time.
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

_BEFORE_THE_FIRST = "0" * 64
_ROWS_AT_ONCE = 1000


@dataclass(frozen=True)
class Chain:
    """A log that is whole: how many entries, and the hash of the last."""

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
    chain = Chain(0, _BEFORE_THE_FIRST)
    is_found = seen_sha256 in (None, _BEFORE_THE_FIRST)
    for entry in entries:
        expected_id = chain.entry_count + 1
        if entry["entry_id"] != expected_id:
            raise WrongData(
                "CB-DATA-DESK-LOG-ENTRY-MISSING",
                f"entry {expected_id} of the desk's log is missing: the next one there is "
                f"{entry['entry_id']}; compare reporting.desk_log with a backup",
            )
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
    """As the trigger of reporting.desk_log computes it."""
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
    return sha256(b",".join(map(_measured, parts))).hexdigest()


def _measured(part: str | None) -> bytes:
    if part is None:
        return b"-"
    content = part.encode()
    return b"%d:%b" % (len(content), content)
