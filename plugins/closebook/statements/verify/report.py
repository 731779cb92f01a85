"""Verify a statement's file, offline: what whoever received it can find out by themselves.

Opens no connection, and needs neither Airflow nor a database.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from typing import Any

from closebook.errors import Misconfigured
from closebook.statements.bounded_process import Limits
from closebook.statements.render.sanitize import printable
from closebook.statements.verify.attachments import Told, told_by_csv, told_by_xml
from closebook.statements.verify.consistency import refuse_other_page, refuse_other_twin
from closebook.statements.verify.page_tables import tables
from closebook.statements.verify.untrusted_pdf import CSV_NAME, XML_NAME, Received, Refused, reading

# Enough for the longest statement that was tried, of 20,000 lines, ten times over.
LIMITS = Limits(cpu_seconds=300, memory_bytes=4 * 1024**3)

REGISTER = "register"
_FILE = "file"
_LONGEST_QUOTE = 60
_OF_AN_ENTRY = {
    **dict.fromkeys(("account_id", "line_count", "opening_minor", "closing_minor"), int),
    "currency": str,
    "sha256": str | None,
}


class Outcome(Enum):
    """What came of a check."""

    OK = "OK"
    FAILED = "FAILED"
    NOT_CHECKED = "NOT CHECKED"


@dataclass(frozen=True, slots=True)
class Finding:
    """A check, what came of it, and what there is to say."""

    check: str
    outcome: Outcome
    words: str


@dataclass
class Report:
    """All findings of a file, in the order of the checks; ``about`` says whose it is."""

    about: str = "a file that is no whole statement"
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_registered(self) -> bool:
        """Whether the file's hash was found in a register, and agrees with what it says there."""
        return any(
            (finding.check, finding.outcome) == (REGISTER, Outcome.OK) for finding in self.findings
        )

    @property
    def text(self) -> str:
        """The report for whoever reads it: whose file it is, a line a check, and the upshot."""
        lines = [self.about]
        lines += [f"{it.outcome.value:<12} {it.check:<10} {it.words}" for it in self.findings]
        if self.has_failed:
            lines.append("FAILED: do not rely on this file.")
        elif self.is_registered:
            lines.append("Verified: this is the file that was issued.")
        else:
            lines.append("Sound in itself, but its hash was not compared with a register.")
        return "\n".join(lines) + "\n"

    @property
    def has_failed(self) -> bool:
        """Whether any check failed."""
        return any(finding.outcome is Outcome.FAILED for finding in self.findings)

    @contextmanager
    def check(self, name: str) -> Iterator[list[str]]:
        """A check that appends to what is yielded what it found, or raises Refused."""
        words: list[str] = []
        try:
            yield words
        except Refused as error:
            self._add(name, Outcome.FAILED, error.text)
        else:
            self._add(name, Outcome.OK, "; ".join(words))

    def skip(self, name: str, why: str) -> None:
        """Say that a check was not made."""
        self._add(name, Outcome.NOT_CHECKED, why)

    def _add(self, name: str, outcome: Outcome, words: str) -> None:
        self.findings.append(Finding(name, outcome, _quoted(words, longest=None)))


@dataclass(frozen=True)
class Given:
    """What there is to verify by besides the file: each is a file's content, or None."""

    register: bytes | None = None
    previous: bytes | None = None
    trust: bytes | None = None


def refused(why: str) -> Report:
    """The report on a file that cannot be read at all."""
    report = Report()
    with report.check(_FILE):
        raise Refused(why)
    return report


def verify(content: bytes, given: Given) -> Report:
    """Check a file against all that is given.

    Whatever is wrong with the file itself is in the report. Raises Misconfigured when the
    register or the certificate to trust cannot be used.
    """
    register = None if given.register is None else _Register.of(given.register)
    report = Report()
    received: Received | None = None
    told: Told | None = None
    with report.check(_FILE) as words:
        received = Received.of(content)
        words.append(f"{len(content):,} bytes, whole, {_count(received.page_count, 'page')}")
    if received is None:
        for name in ("totals", "CSV", "page"):
            report.skip(name, "the file cannot be read")
    else:
        told = _check_parts(report, received)
    if told is not None:
        report.about = _about(told)
    _check_register(report, content, told, register)
    _check_previous(report, told, given.previous)
    _check_signature(report, received, given.trust)
    return report


def _check_parts(report: Report, received: Received) -> Told | None:
    told: Told | None = None
    with report.check("totals") as words:
        told = told_by_xml(received.attachments[XML_NAME])
        words.append(
            f"opening {told.money(told.opening_minor)}, {_count(len(told.lines), 'line')}, closing "
            f"{told.money(told.closing_minor)}: the XML inside adds up"
        )
    if told is None:
        report.skip("CSV", "there is no sound XML to compare it with")
        report.skip("page", "there is no sound XML to compare it with")
        return None
    with report.check("CSV") as words:
        refuse_other_twin(told, told_by_csv(received.attachments[CSV_NAME]))
        words.append("the CSV inside adds up, and is the same as the XML in every line")
    with report.check("page") as words:
        with reading():
            language = str(received.reader.root_object["/Lang"])
        refuse_other_page(told, tables(received), language)
        words.append(
            "prints account, opening, closing, totals, and day, reference, amount and balance of "
            "each line as the XML has them (its other texts were not compared)"
        )
    return told


