"""A signing key in a PKCS#12 file."""

from collections.abc import Sequence
from pathlib import Path

from asn1crypto import x509
from cryptography import x509 as cryptography_x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from closebook.errors import Misconfigured
from closebook.settings.signing_settings import KeyFile
from closebook.statements.signing.algorithm import algorithm_of, path_of

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class FileKey:
    """A key in memory; it is a ``private_key.PrivateKey``."""

    def __init__(
        self,
        private: PrivateKey,
        certificate: x509.Certificate,
        others: Sequence[x509.Certificate],
    ) -> None:
        self.certificate, self.chain = certificate, path_of(certificate, others)
        self._private = private
        self._algorithm = algorithm_of(certificate)

    def sign(self, data: bytes) -> bytes:
        """Return the signature of data."""
        if isinstance(self._private, rsa.RSAPrivateKey):
            return self._private.sign(data, self._algorithm.padding, self._algorithm.hash)
        return self._private.sign(data, ec.ECDSA(self._algorithm.hash))


def key_in_file(key: KeyFile) -> FileKey:
    """Return the key of a PKCS#12 file. Raises Misconfigured if it cannot be used."""
    try:
        content = Path(key.path).read_bytes()
    except OSError as error:
        raise Misconfigured(
            "CB-CONFIG-SIGNING-KEY-UNREADABLE",
            f"the signing key {key.path} cannot be read ({error.strerror}): correct pkcs12 in the "
            "extra of the signing connection, or the rights of the file",
        ) from error
    try:
        private, certificate, others = pkcs12.load_key_and_certificates(
            content, key.passphrase.encode() or None
        )
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Misconfigured(
            "CB-CONFIG-SIGNING-KEY-NOT-PKCS12",
            f"the signing key {key.path} is no PKCS#12 file, or not one of this passphrase: "
            "correct the password of the signing connection",
        ) from error
    if certificate is None or not isinstance(private, PrivateKey):
        raise Misconfigured(
            "CB-CONFIG-SIGNING-KEY-INCOMPLETE",
            f"the signing key {key.path} holds no RSA or EC key with its certificate: export both "
            "into it",
        )
    return FileKey(private, _as_asn1(certificate), [_as_asn1(other) for other in others])


def _as_asn1(certificate: cryptography_x509.Certificate) -> x509.Certificate:
    return x509.Certificate.load(certificate.public_bytes(serialization.Encoding.DER))
