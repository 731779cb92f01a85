"""A released month of many generated statements: its documents, manifest and rows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zlib import crc32

import psycopg
from psycopg.types.json import Jsonb

from closebook.periods import Period
from closebook.statements.document_store import DocumentStore, StoredDocument
from closebook.statements.manifest_document import TreeHead, manifest_content
from closebook.statements.manifest_entries import root_of, salted_entry
from closebook.statements.zip_plan import plan_of_rows

CLOSE_ID = 0
"""The close and the manifest have this number, which no other one has."""

_FILL = """
set local session_replication_role = replica;

insert into reporting.closes (
    close_id, grain, period_start, period_end, time_zone, close_version, is_current, fence_lsn,
    fenced_at, snapshot_text, replica_name, code_version, run_id, first_date, last_date
) overriding system value
values (
    0, 'month', %(start)s, %(end)s, %(time_zone)s, 1, true, '0/1', %(end)s, '', '', '', 'a test',
    %(first_date)s, %(last_date)s
);

insert into reporting.statements
select 0, number, 'USD', 'OLD-' || number, 'Old', '1 Street', 'en_US', 0, 0, 0
from generate_series(1, %(count)s) as number;

insert into reporting.statement_versions
select 0, account_id, 1, 0, null, currency from reporting.statements where close_id = 0;

insert into reporting.statement_manifests (
    manifest_id, close_id, sha256, object_name, document_count, missing_count, run_id
) overriding system value
values (0, 0, %(manifest_sha256)s, %(manifest_name)s, %(count)s, 0, 'a test');

insert into reporting.zip_plans values (0, %(plan)s);

insert into reporting.statement_decisions (manifest_id, manifest_sha256, decision, decided_by)
values (0, %(manifest_sha256)s, 'released', 'bob')
"""
_DOCUMENTS = """
copy reporting.statement_documents (
    close_id, account_id, sha256, byte_count, object_name, crc32, template_version,
    renderer_version, run_id, currency
) from stdin
"""
_TWINS = """
copy reporting.statement_twins (
    close_id, account_id, media_type, sha256, byte_count, object_name, crc32, currency
) from stdin
"""
_EMPTY = """
set local session_replication_role = replica;
delete from reporting.statement_decisions where manifest_id = 0;
delete from reporting.zip_plans where manifest_id = 0;
delete from reporting.statement_manifests where manifest_id = 0;
delete from reporting.statement_twins where close_id = 0;
delete from reporting.statement_documents where close_id = 0;
delete from reporting.statement_versions where close_id = 0;
delete from reporting.statements where close_id = 0;
delete from reporting.closes where close_id = 0
"""
_TWIN_CONTENTS = {"application/xml": ("xml", b"<Document/>"), "text/csv": ("csv", b"a,b\r\n")}

ContentOf = Callable[[int], bytes]


@dataclass(frozen=True)
class LargeMonth:
    """The month, and how many statements it has: those of the accounts from 1 on."""

    month: Period
    count: int
    content_of: ContentOf

    def fill(self, admin: psycopg.Connection[Any], documents: DocumentStore) -> None:
        """Write the documents, the manifest with its plan, and the rows of the register."""
        label = self.month.label
        folder, rows = f"statements/{label}", []
        twins = {
            media_type: (documents.put(content, folder=folder, suffix=suffix), crc32(content))
            for media_type, (suffix, content) in _TWIN_CONTENTS.items()
        }
        sums: list[int] = []
        known: dict[bytes, StoredDocument] = {}
        for number in range(1, self.count + 1):
            content = self.content_of(number)
            stored = known.get(content)
            if stored is None:
                stored = _written(documents, content, folder)
                if len(known) < 100:  # noqa: PLR2004  # those of a few contents only
                    known[content] = stored
            sums.append(crc32(content))
            rows.append(
                {
                    "account_id": number,
                    "statement_version": 1,
                    "issued_close_id": CLOSE_ID,
                    "currency": "USD",
                    **dict.fromkeys(("line_count", "opening_minor", "closing_minor"), 0),
                    "sha256": stored.sha256,
                    "byte_count": stored.byte_count,
                    "object_name": stored.object_name,
                    "twins": {name: twin.sha256 for name, (twin, _) in twins.items()},
                    "twin_bytes": {name: twin.byte_count for name, (twin, _) in twins.items()},
                    "account_number": f"OLD-{number}",
                    "holder_name": "Old",
                }
            )
        self._register(admin, documents, rows, sums, twins)

    def _register(
        self,
        admin: psycopg.Connection[Any],
        documents: DocumentStore,
        rows: list[dict[str, Any]],
        sums: list[int],
        twins: dict[str, tuple[StoredDocument, int]],
    ) -> None:
        content = manifest_of(self.month.label, rows)
        listed = documents.put(content, folder=f"manifests/{self.month.label}", suffix="json")
        parameters = {
            "start": self.month.start,
            "end": self.month.end,
            "time_zone": self.month.time_zone,
            "first_date": self.month.first_date,
            "last_date": self.month.last_date,
            "count": self.count,
            "manifest_sha256": listed.sha256,
            "manifest_name": listed.object_name,
            "plan": Jsonb(plan_of_rows(content, rows).content),
        }
        psycopg.ClientCursor(admin).execute(_FILL, parameters)
        with admin.cursor().copy(_DOCUMENTS) as copy:
            for row, total in zip(rows, sums, strict=True):
                of_document = (row["sha256"], row["byte_count"], row["object_name"], total)
                copy.write_row(
                    (CLOSE_ID, row["account_id"], *of_document, "v1", "70", "a test", "USD")
                )
        with admin.cursor().copy(_TWINS) as copy:
            for row in rows:
                for name, (twin, total) in twins.items():
                    of_twin = (name, twin.sha256, twin.byte_count, twin.object_name, total)
                    copy.write_row((CLOSE_ID, row["account_id"], *of_twin, "USD"))
        admin.commit()


def empty(admin: psycopg.Connection[Any]) -> None:
    """Remove the month from the register. Its documents stay."""
    psycopg.ClientCursor(admin).execute(_EMPTY)
    admin.commit()


def manifest_of(label: str, rows: list[dict[str, Any]]) -> bytes:
    """Return the document of a manifest that lists these statements."""
    left_out = {"account_number", "holder_name", "byte_count", "twin_bytes"}
    entries = [
        salted_entry(
            {name: value for name, value in row.items() if name not in left_out},
            row["account_number"],
            row["holder_name"],
        )
        for row in rows
    ]
    head = TreeHead(label, root_of(label, entries), len(entries))
    return manifest_content(
        head,
        CLOSE_ID,
        entries,
        [],
        signature=None,
        previous_sha256=None,
        log_entry_count=0,
        log_sha256="0" * 64,
    )


def _written(documents: DocumentStore, content: bytes, folder: str) -> StoredDocument:
    """Write a document without the waits for the disk that `DocumentStore.put` has."""
    stored = documents.name_of(content, folder=folder, suffix="pdf")
    path = Path(urlsplit(documents.base_url).path) / stored.object_name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return stored


def small_files(byte_count: int) -> ContentOf:
    """Return a function that gives each account a content of its own, of this size."""

    def content_of(number: int) -> bytes:
        return f"%PDF-1.7 {number} ".encode().ljust(byte_count, b".")

    return content_of


def names(month: Period, numbers: range) -> Iterator[str]:
    """Yield the names of the PDFs of some accounts in the ZIP of the month."""
    for number in numbers:
        yield f"statement-{month.label}-OLD-{number}_{number}-USD-v1.pdf"
