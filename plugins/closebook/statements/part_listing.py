"""Lists a month's statements in parts of its manifest, each of which is written once.

A task that has made the documents of a shard writes the parts that are complete by then. The task
of the manifest writes the others. If it is killed and run again, it continues where it stopped: a
part that lists what the register has is not written again, and its documents are not read again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

from psycopg.rows import DictRow

from closebook.errors import WrongData
from closebook.keys import Key, label
from closebook.periods import Period
from closebook.settings import Run, Settings
from closebook.sql import query
from closebook.statements.document_store import DocumentStore
from closebook.statements.manifest_entries import Entry, entry_facts, salted_entry, tree_of
from closebook.statements.manifest_parts import (
    PART_ENTRIES,
    ListedPart,
    ListedParts,
    entries_of_part,
    folder_of,
    part_content,
)
from closebook.statements.statement_reader import read_closed_month
from closebook.statements.zip_plan import PlanMaker, listed_of_rows
from closebook.store.session import Store, on_store

NAMED_ACCOUNTS = 20
_NOT_LISTED = frozenset({"account_number", "holder_name", "byte_count", "twin_bytes"})


@dataclass(frozen=True)
class MonthListing:
    """The entries of a month in their parts, and what makes the plan of its ZIP."""

    entries: ListedParts
    plan_maker: PlanMaker


def write_parts(
    settings: Settings,
    close_id: int,
    first_account_id: Key,
    last_account_id: Key,
    run: Run,
) -> int:
    """Write the parts of a shard whose statements all have documents; return how many these are.

    A part that has statements of two shards is written by the shard that ends last. Raises
    WrongData when a document is missing from the document store, or was changed.
    """
    with on_store(settings) as store:
        store.autocommit = True
        month = read_closed_month(store, close_id)
        parts = _Parts(store, DocumentStore(settings.documents_url), month, close_id, run)
        count = 0
        for start in parts.starts(first_account_id, last_account_id):
            rows = parts.rows(start)
            # guard: manifest.part-of-a-shard-is-complete
            if all(row["object_name"] is not None for row in rows):
                known = parts.registered(start, rows)
                lost = parts.lost(rows, are_listed=known is not None)
                if lost:
                    raise _lost_documents(month, parts.documents, lost)
                if known is None:
                    parts.write(start, rows)
                count += 1
    return count


def list_month(
    store: Store, documents: DocumentStore, month: Period, close_id: int, run: Run
) -> MonthListing:
    """Return all statements of a month: in the parts that are registered, and in new ones.

    The connection must have no transaction open: each part is committed by itself. Raises WrongData
    when documents are missing from the document store, naming some accounts, or were changed.
    """
    parts = _Parts(store, documents, month, close_id, run)
    listed: list[ListedPart] = []
    lost: list[Key] = []
    starts = parts.starts()
    maker = PlanMaker(month.label, sum(each["entry_count"] for each in starts))
    for start in starts:
        rows = parts.rows(start)
        known = parts.registered(start, rows)
        lost += parts.lost(rows, are_listed=known is not None)
        if lost:
            continue
        part = parts.write(start, rows) if known is None else known
        listed.append(part.listed())
        object_name = listed[-1].object_name(month.label)
        maker.add(part.content, listed_of_rows(rows, month.label), object_name)
    if lost:  # guard: documents.lost-one-stops-the-manifest
        raise _lost_documents(month, documents, lost)
    return MonthListing(ListedParts(month.label, listed, documents.read), maker)


@dataclass(frozen=True)
class _Part:
    """The document of a part, and its entries."""

    content: bytes
    month: str
    entries: Sequence[Entry]

    def listed(self) -> ListedPart:
        """Return what a manifest says of the part."""
        stored = DocumentStore.name_of(self.content, folder=folder_of(self.month), suffix="json")
        return ListedPart(
            self.entries[0]["account_id"],
            self.entries[0]["currency"],
            len(self.entries),
            sum(each["sha256"] is not None for each in self.entries),
            tree_of(self.month, self.entries).root.hex(),
            stored.sha256,
            len(self.content),
            crc32(self.content),
        )


@dataclass(frozen=True)
class _Parts:
    """The parts of a close, in the register and in the document store."""

    store: Store
    documents: DocumentStore
    month: Period
    close_id: int
    run: Run

    def starts(self, first: Key | None = None, last: Key | None = None) -> list[DictRow]:
        """Return the start of each part that has accounts of this range, in order."""
        return self.store.execute(
            query("manifest_parts/starts"),
            {
                "close_id": self.close_id,
                "part_entries": PART_ENTRIES,
                "first_account_id": first,
                "last_account_id": last,
            },
        ).fetchall()

    def rows(self, start: DictRow) -> list[DictRow]:
        """Return the statements of a part, as the register has them."""
        return self.store.execute(
            query("statement_manifests/entries"),
            {
                "close_id": self.close_id,
                "first_account_id": start["account_id"],
                "first_currency": start["currency"],
                "entry_count": start["entry_count"],
            },
            # A query plan that PostgreSQL keeps for any number of statements reads whole tables.
            prepare=False,
        ).fetchall()

    def lost(self, rows: Sequence[DictRow], *, are_listed: bool) -> list[Key]:
        """Return the accounts whose registered documents are not in the document store.

        Documents that no part lists yet are read for that, and compared with their names. Raises
        WrongData for one that was changed.
        """
        documents = self.documents
        # guard: manifest.documents-are-read
        absent_of = documents.absent if are_listed else documents.read_all
        absent = frozenset(absent_of(_object_names(rows)))
        return [row["account_id"] for row in rows if row["object_name"] in absent]

    def write(self, start: DictRow, rows: Sequence[DictRow]) -> _Part:
        """Write and register the part that lists these statements; return it."""
        month = self.month.label
        entries = [
            salted_entry(row_facts(row), row["account_number"], row["holder_name"]) for row in rows
        ]
        content = part_content(month, entries)
        stored = self.documents.put(content, folder=folder_of(month), suffix="json")
        self.store.execute(
            query("manifest_parts/insert"),
            {
                "close_id": self.close_id,
                "first_entry": start["first_entry"],
                "sha256": stored.sha256,
                "object_name": stored.object_name,
                "run_id": self.run.run_id,
            },
        )
        return _Part(content, month, entries)

    def registered(self, start: DictRow, rows: Sequence[DictRow]) -> _Part | None:
        """Return the newest registered part with this start, if it lists just these statements.

        New salts would make a new manifest each time, and it would have to be reviewed again.
        """
        row = self.store.execute(
            query("manifest_parts/newest"),
            {"close_id": self.close_id, "first_entry": start["first_entry"]},
        ).fetchone()
        if row is None:
            return None
        try:
            content = self.documents.read(row["object_name"])
            entries = entries_of_part(content, self.month.label)
        except WrongData:  # it was lost or changed: another one takes its place
            return None
        # guard: manifest.part-lists-what-is-registered
        is_same = [entry_facts(entry) for entry in entries] == [row_facts(each) for each in rows]
        return _Part(content, self.month.label, entries) if is_same else None


def _object_names(rows: Sequence[DictRow]) -> list[str]:
    return [row["object_name"] for row in rows if row["object_name"] is not None]


def row_facts(row: DictRow) -> Entry:
    """Return what an entry says of a row of statement_manifests/entries, without its salt."""
    return {name: value for name, value in row.items() if name not in _NOT_LISTED}


def _lost_documents(month: Period, documents: DocumentStore, lost: Sequence[Key]) -> WrongData:
    named = ", ".join(map(label, lost[:NAMED_ACCOUNTS]))
    return WrongData(
        "CB-DATA-DOCUMENTS-LOST",
        f"{month}: {len(lost)} registered documents are missing from {documents.base_url}, those "
        f"of the accounts {named} …: run the month again",
    )
