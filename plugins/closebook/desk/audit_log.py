"""The audit log of the desk: each action of a user gets an entry before the user gets a result.

The entries are in the table reporting.desk_log. The desk's role can insert entries with a proof by
the key of decisions, and cannot change them, and a trigger chains them by their hashes. A
subject contains ids, and never the name of a holder or the number of an account.
"""

import logging
from typing import Literal

from fastapi import Request

from closebook.desk.current_user import current_user
from closebook.errors import ClosebookError
from closebook.settings.airflow_connections import decision_key
from closebook.settings.desk_settings import desk_from_airflow
from closebook.store.decision_key import write_proven
from closebook.store.session import Store, on_store

# The values of the column ``act`` that the desk writes. `closebook legal-hold` has two more.
Action = Literal[
    "searched",
    "looked",
    "downloaded",
    "requested re-issue",
    "answered request",
    "reviewed",
    "released",
    "rejected",
    "refused",
]

_MAX_PATH_LENGTH = 200

_log = logging.getLogger(__name__)


def record(
    store: Store, request: Request, action: Action, subject: str, document_sha256: str | None = None
) -> None:
    """Insert an entry for the user of the request, and commit what the store has open.

    Entries are chained one after the other: until the commit, nobody else's entry can be inserted.
    So the entry is the last statement of its transaction, and all that is slow comes before it or
    after it.
    """
    insert(store, request, action, subject, document_sha256)
    store.commit()  # guard: desk.log-is-free-at-once


def insert(
    store: Store, request: Request, action: Action, subject: str, document_sha256: str | None = None
) -> None:
    """Insert an entry as the last statement of a transaction that the caller commits."""
    write_proven(
        store,
        decision_key(),
        "desk/insert_log_entry",
        {
            "person": current_user(request).name,
            "act": action,
            "subject": subject,
            "document_sha256": document_sha256,
            "address": request.client.host if request.client else "unknown",
        },
    )


def record_refusal(request: Request, reason: str = "") -> None:
    """Insert an entry for a request that is refused.

    If the entry cannot be inserted, that is logged as an error. The request is refused anyway.
    """
    # The path is user input.
    path = "".join(c if c.isprintable() else "?" for c in request.url.path[:_MAX_PATH_LENGTH])
    subject = f"{request.method} {path}"
    try:
        with on_store(desk_from_airflow()) as store:
            record(store, request, "refused", f"{subject}: {reason}" if reason else subject)
    except ClosebookError as error:
        _log.error("a refusal is not in the audit log: %s", error.code)
