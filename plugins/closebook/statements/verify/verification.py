"""Verify the PDF of a statement, offline, for the person who received it.

It opens no connection, and needs neither Airflow nor a database.
"""

from dataclasses import dataclass
from datetime import timedelta

from closebook.keys import label, short_reference
from closebook.statements.bounded_process import Limits
from closebook.statements.manifest_parts import PartReader
from closebook.statements.verify.attached_csv import read_csv
from closebook.statements.verify.attached_statement import AttachedStatement
from closebook.statements.verify.attached_xml import read_xml
from closebook.statements.verify.consistency import refuse_differing_csv, refuse_differing_page
from closebook.statements.verify.embedded_fonts import check_fonts
from closebook.statements.verify.foreign_parts import refuse_foreign_parts
from closebook.statements.verify.given_manifest import GivenManifest, Published, checked_sha256
from closebook.statements.verify.other_formats import OTHER_FILES, refuse_differing_file
from closebook.statements.verify.page_tables import read_tables
from closebook.statements.verify.report import FONTS, MANIFEST, PUBLISHED, Report, on_one_line
from closebook.statements.verify.untrusted_pdf import (
    CSV_NAME,
    XML_NAME,
    CheckFailed,
    UntrustedPdf,
    bounded_reading,
)
from closebook.statements.verify.visible_text import refuse_hidden_text

# A genuine file of 26 kB takes 0.4 s and 40 MB, and one of 1.2 MB (4,000 lines) 2.3 s and 120 MB.
# So a small file gets little, whatever is packed into it: 85 kB have 16 s and 177 MB.
_LEAST = Limits(cpu_seconds=15, memory_bytes=160 * 1024**2)
_MOST = Limits(cpu_seconds=300, memory_bytes=4 * 1024**3)
_MEMORY_PER_BYTE = 200
_CPU_SECONDS_PER_MEGABYTE = 10
_FILE = "file"


@dataclass(frozen=True)
class VerifyInputs:
    """The files that a statement is compared with: the content of each, or None.

    ``manifest`` is the manifest of its month, ``previous`` the statement of the period before,
    ``trust`` the certificate of a trusted signer or authority, and ``proof`` the proof of this
    statement, which takes the place of a manifest. ``root`` and ``manifest_sha256`` are what the
    issuer has published of the month. ``read_part`` returns the parts of a manifest that has parts.
    """

    manifest: bytes | None = None
    previous: bytes | None = None
    trust: bytes | None = None
    proof: bytes | None = None
    root: str | None = None
    manifest_sha256: str | None = None
    read_part: PartReader | None = None

    @property
    def byte_count(self) -> int:
        """The size of all files."""
        files = (self.manifest, self.previous, self.trust, self.proof)
        return sum(len(content) for content in files if content is not None)

    @property
    def published(self) -> Published:
        """What the manifest is compared with. Raises Misconfigured for a text that is no sha256."""
        return Published(
            checked_sha256(self.root, "--root"),
            checked_sha256(self.manifest_sha256, "--manifest-sha256"),
            self.trust,
        )


def limits_for(content: bytes | None, inputs: VerifyInputs) -> Limits:
    """Return the limits of time and memory for files of this size."""
    byte_count = len(content or b"") + inputs.byte_count
    return Limits(  # guard: verify.small-files-get-little
        cpu_seconds=min(
            _LEAST.cpu_seconds + _CPU_SECONDS_PER_MEGABYTE * byte_count // 1024**2,
            _MOST.cpu_seconds,
        ),
        memory_bytes=min(_LEAST.memory_bytes + _MEMORY_PER_BYTE * byte_count, _MOST.memory_bytes),
    )


def unreadable_file_report(reason: str) -> Report:
    """Return the report on a file that cannot be read at all."""
    report = Report()
    with report.check(_FILE):
        raise CheckFailed(reason)
    return report


def verify(content: bytes, inputs: VerifyInputs) -> Report:
    """Check a file by itself, and compare it with the inputs.

    The report has everything that is wrong with the file. Raises Misconfigured when the manifest or
    the trusted certificate cannot be used.
    """
    published = inputs.published
    manifest = (
        None
        if inputs.manifest is None
        else GivenManifest.of_manifest(inputs.manifest, inputs.read_part)
    )
    report = Report()
    pdf: UntrustedPdf | None = None
    xml: AttachedStatement | None = None
    with report.check(_FILE) as details:
        pdf = UntrustedPdf.open(content)
        details.append(f"{len(content):,} bytes, complete, {_count(pdf.page_count, 'page')}")
    if pdf is None:
        for name in ("totals", "CSV", "page", FONTS):
            report.skip(name, "the file cannot be read")
    else:
        xml = _check_content(report, pdf)
    if xml is not None:
        report.about = _about(xml)
    if inputs.proof is not None and manifest is None:
        manifest = _read_proof(report, inputs.proof)
    _check_manifest(report, content, xml, manifest)
    _check_published(report, manifest, published)
    _check_previous(report, xml, inputs.previous)
    _check_signature(report, pdf, inputs.trust)
    return report


