"""The entries of a manifest: what each says of its statement, and their Merkle tree."""

import json
import secrets
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from closebook.errors import WrongData
from closebook.statements import merkle

_SALT_BYTES = 32
_ENTRY_TYPES: Mapping[str, tuple[type, ...]] = {
    "account_id": (int, str),
    **dict.fromkeys(("line_count", "opening_minor", "closing_minor"), (int,)),
    "currency": (str,),
    "sha256": (str, type(None)),
}
_SALTED = frozenset({"salt", "holder_sha256"})

Entry = Mapping[str, Any]


class NoManifest(WrongData):
    """A document is not a manifest, or its entries do not have the root that it states."""

    def __init__(self, reason: str) -> None:
        super().__init__("CB-DATA-MANIFEST-UNREADABLE", reason)


def is_entry(entry: Entry) -> bool:
    """Return whether each field has its type. Raises LookupError or TypeError for no entry."""
    return all(isinstance(entry[name], kinds) for name, kinds in _ENTRY_TYPES.items())


def salted_entry(facts: Entry, account_number: str, holder_name: str) -> dict[str, Any]:
    """Return the entry of a statement: its facts with a new salt.

    The number of the account and the name of the holder are in it by a salted hash only: a manifest
    shows no name.
    """
    salt = secrets.token_bytes(_SALT_BYTES).hex()
    return {**facts, "salt": salt, "holder_sha256": holder_hash(salt, account_number, holder_name)}


def holder_hash(salt: str, account_number: str, holder_name: str) -> str:
    """Return the hash by which an entry names whose statement it is."""
    return sha256(canonical([salt, account_number, holder_name])).hexdigest()


def entry_facts(entry: Entry) -> dict[str, Any]:
    """Return the facts of an entry: all but its salt and the hash that is made with it."""
    return {name: value for name, value in entry.items() if name not in _SALTED}


def root_of(month: str, entries: Sequence[Entry]) -> str:
    """Return the root of a month's entries, in hexadecimal digits."""
    return tree_of(month, entries).root.hex()


def tree_of(month: str, entries: Sequence[Entry]) -> merkle.Tree:
    """Return the tree over some entries of a month, in their order."""
    return merkle.Tree([leaf_of(month, entry) for entry in entries])


def leaf_of(month: str, entry: Entry) -> bytes:
    """Return the hash of an entry as a leaf of its month's tree."""
    return merkle.leaf_hash(canonical({"month": month, "statement": entry}))


def canonical(value: object) -> bytes:
    """Return a value as the bytes of which hashes and signatures are made."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
