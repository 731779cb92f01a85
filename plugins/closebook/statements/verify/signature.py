"""Read the signature of a PDF: who signed it, and whether the PDF is unchanged since then."""

import asyncio
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from io import BytesIO

from asn1crypto import cms, pem, x509
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import (
    EmbeddedPdfSignature,
    PdfSignatureStatus,
    SignatureCoverageLevel,
    validate_pdf_signature,
)
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.generic_cms import (
    async_validate_detached_cms,
    extract_self_reported_ts,
)
from pyhanko.sign.validation.settings import KeyUsageConstraints
from pyhanko_certvalidator import ValidationContext

from closebook.errors import Misconfigured
from closebook.statements.verify.untrusted_pdf import CheckFailed, UntrustedPdf, bounded_reading

_SIGNING_KEY_USAGES = KeyUsageConstraints({"digital_signature", "non_repudiation"})


@dataclass(frozen=True, slots=True)
class PdfSignature:
    """A valid signature of a whole PDF or of a root. ``signed_on`` is what the signer claims."""

    signer: str
    certificate_sha256: str
    signed_on: date
    is_trusted: bool


def load_certificates(content: bytes) -> list[x509.Certificate]:
    """Return the certificates of a PEM or DER file. Raises Misconfigured when it has none."""
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


def read_signature(pdf: UntrustedPdf, trusted: list[x509.Certificate]) -> PdfSignature:
    """Return the signature of a signed PDF.

    It is trusted when its certificate, or the authority that issued it, is one of the ``trusted``
    certificates. The certificate must have been valid at the time of signing that the PDF states.
    Whether the certificate was revoked is not checked, since that needs a connection. Raises
    CheckFailed when the signature is not valid, does not cover the whole file, or is one of
    several.
    """
    with bounded_reading():
        try:
            signatures = PdfFileReader(BytesIO(pdf.content), strict=True).embedded_signatures
            if len(signatures) != 1:
                raise CheckFailed(f"it has {len(signatures)} signatures, and a statement has one")
            return _validate(signatures[0], trusted)
        except PdfError as error:
            raise CheckFailed(f"its signature cannot be read: {error}") from error


def read_detached_signature(
    content: bytes, signature: bytes, trusted: list[x509.Certificate]
) -> PdfSignature:
    """Return a detached signature (CMS) of some content.

    It is trusted as ``read_signature`` says. Raises CheckFailed when it cannot be read, or is not
    one of this content.
    """
    with bounded_reading():
        try:
            message = cms.ContentInfo.load(signature, strict=True)
            signed = message["content"]
            signed_at = extract_self_reported_ts(signed["signer_infos"][0])
        except (ValueError, TypeError, LookupError) as error:
            raise CheckFailed(f"its signature cannot be read: {error}") from error
        if signed_at is None:
            raise CheckFailed("its signature does not state the time of signing")
        context = ValidationContext(
            trust_roots=trusted, allow_fetching=False, moment=signed_at, revocation_mode="soft-fail"
        )
        try:
            status = asyncio.run(
                async_validate_detached_cms(
                    content, signed, context, key_usage_settings=_SIGNING_KEY_USAGES
                )
            )
        except (SignatureValidationError, PdfError) as error:
            raise CheckFailed(f"its signature cannot be read: {error}") from error
        # guard: verify.manifest-signature-is-valid
        if not (status.intact and status.valid):
            raise CheckFailed("its signature was made for another root")
        return _signature(status.signing_cert, signed_at, is_trusted=status.trusted)


def _signature(
    certificate: x509.Certificate, signed_at: datetime, *, is_trusted: bool
) -> PdfSignature:
    name = certificate.subject.native.get("common_name") or certificate.subject.human_friendly
    return PdfSignature(
        signer=str(name),
        certificate_sha256=sha256(certificate.dump()).hexdigest(),
        signed_on=signed_at.date(),
        is_trusted=is_trusted,
    )


def _validate(signature: EmbeddedPdfSignature, trusted: list[x509.Certificate]) -> PdfSignature:
    signed_at = signature.self_reported_timestamp
    if signed_at is None:
        raise CheckFailed("its signature does not state the time of signing")
    context = ValidationContext(
        trust_roots=trusted, allow_fetching=False, moment=signed_at, revocation_mode="soft-fail"
    )
    status: PdfSignatureStatus = validate_pdf_signature(
        signature, context, key_usage_settings=_SIGNING_KEY_USAGES, skip_diff=True
    )
    if not status.intact:
        raise CheckFailed("the signed part of the file was changed after it was signed")
    if not status.valid:
        raise CheckFailed("its signature was not made with the key of its certificate")
    if status.coverage is not SignatureCoverageLevel.ENTIRE_FILE:
        raise CheckFailed("its signature does not cover the whole file: something was added later")
    return _signature(status.signing_cert, signed_at, is_trusted=status.trusted)
