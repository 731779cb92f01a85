"""Events in the store, written without its triggers."""

from datetime import datetime
from typing import Any

import psycopg

from closebook.settings import Settings
from local.stack import Stack

HOLDER = "Ada Plantedname"
TYPED = "Ada Plantedname's fee is wrong, see PLANTED-ACCOUNT-1"

_CLOSE = """
insert into reporting.closes (
    close_id, grain, period_start, period_end, time_zone, close_version, is_current, fence_lsn,
    fenced_at, snapshot_text, replica_name, code_version, run_id, first_date, last_date
) overriding system value
values (
    %(close_id)s, %(grain)s, %(start)s, %(end)s, 'America/New_York', 1, true, '0/1', %(end)s, '',
    '', '', 'a test', %(first)s, %(first)s
)
"""


class StoreEvents:
    """Writes events into a store."""

    def __init__(self, stack: Stack, settings: Settings, database: str) -> None:
        self._conninfo = stack.store_admin(database)
        self.settings = settings

    def execute(self, statement: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        """Run a statement without triggers, and return its rows."""
        with psycopg.connect(self._conninfo) as admin:
            admin.execute("set session_replication_role = replica")
            done = admin.execute(statement.encode(), parameters)
            return done.fetchall() if done.description else []

    def close(self, close_id: int, grain: str, start: datetime, end: datetime) -> None:
        """A current close of a period."""
        row = {"close_id": close_id, "grain": grain, "start": start, "end": end}
        self.execute(_CLOSE, row | {"first": start.date()})

    def manifest(self, manifest_id: int, close_id: int) -> None:
        """A manifest of a month that lists all documents."""
        self.execute(
            "insert into reporting.statement_manifests (manifest_id, close_id, sha256,"
            " object_name, document_count, missing_count, run_id) overriding system value"
            " values (%s, %s, %s, '', 3, 0, '')",
            [manifest_id, close_id, f"{manifest_id:064}"],
        )

    def decision(self, manifest_id: int, decision: str) -> None:
        """A decision on a manifest, with a reason that a person typed."""
        self.execute(
            "insert into reporting.statement_decisions (manifest_id, manifest_sha256, decision,"
            " decided_by, reason) values (%s, %s, %s, 'bob', %s)",
            [manifest_id, f"{manifest_id:064}", decision, TYPED],
        )

    def request(self, close_id: int) -> int:
        """A request to issue a statement again."""
        rows = self.execute(
            "insert into reporting.reissue_requests (close_id, account_id, currency, reason,"
            " requested_by) values (%s, 1, 'USD', %s, 'ada') returning request_id",
            [close_id, TYPED],
        )
        return int(rows[0][0])

    def answer(self, request_id: int) -> None:
        """The answer to a request."""
        self.execute(
            "insert into reporting.reissue_answers (request_id, answer, note, answered_by)"
            " values (%s, 'declined', %s, 'olga')",
            [request_id, TYPED],
        )

    def alert(self, at: datetime, *, is_open: bool) -> None:
        """A sample of the primary, which did not answer, or did."""
        rows = self.execute(
            "insert into reporting.health_samples (collected_at, server_name, server_kind, problem,"
            " postmaster_started_at) values (%s, 'primary', 'primary', %s, %s)"
            " returning sample_id",
            [at, "no answer" if is_open else None, None if is_open else at],
        )
        if is_open:
            self.execute(
                "insert into reporting.health_alerts (sample_id, alert_name, detail)"
                " values (%s, 'server_down', %s)",
                [rows[0][0], "connection refused\n\tis it running?"],
            )

    def notifications(self) -> dict[tuple[str, str], str | None]:
        """The outcome of each message, by channel and event."""
        rows = self.execute(
            "select channel, event_kind, outcome from reporting.notifications"
            " where event_kind <> 'channel_began'"
        )
        return {(channel, event): outcome for channel, event, outcome in rows}
