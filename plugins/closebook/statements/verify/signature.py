"""The signature on a received file: whether it is intact, of the whole file, and of whom."""

from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from io import BytesIO

from asn1crypto import pem, x509
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import (
    EmbeddedPdfSignature,
    PdfSignatureStatus,
    SignatureCoverageLevel,
    validate_pdf_signature,
)
from pyhanko.sign.validation.settings import KeyUsageConstraints
from pyhanko_certvalidator import ValidationContext

from closebook.errors import Misconfigured
from closebook.statements.verify.untrusted_pdf import Received, Refused, reading

_MAY_SIGN = KeyUsageConstraints({"digital_signature", "non_repudiation"})


@dataclass(frozen=True, slots=True)
class Seal:
    """An intact signature of a whole file. ``signed_on`` is what its maker says."""

    signer: str
    certificate_sha256: str
    signed_on: date
    is_trusted: bool


def certificates_of(content: bytes) -> list[x509.Certificate]:
    """The certificates of a PEM or DER file. Raises Misconfigured when there is none in it."""
    try:
        found = (
            [der for kind, _, der in pem.unarmor(content, multiple=True) if kind == "CERTIFICATE"]
            if pem.detect(content)
            else [content]
        )
        certificates = [x509.Certificate.load(der, strict=True) for der in found]
        _ = [certificate.subject.native for certificate in certificates]
    except (ValueError, TypeError) as error:
        raise Misconfigured(
            "CB-CONFIG-TRUST-UNREADABLE", f"the certificate to trust cannot be read: {error}"
        ) from error
    if not certificates:
        raise Misconfigured(
            "CB-CONFIG-TRUST-EMPTY",
            "the certificate to trust cannot be read: there is none in the file",
        )
    return certificates


def seal_of(received: Received, trusted: list[x509.Certificate]) -> Seal:
    """The signature of a signed file, trusted when these certificates vouch for its own.

    A certificate must have been valid when the file says that it was signed; whether it was
    revoked is not asked, since nobody is. Raises Refused when the signature is not intact, does
    not cover the whole file, or is one of several.
    """
    with reading():
        try:
            signatures = PdfFileReader(BytesIO(received.content), strict=True).embedded_signatures
            if len(signatures) != 1:
                raise Refused(f"it has {len(signatures)} signatures where a statement has one")
            return _seal(signatures[0], trusted)
        except PdfError as error:
            raise Refused(f"its signature cannot be read: {error}") from error


def _seal(signature: EmbeddedPdfSignature, trusted: list[x509.Certificate]) -> Seal:
    signed_at = signature.self_reported_timestamp
    if signed_at is None:
        raise Refused("its signature does not say when it was made")
    context = ValidationContext(
        trust_roots=trusted, allow_fetching=False, moment=signed_at, revocation_mode="soft-fail"
    )
    status: PdfSignatureStatus = validate_pdf_signature(
        signature, context, key_usage_settings=_MAY_SIGN, skip_diff=True
    )
    if not status.intact:
        raise Refused("what was signed is not what the file says now: it was changed afterwards")
    if not status.valid:
        raise Refused("its signature is not one of its certificate's key")
    if status.coverage is not SignatureCoverageLevel.ENTIRE_FILE:
        raise Refused("its signature does not cover the whole file: something was added to it")
    certificate = status.signing_cert
    name = certificate.subject.native.get("common_name") or certificate.subject.human_friendly
    return Seal(
        signer=str(name),
        certificate_sha256=sha256(certificate.dump()).hexdigest(),
        signed_on=signed_at.date(),
        is_trusted=status.trusted,
    )