def _check_content(report: Report, pdf: UntrustedPdf) -> AttachedStatement | None:
    """Check XML, CSV and pages; return the statement as the XML states it, if it adds up."""
    xml: AttachedStatement | None = None
    with report.check("totals") as details:
        xml = read_xml(pdf.attachments[XML_NAME])
        details.append(
            f"opening {xml.money(xml.opening_minor)}, {_count(len(xml.lines), 'line')}, closing "
            f"{xml.money(xml.closing_minor)}: the attached XML adds up"
        )
    if xml is None:
        report.skip("CSV", "it cannot be compared with the XML, which did not pass its check")
        report.skip("page", "it cannot be compared with the XML, which did not pass its check")
        _check_fonts(report, pdf)
        return None
    with report.check("CSV") as details:
        refuse_differing_csv(xml, read_csv(pdf.attachments[CSV_NAME]))
        details.append("the attached CSV adds up, and is the same as the XML in every line")
    for name in sorted(pdf.attachments.keys() & OTHER_FILES.keys()):
        with report.check(OTHER_FILES[name]) as details:
            refuse_differing_file(name, pdf.attachments[name], xml)
            details.append("balances and the days, amount and reference of each line are the XML's")
    with report.check("page") as details:
        refuse_foreign_parts(pdf)
        if refuse_hidden_text(pdf):
            details.append("some text stands on a picture, whose colours were not compared")
        with bounded_reading():
            language = str(pdf.reader.root_object["/Lang"])
        refuse_differing_page(xml, read_tables(pdf), language)
        details.append(
            "account, opening, closing, totals, and day, reference, amount and balance of each "
            "line are printed as the XML has them (other texts were not compared)"
        )
    _check_fonts(report, pdf)
    return xml


def _check_fonts(report: Report, pdf: UntrustedPdf) -> None:
    """Check that the fonts show what the text of the pages says."""
    try:
        fonts = check_fonts(pdf)
    except CheckFailed as error:
        with report.check(FONTS):
            raise CheckFailed(error.text) from error
        return
    if fonts.unknown:
        report.skip(
            FONTS,
            f"the outlines of {', '.join(fonts.unknown)} were not compared: this version of "
            "closebook does not know them",
        )
        return
    with report.check(FONTS) as details:
        details.append(
            f"{_count(fonts.count, 'font')}: digits, Latin letters and signs have the outlines of "
            "their typefaces and are those that the text says, and other letters are of its scripts"
        )


def verify_proof(proof: bytes, inputs: VerifyInputs) -> Report:
    """Check a proof by itself, without the file of its statement.

    Raises Misconfigured as ``verify`` does.
    """
    published = inputs.published
    report = Report(about="a proof of a statement", verified="a statement")
    manifest = _read_proof(report, proof)
    if manifest is not None:
        [entry] = manifest.entries
        with report.check(MANIFEST) as details:
            details.append(
                f"account {on_one_line(label(entry['account_id']))}, "
                f"version {entry.get('statement_version')}, "
                f"{manifest.month} in {on_one_line(entry['currency'])}: opening "
                f"{entry['opening_minor']} and closing {entry['closing_minor']} minor units, "
                f"{_count(entry['line_count'], 'line')}, PDF sha256 {entry['sha256']}"
            )
    _check_published(report, manifest, published)
    return report


def _read_proof(report: Report, proof: bytes) -> GivenManifest | None:
    with report.check("proof") as details:
        manifest = GivenManifest.of_proof(proof)
        details.append(f"it leads to the root of {manifest.month} that it states")
        return manifest
    return None


def _check_published(report: Report, manifest: GivenManifest | None, published: Published) -> None:
    if manifest is None:
        report.skip(PUBLISHED, "there is no manifest and no proof to compare with")
        return
    try:
        ways = manifest.proven_by(published)
    except CheckFailed as error:
        with report.check(PUBLISHED):
            raise CheckFailed(f"it is not the manifest that was issued: {error.text}") from error
        return
    if ways:
        with report.check(PUBLISHED) as details:
            details += [*ways, manifest.names]
        return
    report.skip(
        PUBLISHED,
        "nothing proves the manifest: compare its hashes with what the issuer has published "
        f"(--root, --manifest-sha256), or trust its signer (--trust); {manifest.names}",
    )


