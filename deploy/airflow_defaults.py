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
"""The slots of each pool on one machine."""

CLUSTER_POOLS = {**POOLS, "rendering": 64}
"""The same with CeleryExecutor. The workers of the queue `documents` decide how many statements are
rendered at once; the pool only limits how many shards are in that queue."""

CLUSTER_SETTINGS: Mapping[str, str] = {
    "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
    "AIRFLOW__CELERY__CELERY_CONFIG_OPTIONS": (
        "closebook.orchestration.celery_settings.CELERY_CONFIG"
    ),
    # Slots for the shards of a month, and for half as many other tasks.
    "AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG": "64",
    "AIRFLOW__CORE__PARALLELISM": "96",
    # 64 shards of four minutes may wait two hours for two slots.
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "10800",
    # A task sends a heartbeat every five seconds. A dead worker is noticed after 60 to 75 s.
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "10",
}
"""The settings of every Airflow process where tasks run on several machines (docs/deploy.md)."""


def airflow_contents(
    passwords: Mapping[str, str],
    connections: Sequence[Mapping[str, Any]],
    pools: Mapping[str, int] = POOLS,
) -> dict[str, Any]:
    """Return what `airflow_setup` makes: the users with their passwords, pools, connections.

    `passwords` has one for each of USERS. `connections` are the fields of Airflow's Connection.
    `pools` are POOLS or CLUSTER_POOLS.
    """
    return {
        "users": [
            {"username": user, "roles": roles, "password": passwords[user]}
            for user, roles in USERS.items()
        ],
        "pools": dict(pools),
        "pool_description": "Closebook: limits how many of these tasks run at once",
        "connections": [*connections],
    }
