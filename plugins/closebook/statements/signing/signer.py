"""What signs a statement's file (PAdES B-B), whatever holds the key."""

from dataclasses import dataclass
from typing import Protocol


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
