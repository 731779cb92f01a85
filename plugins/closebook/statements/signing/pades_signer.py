"""Sign statements (PAdES) and manifests (CMS) with one key."""

from datetime import UTC, datetime
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import load_der_x509_certificate

from closebook.errors import Misconfigured
from closebook.statements.signing.algorithm import SignatureAlgorithm, algorithm_of
from closebook.statements.signing.cms import SignedDataWriter
from closebook.statements.signing.evidence import Evidence
from closebook.statements.signing.private_key import PrivateKey
from closebook.statements.signing.signature_update import UnsignedUpdate, with_place_for_signature
from closebook.statements.signing.signer import SignedPdf

_SIGNING_KEY_USAGES = {"digital_signature", "non_repudiation"}
# How much longer the next signature may be: its timestamp's numbers and signature vary.
_DIFFERENCE_BYTES = 64
_SAMPLE = b"Closebook signs this once, to learn whether the key fits the certificate."


class PadesSigner:
    """Signs with one key and its certificate; it is a ``signer.Signer``.

    With ``evidence`` each signature proves when it was made: a timestamp authority says so. Raises
    Misconfigured when the key is not one of the certificate, or the certificate may not sign.
    """

    def __init__(self, key: PrivateKey, evidence: Evidence | None) -> None:
        self._key, self._evidence, self._certificate = key, evidence, key.certificate
        self._certificate_sha256 = sha256(self._certificate.dump()).hexdigest()
        self._algorithm = algorithm_of(self._certificate)
        self._writer = SignedDataWriter(
            self._certificate, key.chain, self._algorithm.hash_name, self._algorithm.identifier
        )
        self._check_certificate()
        self._room_bytes = self._measured_room()

    def sign(self, pdf: bytes) -> SignedPdf:
        """Return the signed PDF. Raises Misconfigured and Transient."""
        self._check_certificate()
        update, signature = self._signature(pdf)
        # guard: signing.place-is-large-enough
        if len(signature) > self._room_bytes:
            self._room_bytes = len(signature) + _DIFFERENCE_BYTES
            update, signature = self._signature(pdf)
        signed = update.signed(signature)
        if self._evidence is not None and self._evidence.is_long_term:
            signed = self._evidence.made_long_term(signed)
        return SignedPdf(signed, sha256(pdf).hexdigest(), self._certificate_sha256)

    def sign_detached(self, content: bytes) -> bytes:
        """Return a detached CMS signature of the content. Raises Misconfigured and Transient."""
        self._check_certificate()
        attributes = self._writer.signed_attributes(
            self._writer.new_hash(content).digest(), signed_at=datetime.now(UTC)
        )
        return self._signed_data(attributes)

    def _signature(self, pdf: bytes) -> tuple[UnsignedUpdate, bytes]:
        update = with_place_for_signature(
            pdf,
            room_bytes=self._room_bytes,
            signed_at=datetime.now(UTC),
            has_timestamp=self._evidence is not None and self._evidence.is_long_term,
        )
        found = self._writer.new_hash()
        for part in update.signed_parts:
            found.update(part)
        return update, self._signed_data(self._writer.signed_attributes(found.digest()))

    def _signed_data(self, attributes: bytes) -> bytes:
        signature = self._key.sign(attributes)
        timestamp = b"" if self._evidence is None else self._evidence.timestamp(signature)
        return self._writer.signed_data(attributes, signature, timestamp)

    def _measured_room(self) -> int:
        """Sign a sample, and return how many bytes a signature of this key has at most."""
        attributes = self._writer.signed_attributes(self._writer.new_hash(_SAMPLE).digest())
        signature = self._key.sign(attributes)
        # guard: signing.key-is-the-certificates
        if not _is_of(self._certificate.dump(), self._algorithm, signature, attributes):
            raise Misconfigured(
                "CB-CONFIG-SIGNING-KEY-OF-OTHER-CERTIFICATE",
                "the signing key is not the one of its certificate: put the key and the "
                "certificate that belong together into the PKCS#12 file, or on the token",
            )
        timestamp = b"" if self._evidence is None else self._evidence.longest_timestamp()
        longest = bytes(self._algorithm.longest_bytes)
        return len(self._writer.signed_data(attributes, longest, timestamp))

    def _check_certificate(self) -> None:
        first, last = self._certificate.not_valid_before, self._certificate.not_valid_after
        now = datetime.now(UTC)
        if not first <= now <= last:
            raise Misconfigured(
                "CB-CONFIG-SIGNING-CERTIFICATE-NOT-VALID",
                f"the signing certificate is valid from {first:%Y-%m-%d} to {last:%Y-%m-%d}, and "
                f"it is {now:%Y-%m-%d}: renew it, and put the new one with its key in the place "
                "of the old one",
            )
        usage = self._certificate.key_usage_value
        if usage is not None and not _SIGNING_KEY_USAGES & usage.native:
            raise Misconfigured(
                "CB-CONFIG-SIGNING-CERTIFICATE-MAY-NOT-SIGN",
                "the signing certificate's key usage allows no signatures: ask for one with "
                "digitalSignature or nonRepudiation",
            )


def _is_of(
    certificate: bytes, algorithm: SignatureAlgorithm, signature: bytes, data: bytes
) -> bool:
    """Whether the key of the certificate made this signature of data."""
    public = load_der_x509_certificate(certificate).public_key()
    try:
        if isinstance(public, ec.EllipticCurvePublicKey):
            public.verify(signature, data, ec.ECDSA(algorithm.hash))
        elif isinstance(public, rsa.RSAPublicKey):
            public.verify(signature, data, algorithm.padding, algorithm.hash)
    except InvalidSignature:
        return False
    return True