def _check_manifest(
    report: Report, content: bytes, xml: AttachedStatement | None, manifest: GivenManifest | None
) -> None:
    if manifest is None:
        report.skip(
            MANIFEST, "no manifest and no proof was given, so the file's hash was not compared"
        )
        return
    with report.check(MANIFEST) as details:
        sha256 = UntrustedPdf(content).sha256
        entry = manifest.find(sha256=sha256)
        if entry is None:
            raise CheckFailed(_why_not_in_manifest(sha256, xml, manifest))
        version = entry.get("statement_version")
        details.append(
            f"its sha256 {sha256[:16]}… is in the manifest of {manifest.month}"
            + (f", as version {version} of the statement" if version else "")
        )
        if xml is None:
            raise CheckFailed(f"{details[0]}, but the file's content cannot be compared with it")
        # guard: verify.account-is-that-of-the-manifest
        if short_reference(entry["account_id"]) != xml.account_reference:
            raise CheckFailed(
                f"the manifest has account_id {on_one_line(label(entry['account_id']))} for this "
                f"file, and its XML has {on_one_line(xml.account_reference or '')}"
            )
        for name, stated in (
            ("currency", xml.currency),
            ("opening_minor", xml.opening_minor),
            ("closing_minor", xml.closing_minor),
            ("line_count", len(xml.lines)),
        ):
            if entry[name] != stated:
                raise CheckFailed(
                    f"the manifest has {name} {entry[name]} for this file, and its XML has {stated}"
                )
        details.append("with the same account, currency, opening, closing and number of lines")


def _why_not_in_manifest(
    sha256: str, xml: AttachedStatement | None, manifest: GivenManifest
) -> str:
    missing = f"its sha256 {sha256[:16]}… is not in the manifest of {manifest.month}"
    if manifest.find(unsigned_sha256=sha256) is not None:
        return f"{missing}: it is the unsigned form of a signed statement; its signature is missing"
    if xml is None:
        return missing
    entries = sorted(
        (
            each
            for each in manifest.entries
            if short_reference(each["account_id"]) == xml.account_reference
        ),
        key=lambda each: bool(each["currency"] != xml.currency),
    )
    entry = entries[0] if entries else None
    if entry is None or entry["sha256"] is None:
        return f"{missing}, which has no document of this account"
    if entry["currency"] != xml.currency:
        return f"{missing}, which has a document in {entry['currency']} for this account"
    return (
        f"{missing}, which has another document for this account: opening "
        f"{xml.money(entry['opening_minor'])}, {_count(entry['line_count'], 'line')}, closing "
        f"{xml.money(entry['closing_minor'])}"
    )


def _check_previous(report: Report, xml: AttachedStatement | None, previous: bytes | None) -> None:
    if previous is None:
        report.skip("previous", "no previous statement was given")
        return
    with report.check("previous") as details:
        try:
            before = read_xml(UntrustedPdf.open(previous).attachments[XML_NAME])
        except CheckFailed as error:
            raise CheckFailed(f"the previous statement cannot be read: {error.text}") from error
        if xml is None:
            raise CheckFailed(
                "the file has no readable content to compare the previous statement with"
            )
        if (before.account_number, before.account_reference) != (
            xml.account_number,
            xml.account_reference,
        ):
            raise CheckFailed("the previous statement belongs to another account")
        if before.currency != xml.currency:
            raise CheckFailed(f"the previous statement is in {before.currency}")
        if before.last_day + timedelta(days=1) != xml.first_day:
            raise CheckFailed(
                f"the previous statement ends on {before.last_day}, and this one begins on "
                f"{xml.first_day}"
            )
        if before.closing_minor != xml.opening_minor:
            raise CheckFailed(
                f"the previous statement closes with {xml.money(before.closing_minor)}, and this "
                f"one opens with {xml.money(xml.opening_minor)}"
            )
        details.append(
            f"it ends on {before.last_day} and closes with {xml.money(before.closing_minor)}, "
            "with which this one opens"
        )


def _check_signature(report: Report, pdf: UntrustedPdf | None, trust: bytes | None) -> None:
    if pdf is None:
        report.skip("signature", "the file cannot be read")
        return
    if not pdf.is_signed and trust is None:
        report.skip("signature", "the file is not signed")
        return
    # This import loads pyHanko, which takes long and is not needed for an unsigned file.
    from closebook.statements.verify.signature import load_certificates, read_signature

    trusted = [] if trust is None else load_certificates(trust)
    with report.check("signature") as details:
        if not pdf.is_signed:
            raise CheckFailed("the file is not signed, and a trusted signature was asked for")
        signature = read_signature(pdf, trusted)
        details += [
            f"valid for the whole file, signed by {on_one_line(signature.signer)}",
            f"certificate sha256 {signature.certificate_sha256[:16]}…",
            f"signed on {signature.signed_on} according to "
            f"{on_one_line(signature.timestamp_authority or 'the signer')}",
        ]
        if trust is None:
            details.append("no certificate was given to check whether the signer is trusted")
        elif signature.is_trusted:
            details.append("the signer is trusted")
        else:
            raise CheckFailed(f"{details[0]}, but the signer is not trusted")


def _about(xml: AttachedStatement) -> str:
    return (
        f"the statement of account {on_one_line(xml.account_number or '')} in {xml.currency}, "
        f"{xml.first_day} to {xml.last_day}"
    )


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
