"""What the doctor says: findings, and what could not be looked at."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """What a finding means for the closes."""

    # No close is possible, or its numbers would be wrong.
    ERROR = "error"
    # The closes run now. They are slow, or will fail when something else happens.
    WARNING = "warning"
    # The closes run. It explains something that looks unusual and is no fault.
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: what, why it matters, and the statement or setting that mends it.

    ``code`` is the same for the same fault and never changes; docs/doctor.md lists them.
    ``subject`` is what it is about: a server, a view, a column, a role, a setting.
    """

    code: str
    subject: str
    what: str
    why: str
    mend: str
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        return (
            f"{self.severity} {self.code}: {self.subject}: {self.what}\n"
            f"    why:  {self.why}\n"
            f"    mend: {self.mend}"
        )


@dataclass(frozen=True)
class Unseen:
    """Something that the doctor could not look at, and the reason."""

    subject: str
    reason: str

    def __str__(self) -> str:
        return f"not looked at: {self.subject}: {self.reason}"


Observation = Finding | Unseen
