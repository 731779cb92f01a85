"""The mark of a password: what a session keeps of the password that its user had at the log-in.

It changes with the password, however that is set: on Airflow's pages, by its REST API, by a
command, in SQL. A session whose mark is another one was made before the change, and is refused. A
mark tells nothing about the password: it is an HMAC of the stored hash, with the key by which
Airflow signs its sessions.
"""

from hashlib import sha256
from hmac import compare_digest
from hmac import new as hmac
from typing import Any

_CONTEXT = b"the password of a user of closebook"


def password_mark(signing_key: str, user_id: int, stored_password: str | None) -> str:
    """Return the mark. LDAP and OAuth users have no password here, so theirs never changes."""
    text = f"{user_id}\0{stored_password or ''}".encode()
    return hmac(signing_key.encode(), _CONTEXT + b"\0" + text, sha256).hexdigest()[:32]


def is_mark(given: Any, expected: str) -> bool:
    """Whether a session has this mark. One that was made without marks has none."""
    return isinstance(given, str) and compare_digest(given.encode(), expected.encode())
