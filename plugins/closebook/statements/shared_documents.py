"""Whether the tasks of a month share one document store, wherever each of them runs.

The task that plans a month leaves a token in its document store, and each shard reads it before it
renders a statement. So the first task on a machine with another folder or bucket finds that.
"""

import secrets
import socket

from closebook.errors import Misconfigured, WrongData
from closebook.statements.document_store import DocumentStore

_FOLDER = "shared"


def leave_token(documents: DocumentStore, month_label: str) -> str:
    """Write a token that no other run can have written; return its name in the document store.

    It is a document of 32 characters, which stays in the document store.
    """
    token = secrets.token_hex(16).encode()
    return documents.put(token, folder=f"{_FOLDER}/{month_label}", suffix="txt").object_name


def require_token(documents: DocumentStore, name: str) -> None:
    """Raise Misconfigured if the document store of this machine does not have the token.

    It is read, since the listing of an object store may be an old one.
    """
    try:
        documents.read(name)
    except WrongData:
        raise Misconfigured(
            "CB-CONFIG-DOCUMENTS-NOT-SHARED",
            f"the worker on {socket.gethostname()} has another document store than the task that "
            f"planned the month: {name} is not in {documents.base_url}; mount the same folder on "
            "every machine, or set CLOSEBOOK_DOCUMENTS_URL to the same bucket for every Airflow "
            "process, see docs/deploy.md; then clear plan_shards with what comes after it",
        ) from None
