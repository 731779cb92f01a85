"""The Airflow connections by their ids, and what a server's client needs of each.

Airflow is imported when a connection is read, so that all else runs without it.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from closebook import server_identity
from closebook.errors import Misconfigured

PRIMARY_CONNECTION = "closebook_primary"
STORE_CONNECTION = "closebook_store"
REDIS_CONNECTION = "closebook_redis"
REDIS_APP_CONNECTION = "closebook_redis_app"
DESK_CONNECTION = "closebook_desk"
METRICS_CONNECTION = "closebook_metrics"
DECISIONS_CONNECTION = "closebook_decisions"

# They bound the time until a dead server is noticed. The extras of a connection override them.
CONNECTION_DEFAULTS: Mapping[str, str | int] = {
    "application_name": "closebook",
    "connect_timeout": 5,
    "tcp_user_timeout": 15_000,  # milliseconds
    "keepalives_idle": 30,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}


def postgres_conninfo(connection_id: str) -> str:
    """Return the libpq connection string of an Airflow connection. Raises Misconfigured."""
    connection = airflow_connection(connection_id)
    fields = {
        "host": connection.host,
        "port": connection.port or 5432,
        "dbname": connection.schema,
        "user": connection.login,
        "password": connection.password,
    }
    return server_identity.postgres_conninfo(
        connection_id, {**CONNECTION_DEFAULTS, **fields}, connection.extra_dejson
    )


def redis_url(connection_id: str) -> str:
    """Return the URL of the Redis of an Airflow connection. Raises Misconfigured."""
    return server_identity.redis_url(connection_id, airflow_connection(connection_id))


def connection_password(connection_id: str) -> str:
    """Return the password of an Airflow connection. Raises Misconfigured if there is none."""
    password: str | None = airflow_connection(connection_id).password
    if not password:
        raise Misconfigured(
            "CB-CONFIG-TOKEN-MISSING",
            f"the Airflow connection {connection_id} has no password: set the bearer token as its "
            "password",
        )
    return password


def decision_key() -> str:
    """Return the key of decisions. Raises Misconfigured if there is none."""
    key: str | None = airflow_connection(DECISIONS_CONNECTION).password
    if not key:
        raise Misconfigured(
            "CB-CONFIG-DECISION-KEY-MISSING",
            f"the Airflow connection {DECISIONS_CONNECTION} has no password: set it to the key of "
            "decisions, which closebook decision-key was given",
        )
    return key


def unread_connections(connection_ids: Iterable[str]) -> dict[str, Misconfigured]:
    """Return by id which of these Airflow connections is missing, and what to do."""
    _, unread = readable({each: partial(airflow_connection, each) for each in connection_ids})
    return unread


def readable(
    readers: Mapping[str, Callable[[], Any]],
) -> tuple[dict[str, Any], dict[str, Misconfigured]]:
    """Return the values of these readers by name, and the errors of those that failed."""
    read: dict[str, Any] = {}
    unread: dict[str, Misconfigured] = {}
    for name, reader in readers.items():
        try:
            read[name] = reader()
        except Misconfigured as error:
            unread[name] = error
    return read, unread


def airflow_connection(connection_id: str):  # type: ignore[no-untyped-def]  # Airflow is imported late
    """Return Airflow's connection with this id. Raises Misconfigured if there is none."""
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        return Connection.get(connection_id)
    except AirflowNotFoundException as error:
        raise Misconfigured(
            "CB-CONFIG-CONNECTION-MISSING",
            f"the Airflow connection {connection_id} is missing: add it, see docs/settings.md",
        ) from error
