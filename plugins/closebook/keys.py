"""The keys of the platform: of which type they are, and how a key is written as text.

A key is an `int`, or a `str` where the platform has uuid or text keys: a uuid as PostgreSQL writes
it. The reporting store keeps keys in the platform's own type.
"""

import re
from dataclasses import asdict, dataclass
from enum import StrEnum
from hashlib import sha256

Key = int | str

LONGEST_KEY_BYTES = 200
"""A longer key is left out by its account: an index of the store has room for 2,700 bytes."""

NO_ACCOUNT = "none"
"""What exceptions name in place of an account where entries name none: so no account's key."""

# What an exception is named by in place of a key: no account with a statement has such a key.
_EMPTY, _TOO_LONG = "(empty)", "(too long, sha256 "
_BITS = {"bigint": 63, "integer": 31}
_WHOLE_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,18}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

# In an address and in a file's name. Capital letters are escaped, since a file system may hold
# `A` and `a` to be one name; as is a full stop at an end, so that no name is `.` or `..`.
_ESCAPE = "~"
_PLAIN_BYTES = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789._-")
_ESCAPED = re.compile(r"(?:[a-z0-9._-]|~[0-9a-f]{2})+")
_ONE_ESCAPE = re.compile(rb"~([0-9a-f]{2})")
_LONGEST_NAME, _KEPT_OF_LONG_NAME = 120, 80
# camt.053 has room for 35 characters of a restricted set.
_LONGEST_REFERENCE, _DIGEST_DIGITS = 35, 32
_LONGEST_SHORT_REFERENCE, _SHORT_DIGEST_DIGITS = 20, 15
_REFERENCE = re.compile(r"[A-Za-z0-9/?:().,'+ _#@-]+")


class KeyType(StrEnum):
    """A type that the platform's keys may have, by PostgreSQL's name."""

    BIGINT = "bigint"
    INTEGER = "integer"
    UUID = "uuid"
    TEXT = "text"

    def parse(self, text: str) -> Key | None:
        """Return the key that a person wrote, or None if it is no key of this type."""
        if self is KeyType.TEXT:
            return text if _is_text_key(text) else None
        if self is KeyType.UUID:
            return text.lower() if _UUID.fullmatch(text.lower()) else None
        if not _WHOLE_NUMBER.fullmatch(text):
            return None
        key = int(text)
        bound = 1 << _BITS[self]
        return key if -bound <= key < bound else None


@dataclass(frozen=True)
class KeyTypes:
    """The type of each of the five keys of a store, and so of the platform that it is for."""

    accounts: KeyType = KeyType.BIGINT
    entries: KeyType = KeyType.BIGINT
    transactions: KeyType = KeyType.BIGINT
    merchants: KeyType = KeyType.BIGINT
    promotions: KeyType = KeyType.BIGINT

    def __str__(self) -> str:
        return ",".join(f"{name}={key_type}" for name, key_type in asdict(self).items())


BIGINT_KEYS = KeyTypes()
KEY_NAMES = tuple(asdict(BIGINT_KEYS))


def statement_name(close_id: int, account_id: Key, currency: str) -> str:
    """Return the name of one version of a statement, as the log and findings have it."""
    return f"{close_id}-{path_part(account_id)}-{currency}"


def label(key: Key) -> str:
    """Return a key as errors, exceptions and the log name it: a long one by its start and hash.

    reporting.key_label of the store gives the same.
    """
    text = str(key)
    content = text.encode()
    if len(content) <= LONGEST_KEY_BYTES:
        return text or _EMPTY
    return f"{text[:40]} {_TOO_LONG}{sha256(content).hexdigest()[:16]})"


def path_part(key: Key) -> str:
    """Return a key as a part of a URL's path, that `from_path_part` reads again.

    Small letters, digits and ``. _ -`` stand for themselves; every other byte is ``~`` and two hex
    digits. No two keys of a store differ only by case.
    """
    content = str(key).encode()
    last = len(content) - 1
    return "".join(
        chr(byte)
        if byte in _PLAIN_BYTES and not (byte == ord(".") and place in (0, last))
        else f"{_ESCAPE}{byte:02x}"
        for place, byte in enumerate(content)
    )


def from_path_part(part: str, key_type: KeyType) -> Key | None:
    """Return the key of a part of a path, or None if `path_part` gives it for no key."""
    if not _ESCAPED.fullmatch(part):
        return None
    content = _ONE_ESCAPE.sub(lambda found: bytes.fromhex(found[1].decode()), part.encode())
    try:
        key = key_type.parse(content.decode())
    except UnicodeDecodeError:
        return None
    return key if key is not None and path_part(key) == part else None


def file_part(key: Key) -> str:
    """Return a key as a part of a file's name. A long one has its start and its hash."""
    part = path_part(key)
    if len(part) <= _LONGEST_NAME:
        return part
    digest = sha256(str(key).encode()).hexdigest()[:_DIGEST_DIGITS]
    return f"{part[:_KEPT_OF_LONG_NAME].rpartition(_ESCAPE)[0]}{_ESCAPE * 2}{digest}"


def reference(key: Key) -> str:
    """Return a key as documents name it, in at most 35 characters of those that camt.053 allows.

    It is the key itself if that fits, ``~u`` and the digits of a uuid, or ``~`` and the start of
    the hash. No key stands for itself with a ``~``, so two keys have two references.
    """
    text = str(key)
    if _UUID.fullmatch(text):
        return f"{_ESCAPE}u{text.replace('-', '')}"
    return _fitting(text, _LONGEST_REFERENCE, _DIGEST_DIGITS)


def short_reference(key: Key) -> str:
    """Return a key in at most 20 characters, as the identifier of a camt.053 message holds it."""
    return _fitting(str(key), _LONGEST_SHORT_REFERENCE, _SHORT_DIGEST_DIGITS)


def _fitting(text: str, longest: int, digest_digits: int) -> str:
    if len(text) <= longest and _REFERENCE.fullmatch(text) and " ".join(text.split()) == text:
        return text
    return f"{_ESCAPE}{sha256(text.encode()).hexdigest()[:digest_digits]}"


def _is_text_key(text: str) -> bool:
    """Whether a text may be a key. The store's close_exceptions say the same of an account."""
    return (
        text not in {"", NO_ACCOUNT, _EMPTY}
        and _TOO_LONG not in text
        and "\0" not in text
        and len(text.encode(errors="replace")) <= LONGEST_KEY_BYTES
    )