@dataclass(frozen=True)
class _Register:
    """A month's manifest: the register's export."""

    month: str
    entries: tuple[dict[str, Any], ...]

    @classmethod
    def of(cls, content: bytes) -> "_Register":
        try:
            manifest = json.loads(content)
            entries = tuple(manifest["statements"])
            are_whole = all(
                isinstance(entry[name], kind)
                for entry in entries
                for name, kind in _OF_AN_ENTRY.items()
            )
            month = str(manifest["month"])
        except (ValueError, TypeError, LookupError, RecursionError):
            are_whole = False
        if not are_whole:
            raise Misconfigured(
                "CB-CONFIG-REGISTER-NO-MANIFEST",
                "the register is no manifest of a month: take the JSON file that "
                "monthly_statements wrote for it",
            )
        return cls(month, entries)

    def find(self, **wanted: object) -> dict[str, Any] | None:
        """The first entry with these values."""
        return next(
            (
                entry
                for entry in self.entries
                if all(entry.get(name) == value for name, value in wanted.items())
            ),
            None,
        )


def _check_register(
    report: Report, content: bytes, told: Told | None, register: _Register | None
) -> None:
    if register is None:
        report.skip(REGISTER, "no register was given, so the file's hash was compared with none")
        return
    with report.check(REGISTER) as words:
        sha256 = Received(content).sha256
        entry = register.find(sha256=sha256)
        if entry is None:
            raise Refused(_why_not_registered(sha256, told, register))
        version = entry.get("statement_version")
        words.append(
            f"its sha256 {sha256[:16]}… is in the register of {register.month}"
            + (f", as version {version} of the statement" if version else "")
        )
        if told is None:
            raise Refused(f"{words[0]}, and what is in the file cannot be compared with it")
        for name, stated in (
            ("account_id", told.account_id),
            ("currency", told.currency),
            ("opening_minor", told.opening_minor),
            ("closing_minor", told.closing_minor),
            ("line_count", len(told.lines)),
        ):
            if entry[name] != stated:
                raise Refused(
                    f"the register has {name} {entry[name]} for this file, and its XML {stated}"
                )
        words.append("with this account, currency, opening, closing and number of lines")


def _why_not_registered(sha256: str, told: Told | None, register: _Register) -> str:
    missing = f"its sha256 {sha256[:16]}… is not in the register of {register.month}"
    if register.find(unsigned_sha256=sha256) is not None:
        return f"{missing}: this is the statement before it was signed, its signature is missing"
    if told is None:
        return missing
    entry = register.find(account_id=told.account_id)
    if entry is None or entry["sha256"] is None:
        return f"{missing}, and neither is any document of this account"
    if entry["currency"] != told.currency:
        return f"{missing}, which has a document in {entry['currency']} for this account"
    return (
        f"{missing}, which has another document for this account: opening "
        f"{told.money(entry['opening_minor'])}, {_count(entry['line_count'], 'line')}, closing "
        f"{told.money(entry['closing_minor'])}"
    )


def _check_previous(report: Report, told: Told | None, previous: bytes | None) -> None:
    if previous is None:
        report.skip("previous", "no previous statement was given")
        return
    with report.check("previous") as words:
        try:
            before = told_by_xml(Received.of(previous).attachments[XML_NAME])
        except Refused as error:
            raise Refused(f"the previous statement is no whole one: {error.text}") from error
        if told is None:
            raise Refused("there is nothing to compare the previous statement with")
        if (before.account_number, before.account_id) != (told.account_number, told.account_id):
            raise Refused("the previous statement is of another account")
        if before.currency != told.currency:
            raise Refused(f"the previous statement is in {before.currency}")
        if before.last_day + timedelta(days=1) != told.first_day:
            raise Refused(
                f"the previous statement ends on {before.last_day}, and this one begins on "
                f"{told.first_day}"
            )
        if before.closing_minor != told.opening_minor:
            raise Refused(
                f"the previous statement closes with {told.money(before.closing_minor)}, and this "
                f"one opens with {told.money(told.opening_minor)}"
            )
        words.append(
            f"it ends on {before.last_day} and closes with {told.money(before.closing_minor)}, "
            "with which this one opens"
        )


def _check_signature(report: Report, received: Received | None, trust: bytes | None) -> None:
    if received is None:
        report.skip("signature", "the file cannot be read")
        return
    if not received.is_signed and trust is None:
        report.skip("signature", "the file is not signed")
        return
    from closebook.statements.verify.signature import (  # slow, and seldom wanted
        certificates_of,
        seal_of,
    )

    trusted = [] if trust is None else certificates_of(trust)
    with report.check("signature") as words:
        if not received.is_signed:
            raise Refused("the file is not signed, so nobody who is trusted has signed it")
        seal = seal_of(received, trusted)
        words += [
            f"intact, of the whole file, by {_quoted(seal.signer)}",
            f"certificate sha256 {seal.certificate_sha256[:16]}…",
            f"signed on {seal.signed_on}, as the file says itself",
        ]
        if trust is None:
            words.append("whether to trust its certificate was not asked")
        elif seal.is_trusted:
            words.append("trusted")
        else:
            raise Refused(f"{words[0]}, and nobody who is trusted vouches for that")


def _about(told: Told) -> str:
    return (
        f"the statement of account {_quoted(told.account_number or '')} in {told.currency}, "
        f"{told.first_day} to {told.last_day}"
    )


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _quoted(text: str, longest: int | None = _LONGEST_QUOTE) -> str:
    """Text for a terminal, which may be a stranger's: on one line, and nothing of it is obeyed."""
    return " ".join(printable(text).split())[:longest]
