"""Read the signature of a PDF: who signed it, and whether the PDF is unchanged since then."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from io import BytesIO

from asn1crypto import cms, pem, x509
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.validation import (
    DocumentTimestampStatus,
    EmbeddedPdfSignature,
    PdfSignatureStatus,
    SignatureCoverageLevel,
    validate_pdf_signature,
    validate_pdf_timestamp,
)
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.generic_cms import (
    async_validate_detached_cms,
    extract_self_reported_ts,
)
from pyhanko.sign.validation.settings import KeyUsageConstraints
from pyhanko_certvalidator import ValidationContext

from closebook.errors import Misconfigured
from closebook.statements.pem_certificates import certificates_of
from closebook.statements.verify.untrusted_pdf import CheckFailed, UntrustedPdf, bounded_reading

_SIGNING_KEY_USAGES = KeyUsageConstraints({"digital_signature", "non_repudiation"})


@dataclass(frozen=True, slots=True)
class PdfSignature:
    """A valid signature of a whole PDF or of a root.

    ``signed_on`` is what the signer claims, or what the trusted ``timestamp_authority`` says.
    """

    signer: str
    certificate_sha256: str
    signed_on: date
    is_trusted: bool
    timestamp_authority: str | None = None


def load_certificates(content: bytes) -> list[x509.Certificate]:
    """Return the certificates of a PEM or DER file. Raises Misconfigured when it has none."""
    try:
        pem_file = content if pem.detect(content) else pem.armor("CERTIFICATE", content)
        certificates = certificates_of(pem_file)
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
    CheckFailed when the signature is not valid, is one of several, or does not cover the whole
    file. A timestamp of the whole file may come after it.
    """
    with bounded_reading():
        try:
            reader = PdfFileReader(BytesIO(pdf.content), strict=True)
            signatures = reader.embedded_regular_signatures
            if len(signatures) != 1:
                raise CheckFailed(f"it has {len(signatures)} signatures, and a statement has one")
            return _validate(signatures[0], reader.embedded_timestamp_signatures, trusted)
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
    certificate: x509.Certificate,
    signed_at: datetime,
    *,
    is_trusted: bool,
    timestamp_authority: str | None = None,
) -> PdfSignature:
    return PdfSignature(
        signer=_name(certificate),
        certificate_sha256=sha256(certificate.dump()).hexdigest(),
        signed_on=signed_at.date(),
        is_trusted=is_trusted,
        timestamp_authority=timestamp_authority,
    )


def _name(certificate: x509.Certificate) -> str:
    return str(certificate.subject.native.get("common_name") or certificate.subject.human_friendly)


def _validate(
    signature: EmbeddedPdfSignature,
    timestamps: Sequence[EmbeddedPdfSignature],
    trusted: list[x509.Certificate],
) -> PdfSignature:
    stated_at = signature.self_reported_timestamp
    if stated_at is None:
        raise CheckFailed("its signature does not state the time of signing")
    signed_at = _time_of_timestamp(signature) or stated_at
    context = ValidationContext(
        trust_roots=trusted, allow_fetching=False, moment=signed_at, revocation_mode="soft-fail"
    )
    status: PdfSignatureStatus = validate_pdf_signature(
        signature,
        context,
        context,
        key_usage_settings=_SIGNING_KEY_USAGES,
        skip_diff=not timestamps,
    )
    if not status.intact:
        raise CheckFailed("the signed part of the file was changed after it was signed")
    if not status.valid:
        raise CheckFailed("its signature was not made with the key of its certificate")
    _check_coverage(status, timestamps, trusted)
    timestamp = status.timestamp_validity
    if timestamp is not None and not (timestamp.intact and timestamp.valid):
        raise CheckFailed("the timestamp of its signature is not one of this signature")
    is_timed = timestamp is not None and timestamp.trusted
    return _signature(
        status.signing_cert,
        signed_at if is_timed else stated_at,
        is_trusted=status.trusted,
        timestamp_authority=_name(timestamp.signing_cert) if timestamp and is_timed else None,
    )


def _time_of_timestamp(signature: EmbeddedPdfSignature) -> datetime | None:
    for attribute in signature.signer_info["unsigned_attrs"]:
        if attribute["type"].native == "signature_time_stamp_token":
            token = attribute["values"][0]["content"]
            found: datetime = token["encap_content_info"]["content"].parsed["gen_time"].native
            return found
    return None


def _check_coverage(
    status: PdfSignatureStatus,
    timestamps: Sequence[EmbeddedPdfSignature],
    trusted: list[x509.Certificate],
) -> None:
    """Raise CheckFailed for bytes that neither the signature nor a timestamp after it covers.

    Between them only certificates and revocation lists may have been added.
    """
    last: PdfSignatureStatus | DocumentTimestampStatus = status
    if timestamps:
        # guard: verify.nothing-but-evidence-after-the-signature
        if not status.docmdp_ok or status.modification_level not in (
            ModificationLevel.NONE,
            ModificationLevel.LTA_UPDATES,
        ):
            raise CheckFailed("something was added to the file after it was signed")
        context = ValidationContext(
            trust_roots=trusted, allow_fetching=False, revocation_mode="soft-fail"
        )
        last = validate_pdf_timestamp(timestamps[-1], context)
        if not (last.intact and last.valid):
            raise CheckFailed("the timestamp of the whole file is not one of this file")
    if last.coverage is not SignatureCoverageLevel.ENTIRE_FILE:
        raise CheckFailed("its signature does not cover the whole file: something was added later")
