"""The audit: compare register, manifests, document store, decisions and log with one another.

What a manifest lists must be in the register and in the document store, and what is in the register
and in the document store must be in a manifest. Each decision names a manifest that exists, and the
desk's log has each decision. Versions follow one another, and the control totals of each close are
computed again.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from psycopg.rows import DictRow

from closebook.audit.findings import AuditReport
from closebook.audit.statement_comparison import differences, is_listed, is_made, statement_of
from closebook.closes.checks import check_name_of, count_and_sample
from closebook.errors import WrongData
from closebook.keys import statement_name
from closebook.periods import Period
from closebook.settings import Settings
from closebook.settings.store_settings import RegisterSettings
from closebook.sql import query
from closebook.statements import log_anchors
from closebook.statements.document_store import DocumentStore, sha256_of_name
from closebook.statements.manifest_document import ManifestDocument, ManifestException
from closebook.statements.manifest_parts import FOLDER as PARTS
from closebook.statements.manifest_parts import PART_ENTRIES
from closebook.store.audit_chain import Anchor, log_entries, verified_entries
from closebook.store.session import Store, on_store

_CURSOR = "closebook_audit"
_DECISIONS = ("released", "rejected")
# What each close is checked for again; of the current closes also against the others.
_CHECKS: Mapping[str, tuple[str, ...]] = {
    "hour": ("close_totals/check_rows_equal_source",),
    "day": ("close_totals/check_rows_equal_source",),
    "month": (
        "close_totals/check_rows_equal_source",
        "statement_lines/check_lines_reach_closing",
        "statement_lines/check_running_balances_follow",
    ),
}
_CHECKS_OF_CURRENT: Mapping[str, tuple[str, ...]] = {
    "hour": (),
    "day": ("hourly_volume/check_hours_equal_day",),
    "month": (
        "daily_account_movement/check_days_equal_statements",
        "statements/check_opening_equals_previous_closing",
    ),
}


def audit(settings: Settings | RegisterSettings, read_since: datetime | None = None) -> AuditReport:
    """Audit everything that was closed and issued.

    The documents of a month that ended before ``read_since`` must be there, and are not read; None
    reads all of them. Raises Transient when the store or the document store cannot be reached.
    """
    documents = DocumentStore(settings.documents_url)
    with on_store(settings) as store:
        # All is read from one snapshot: closes and people go on meanwhile.
        store.execute("set transaction isolation level repeatable read, read only")
        findings = _Audit(store, documents, read_since, settings.store)
        findings.manifests()
        findings.statements()
        findings.decisions()
        findings.versions()
        findings.closes()
        findings.log()
    # After the snapshot, so that a document that is being stored now is not taken for unknown.
    with on_store(settings) as store:
        findings.unknown_documents(store)
    return findings.report


@dataclass
class _Audit:
    store: Store
    documents: DocumentStore
    read_since: datetime | None
    conninfo: str
    report: AuditReport = field(default_factory=AuditReport)
    anchors: list[Anchor] = field(default_factory=list)
    _of_close: dict[int, list[tuple[int, str]]] = field(default_factory=dict)
    _decided: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def manifests(self) -> None:
        """Each registered manifest is in the document store, and is what the register says."""
        previous: str | None = None
        for row in self.store.execute(query("audit/manifests")).fetchall():
            self.report.count("manifests")
            self._of_close.setdefault(row["close_id"], []).append(
                (row["manifest_id"], row["object_name"])
            )
            manifest = self._manifest(row["manifest_id"], row["object_name"])
            if manifest is not None:
                self._check_manifest(row, manifest, previous)
            previous = row["sha256"]

    def _check_manifest(
        self, row: DictRow, manifest: ManifestDocument, previous: str | None
    ) -> None:
        subject = f"manifest {row['manifest_id']} of close {row['close_id']}"
        head = manifest.head
        for check, registered, found in (
            ("manifest-hash", row["sha256"], manifest.sha256),
            ("manifest-root", row["root_sha256"], None if head is None else head.root),
            ("manifest-month", Period.from_register(row).label, manifest.month),
            ("manifest-close", row["close_id"], manifest.close_id),
            ("manifest-count", row["document_count"], manifest.document_count),
            ("manifest-count", row["missing_count"], manifest.missing_count),
            ("manifest-count", row["exception_count"], len(manifest.exceptions)),
            (
                "manifest-exceptions",
                _by_subject(row["exceptions"]),
                _by_subject(manifest.exceptions),
            ),
        ):
            if registered != found:  # guard: audit.manifest-is-as-registered
                self.report.add(
                    check, subject, f"the register has {registered}, and the document {found}"
                )
        # guard: audit.manifests-follow
        if head is not None and manifest.previous_sha256 != previous:
            self.report.add(
                "manifest-missing",
                subject,
                f"it was written after {manifest.previous_sha256}, and the one before it in the "
                f"register is {previous}",
            )
        if manifest.log_entry_count is not None and manifest.log_sha256 is not None:
            self.anchors.append(
                Anchor(manifest.log_entry_count, manifest.log_sha256, row["object_name"])
            )

    def statements(self) -> None:
        """What the manifests list is in the register and in the document store, and vice versa.

        Both are read in the order of the accounts, so that a month of any size needs memory for one
        part of a manifest.
        """
        for row in self.store.execute(query("audit/month_closes")).fetchall():
            close_id = row["close_id"]
            manifests: list[ManifestDocument] = []
            for manifest_id, object_name in self._of_close.get(close_id, []):
                manifest = self._manifest(manifest_id, object_name, is_reported=False)
                if manifest is None:
                    continue
                try:
                    self._check_entries(close_id, manifest_id, manifest)
                    manifests.append(manifest)
                except WrongData as error:  # a part of it is lost or was changed
                    self.report.add("manifest-missing", f"manifest {manifest_id}", error.text)
            is_read = self.read_since is None or row["period_end"] >= self.read_since
            for file in self._rows("audit/documents", {"close_id": close_id}):
                self.report.count("documents")
                self._check_file(close_id, file, is_read=is_read)
                # What the newest manifest has no document of may have been made since.
                # guard: audit.rows-are-listed
                if is_made(file, manifests[-1:]) and not is_listed(file, close_id, manifests):
                    self.report.add(
                        "document-not-listed",
                        f"statement {statement_name(close_id, *statement_of(file))}",
                        f"no manifest of close {close_id} lists {file['object_name']}",
                    )

    def _rows(self, name: str, parameters: Mapping[str, object]) -> Iterator[DictRow]:
        """Yield the rows of a query that may give many, by a cursor that reads some at once."""
        with self.store.cursor(name=_CURSOR) as cursor:
            cursor.itersize = PART_ENTRIES
            yield from cursor.execute(query(name), parameters)

    def _registered(self, close_id: int) -> Iterator[DictRow]:
        """Yield the statements of a close as the register has them, in the manifest's order."""
        of_close = {"close_id": close_id}
        all_parts = {
            "part_entries": PART_ENTRIES,
            "first_account_id": None,
            "last_account_id": None,
        }
        starts = self.store.execute(query("manifest_parts/starts"), {**of_close, **all_parts})
        for start in starts.fetchall():
            part = {
                "first_account_id": start["account_id"],
                "first_currency": start["currency"],
                "entry_count": start["entry_count"],
            }
            yield from self.store.execute(
                query("statement_manifests/entries"), {**of_close, **part}, prepare=False
            )

    def _check_entries(self, close_id: int, manifest_id: int, manifest: ManifestDocument) -> None:
        self.report.count("entries", len(manifest.entries))
        found_count = 0
        for row in self._registered(close_id):
            subject = f"statement {statement_name(close_id, *statement_of(row))}"
            entry = manifest.entry(*statement_of(row))
            if entry is None:
                self.report.add(
                    "statement-not-listed",
                    subject,
                    f"the register has it, and manifest {manifest_id} does not",
                )
                continue
            found_count += 1
            for check, detail in differences(entry, row):
                # guard: audit.entries-are-registered
                self.report.add(check, subject, f"manifest {manifest_id}: {detail}")
        # guard: audit.listed-ones-are-registered
        if found_count != len(manifest.entries):
            registered = {statement_of(row) for row in self._registered(close_id)}
            for entry in manifest.entries:
                if statement_of(entry) not in registered:
                    self.report.add(
                        "statement-missing",
                        f"statement {statement_name(close_id, *statement_of(entry))}",
                        f"manifest {manifest_id} lists it, no row has it",
                    )

    def _check_file(self, close_id: int, file: DictRow, *, is_read: bool) -> None:
        subject = f"statement {statement_name(close_id, *statement_of(file))}"
        try:
            if sha256_of_name(file["object_name"]) != file["sha256"]:
                self.report.add(
                    "document-name", subject, f"{file['object_name']} is not named by its hash"
                )
            if is_read:
                self.documents.read(file["object_name"])
            elif not self.documents.exists(file["object_name"]):
                self.report.add(
                    "document-missing", subject, f"{file['object_name']} is not in the store"
                )
        except WrongData as error:
            # guard: audit.documents-are-there
            self.report.add("document-missing", subject, error.text)

    def decisions(self) -> None:
        """Each decision names a manifest that exists, with the hash that it has."""
        for row in self.store.execute(query("audit/decisions")).fetchall():
            self.report.count("decisions")
            if row["registered_sha256"] != row["manifest_sha256"]:  # guard: audit.decision-has-hash
                self.report.add(
                    "decision-manifest",
                    f"decision {row['decision_id']}",
                    f"it is on {row['manifest_sha256']}, and manifest {row['manifest_id']} is "
                    f"{row['registered_sha256']}",
                )
            # guard: audit.release-names-the-exceptions
            if row["decision"] == "released" and set(row["named_exceptions"]) != set(
                row["listed_exceptions"]
            ):
                self.report.add(
                    "decision-exceptions",
                    f"decision {row['decision_id']}",
                    f"it names the exceptions {row['named_exceptions']}, and manifest "
                    f"{row['manifest_id']} has {row['listed_exceptions']}",
                )
            key = _decision_key(row["decision"], row["manifest_sha256"], row["decided_by"])
            self._decided[key] = self._decided.get(key, 0) + 1

    def versions(self) -> None:
        """The versions of each statement follow one another."""
        for row in self.store.execute(query("audit/version_gaps")):
            self.report.add(
                "version-gap",
                f"statement {statement_name(row['close_id'], *statement_of(row))}",
                f"version {row['statement_version']} does not follow from the one before it",
            )

    def closes(self) -> None:
        """The rows of each close add up to its control totals, and current closes to each other."""
        for row in self.store.execute(query("audit/closes")).fetchall():
            self.report.count("closes")
            checks = _CHECKS[row["grain"]]
            if row["is_current"]:
                checks += _CHECKS_OF_CURRENT[row["grain"]]
            for check_file in checks:
                found = count_and_sample(self.store, check_file, {"close_id": row["close_id"]})
                if found.count:  # guard: audit.totals-again
                    self.report.add(
                        "tie-out",
                        f"close {row['close_id']}",
                        f"{check_name_of(check_file)} finds {found.count} rows that do not add up",
                    )

    def log(self) -> None:
        """The log matches its hashes and its anchors, and has an entry of each decision."""
        logged: dict[tuple[str, str, str], int] = {}
        try:
            self.anchors += log_anchors.written_anchors(self.documents)
        except WrongData as error:
            self.report.add("log-anchor", "desk log", error.text)
        self.report.count("anchors", len(self.anchors))
        try:
            with log_entries(self.conninfo) as entries:
                for entry, _ in verified_entries(entries, self.anchors):
                    self.report.count("log entries")
                    if entry["act"] in _DECISIONS:
                        key = _decision_key(entry["act"], entry["document_sha256"], entry["person"])
                        logged[key] = logged.get(key, 0) + 1
        except WrongData as error:
            self.report.add("log-entry", "desk log", error.text)
            return
        for act, digest, person in sorted(self._decided.keys() | logged.keys(), key=str):
            decided = self._decided.get((act, digest, person), 0)
            entered = logged.get((act, digest, person), 0)
            if decided != entered:  # guard: audit.decisions-are-logged
                self.report.add(
                    "decision-log",
                    f"manifest {digest}",
                    f"a person has {act} it {decided} times in the register, and {entered} times "
                    "in the desk's log",
                )

    def unknown_documents(self, store: Store) -> None:
        """Each document of the store is in the register."""
        # The documents first: what is stored after this is none of the audit's.
        names = sorted(
            name
            for folder in ("statements", "manifests", PARTS)
            for name in self.documents.names(folder)
        )
        # Both are in the order of their bytes, so that the register's names are not all in memory.
        with store.cursor(name=_CURSOR) as cursor:
            known = (row["object_name"] for row in cursor.execute(query("audit/object_names")))
            registered = next(known, None)
            for name in names:
                self.report.count("stored documents")
                while registered is not None and registered < name:
                    registered = next(known, None)
                if name != registered:  # guard: audit.stored-documents-are-known
                    self.report.add("unknown-document", name, "no row of the register names it")

    def _manifest(
        self, manifest_id: int, object_name: str, *, is_reported: bool = True
    ) -> ManifestDocument | None:
        try:
            return ManifestDocument.read(self.documents.read(object_name), self.documents.read)
        except WrongData as error:
            if is_reported:
                self.report.add("manifest-missing", f"manifest {manifest_id}", error.text)
            return None


def _decision_key(act: str, manifest_sha256: str, person: str) -> tuple[str, str, str]:
    # Version 0.1.0 wrote a user name without its blanks into the register, and with them into the
    # log. So blanks count on neither side; a manifest has one decision of a kind anyway.
    return act, manifest_sha256, person.strip()  # guard: audit.blanks-of-a-name


def _by_subject(exceptions: Sequence[ManifestException]) -> str:
    return json.dumps(
        {f"{each['subject']} {each['currency']}": each["reason"] for each in exceptions},
        sort_keys=True,
    )
