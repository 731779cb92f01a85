"""What the desk needs, and the API server that serves it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from closebook.environment import required
from closebook.errors import Misconfigured
from closebook.settings.airflow_connections import (
    DECISIONS_CONNECTION,
    DESK_CONNECTION,
    REDIS_APP_CONNECTION,
    decision_key,
    postgres_conninfo,
    readable,
    redis_url,
)


@dataclass(frozen=True)
class DeskSettings:
    """The settings of the finance desk: store and Redis as roles that read, and the documents."""

    store: str = field(repr=False)
    redis_url: str = field(repr=False)
    documents_url: str
    time_zone: str


def desk_from_airflow(environment: Mapping[str, str] = os.environ) -> DeskSettings:
    """Read the desk's settings while a request is served.

    Raises Misconfigured for a variable or connection that is missing.
    """
    return DeskSettings(
        store=postgres_conninfo(DESK_CONNECTION),
        redis_url=redis_url(REDIS_APP_CONNECTION),
        documents_url=required(environment, "CLOSEBOOK_DOCUMENTS_URL"),
        time_zone=required(environment, "CLOSEBOOK_TIME_ZONE"),
    )


@dataclass(frozen=True)
class ApiServerConnections:
    """What only the API server needs: the desk's servers, and the key of decisions.

    ``unread`` has the error of each connection that could not be read, by its id. The field of such
    a connection must not be used.
    """

    desk: DeskSettings
    decision_key: str = field(repr=False)
    unread: Mapping[str, Misconfigured] = field(default_factory=dict)


def api_server_connections() -> ApiServerConnections:
    """Read the connections that only the API server needs. Raises nothing for a missing one."""
    read, unread = readable(
        {
            DESK_CONNECTION: lambda: postgres_conninfo(DESK_CONNECTION),
            REDIS_APP_CONNECTION: lambda: redis_url(REDIS_APP_CONNECTION),
            DECISIONS_CONNECTION: decision_key,
        }
    )
    desk = DeskSettings(
        read.get(DESK_CONNECTION, ""),
        read.get(REDIS_APP_CONNECTION, ""),
        documents_url="",
        time_zone="UTC",
    )
    return ApiServerConnections(desk, read.get(DECISIONS_CONNECTION, ""), unread)
