"""The report of `closebook verify`: the outcome of each check, and the conclusion."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum

from closebook.statements.printable import printable
from closebook.statements.verify.untrusted_pdf import CheckFailed

MANIFEST = "manifest"
PUBLISHED = "published"
FONTS = "fonts"
_MAX_QUOTED_CHARACTERS = 60


class Outcome(Enum):
    """The outcome of a check."""

    OK = "OK"
    FAILED = "FAILED"
    NOT_CHECKED = "NOT CHECKED"


@dataclass(frozen=True, slots=True)
class Finding:
    """The name of a check, its outcome, and what it found."""

    check: str
    outcome: Outcome
    detail: str


@dataclass
class Report:
    """All findings of a file, in the order of the checks.

    ``about`` names the account, the currency and the period of the statement.
    """

    about: str = "a file that is not a complete statement"
    findings: list[Finding] = field(default_factory=list)
    verified: str = "the file"

    @property
    def is_in_manifest(self) -> bool:
        """Whether the given manifest or proof has the file's hash, currency, account and totals."""
        return self._passed(MANIFEST)

    @property
    def is_proven(self) -> bool:
        """Whether the manifest is the one that was published, or is signed by a trusted key."""
        return self._passed(PUBLISHED)

    @property
    def text(self) -> str:
        """The report as text: what the file is, a line for each check, and the conclusion."""
        lines = [self.about]
        lines += [
            f"{finding.outcome.value:<12} {finding.check:<10} {finding.detail}"
            for finding in self.findings
        ]
        if self.has_failed:
            lines.append("FAILED: do not rely on this file.")
        elif self.is_in_manifest and self.is_proven:
            lines.append(f"Verified: this is {self.verified} that was issued.")
        elif self.is_in_manifest:  # guard: verify.unproven-register-verifies-nothing
            lines.append(
                "No check failed, but the manifest itself is unproven: whoever forges a file can "
                "forge a manifest for it."
            )
        else:
            lines.append(
                "No check failed, but the file's hash was not compared with a manifest or a proof."
            )
        return "\n".join(lines) + "\n"

    @property
    def has_failed(self) -> bool:
        """Whether any check failed."""
        return any(finding.outcome is Outcome.FAILED for finding in self.findings)

    @contextmanager
    def check(self, name: str) -> Iterator[list[str]]:
        """Make a check: the block appends what it found to the list, or raises CheckFailed."""
        details: list[str] = []
        try:
            yield details
        except CheckFailed as error:
            self._add(name, Outcome.FAILED, error.text)
        else:
            self._add(name, Outcome.OK, "; ".join(details))

    def skip(self, name: str, reason: str) -> None:
        """Add a finding that says why a check was not made."""
        self._add(name, Outcome.NOT_CHECKED, reason)

    def _passed(self, check: str) -> bool:
        return any(
            (finding.check, finding.outcome) == (check, Outcome.OK) for finding in self.findings
        )

    def _add(self, name: str, outcome: Outcome, detail: str) -> None:
        self.findings.append(Finding(name, outcome, on_one_line(detail, max_characters=None)))


def on_one_line(text: str, max_characters: int | None = _MAX_QUOTED_CHARACTERS) -> str:
    """Return text for a terminal: on one line, and without control characters."""
    return " ".join(printable(text).split())[:max_characters]
