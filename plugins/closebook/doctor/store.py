"""The reporting store: that it answers, is migrated, and gives its role no more than it needs."""

from collections.abc import Iterator

from closebook.doctor.finding import Finding, Severity
from closebook.doctor.platform_servers import version_observations
from closebook.errors import ClosebookError
from closebook.settings import Settings
from closebook.sql import query
from closebook.store import migrations
from closebook.store.session import on_store

_SUBJECT = "closebook_store"
_WHY = "Every close writes to the store, and none can without it."


def store_observations(settings: Settings) -> Iterator[Finding]:
    """Tell of what is wrong with the store, and of migrations that it lacks or has too many."""
    try:
        with on_store(settings) as store:
            row = store.execute(query("doctor/store")).fetchone()
            missing, newer = migrations.differences(store)
    except ClosebookError as error:
        yield _error_finding(error)
        return
    assert row is not None  # noqa: S101  # the query has one row
    version = row["version_number"], row["version_text"]
    yield from version_observations("the reporting store", *version)
    if missing:
        yield Finding(
            code="store-not-migrated",
            subject=_SUBJECT,
            what=f"the store lacks {len(missing)} migrations, from {missing[0]} to {missing[-1]}",
            why="What the code reads and writes is not there, or has another form.",
            mend="closebook migrate --conninfo …, as the store's owner (docs/operations.md).",
        )
    if newer:
        yield Finding(
            code="store-newer",
            subject=_SUBJECT,
            what=f"the store has migrations that this version does not know: {', '.join(newer)}",
            why="An older version may write what a newer one does not expect.",
            mend="Install the version of Closebook that made them, on all machines.",
        )
    if row["in_recovery"]:
        yield Finding(
            code="store-is-replica",
            subject=_SUBJECT,
            what="the connection leads to a replica of the store",
            why=_WHY,
            mend="Point the Airflow connection closebook_store at the store's primary.",
        )
    if row["database_encoding"] != "UTF8":
        yield Finding(
            code="store-encoding",
            subject=_SUBJECT,
            what=f"the store's database has the encoding {row['database_encoding']}",
            why="It cannot hold the names of all holders.",
            mend="Make a database with encoding UTF8, and migrate that.",
        )
    if row["has_every_right"] or row["is_owner"]:
        what = "is a superuser" if row["has_every_right"] else "owns the schema reporting"
        yield Finding(
            code="store-role-too-strong",
            subject=_SUBJECT,
            what=f"the role {row['role_name']} {what}",
            why="Whoever gets hold of this log-in could change or delete numbers that were closed.",
            mend="Log in as closebook_store (sql/reporting/roles.sql) in the Airflow connection "
            "closebook_store.",
            severity=Severity.WARNING,
        )


def _error_finding(error: ClosebookError) -> Finding:
    code, mend = {
        "CB-CONFIG-LOGIN-REFUSED": (
            "store-login-refused",
            "Correct host, database, user and password of the Airflow connection closebook_store.",
        ),
        "CB-CONFIG-STORE-RIGHTS": (
            "store-not-granted",
            "Log in as closebook_store; closebook migrate grants its rights.",
        ),
    }.get(
        error.code,
        ("store-unreachable", "Start it, or correct the Airflow connection closebook_store."),
    )
    return Finding(code, _SUBJECT, error.text, _WHY, mend)
