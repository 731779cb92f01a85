"""Compares a statement and its files in the register with what a manifest lists."""

from collections.abc import Iterable, Mapping
from typing import Any

from psycopg.rows import DictRow

from closebook.keys import Key
from closebook.statements.manifest_document import ManifestDocument
from closebook.statements.manifest_entries import Entry, holder_hash

Statement = tuple[Key, str]
"""The account and the currency of a statement."""

_FACTS = (
    "statement_version",
    "issued_close_id",
    "superseded_close_id",
    "currency",
    "line_count",
    "opening_minor",
    "closing_minor",
)


def statement_of(row: Mapping[str, Any]) -> Statement:
    """Return the account and currency of an entry, a row or a file."""
    return row["account_id"], row["currency"]


def is_made(file: DictRow, newest: Iterable[ManifestDocument]) -> bool:
    """Return whether the newest manifest of a close lists a document for a file's statement."""
    entries = [manifest.entry(*statement_of(file)) for manifest in newest]
    return any(entry is not None and entry["sha256"] is not None for entry in entries)


def is_listed(file: DictRow, close_id: int, manifests: Iterable[ManifestDocument]) -> bool:
    """Return whether a manifest lists a file as one that the close issued."""
    for manifest in manifests:
        entry = manifest.entry(*statement_of(file))
        if (
            entry is None
            or entry["sha256"] is None
            or entry.get("issued_close_id", close_id) != close_id
        ):
            continue
        media_type = file["media_type"]
        listed = entry["sha256"] if media_type is None else entry.get("twins", {}).get(media_type)
        if listed == file["sha256"]:
            return True
    return False


def differences(entry: Entry, row: DictRow) -> list[tuple[str, str]]:
    """Return the differences of an entry of a manifest and its row of the register.

    Each is the code of a finding and a text.
    """
    found: list[tuple[str, str]] = []
    for name in _FACTS:
        if name in entry and entry[name] != row[name]:
            found.append(
                ("statement-differs", f"{name} was {entry[name]}, and the register has {row[name]}")
            )
    if entry["sha256"] is not None and entry["sha256"] != row["sha256"]:
        found.append(
            (
                "document-differs",
                f"it lists {entry['sha256']}, and the register has {row['sha256']}",
            )
        )
    if entry["sha256"] is not None and "twins" in entry and entry["twins"] != row["twins"]:
        found.append(("attachment-differs", "the register has other attachments than it lists"))
    if "salt" in entry and entry["holder_sha256"] != holder_hash(
        entry["salt"], row["account_number"], row["holder_name"]
    ):
        found.append(("holder-differs", "the account number or the holder was changed"))
    return found
