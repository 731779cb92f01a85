"""Who may: one row for each route of the desk. A route without a row is refused to everybody."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from closebook.settings import METRICS_CONNECTION


@dataclass(frozen=True)
class Permission:
    """An action on a resource, as FAB's roles hold them.

    One that is ``confidential`` shows documents of account holders or decides on them: Airflow's
    Admin, which FAB gives every permission there is, does not have it by that.
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
READ_HEALTH = Permission("can_read", "Database health")


class Anyone(Enum):
    """What takes no permission."""

    SIGNED_IN = "whoever is logged in to Airflow"


@dataclass(frozen=True)
class MachineToken:
    """A program with the bearer token that is the password of an Airflow connection."""

    connection_id: str


Rule = Permission | Anyone | MachineToken

ROUTES: Mapping[tuple[str, str], Rule] = {
    ("GET", "/"): Anyone.SIGNED_IN,
    ("GET", "/assets/{digest}/{name}"): Anyone.SIGNED_IN,
    ("GET", "/statements"): READ_STATEMENTS,
    ("POST", "/statements"): READ_STATEMENTS,
    ("POST", "/statements/zip"): READ_STATEMENTS,
    ("GET", "/statements/months/{month}/zip"): READ_STATEMENTS,
    ("GET", "/statements/{close_id}/{account_id}"): READ_STATEMENTS,
    ("GET", "/statements/{close_id}/{account_id}/preview"): READ_STATEMENTS,
    ("GET", "/statements/{close_id}/{account_id}/pages/{number}"): READ_STATEMENTS,
    ("GET", "/statements/{close_id}/{account_id}/pages/{number}/picture"): READ_STATEMENTS,
    ("GET", "/statements/{close_id}/{account_id}/pdf"): READ_STATEMENTS,
    ("GET", "/statements/{close_id}/{account_id}/camt.053"): READ_STATEMENTS,
    ("GET", "/statements/{close_id}/{account_id}/csv"): READ_STATEMENTS,
    ("POST", "/statements/{close_id}/{account_id}/requests"): REQUEST_REISSUE,
    ("GET", "/releases"): REVIEW_RELEASES,
    ("GET", "/releases/{month}"): REVIEW_RELEASES,
    ("POST", "/releases/{month}"): DECIDE_RELEASES,
    ("GET", "/requests"): READ_REISSUES,
    ("POST", "/requests/{request_id}"): ANSWER_REISSUES,
    ("GET", "/volume"): READ_VOLUME,
    ("GET", "/volume/counter"): READ_VOLUME,
    ("GET", "/health"): READ_HEALTH,
    ("GET", "/metrics"): MachineToken(METRICS_CONNECTION),
}


@dataclass(frozen=True)
class NavigationEntry:
    """A page of the navigation; it is shown to those who may read it."""

    title: str
    path: str
    about: str

    @property
    def permission(self) -> Permission:
        rule = ROUTES["GET", self.path]
        assert isinstance(rule, Permission)  # noqa: S101  # a page for everybody needs no entry
        return rule


NAVIGATION: tuple[NavigationEntry, ...] = (
    NavigationEntry(
        "Statements", "/statements", "Find, read and download what was released to holders."
    ),
    NavigationEntry(
        "Release", "/releases", "Review a month that was issued, and release or reject it."
    ),
    NavigationEntry("Requests", "/requests", "Statements that finance asks to have issued again."),
    NavigationEntry("Volume", "/volume", "What was settled, by hour and day, and the counter."),
    NavigationEntry("Health", "/health", "The platform's servers, and the load kept off them."),
)
