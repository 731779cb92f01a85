"""Set Airflow up in one process: metadata, users and roles, connections, pools.

Run as `python -m deploy.airflow_setup` with the contents (see airflow_defaults) as JSON on
standard input. The `airflow` command would take several seconds for each of these. Running it
again brings whatever differs up to date.
"""

import json
import sys
from collections.abc import Mapping
from typing import Any

from airflow.models.connection import Connection
from airflow.models.pool import Pool
from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder
from airflow.utils import db
from airflow.utils.providers_configuration_loader import providers_configuration_loaded
from airflow.utils.session import create_session
from sqlalchemy import select
from werkzeug.security import check_password_hash

from closebook.desk.roles import grant


@providers_configuration_loaded
def set_up(wanted: Mapping[str, Any]) -> None:
    """Migrate Airflow's metadata and make the users, connections and pools that are wanted."""
    db.upgradedb()
    with get_application_builder() as builder:
        _users(builder.sm, wanted["users"])
    _connections(wanted["connections"])
    for name, slots in wanted["pools"].items():
        Pool.create_or_update_pool(name, slots, wanted["pool_description"], include_deferred=False)


def _users(security: Any, users: list[dict[str, Any]]) -> None:
    security.sync_roles()
    grant(security)
    # Only now, so that Admin has the permissions of the other roles too.
    security.update_admin_permission()
    for user in users:
        found = security.find_user(username=user["username"])
        if found is None:
            added = security.add_user(
                username=user["username"],
                first_name=user["username"].title(),
                last_name="of Closebook",
                email=f"{user['username']}@closebook.invalid",
                role=[security.find_role(role) for role in user["roles"]],
                password=user["password"],
            )
            if not added:
                sys.exit(f"user {user['username']} could not be added: see the lines above")
        else:
            found.roles = [security.find_role(role) for role in user["roles"]]
            security.update_user(found)
            # The same password anew would end the user's sessions.
            if not check_password_hash(found.password, user["password"]):
                security.reset_password(found.id, user["password"])


def _connections(wanted: list[dict[str, Any]]) -> None:
    with create_session() as session:
        for values in wanted:
            found = session.scalar(
                select(Connection).where(Connection.conn_id == values["conn_id"])
            )
            if found is not None:
                session.delete(found)
                session.flush()
            session.add(Connection(**values))


if __name__ == "__main__":
    set_up(json.load(sys.stdin))
