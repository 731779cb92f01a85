"""The rights of Closebook's roles on the platform: too little, and too much."""

from collections.abc import Iterator, Mapping, Sequence

from closebook.doctor.finding import Finding, Severity
from closebook.doctor.platform_session import PlatformSession
from closebook.platform.contract import CONTRACT

FENCE, READER = "closebook_fence", "closebook_reader"
_GRANTS = "Run sql/platform/grants.sql on the primary"
_FUNCTIONS: Mapping[str, Sequence[str]] = {
    FENCE: ("timeline_history",),
    READER: ("wal_receiver", "timeline_history", "sessions", "statements"),
}
_FENCES_ROLES = (
    *("pg_monitor", "pg_read_all_settings", "pg_read_all_stats", "pg_stat_scan_tables"),
)


def lacking_rights(session: PlatformSession, role: str) -> Iterator[Finding]:
    """Tell of each right that the role of a session needs and does not have."""
    wanted = {
        "views": [*CONTRACT] if role == READER else [],
        "functions": [*_FUNCTIONS[role]],
    }
    why = (
        "Each close asks a replica how far it is, and reads the views, as this role."
        if role == READER
        else "Each close asks which history the primary writes, as this role."
    )
    rows = session.rows("doctor/rights", wanted)
    [schema] = [row for row in rows if row["object_kind"] == "schema"]
    if not schema["is_there"]:
        yield Finding(
            code="contract-missing",
            subject="reporting_source",
            what="the platform's database has no schema reporting_source",
            why="The five views of this schema are all that Closebook reads of the platform.",
            mend="Run your sql/platform/contract.sql on the primary, then grants.sql; or correct "
            "the database of the connection.",
        )
        return
    for row in rows:
        kind, name = row["object_kind"], row["object_name"]
        if row["is_allowed"]:
            continue
        if kind == "schema":
            yield Finding(
                code="schema-not-granted",
                subject=f"{role} on {session.server}",
                what=f"{role} lacks usage on the schema reporting_source",
                why=why,
                mend=f"{_GRANTS}, or: grant usage on schema reporting_source to {role};",
            )
        elif kind == "function":
            lack = "lacks execute on" if row["is_there"] else "finds no function"
            yield Finding(
                code="function-not-granted",
                subject=f"{role} on {session.server}",
                what=f"{role} {lack} reporting_source.{name}()",
                why=why,
                mend=f"{_GRANTS}: it makes the function and grants execute on it.",
            )
        elif row["is_there"]:
            yield Finding(
                code="view-not-granted",
                subject=f"{role} on {session.server}",
                what=f"{role} lacks select on reporting_source.{name}",
                why=why,
                mend=f"{_GRANTS}, or: grant select on reporting_source.{name} to {role};",
            )


def excessive_rights(session: PlatformSession, role: str) -> Iterator[Finding]:
    """Tell of what the role of a session may and does not need."""
    allowed = {
        "allowed_roles": [*_FENCES_ROLES] if role == FENCE else [],
        "allowed_relations": [f"reporting_source.{view}" for view in CONTRACT]
        if role == READER
        else [],
    }
    for row in session.rows("doctor/excess", allowed):
        kind, name = row["excess_kind"], row["object_name"]
        what, mend = {
            "attribute": (f"is {name}", f"alter role {role} no{name};"),
            "membership": (f"is a member of {name}", f"revoke {name} from {role};"),
            "read": (f"may read {name}", f"revoke select on {name} from {role};"),  # noqa: S608  # a text
            "write": (
                f"may write to {name}",
                f"revoke insert, update, delete, truncate on {name} from {role};",
            ),
        }[kind]
        yield Finding(
            code="role-too-strong",
            subject=f"{role} on {session.server}",
            what=f"{role} {what}",
            why="Whoever gets hold of this log-in gets that too. Closebook does not need it "
            "(docs/grants.md).",
            mend=f"{mend} (or from public, or from the role that it got it by)",
            severity=Severity.WARNING,
        )
