"""What an audit found: one finding for each thing that does not agree."""

from dataclasses import asdict, dataclass, field

from closebook.errors import WrongData


@dataclass(frozen=True)
class Finding:
    """One thing that does not agree: the check, what it is about by its ids, and what was found.

    No finding has a name or the number of an account.
    """

    check: str
    subject: str
    detail: str

    def __str__(self) -> str:
        return f"{self.check}: {self.subject}: {self.detail}"


class AuditFailed(WrongData):
    """An audit has findings; the text has the first of them."""


@dataclass
class AuditReport:
    """All findings of an audit, and how much was looked at, by kind."""

    findings: list[Finding] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, check: str, subject: str, detail: str) -> None:
        """Add a finding."""
        self.findings.append(Finding(check, subject, detail))

    def count(self, kind: str, number: int = 1) -> None:
        """Add to the number of what was looked at."""
        self.counts[kind] = self.counts.get(kind, 0) + number

    @property
    def summary(self) -> str:
        """How much was looked at, in one line."""
        looked = ", ".join(f"{number:,} {kind}" for kind, number in self.counts.items())
        return f"{len(self.findings)} findings; looked at {looked}"

    @property
    def as_json(self) -> dict[str, object]:
        """The report as a value for JSON."""
        return {
            "findings": [asdict(finding) for finding in self.findings],
            "counts": self.counts,
        }

    def raise_findings(self) -> None:
        """Raise AuditFailed if there are findings."""
        if self.findings:
            first = "; ".join(map(str, self.findings[:10]))
            raise AuditFailed(
                "CB-DATA-AUDIT-FINDINGS", f"the audit has {len(self.findings)} findings: {first}"
            )
