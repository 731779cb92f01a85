"""The desk's log: what is not written there does not happen.

The table reporting.desk_log takes entries and gives none back to be changed; its trigger chains
them by their hashes. Subjects name ids, never a holder or the number of an account.
"""

import logging
from typing import Literal

import psycopg
from fastapi import Request

from closebook.desk.csrf import person_asking
from closebook.errors import ClosebookError
from closebook.settings import desk_from_airflow
from closebook.sql import query
from closebook.store.session import Store, on_store

Act = Literal[
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

_LONGEST_PATH = 200

_log = logging.getLogger(__name__)


def enter(
    store: Store, request: Request, act: Act, subject: str, document_sha256: str | None = None
) -> None:
    """Write down what the person is about to get or do, in the store's open transaction."""
    store.execute(
        query("desk/insert_log_entry"),
        {
            "person": person_asking(request).name,
            "act": act,
            "subject": subject,
            "document_sha256": document_sha256,
            "address": request.client.host if request.client else "unknown",
        },
    )


def enter_refusal(request: Request, why: str = "") -> None:
    """Write down that a person was refused. They are refused as well if it cannot be written."""
    # Anybody may have typed this path.
    asked = "".join(c if c.isprintable() else "?" for c in request.url.path[:_LONGEST_PATH])
    subject = f"{request.method} {asked}"
    try:
        with on_store(desk_from_airflow()) as store:
            enter(store, request, "refused", f"{subject}: {why}" if why else subject)
    except (ClosebookError, psycopg.Error) as error:
        _log.error("a refusal is not on record: %s", type(error).__name__)
