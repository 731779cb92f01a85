"""Retention: lines of months that ended long ago leave the store for the document store.

The lines of each version of such a month are written to documents, by accounts. Nothing is removed
before its document was read back and compared with the lines in the store. A run that was killed
continues where it stopped. Statements, versions, documents and manifests stay.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg.rows import DictRow

from closebook.errors import Misconfigured, WrongData
from closebook.periods import Period
from closebook.settings import Run
from closebook.settings.store_settings import RegisterSettings
from closebook.sql import query
from closebook.statements import line_archives
from closebook.statements.document_store import DocumentStore
from closebook.statements.line_archives import FOLDER, Line
from closebook.store.session import Store, on_store

MOST_LINES = 50_000
"""How many lines a document has, without the other lines of its last account."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Removal:
    """What was moved to the document store, and the ids of its archives."""

    months: tuple[str, ...] = ()
    document_count: int = 0
    line_count: int = 0
    archive_ids: tuple[int, ...] = ()


def remove_old_lines(
    settings: RegisterSettings, years: int, run: Run, most_lines: int = MOST_LINES
) -> Removal:
    """Move the lines of all months to the document store that ended at least so many years ago.

    Returns what this try has moved; of_run has that of all tries of a run. The lines of accounts
    under a legal hold stay. Raises Misconfigured for fewer years than the
    owner of the store has set, WrongData if a document does not have what was written.
    """
    documents = DocumentStore(settings.documents_url)
    with on_store(settings) as store:
        _refuse_fewer_years(store, years)
        due = store.execute(
            query("line_archives/due"), {"ended_before": years_before(datetime.now(UTC), years)}
        ).fetchall()
    months: dict[str, None] = {}
    archive_ids = list[int]()
    line_count = 0
    for close in due:
        month = Period.from_register(close)
        for archive_id, removed in _remove(settings, documents, close, month, run, most_lines):
            months[month.label] = None
            archive_ids.append(archive_id)
            line_count += removed
    return Removal(tuple(months), len(archive_ids), line_count, tuple(archive_ids))


def of_run(settings: RegisterSettings, run: Run, last_try: Removal) -> Removal:
    """Return what a run has moved in all of its tries.

    The last try may have gone on with an archive that another run had written.
    """
    archive_ids = [*last_try.archive_ids]
    asked = {"run_id": run.run_id, "archive_ids": archive_ids}
    with on_store(settings) as store:
        rows = store.execute(query("line_archives/of_run"), asked).fetchall()
    months = dict.fromkeys(Period.from_register(row).label for row in rows)
    return Removal(
        tuple(months),
        sum(row["document_count"] for row in rows),
        sum(row["line_count"] for row in rows),
        last_try.archive_ids,
    )


def years_before(now: datetime, years: int) -> datetime:
    """Return the same instant so many years earlier; for 29 February the day before it."""
    try:
        return now.replace(year=now.year - years)
    except ValueError:
        return (now - timedelta(days=1)).replace(year=now.year - years)


def _refuse_fewer_years(store: Store, years: int) -> None:
    row = store.execute(query("line_archives/least_years")).fetchone()
    assert row is not None  # noqa: S101  # the migration writes it
    if years < row["least_years"]:
        raise Misconfigured(
            "CB-CONFIG-RETENTION-SHORT",
            f"lines are to leave the store after {years} years, and its owner keeps them for "
            f"{row['least_years']}: see docs/retention.md",
        )


def _remove(
    settings: RegisterSettings,
    documents: DocumentStore,
    close: DictRow,
    month: Period,
    run: Run,
    most_lines: int,
) -> Iterator[tuple[int, int]]:
    """Move the lines of a close, one document after the other; yield its archive and its lines."""
    of_close = {"close_id": close["close_id"]}
    while True:
        with on_store(settings) as store:
            accounts = store.execute(
                query("line_archives/next_accounts"), {**of_close, "most_lines": most_lines}
            ).fetchone()
            assert accounts is not None  # noqa: S101  # the query gives one row
            if accounts["first_account_id"] is None:
                return
            part = {**of_close, **accounts}
            lines = _lines(store, part)
            content = line_archives.written(lines)
            stored = documents.name_of(content, folder=f"{FOLDER}/{month.label}", suffix="parquet")
            place = line_archives.COLUMNS.index("amount_minor")
            store.execute(
                query("line_archives/insert"),
                {
                    **part,
                    "line_count": len(lines),
                    "amount_minor": sum(line[place] for line in lines),
                    "sha256": stored.sha256,
                    "byte_count": stored.byte_count,
                    "object_name": stored.object_name,
                    "run_id": run.run_id,
                    "requested_by": run.requested_by,
                },
            )
            archive = store.execute(
                query("line_archives/written"),
                {"close_id": close["close_id"], "sha256": stored.sha256},
            ).fetchone()
            assert archive is not None  # noqa: S101  # it was written before
        # The register has the document before the document store: so no stored document is unknown
        # to the register, also if the task is killed between the two.
        documents.put(content, folder=f"{FOLDER}/{month.label}", suffix="parquet")
        del lines, content
        archive_id: int = archive["archive_id"]
        removed = _remove_written(settings, documents, part, stored.object_name, archive_id)
        _log.info("%s: %d lines are in %s", month, removed, stored.object_name)
        yield archive_id, removed


def _remove_written(
    settings: RegisterSettings,
    documents: DocumentStore,
    part: dict[str, Any],
    object_name: str,
    archive_id: int,
) -> int:
    """Read a document back, compare it with the store, and remove its lines there."""
    kept = line_archives.read(documents.read(object_name))
    with on_store(settings) as store:
        if kept != _lines(store, part):  # guard: retention.read-back-before-removal
            raise WrongData(
                "CB-DATA-ARCHIVE-DIFFERS",
                f"the document {object_name} does not have the lines of close {part['close_id']} "
                "that the store has: nothing was removed, run it again",
            )
        row = store.execute(query("line_archives/remove"), {"archive_id": archive_id}).fetchone()
        assert row is not None  # noqa: S101  # the query gives one row
        removed: int = row["line_count"]
    return removed


def _lines(store: Store, part: dict[str, Any]) -> list[Line]:
    rows = store.execute(query("line_archives/lines"), part).fetchall()
    return [line_archives.line_of(row) for row in rows]
