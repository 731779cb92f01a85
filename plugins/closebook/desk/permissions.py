"""The permission that each route of the desk requires.

A route without a row in ``ROUTES`` is refused to everybody.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from closebook.settings.airflow_connections import METRICS_CONNECTION


@dataclass(frozen=True)
class Permission:
    """An action on a resource, in the words of Airflow's FAB auth manager.

    A ``confidential`` permission gives access to documents of account holders, or to decisions
    about them. FAB grants every permission to the role Admin. The desk ignores that grant for a
    confidential permission: the user needs another role that has it.
    """

    action: str
    resource: str
    confidential: bool = False


READ_STATEMENTS = Permission("can_read", "Statements", confidential=True)
REQUEST_REISSUE = Permission("can_create", "Statements", confidential=True)
REVIEW_RELEASES = Permission("can_read", "Statement releases", confidential=True)
DECIDE_RELEASES = Permission("can_create", "Statement releases", confidential=True)
READ_REISSUES = Permission("can_read", "Statement re-issues")
ANSWER_REISSUES = Permission("can_edit", "Statement re-issues")
READ_VOLUME = Permission("can_read", "Platform volume")
READ_PROOF = Permission("can_read", "Closebook proof")
READ_HEALTH = Permission("can_read", "Database health")


class Anyone(Enum):
    """A route that requires a log-in and no permission."""

    SIGNED_IN = "every user who is logged in to Airflow"


@dataclass(frozen=True)
class MachineToken:
    """A route for programs. The bearer token is the password of an Airflow connection."""

    connection_id: str


Rule = Permission | Anyone | MachineToken

ROUTES: Mapping[tuple[str, str], Rule] = {
    ("GET", "/"): Anyone.SIGNED_IN,
    ("GET", "/assets/{digest}/{name}"): Anyone.SIGNED_IN,
    # It redirects to a page that the user may open.
    ("GET", "/runs"): Anyone.SIGNED_IN,
    ("GET", "/statements"): READ_STATEMENTS,
    ("POST", "/statements"): READ_STATEMENTS,
    ("POST", "/statements/zip"): READ_STATEMENTS,
    ("GET", "/statements/zip"): READ_STATEMENTS,
    ("GET", "/statements/months/{month}/zip"): READ_STATEMENTS,
    ("GET", "/statements/{close_id}/{account}/{currency}"): READ_STATEMENTS,
    ("GET", "/statements/{close_id}/{account}/{currency}/preview"): READ_STATEMENTS,
    ("GET", "/statements/{close_id}/{account}/{currency}/pages/{number}"): READ_STATEMENTS,
    ("GET", "/statements/{close_id}/{account}/{currency}/pages/{number}/picture"): READ_STATEMENTS,
    ("GET", "/statements/{close_id}/{account}/{currency}/pdf"): READ_STATEMENTS,
    ("GET", "/statements/{close_id}/{account}/{currency}/camt.053"): READ_STATEMENTS,
    ("GET", "/statements/{close_id}/{account}/{currency}/csv"): READ_STATEMENTS,
    ("GET", "/statements/{close_id}/{account}/{currency}/mt940"): READ_STATEMENTS,
    ("GET", "/statements/{close_id}/{account}/{currency}/ofx"): READ_STATEMENTS,
    ("GET", "/statements/{close_id}/{account}/{currency}/proof"): READ_STATEMENTS,
    ("POST", "/statements/{close_id}/{account}/{currency}/requests"): REQUEST_REISSUE,
    ("GET", "/releases"): REVIEW_RELEASES,
    ("GET", "/releases/{month}"): REVIEW_RELEASES,
    ("POST", "/releases/{month}"): DECIDE_RELEASES,
    ("GET", "/requests"): READ_REISSUES,
    ("POST", "/requests/{request_id}"): ANSWER_REISSUES,
    ("GET", "/volume"): READ_VOLUME,
    ("GET", "/volume/counter"): READ_VOLUME,
    ("GET", "/report"): READ_VOLUME,
    ("GET", "/report/files/{form}"): READ_VOLUME,
    ("GET", "/report/days/{day}"): READ_VOLUME,
    ("GET", "/proof"): READ_PROOF,
    ("GET", "/proof/months/{month}"): READ_PROOF,
    ("GET", "/proof/corrections"): READ_PROOF,
    ("GET", "/proof/log"): READ_PROOF,
    ("GET", "/health"): READ_HEALTH,
    ("GET", "/metrics"): MachineToken(METRICS_CONNECTION),
}


@dataclass(frozen=True)
class NavigationEntry:
    """A page in the navigation. Only users with the permission of the page see the entry."""

    title: str
    path: str
    description: str

    @property
    def permission(self) -> Permission:
        """The permission that the page requires."""
        rule = ROUTES["GET", self.path]
        assert isinstance(rule, Permission)  # noqa: S101  # only pages with a permission are listed
        return rule


NAVIGATION: tuple[NavigationEntry, ...] = (
    NavigationEntry(
        "Statements", "/statements", "Find, read and download the statements that were released."
    ),
    NavigationEntry(
        "Release", "/releases", "Review the statements of a month, and release or reject them."
    ),
    NavigationEntry(
        "Requests", "/requests", "Answer the requests of finance to issue a statement again."
    ),
    NavigationEntry(
        "Volume", "/volume", "The settled payments by hour and by day, and the counter."
    ),
    NavigationEntry(
        "Report",
        "/report",
        "The volume of any range of days, as charts, tables and files, and each month's state.",
    ),
    NavigationEntry(
        "Proof",
        "/proof",
        "The reconciliation of each month, the corrections, and the log of the desk.",
    ),
    NavigationEntry(
        "Health",
        "/health",
        "The state of the platform's servers, and the load of Closebook on them.",
    ),
)
