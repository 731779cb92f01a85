"""Make keys and certificates for the tests to sign with and to trust."""

import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

PASSPHRASE = "correct horse"  # noqa: S105  # of keys that the tests make
_CURVES: dict[str, type[ec.EllipticCurve]] = {
    "192": ec.SECP192R1,
    "224": ec.SECP224R1,
    "256": ec.SECP256R1,
    "384": ec.SECP384R1,
    "521": ec.SECP521R1,
}
_TODAY = datetime.now(UTC)


@dataclass(frozen=True)
class Identity:
    """A key with its certificate, and the certificate of the authority that issued it."""

    key: Key
    certificate: x509.Certificate
    authority: x509.Certificate

    @property
    def pkcs12(self) -> bytes:
        """The PKCS#12 file with key and certificates, encrypted with PASSPHRASE."""
        locked = BestAvailableEncryption(PASSPHRASE.encode())
        return pkcs12.serialize_key_and_certificates(
            b"statements", self.key, self.certificate, [self.authority], locked
        )

    @property
    def key_der(self) -> bytes:
        """The key as PKCS#8, not encrypted."""
        return self.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())

    @property
    def certificate_der(self) -> bytes:
        """The certificate alone, in DER."""
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def authority_pem(self) -> bytes:
        """The authority's certificate in PEM, for those who trust it."""
        return self.authority.public_bytes(Encoding.PEM)


@cache
def new_key(kind: str) -> Key:
    """A key of a kind: ``rsa`` of 3072 bits or as many as it says, or ``ec`` on P-256 or another.

    The number in a kind such as ``rsa 4096`` or ``ec 521`` says how many bits it has.
    """
    name, _, bits = kind.partition(" ")
    if name == "rsa":
        return rsa.generate_private_key(public_exponent=65537, key_size=int(bits or 3072))
    return ec.generate_private_key(_CURVES[bits or "256"]())


@cache
def identity(
    kind: str = "rsa",
    *,
    authority: str = "Test Authority",
    valid_from_day: int = -10,
    ends_at: datetime = _TODAY + timedelta(days=700),
    may_sign: bool = True,
    extra_bytes: int = 0,
) -> Identity:
    """An identity of Northgate Payments; ``valid_from_day`` counts from today.

    The certificates of it and of its authority are longer by ``extra_bytes``, as those of trust
    services are by their policies and addresses.
    """
    key, authority_key = new_key(kind), _authority_key(authority)
    issuer = name_of(authority)
    root = (
        certificate_builder(issuer, issuer, authority_key, -1000, _TODAY + timedelta(days=3000))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage(signs_certificates=True), critical=True)
        .add_extension(filling(extra_bytes), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    certificate = (
        certificate_builder(name_of("Northgate Payments"), issuer, key, valid_from_day, ends_at)
        .add_extension(usage(signs=may_sign), critical=True)
        .add_extension(filling(extra_bytes), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    return Identity(key, certificate, root)


def trusting(folder: Path, who: Identity) -> Path:
    """A new NSS database in the folder that trusts the identity's authority: pdfsig reads it."""
    database = folder / "nss"
    database.mkdir()
    place = f"sql:{database}"
    subprocess.run(["certutil", "-N", "-d", place, "--empty-password"], check=True)
    subprocess.run(
        ["certutil", "-A", "-d", place, "-n", "authority", "-t", "CT,C,C", "-a"],
        input=who.authority_pem,
        check=True,
    )
    return database


@cache
def _authority_key(_authority: str) -> Key:
    return ec.generate_private_key(ec.SECP256R1())


def name_of(text: str) -> x509.Name:
    """A name that is this common name."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certificate_builder(
    subject: x509.Name, issuer: x509.Name, key: Key, first: int, ends_at: datetime
) -> x509.CertificateBuilder:
    """A certificate that begins on the ``first`` day from today, and is not signed yet."""
    return x509.CertificateBuilder(
        issuer,
        subject,
        key.public_key(),
        x509.random_serial_number(),
        _TODAY + timedelta(days=first),
        ends_at,
    )


def filling(extra_bytes: int) -> x509.UnrecognizedExtension:
    """An extension of so many bytes."""
    return x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.5"), bytes(extra_bytes))


def usage(*, signs: bool = False, signs_certificates: bool = False) -> x509.KeyUsage:
    """What a key may be used for: to encrypt keys, unless it signs."""
    return x509.KeyUsage(
        digital_signature=signs,
        content_commitment=signs,
        key_encipherment=not signs and not signs_certificates,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
