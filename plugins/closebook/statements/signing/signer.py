"""The signature of a statement's file: PAdES B-B, by a key that is loaded once a process.

Without a key nothing is signed, and what signs is not even imported.
"""

import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from closebook.settings import KeyFile, SigningKey

_loading = threading.Lock()


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed file, the sha256 of the file before it, and of the signer's certificate (DER).

    The file before is the one that equal statements make equal; a signature has its own time.
    """

    pdf: bytes
    unsigned_sha256: str
    certificate_sha256: str


class Signer(Protocol):
    """Signs files, in any number of threads at once."""

    def sign(self, pdf: bytes) -> Signed:
        """The file with a signature that covers all of it, appended to it as an update.

        Raises Misconfigured once the certificate has expired, and Transient when a token does
        not sign.
        """


def signer_of(key: SigningKey | None) -> Signer | None:
    """Who signs with this key, loaded once a process; None without a key.

    Raises Misconfigured when the key is missing, does not open, or its certificate is not valid
    at this time.
    """
    if key is None:
        return None
    with _loading:  # a token lets nobody log in twice
        return _signer_of(key)


@lru_cache(maxsize=4)
def _signer_of(key: SigningKey) -> Signer:
    from closebook.statements.signing.pyhanko_signer import in_memory, on_token

    return in_memory(key) if isinstance(key, KeyFile) else on_token(key)
