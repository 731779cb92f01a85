"""What an operator sets: Airflow connections for servers, CLOSEBOOK_* variables for the rest.

Read by tasks when they run, never while a DAG file is parsed.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from psycopg.conninfo import make_conninfo

import closebook
from closebook.errors import Misconfigured
from closebook.periods import zone
from closebook.queries import SQL_FOLDER

PRIMARY_CONNECTION = "closebook_primary"
STORE_CONNECTION = "closebook_store"
REDIS_CONNECTION = "closebook_redis"


@dataclass(frozen=True)
class Replica:
    """A read replica by the name that errors and the register call it."""

    name: str
    conninfo: str = field(repr=False)


@dataclass(frozen=True)
class Settings:
    """Everything that a close needs to know of its surroundings. Durations are in seconds.

    ``primary``, ``replicas`` and ``store`` are libpq connection strings; ``documents_url`` is an
    ObjectStoragePath URL.
    """

    time_zone: str
    primary: str = field(repr=False)
    replicas: tuple[Replica, ...]
    store: str = field(repr=False)
    redis_url: str = field(repr=False)
    documents_url: str
    issuer_name: str = "Closebook"
    issuer_address: str = ""
    fence_grace_seconds: float = 0.5
    fence_wait_seconds: float = 10.0
    replica_wait_seconds: float = 30.0
    statement_timeout_seconds: int = 600
    read_attempts: int = 3

    def __post_init__(self) -> None:
        zone(self.time_zone)
        if not self.replicas:
            raise Misconfigured(
                "no replica is configured: set CLOSEBOOK_REPLICAS to the ids of their connections"
            )


@dataclass(frozen=True)
class Run:
    """Who closes: the Airflow run (or the command), and why, when a person said so."""

    run_id: str
    reason: str | None = None


def from_airflow(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings inside an Airflow task.

    Raises Misconfigured for a variable or connection that is missing.
    """
    return Settings(
        time_zone=_required(environment, "CLOSEBOOK_TIME_ZONE"),
        primary=_postgres_conninfo(PRIMARY_CONNECTION),
        replicas=tuple(
            Replica(name.removeprefix("closebook_"), _postgres_conninfo(name))
            for name in _required(environment, "CLOSEBOOK_REPLICAS").replace(" ", "").split(",")
        ),
        store=_postgres_conninfo(STORE_CONNECTION),
        redis_url=_redis_url(REDIS_CONNECTION),
        documents_url=_required(environment, "CLOSEBOOK_DOCUMENTS_URL"),
        issuer_name=_required(environment, "CLOSEBOOK_ISSUER_NAME"),
        issuer_address=environment.get("CLOSEBOOK_ISSUER_ADDRESS", ""),
    )


@cache
def code_version() -> str:
    """Name the code that computes: the release and a digest of its SQL and Python files."""
    digest = sha256()
    package = Path(__file__).parent
    for path in sorted([*SQL_FOLDER.rglob("*.sql"), *package.rglob("*.py")]):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return f"{closebook.__version__}+{digest.hexdigest()[:12]}"


def _required(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "").strip()
    if not value:
        raise Misconfigured(f"{name} is not set: see docs/operations.md, Settings")
    return value


def _postgres_conninfo(connection_id: str) -> str:
    connection = _connection(connection_id)
    return make_conninfo(
        host=connection.host,
        port=connection.port or 5432,
        dbname=connection.schema,
        user=connection.login,
        password=connection.password,
        **{"connect_timeout": 5, "application_name": "closebook", **connection.extra_dejson},
    )


def _redis_url(connection_id: str) -> str:
    connection = _connection(connection_id)
    password = quote(connection.password or "", safe="")
    scheme = "rediss" if connection.extra_dejson.get("ssl") else "redis"
    user = quote(connection.login or "", safe="")
    database = connection.extra_dejson.get("db", 0)
    port = connection.port or 6379
    return f"{scheme}://{user}:{password}@{connection.host}:{port}/{database}"


def _connection(connection_id: str):  # type: ignore[no-untyped-def]  # Airflow is imported late
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        return Connection.get(connection_id)
    except AirflowNotFoundException as error:
        raise Misconfigured(
            f"the Airflow connection {connection_id} is missing: add it, see docs/operations.md"
        ) from error
