"""The report of the doctor: as text, as a value for JSON, and whether all is well."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Self

from closebook.doctor.finding import Finding, Observation, Severity, Unseen


@dataclass(frozen=True)
class Report:
    """All findings, the worst first, and what could not be looked at."""

    findings: tuple[Finding, ...]
    unseen: tuple[Unseen, ...]

    @classmethod
    def of(cls, observations: Iterable[Observation]) -> Self:
        """Return the report of these observations, each of them once."""
        once = list(dict.fromkeys(observations))
        findings = [each for each in once if isinstance(each, Finding)]
        order = [*Severity]
        return cls(
            tuple(sorted(findings, key=lambda each: order.index(each.severity))),
            tuple(each for each in once if isinstance(each, Unseen)),
        )

    @property
    def is_healthy(self) -> bool:
        """Whether nothing has to be mended: there is no finding but notes."""
        # guard: doctor.a-warning-counts
        return all(each.severity is Severity.NOTE for each in self.findings)

    @property
    def summary(self) -> str:
        """How many findings there are, in one line."""
        counts = ", ".join(
            f"{sum(each.severity is severity for each in self.findings)} {severity}s"
            for severity in Severity
        )
        return f"{counts}; {len(self.unseen)} things were not looked at"

    @property
    def text(self) -> str:
        """The report for a person."""
        return "".join(f"{each}\n" for each in (*self.findings, *self.unseen, self.summary))

    @property
    def as_json(self) -> dict[str, object]:
        """The report as a value for JSON."""
        return {
            "is_healthy": self.is_healthy,
            "findings": [asdict(each) for each in self.findings],
            "unseen": [asdict(each) for each in self.unseen],
        }
