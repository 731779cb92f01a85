"""The connections of the stack's Airflow: which server, port, role and password each one has."""

import json
from typing import Any

from local.addresses import (
    PLATFORM_DATABASE,
    POOLERS,
    PRIMARY,
    REDIS,
    STORE,
    STORE_DATABASE,
    Addresses,
)
from local.ports import LOOPBACK
from local.redis_server import APP, PUBLISHER


def airflow_connections(addresses: Addresses) -> list[dict[str, Any]]:
    """Return the fields of each Airflow Connection that the stack's tasks and desk use."""
    return [
        _postgres_connection(addresses, "closebook_primary", PRIMARY, "closebook_fence"),
        *(
            _postgres_connection(addresses, f"closebook_{replica}", pooler, "closebook_reader")
            for pooler, replica in POOLERS.items()
        ),
        _postgres_connection(addresses, "closebook_store", STORE, "closebook_store"),
        _postgres_connection(addresses, "closebook_desk", STORE, "closebook_desk"),
        {
            "conn_id": "closebook_metrics",
            "conn_type": "generic",
            "password": addresses.secrets["metrics"],
        },
        {
            "conn_id": "closebook_decisions",
            "conn_type": "generic",
            "password": addresses.secrets["decisions"],
        },
        _redis_connection(addresses, "closebook_redis", PUBLISHER),
        _redis_connection(addresses, "closebook_redis_app", APP),
    ]


def _redis_connection(addresses: Addresses, conn_id: str, user: str) -> dict[str, Any]:
    return {
        "conn_id": conn_id,
        "conn_type": "redis",
        "host": LOOPBACK,
        "port": addresses.ports[REDIS],
        "login": user,
        "password": addresses.secrets[user],
        "extra": json.dumps({"db": 0}),
    }


def _postgres_connection(
    addresses: Addresses, conn_id: str, server: str, role: str
) -> dict[str, Any]:
    return {
        "conn_id": conn_id,
        "conn_type": "postgres",
        "host": LOOPBACK,
        "port": addresses.ports[server],
        "login": role,
        "password": addresses.secrets[role],
        "schema": STORE_DATABASE if server == STORE else PLATFORM_DATABASE,
    }
