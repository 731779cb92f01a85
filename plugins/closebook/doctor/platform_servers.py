"""The platform's servers: that they answer, are what they should be, and are one platform."""

from collections.abc import Iterator
from datetime import UTC, datetime

from psycopg.rows import DictRow

from closebook.doctor.finding import Finding, Observation, Severity
from closebook.doctor.platform_session import PlatformSession
from closebook.errors import ClosebookError
from closebook.monitoring.thresholds import ClockOffset
from closebook.platform.fence import Fence
from closebook.platform.replica_status import ReplicaStatus

OLDEST_VERSION, NEWEST_TESTED_VERSION = 14, 18
_PER_MAJOR_VERSION = 10_000
# In English, as closebook.postgres reads it too.
_NO_HOT_STANDBY = "not accepting connections"

_PRIMARY_WHY = "Each close takes its fence on the primary first, and none can begin without it."
_REPLICA_WHY = "Closes read another replica as long as there is one that is sound; else they wait."


def server_row(session: PlatformSession) -> tuple[DictRow, ClockOffset]:
    """Return the row of sql/doctor/server.sql, and how far the server's clock is off."""
    with session.snapshot() as ask:
        asked_at = datetime.now(UTC)
        [row] = ask("doctor/server")
        return row, ClockOffset.measured(asked_at, row["observed_at"], datetime.now(UTC))


def kind_observations(name: str, row: DictRow) -> Iterator[Observation]:
    """Tell of a server of a version, a kind or an encoding that closes cannot read."""
    yield from version_observations(name, row["version_number"], row["version_text"])
    if row["is_aurora"]:
        yield Finding(
            code="server-is-aurora",
            subject=name,
            what="it is Amazon Aurora, whose replicas share one storage and replay no log",
            why="A close reads a replica that has replayed the primary's log up to a fence. Aurora "
            "does not say how far a replica is, so nothing could be proved complete.",
            mend="Use PostgreSQL with streaming replicas, such as Amazon RDS for PostgreSQL.",
        )
    if row["database_encoding"] == "SQL_ASCII":
        yield Finding(
            code="no-encoding",
            subject=name,
            what="the platform's database has the encoding SQL_ASCII",
            why="Nobody can tell which letters its bytes are, so no close reads a row of it.",
            mend="Dump it, and restore it into a database of encoding UTF8 "
            "(docs/contract.md#texts-and-their-encoding).",
        )


def version_observations(name: str, number: int, text: str) -> Iterator[Finding]:
    """Tell of a version that is too old, or newer than what the tests run on."""
    major = number // _PER_MAJOR_VERSION
    if major < OLDEST_VERSION:
        yield Finding(
            code="version-too-old",
            subject=name,
            what=f"it is PostgreSQL {text}; the oldest that works is {OLDEST_VERSION}",
            why="grants.sql and the queries of the closes use what came with PostgreSQL 14, such "
            "as date_bin and functions with a body of SQL.",
            mend=f"Upgrade the platform to PostgreSQL {OLDEST_VERSION} or later.",
        )
    elif major > NEWEST_TESTED_VERSION:
        yield Finding(
            code="version-untested",
            subject=name,
            what=f"it is PostgreSQL {text}; the tests run on {OLDEST_VERSION} to "
            f"{NEWEST_TESTED_VERSION}",
            why="What a newer version changed in its catalog or its plans was not tried.",
            mend="Look for a newer version of Closebook, and close an hour on a test platform.",
            severity=Severity.WARNING,
        )


def primary_error(error: ClosebookError) -> Finding:
    """Return the finding for an error of the connection to the primary, or of its fence."""
    code, mend = {
        "CB-CONFIG-PRIMARY-LOGIN": (
            "primary-login-refused",
            "Correct host, database, user and password of the Airflow connection "
            "closebook_primary; \\password closebook_fence sets a new one.",
        ),
        "CB-CONFIG-PRIMARY-IS-REPLICA": (
            "primary-is-replica",
            "Point the Airflow connection closebook_primary at the primary.",
        ),
        "CB-CONFIG-FENCE-SEES-NOBODY": (
            "fence-sees-nobody",
            "grant pg_monitor to closebook_fence;",
        ),
        "CB-CONFIG-FENCE-REFUSED": (
            "fence-refused",
            "Run sql/platform/roles.sql and sql/platform/grants.sql on the primary.",
        ),
    }.get(
        error.code,
        ("primary-unreachable", "Start it, or correct the Airflow connection closebook_primary."),
    )
    return Finding(code, "primary", error.text, _PRIMARY_WHY, mend)


def replica_error_finding(name: str, error: ClosebookError) -> Finding:
    """Return the finding for an error of the connection to a replica, or of its status."""
    if _NO_HOT_STANDBY in error.text:
        return Finding(
            code="hot-standby-off",
            subject=name,
            what=error.text,
            why="A replica with hot_standby = off, or one that has not reached a consistent state, "
            "cannot be read.",
            mend="hot_standby = on in postgresql.conf of the replica, and restart it.",
        )
    code, mend = {
        "CB-CONFIG-REPLICA-LOGIN": (
            "replica-login-refused",
            f"Correct the Airflow connection of {name}, and the users of its PgBouncer; \\password "
            "closebook_reader sets a new one.",
        ),
        "CB-CONFIG-REPLICA-STATUS-REFUSED": (
            "replica-status-refused",
            "Run sql/platform/grants.sql on the primary.",
        ),
    }.get(
        error.code,
        ("replica-unreachable", f"Start it, or correct the Airflow connection of {name}."),
    )
    return Finding(code, name, error.text, _REPLICA_WHY, mend)


def status_observations(status: ReplicaStatus, fence: Fence) -> Iterator[Finding]:
    """Tell of a replica that is none, follows another log, or is behind the fence."""
    name = status.replica.name
    if status.cluster != fence.cluster:
        yield Finding(
            code="two-clusters",
            subject=name,
            what=f"{name} is {status.cluster}, and the primary is {fence.cluster}",
            why="The positions of two logs cannot be compared: what is read may be another "
            "platform's, or a copy that was cut off.",
            mend=f"Point the Airflow connections closebook_primary and that of {name} at one "
            "platform.",
        )
    elif status.is_primary_of(fence):
        yield Finding(
            code="replica-is-primary",
            subject=name,
            what=f"the Airflow connection of {name} leads to the primary",
            why="No close reads the primary: it would slow the platform down.",
            mend=f"Point the connection of {name} at a replica.",
        )
    elif (reason := status.unfit_reason(fence)) is not None:
        yield Finding(
            code="replica-behind",
            subject=name,
            what=reason,
            why=_REPLICA_WHY,
            mend="See docs/operations.md#which-replica-is-read.",
            severity=Severity.WARNING,
        )


def untracked_observations(session: PlatformSession) -> Iterator[Finding]:
    """Tell where track_activities is off on the primary."""
    for row in session.rows("doctor/untracked"):
        yield Finding(
            code="untracked-activities",
            subject=row["place"],
            what=f"track_activities is off for {row['place']}",
            why="Such a session hides its transactions, and each close waits until it is gone.",
            mend=row["mend"],
        )
