"""Statements to verify, the manifest that lists them, and what a report found."""

import json
from base64 import b64encode
from dataclasses import replace
from datetime import date
from hashlib import sha256

from closebook.statements.manifest_document import TreeHead, manifest_content
from closebook.statements.manifest_entries import root_of, salted_entry
from closebook.statements.model import Statement
from closebook.statements.signing.signer import Signer
from closebook.statements.verify.report import Outcome, Report
from tests.statements.samples import HOLDER, entry, statement

FEW = statement(
    entry(-2350, counterparty="Alder & Finch"),
    entry(1_290_000, "Salary", day=3),
    entry(-150, "Account fee", kind="fee", day=9),
)
ANOTHER = replace(FEW, account_id=78, holder=replace(HOLDER, account_number="NG29 0001 7743 9999"))
BEFORE = replace(
    statement(opening_minor=FEW.opening_minor),
    period_start=date(2026, 9, 1),
    period_end_inclusive=date(2026, 9, 30),
)


def register(*documents: tuple[Statement, bytes], **more: object) -> bytes:
    """The manifest of October with these documents."""
    entries = [
        {
            "account_id": made.account_id,
            "currency": made.currency,
            "line_count": made.line_count,
            "opening_minor": made.opening_minor,
            "closing_minor": made.closing_minor,
            "sha256": sha256(pdf).hexdigest(),
            "object_name": f"statements/2026-10/{sha256(pdf).hexdigest()}.pdf",
        }
        | more
        for made, pdf in documents
    ]
    return json.dumps({"month": "2026-10", "close_id": 42, "statements": entries}).encode()


def manifest(*documents: tuple[Statement, bytes], signer: Signer | None = None) -> bytes:
    """The manifest of October with these documents and a root; a signer signs it."""
    entries = [
        salted_entry(
            {
                "account_id": made.account_id,
                "statement_version": made.version,
                "issued_close_id": made.close_id,
                "superseded_close_id": None,
                "currency": made.currency,
                "line_count": made.line_count,
                "opening_minor": made.opening_minor,
                "closing_minor": made.closing_minor,
                "sha256": sha256(pdf).hexdigest(),
                "unsigned_sha256": None,
                "object_name": f"statements/2026-10/{sha256(pdf).hexdigest()}.pdf",
                "twins": {},
            },
            made.holder.account_number,
            made.holder.name,
        )
        for made, pdf in documents
    ]
    head = TreeHead("2026-10", root_of("2026-10", entries), len(entries))
    signed = None if signer is None else b64encode(signer.sign_detached(head.content)).decode()
    return manifest_content(
        head,
        42,
        entries,
        [],
        signature=signed,
        previous_sha256=None,
        log_entry_count=0,
        log_sha256="0" * 64,
    )


def outcomes(report: Report) -> dict[str, Outcome]:
    return {finding.check: finding.outcome for finding in report.findings}


def failed(report: Report) -> dict[str, str]:
    """What the checks that failed have found, by the name of the check."""
    return {
        finding.check: finding.detail
        for finding in report.findings
        if finding.outcome is Outcome.FAILED
    }
