"""Airflow connections as environment variables, for a process on a platform of the test's own."""

import json

from local.airflow_connections import airflow_connections
from local.stack import Stack
from tests.message_connections import MESSAGE_CONNECTIONS

PLATFORM_CONNECTIONS = ("closebook_primary", "closebook_replica_a", "closebook_replica_b")


def connection_variables(stack: Stack, platform_database: str) -> dict[str, str]:
    """Return the variables AIRFLOW_CONN_… of the stack, with the database of the platform given."""
    variables = {}
    for each in airflow_connections(stack):
        fields = {name: value for name, value in each.items() if name != "conn_id"}
        if each["conn_id"] in PLATFORM_CONNECTIONS:
            fields["schema"] = platform_database
        variables[f"AIRFLOW_CONN_{each['conn_id'].upper()}"] = json.dumps(fields)
    for connection_id, conn_type in MESSAGE_CONNECTIONS.items():
        variables[f"AIRFLOW_CONN_{connection_id.upper()}"] = json.dumps({"conn_type": conn_type})
    return variables


def platform_variables(stack: Stack, platform_database: str) -> dict[str, str]:
    """Return those of the platform alone."""
    wanted = {f"AIRFLOW_CONN_{each.upper()}" for each in PLATFORM_CONNECTIONS}
    variables = connection_variables(stack, platform_database)
    return {name: value for name, value in variables.items() if name in wanted}
