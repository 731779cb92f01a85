"""What Closebook's Airflow holds from the start, on one machine and on containers alike."""

from collections.abc import Mapping, Sequence
from typing import Any

USERS = {
    "admin": ["Admin"],
    "finance": ["Viewer", "finance"],
    "approver": ["Viewer", "finance_approver"],
    "operator": ["User", "operator"],
    "auditor": ["Viewer", "auditor"],
    "viewer": ["Viewer"],
}
"""The roles of each log-in, by user name."""

POOLS = {"replica_reads": 6, "rendering": 2}
"""The slots of each pool."""


def airflow_contents(
    passwords: Mapping[str, str], connections: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return what `airflow_setup` makes: the users with their passwords, pools, connections.

    `passwords` has one for each of USERS. `connections` are the fields of Airflow's Connection.
    """
    return {
        "users": [
            {"username": user, "roles": roles, "password": passwords[user]}
            for user, roles in USERS.items()
        ],
        "pools": POOLS,
        "pool_description": "Closebook: limits how many of these tasks run at once",
        "connections": [*connections],
    }
