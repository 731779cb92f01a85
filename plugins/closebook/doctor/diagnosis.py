"""The diagnosis: all checks of the doctor. A check on which others depend comes before them.

It writes nothing that lasts and closes nothing. Each server is asked by the role that closes or
the desk use.
"""

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import psycopg

from closebook.doctor import (
    airflow,
    clocks,
    counter_redis,
    desk,
    documents,
    hour_totals,
    platform_roles,
    platform_rows,
    platform_servers,
    platform_views,
    poolers,
    store,
    used_indexes,
)
from closebook.doctor.doctor_report import Report
from closebook.doctor.finding import Finding, Observation, Severity, Unseen
from closebook.doctor.installation import (
    Installation,
    Part,
    message_observations,
    settings_observations,
)
from closebook.doctor.platform_session import PlatformSession, on_primary, on_replica
from closebook.errors import ClosebookError
from closebook.platform.fence import Fence, end_of_log
from closebook.platform.replica_status import replica_error, replica_status
from closebook.postgres import described
from closebook.settings import Replica
from closebook.store.migrations import expected_key_types

if TYPE_CHECKING:
    from closebook.monitoring.thresholds import ClockOffset

SAMPLE_SECONDS, FULL_SECONDS = 30, 3600
_POLL_SECONDS = 0.2


def diagnose(installation: Installation) -> Report:
    """Look at all of an installation. Raises nothing for what is wrong with it."""
    return Report.of(_observations(installation))


def _observations(installation: Installation) -> Iterator[Observation]:
    yield from settings_observations(installation)
    settings, parts = installation.settings, installation.parts
    if Part.AIRFLOW in parts and installation.airflow is not None:
        yield from airflow.airflow_observations(installation.airflow)
        yield from message_observations(installation.unread_messages)
    if Part.PLATFORM in parts:
        yield from _Platform(installation).observations()
    if Part.STORE in parts and installation.has("store"):
        yield from _looked_at("the reporting store", store.store_observations(settings))
    if Part.REDIS in parts and installation.has("redis_url"):
        yield from _looked_at("Redis", counter_redis.counter_observations(settings))
    if Part.DOCUMENTS in parts:
        yield from _looked_at("a document", documents.document_observations(installation))
    if Part.DESK in parts and installation.api_server is not None:
        yield from _looked_at(
            "the desk", desk.desk_observations(installation.api_server, installation.airflow)
        )


def _looked_at(subject: str, observations: Iterable[Observation]) -> Iterator[Observation]:
    """Yield observations; of what fails in between, that it could not be looked at."""
    try:
        yield from observations
    except psycopg.Error as error:
        yield Unseen(subject, described(error))
    except ClosebookError as error:
        yield Unseen(subject, error.text)


class _Platform:
    """What is found on the platform's servers while they are looked at one after another."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._settings = installation.settings
        self._seconds = FULL_SECONDS if installation.is_full else SAMPLE_SECONDS
        self._row_limit = None if installation.is_full else platform_rows.SAMPLE_ROWS
        self._offsets: dict[str, ClockOffset] = {}
        self._fence: Fence | None = None
        self._rows_were_read = False

    def observations(self) -> Iterator[Observation]:
        if self._installation.has("primary"):
            yield from _looked_at("the primary", self._primary())
        if self._installation.has("replicas"):
            for replica in self._settings.replicas:
                yield from _looked_at(replica.name, self._replica(replica))
        if self._offsets:
            yield from clocks.clock_observations(self._offsets)

    def _primary(self) -> Iterator[Observation]:
        try:
            with on_primary(self._settings, self._seconds) as session:
                row, self._offsets["primary"] = platform_servers.server_row(session)
                yield from platform_servers.kind_observations("primary", row)
                lacking = [*platform_roles.lacking_rights(session, platform_roles.FENCE)]
                yield from lacking
                yield from platform_roles.excessive_rights(session, platform_roles.FENCE)
                if not row["in_recovery"]:
                    yield from platform_servers.untracked_observations(session)
            if not lacking:
                self._fence = end_of_log(self._settings)
        except ClosebookError as error:
            yield platform_servers.primary_error(error)

    def _replica(self, replica: Replica) -> Iterator[Observation]:
        try:
            pooler = [*poolers.pooler_observations(replica)]
            yield from pooler
            if any(each.severity is Severity.ERROR for each in pooler):
                return
            with on_replica(self._settings, replica, self._seconds) as session:
                row, self._offsets[replica.name] = platform_servers.server_row(session)
                yield from platform_servers.kind_observations(replica.name, row)
                lacking = [*platform_roles.lacking_rights(session, platform_roles.READER)]
                yield from lacking
                yield from platform_roles.excessive_rights(session, platform_roles.READER)
                status = [] if lacking else [*self._status(replica)]
                yield from status
                # No close reads the primary, and no doctor does.
                # guard: doctor.no-row-of-the-primary
                if row["in_recovery"]:
                    yield from self._contents(session, lacking)
        except psycopg.Error as error:
            failed = replica_error(replica, error)
            yield platform_servers.replica_error_finding(replica.name, failed)

    def _status(self, replica: Replica) -> Iterator[Observation]:
        """Look at a replica until it has what the primary has, for as long as a close waits."""
        deadline = time.monotonic() + self._settings.replica_wait_seconds
        while True:
            try:
                status = replica_status(replica)
            except ClosebookError as error:
                yield platform_servers.replica_error_finding(replica.name, error)
                return
            if self._fence is None:
                return
            found = [*platform_servers.status_observations(status, self._fence)]
            is_behind = any(each.severity is Severity.WARNING for each in found)
            if not is_behind or time.monotonic() >= deadline:
                yield from found
                return
            time.sleep(_POLL_SECONDS)

    def _contents(
        self, session: PlatformSession, lacking: Sequence[Finding]
    ) -> Iterator[Observation]:
        """Look at the views of a replica, and at their rows on the first one that is sound."""
        if any(each.code in {"contract-missing", "schema-not-granted"} for each in lacking):
            return
        keys = expected_key_types(self._settings, os.environ)
        differing = platform_views.differing_columns(session, keys)
        yield from platform_views.view_observations(differing)
        if differing or lacking:
            yield Unseen(f"rows and plans on {session.server}", "mend its views and rights first")
            return
        plans = used_indexes.plan_observations(session, self._settings)
        yield from _looked_at(f"plans on {session.server}", plans)
        if not self._rows_were_read:
            self._rows_were_read = True
            yield from self._rows(session)

    def _rows(self, session: PlatformSession) -> Iterator[Observation]:
        for view in platform_rows.VIEWS:
            yield from _looked_at(f"rows of {view}", self._rows_of(session, view))
        yield from _looked_at(
            "entries without account",
            platform_rows.account_observations(session, self._row_limit),
        )
        yield from _looked_at(
            "currencies", platform_rows.currency_observations(session, self._row_limit)
        )

    def _rows_of(self, session: PlatformSession, view: str) -> Iterator[Observation]:
        counts = platform_rows.row_counts(session, view, self._row_limit)
        yield from platform_rows.row_observations(view, counts)
        newest = counts.get("newest_settled_at")
        if newest is not None:
            is_full = self._installation.is_full
            hour = hour_totals.hour_observations(session, newest, is_full=is_full)
            yield from _looked_at("an hour's totals", hour)
