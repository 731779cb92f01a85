"""What the stack's Airflow holds from the start: log-ins, connections, pools."""

import json
from typing import Any

from local.addresses import (
    PLATFORM_DATABASE,
    POOLERS,
    PRIMARY,
    REDIS,
    STORE,
    STORE_DATABASE,
    USERS,
    Addresses,
)
from local.ports import LOOPBACK

POOLS = {"replica_reads": 6, "rendering": 2}


def airflow_contents(addresses: Addresses) -> dict[str, Any]:
    """What the stack's Airflow shall hold: users, connections, pools."""
    return {
        "users": [
            {"username": user, "roles": roles, "password": addresses.secrets[user]}
            for user, roles in USERS.items()
        ],
        "pools": POOLS,
        "pool_description": "Closebook: bounds what runs at once",
        "connections": [
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
                "conn_id": "closebook_redis",
                "conn_type": "redis",
                "host": LOOPBACK,
                "port": addresses.ports[REDIS],
                "password": addresses.secrets["redis"],
                "extra": json.dumps({"db": 0}),
            },
        ],
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
