"""The connections by which the tests' Airflow sends messages: they lead nowhere until a test."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from local.airflow_api import AirflowApi
from local.ports import LOOPBACK

MAIL_CONNECTION = "people_mail"
WEBHOOK_CONNECTION = "people_webhook"
BROKER_CONNECTION = "events_broker"
MESSAGE_CONNECTIONS = {
    MAIL_CONNECTION: "smtp",
    WEBHOOK_CONNECTION: "http",
    BROKER_CONNECTION: "generic",
}
# Nothing listens there.
NO_PORT = 9


def add_message_connections(airflow: AirflowApi) -> None:
    """Make the connections."""
    for connection_id, conn_type in MESSAGE_CONNECTIONS.items():
        airflow.post("connections", _nowhere(connection_id, conn_type))


@contextmanager
def leading_to(airflow: AirflowApi, connections: Mapping[str, Mapping[str, Any]]) -> Iterator[None]:
    """Let connections lead to servers of the test until the end of the block."""
    try:
        for connection_id, fields in connections.items():
            _patch(airflow, {"connection_id": connection_id, **fields})
        yield
    finally:
        for connection_id in connections:
            _patch(airflow, _nowhere(connection_id, MESSAGE_CONNECTIONS[connection_id]))


def _nowhere(connection_id: str, conn_type: str) -> dict[str, Any]:
    return {
        "connection_id": connection_id,
        "conn_type": conn_type,
        "host": LOOPBACK,
        "port": NO_PORT,
    }


def _patch(airflow: AirflowApi, fields: Mapping[str, Any]) -> None:
    path = f"/api/v2/connections/{fields['connection_id']}"
    airflow.client.patch(path, json=dict(fields)).raise_for_status()
