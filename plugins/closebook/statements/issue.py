"""Turn a frozen month into documents: shards of accounts, PDFs, and the manifest that lists them.

Reads the reporting store and nothing else: no replica is held while pages are rendered.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from psycopg.rows import DictRow

from closebook.closes import register
from closebook.errors import WrongData
from closebook.periods import Period, day_containing
from closebook.settings import Run, Settings
from closebook.sql import query
from closebook.statements.archive import Cabinet
from closebook.statements.bounded_process import Job, Limits, TooMuch, each_within
from closebook.statements.document_store import Documents
from closebook.statements.model import Correction, Holder, Issuer, Statement, StatementLine
from closebook.statements.render.document import Rendered, render, warm_up
from closebook.statements.signing.signer import signer_of
from closebook.store.session import Store, on_store

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


@dataclass(frozen=True)
class Manifest:
    """The list of a month's documents as it was written, and how many are still missing."""

    object_name: str
    sha256: str
    document_count: int
    missing_count: int


def plan_shards(
    settings: Settings, close_id: int, account_ids: Sequence[int] | None
) -> list[dict[str, int]]:
    """Cut a month's statements into at most 64 shards of at least 50 documents.

    All of them, or those of the accounts that are named. Raises WrongData when a named account
    has no statement in the month.
    """
    wanted = {"close_id": close_id, "account_ids": None if account_ids is None else [*account_ids]}
    with on_store(settings) as store:
        counted = store.execute(query("reporting/statement_count"), wanted).fetchone()
        count = 0 if counted is None else counted["statement_count"]
        if account_ids is not None and count != len(set(account_ids)):
            raise WrongData(
                f"{len(set(account_ids)) - count} of the {len(set(account_ids))} accounts that the "
                "run names have no statement in this month: correct the parameter account_ids"
            )
        shard_count = min(max(1, count // SMALLEST_SHARD), MOST_SHARDS)
        rows = store.execute(
            query("reporting/statement_shards"), {**wanted, "shard_count": shard_count}
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
        month = _month(store, close_id)
        cabinet = Cabinet(store, documents, signer_of(settings.signing_key), month, run)
        rows = store.execute(
            query("reporting/shard_statements"),
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
            f"{month}: {len(without)} documents are missing, those of the accounts "
            f"{', '.join(without)}: each took more than {limits.cpu_seconds} s of CPU or "
            f"{limits.memory_bytes // 1024**2} MB of memory; look at their lines, all others of "
            "the shard are issued"
        )
    return rendered


def _job(statement: Statement) -> Job[Rendered]:
    return Job(f"the statement of account {statement.account_id}", partial(render, statement))


def _month(store: Store, close_id: int) -> Period:
    """The month as it was closed, whatever the business time zone is by now."""
    row = store.execute(query("reporting/close_period"), {"close_id": close_id}).fetchone()
    if row is None:
        raise WrongData(f"close {close_id} is not in this reporting store: close the month again")
    return register.period_of(row)


def frozen_statement(store: Store, settings: Settings, month: Period, row: DictRow) -> Statement:
    """Build a statement from its frozen rows; it refuses to exist if it does not tie out."""
    lines = store.execute(
        query("reporting/lines_of_statement"),
        {"close_id": row["issued_close_id"], "account_id": row["account_id"]},
    ).fetchall()
    return Statement(
        close_id=row["issued_close_id"],
        account_id=row["account_id"],
        version=row["statement_version"],
        issued_on=day_containing(row["issued_at"], month.time_zone).first_date,
        corrects=_correction(row, month),
        currency=row["currency"],
        period_start=month.first_date,
        period_end_inclusive=month.last_date,
        time_zone=month.time_zone,
        holder=Holder(
            name=row["holder_name"],
            address=row["holder_address"],
            account_number=row["account_number"],
            locale=row["locale_code"],
        ),
        issuer=Issuer(settings.issuer_name, settings.issuer_address),
        opening_minor=row["opening_minor"],
        closing_minor=row["closing_minor"],
        lines=tuple(
            StatementLine(
                line_number=line["line_number"],
                entry_id=line["entry_id"],
                posted_on=day_containing(line["posted_at"], month.time_zone).first_date,
                description=line["description"],
                reference=str(line["transaction_id"] or line["entry_id"]),
                counterparty=line["counterparty"],
                kind=line["kind"],
                amount_minor=line["amount_minor"],
                balance_minor=line["balance_minor"],
            )
            for line in lines
        ),
    )


def _correction(row: DictRow, month: Period) -> Correction | None:
    if row["superseded_at"] is None:
        return None
    return Correction(
        superseded_version=row["statement_version"] - 1,
        superseded_issued_on=day_containing(row["superseded_at"], month.time_zone).first_date,
        # Versions of before had to give none.
        reason=row["correction_reason"] or "",
    )


def write_manifest(settings: Settings, close_id: int, run: Run) -> Manifest:
    """List every statement of the month with its document, and keep the list beside them.

    Every document is read and its hash compared. Raises WrongData when one is not in the document
    store, or not what it was.
    """
    documents = Documents(settings.documents_url)
    with on_store(settings) as store:
        month = _month(store, close_id)
        documents.sweep(f"statements/{month.label}")
        store.execute(query("reporting/expect_many_rows"))
        rows = store.execute(query("reporting/manifest_entries"), {"close_id": close_id}).fetchall()
        lost = [
            str(row["account_id"])
            for row in rows
            if row["object_name"] is not None and not documents.exists(row["object_name"])
        ]
        if lost:
            raise WrongData(
                f"{month}: {len(lost)} registered documents are missing from "
                f"{settings.documents_url}, those of the accounts {', '.join(lost[:20])} …: "
                "run the month again"
            )
        for row in rows:
            if row["object_name"] is not None:
                documents.read(row["object_name"])
        stored = documents.put(
            _manifest_text(close_id, month, rows), folder=f"manifests/{month.label}", suffix="json"
        )
        document_count = sum(row["object_name"] is not None for row in rows)
        manifest = Manifest(
            stored.object_name, stored.sha256, document_count, len(rows) - document_count
        )
        store.execute(
            query("reporting/insert_manifest"),
            {
                "close_id": close_id,
                "run_id": run.run_id,
                "requested_by": run.requested_by,
                **asdict(manifest),
            },
        )
    return manifest


def _manifest_text(close_id: int, month: Period, rows: list[DictRow]) -> bytes:
    content: dict[str, Any] = {"month": month.label, "close_id": close_id, "statements": rows}
    return json.dumps(content, indent=1, sort_keys=True).encode()
