"""The private key of a signer: in a file, or on a token."""

from collections.abc import Sequence
from typing import Protocol

from asn1crypto import x509


class PrivateKey(Protocol):
    """A key with its certificate and the certificate's chain; several threads may use it."""

    @property
    def certificate(self) -> x509.Certificate:
        """The certificate of the key."""

    @property
    def chain(self) -> Sequence[x509.Certificate]:
        """The certificates of the authorities, as far as they are known."""

    def sign(self, data: bytes) -> bytes:
        """Return the signature of data, with the algorithm of `algorithm_of`. Raises Transient."""
