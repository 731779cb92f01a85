"""The open work of a user, by page: the numbers in the navigation and on the home page."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from closebook.desk.current_user import User
from closebook.desk.permissions import NAVIGATION
from closebook.errors import ClosebookError
from closebook.settings.desk_settings import desk_from_airflow
from closebook.sql import query
from closebook.store.session import on_store

_log = logging.getLogger(__name__)

# By the page's path: the column of the count, and the words for one and for several.
_PAGES: Mapping[str, tuple[str, str, str]] = {
    "/releases": ("month_count", "month waits for a review", "months wait for a review"),
    "/requests": ("request_count", "request waits for an answer", "requests wait for an answer"),
    "/health": ("alert_count", "health alert is open", "health alerts are open"),
}


@dataclass(frozen=True)
class OpenWork:
    """How many things wait on a page, and the words that follow this number."""

    count: int
    words: str


def open_work_of(user: User) -> Mapping[str, OpenWork]:
    """Return what waits for the user, by the page's path; nothing for a page where nothing waits.

    Pages that the user may not open are left out. If the store does not answer, the result is
    empty, so that no page fails because of these numbers.
    """
    paths = [
        entry.path for entry in NAVIGATION if entry.path in _PAGES and user.may(entry.permission)
    ]
    if not paths:
        return {}
    try:
        with on_store(desk_from_airflow()) as store:
            row = store.execute(query("desk/open_work")).fetchone()
    except ClosebookError as error:
        _log.warning("what waits for people is not shown: %s", error.code)
        return {}
    assert row is not None  # noqa: S101  # the query returns one row
    found = {}
    for path in paths:
        column, one, several = _PAGES[path]
        if row[column]:
            found[path] = OpenWork(row[column], one if row[column] == 1 else several)
    return found
