"""The roles of a stack's PostgreSQL servers, and the passwords of all its log-ins."""

import base64
import secrets
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg import sql

from deploy.airflow_defaults import USERS
from local.addresses import METADATA_USER, PRIMARY, STORE
from local.databases import sql_file
from local.pgbouncer import ADMIN_USER
from local.postgres import REPLICATION_USER, SUPERUSER
from local.redis_server import APP, PUBLISHER
from local.s3_server import ADMIN, READER, WRITER

_OF_CLOSEBOOK = {
    PRIMARY: ("closebook_fence", "closebook_reader"),
    STORE: ("closebook_owner", "closebook_store", "closebook_desk"),
}
_FILES = {PRIMARY: ("platform", "roles"), STORE: ("reporting", "roles")}
# The roles that a stack needs beside Closebook's own.
_OF_STACK: dict[str, tuple[str, list[sql.SQL]]] = {
    PRIMARY: (REPLICATION_USER, [sql.SQL("create role {} login replication")]),
    STORE: (
        METADATA_USER,
        [
            sql.SQL("create role {} login"),
            # Airflow commits hundreds of small rows; a crash of the machine may cost its last
            # half second here. The closes' own roles commit in full.
            sql.SQL("alter role {} set synchronous_commit = off"),
        ],
    ),
}


def new_secrets() -> dict[str, str]:
    """Passwords and keys for a new stack, by role, log-in or purpose."""
    roles = [*_OF_CLOSEBOOK[PRIMARY], *_OF_CLOSEBOOK[STORE]]
    roles += [role for role, _ in _OF_STACK.values()]
    return {
        **{role: secrets.token_urlsafe(24) for role in (SUPERUSER, *roles, ADMIN_USER)},
        **{user: secrets.token_urlsafe(24) for user in ("redis", PUBLISHER, APP)},
        # Of a cluster: the broker's user, the role of Celery's results, and the users of S3.
        **{user: secrets.token_urlsafe(24) for user in ("rabbitmq", "celery")},
        **{f"s3_{user}": secrets.token_urlsafe(24) for user in (ADMIN, WRITER, READER)},
        **{key: secrets.token_urlsafe(48) for key in ("jwt", "api", "metrics", "decisions")},
        **{user: secrets.token_urlsafe(12) for user in USERS},
        "fernet": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    }


def make_roles(admin: str, server: str, passwords: Mapping[str, str]) -> None:
    """Make the roles that a server (PRIMARY or STORE) lacks, all of them or none."""
    with psycopg.connect(admin) as connection:
        have = {row[0] for row in connection.execute("select rolname from pg_roles")}
        if not have.issuperset(_OF_CLOSEBOOK[server]):
            connection.execute(sql_file(*_FILES[server]))
            for role in _OF_CLOSEBOOK[server]:
                _set_password(connection, role, passwords)
        role, statements = _OF_STACK[server]
        if role not in have:
            for statement in statements:
                connection.execute(statement.format(sql.Identifier(role)))
            _set_password(connection, role, passwords)


def pool_verifiers(admin: str, passwords: Mapping[str, str]) -> dict[str, str]:
    """The SCRAM verifiers of a pooler's users; the reader's comes from the platform."""
    with psycopg.connect(admin) as connection:
        reader = connection.execute(
            "select rolname, rolpassword from pg_authid where rolname = 'closebook_reader'"
        )
        return {**dict(reader), ADMIN_USER: _verifier(connection, ADMIN_USER, passwords)}


def _set_password(
    connection: psycopg.Connection[Any], role: str, passwords: Mapping[str, str]
) -> None:
    # As \password does: the server, its log and its statistics never see the password.
    verifier = _verifier(connection, role, passwords)
    connection.execute(
        sql.SQL("alter role {} password {}").format(sql.Identifier(role), sql.Literal(verifier))
    )


def _verifier(connection: psycopg.Connection[Any], role: str, passwords: Mapping[str, str]) -> str:
    password = passwords[role].encode()
    return connection.pgconn.encrypt_password(password, role.encode(), b"scram-sha-256").decode()
