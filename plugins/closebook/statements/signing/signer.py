"""The interface of a signer: it signs the PDF of a statement (PAdES B-B) and a manifest (CMS)."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class SignedPdf:
    """A signed PDF, and the sha256 of the unsigned PDF and of the signer's certificate (DER).

    Equal statements have equal unsigned PDFs. Their signed PDFs differ, since each signature
    contains the time of signing.
    """

    pdf: bytes
    unsigned_sha256: str
    certificate_sha256: str


class Signer(Protocol):
    """Signs PDFs; several threads may use one signer at the same time."""

    def sign(self, pdf: bytes) -> SignedPdf:
        """Return the PDF with a signature of the whole file, appended as an incremental update.

        Raises Misconfigured when the certificate has expired, and Transient when a token does not
        sign.
        """

    def sign_detached(self, content: bytes) -> bytes:
        """Return a detached signature of the content (CMS, DER). Raises what ``sign`` raises."""
