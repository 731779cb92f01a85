"""Turn a frozen month into documents: shards of accounts, and the PDFs of each shard.

Reads the reporting store and nothing else: no replica is held while pages are rendered.
"""

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial

from closebook.errors import WrongData
from closebook.settings import Run, Settings
from closebook.sql import query
from closebook.statements.archive import Cabinet
from closebook.statements.bounded_process import Job, Limits, TooMuch, each_within
from closebook.statements.document_store import Documents
from closebook.statements.frozen import closed_month, frozen_statement
from closebook.statements.model import Statement
from closebook.statements.render.document import Rendered, render, warm_up
from closebook.statements.signing.key_loader import signer_of
from closebook.store.session import on_store

logger = logging.getLogger(__name__)

SMALLEST_SHARD = 50
MOST_SHARDS = 64
DOCUMENTS_AT_ONCE = 25
"""How many statements are in memory, and are made by one process, before the next ones."""


@dataclass(frozen=True)
class Shard:
    """A range of account ids, both ends included, with ``statement_count`` statements in it."""

    first_account_id: int
    last_account_id: int
    statement_count: int


def plan_shards(
    settings: Settings, close_id: int, account_ids: Sequence[int] | None
) -> list[dict[str, int]]:
    """Cut a month's statements into at most 64 shards of at least 50 documents.

    All of them, or those of the accounts that are named. Raises WrongData when a named account
    has no statement in the month.
    """
    wanted = {"close_id": close_id, "account_ids": None if account_ids is None else [*account_ids]}
    with on_store(settings) as store:
        counted = store.execute(query("statement_documents/count"), wanted).fetchone()
        count = 0 if counted is None else counted["statement_count"]
        if account_ids is not None and count != len(set(account_ids)):
            raise WrongData(
                "CB-DATA-ACCOUNTS-WITHOUT-STATEMENT",
                f"{len(set(account_ids)) - count} of the {len(set(account_ids))} accounts that the "
                "run names have no statement in this month: correct the parameter account_ids",
            )
        shard_count = min(max(1, count // SMALLEST_SHARD), MOST_SHARDS)
        rows = store.execute(
            query("statement_documents/shards"), {**wanted, "shard_count": shard_count}
        ).fetchall()
    return [asdict(Shard(**row)) for row in rows]


def render_shard(
    settings: Settings,
    close_id: int,
    shard: Shard,
    account_ids: Sequence[int] | None,
    run: Run,
    limits: Limits = Limits(),  # noqa: B008  # a frozen value
) -> int:
    """Render and keep the statements of a shard that have no document yet; return how many.

    Each document is whole before it is registered, so a task that is killed loses a few at most,
    and one that runs again goes on where it stopped. Raises TooMuch, with the accounts, when
    documents took more than the limits; all others of the shard are kept by then.
    """
    documents = Documents(settings.documents_url)
    warm_up()
    rendered = 0
    without: list[str] = []
    with on_store(settings) as store:
        store.autocommit = True
        month = closed_month(store, close_id)
        cabinet = Cabinet(store, documents, signer_of(settings.signing_key), month, run)
        rows = store.execute(
            query("statement_documents/of_shard"),
            {
                "close_id": close_id,
                "first_account_id": shard.first_account_id,
                "last_account_id": shard.last_account_id,
                "account_ids": None if account_ids is None else [*account_ids],
            },
        ).fetchall()
        wanted = [
            row
            for row in rows
            if row["object_name"] is None or not documents.exists(row["object_name"])
        ]
        for first in range(0, len(wanted), DOCUMENTS_AT_ONCE):
            some = wanted[first : first + DOCUMENTS_AT_ONCE]
            statements = [frozen_statement(store, settings, month, row) for row in some]
            made = each_within(limits, [_job(statement) for statement in statements])
            for row, statement, document in zip(some, statements, made, strict=True):
                if isinstance(document, TooMuch):
                    logger.error("%s: %s", month, document)
                    without.append(str(statement.account_id))
                    continue
                cabinet.file(statement, document, row["object_name"])
                rendered += 1
    if without:
        raise TooMuch(
            "CB-DATA-DOCUMENTS-NOT-MADE",
            f"{month}: {len(without)} documents are missing, those of the accounts "
            f"{', '.join(without)}: each took more than {limits.cpu_seconds} s of CPU or "
            f"{limits.memory_bytes // 1024**2} MB of memory; look at their lines, all others of "
            "the shard are issued",
        )
    return rendered


def _job(statement: Statement) -> Job[Rendered]:
    return Job(f"the statement of account {statement.account_id}", partial(render, statement))
