"""A released October of three accounts, with the desk's log of its release, to tamper with."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row

from closebook.audit.findings import AuditReport
from closebook.audit.register_audit import audit
from closebook.settings import Settings
from closebook.statements import release
from closebook.statements.issue import DocumentsNotMade
from closebook.statements.manifest import Manifest
from closebook.statements.release import Person, RunAct
from closebook.store.decision_key import write_proven
from local.stack import Stack
from tests.closes.month_documents import manifest_of, render_all, stored
from tests.closes.october import OCTOBER
from tests.decisions import DECISION_KEY


@dataclass
class ReleasedMonth:
    """The month, and the store as its owner, who may change everything."""

    settings: Settings
    stack: Stack
    database: str
    close_id: int
    manifest: Manifest

    def audit(self) -> AuditReport:
        return audit(self.settings)

    def checks(self) -> set[str]:
        """The checks that have a finding."""
        return {finding.check for finding in self.audit().findings}

    def tamper(self, statement: str, *parameters: object) -> None:
        """Change the store as somebody who has all rights and lets no trigger run."""
        with self.admin() as admin:
            admin.execute("set session_replication_role = replica")
            admin.execute(statement.encode(), parameters or None)

    def row(self, statement: str, *parameters: object) -> dict[str, Any]:
        with self.admin() as admin:
            found = admin.execute(statement.encode(), parameters or None).fetchone()
        assert found is not None
        return found

    @contextmanager
    def admin(self) -> Iterator[psycopg.Connection[DictRow]]:
        conninfo = self.stack.store_admin(self.database)
        with psycopg.connect(conninfo, row_factory=dict_row) as admin:
            yield admin

    def file(self, object_name: str) -> Path:
        return stored(self.settings, object_name)

    def document(self, account_id: int) -> dict[str, Any]:
        return self.row(
            "select * from reporting.statement_documents where close_id = %s and account_id = %s",
            self.close_id,
            account_id,
        )


def log(stack: Stack, database: str, act: str, digest: str | None, person: str = "bob") -> None:
    """Write an entry of the desk's log as the desk does."""
    entry = {"person": person, "act": act, "subject": "month 2026-10", "document_sha256": digest}
    with psycopg.connect(stack.desk(database), row_factory=dict_row) as desk:
        entry = {**entry, "address": "127.0.0.1"}
        write_proven(desk, DECISION_KEY, "desk/insert_log_entry", entry)


def release_month(
    stack: Stack,
    database: str,
    settings: Settings,
    close_id: int,
    exceptions: Sequence[str] = (),
    person: str = "bob",
) -> ReleasedMonth:
    """Render and release October, without the accounts whose documents cannot be made."""
    with suppress(DocumentsNotMade):
        render_all(settings, close_id)
    manifest, _ = manifest_of(settings, close_id)
    release_issued(stack, database, exceptions, person)
    return ReleasedMonth(settings, stack, database, close_id, manifest)


def release_issued(
    stack: Stack, database: str, exceptions: Sequence[str] = (), person: str = "bob"
) -> None:
    """Release October as it is issued, and write that into the desk's log."""
    with psycopg.connect(stack.desk(database), row_factory=dict_row) as desk:
        issued = release.latest_issued_month(desk, OCTOBER)
        release.release(
            desk,
            DECISION_KEY,
            OCTOBER,
            issued.sha256,
            Person("2", person),
            lambda run_ids: [RunAct(run_id, "triggered", "1", "ada") for run_id in run_ids],
            "the rest is right" if exceptions else None,
            exceptions,
        )
    log(stack, database, "released", issued.sha256, person)
