"""The desk's roles in Airflow's FAB auth manager.

Airflow's own commands and pages can grant only permissions that exist already. This module creates
the permissions of the desk, and grants them to its roles.
"""

from collections.abc import Mapping
from typing import Any

from closebook.desk import permissions
from closebook.desk.permissions import Permission
from closebook.environment import AIRFLOW_DATABASE_DRIVERS
from closebook.errors import Misconfigured, Transient

# With it a user sees the desk in the navigation of Airflow's own pages.
_SEE_PLUGINS = Permission("can_read", "Plugins")

ROLES: Mapping[str, tuple[Permission, ...]] = {
    "finance": (
        _SEE_PLUGINS,
        permissions.READ_STATEMENTS,
        permissions.REQUEST_REISSUE,
        permissions.READ_VOLUME,
    ),
    "finance_approver": (
        _SEE_PLUGINS,
        permissions.READ_STATEMENTS,
        permissions.REVIEW_RELEASES,
        permissions.DECIDE_RELEASES,
        permissions.READ_VOLUME,
    ),
    "auditor": (_SEE_PLUGINS, permissions.READ_PROOF),
    "operator": (
        _SEE_PLUGINS,
        permissions.READ_VOLUME,
        permissions.READ_HEALTH,
        permissions.READ_REISSUES,
        permissions.ANSWER_REISSUES,
    ),
}


def make_roles() -> list[str]:
    """Create or update the desk's roles and return their names. No role loses a permission.

    Raises Misconfigured without Airflow or its FAB auth manager, Transient when Airflow's database
    fails.
    """
    try:
        from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder
        from airflow.utils.providers_configuration_loader import providers_configuration_loaded
        from sqlalchemy.exc import SQLAlchemyError
    except ImportError as error:
        if isinstance(error, ModuleNotFoundError) and error.name in AIRFLOW_DATABASE_DRIVERS:
            raise  # Airflow is there, and the driver of its database is not
        raise Misconfigured(
            "CB-CONFIG-AIRFLOW-MISSING",
            f"Airflow with its provider FAB cannot be imported ({error}): run desk-roles with the "
            "Python and the environment of Airflow's API server",
        ) from error

    @providers_configuration_loaded
    def make() -> None:
        with get_application_builder() as builder:
            grant(_security_manager(builder))

    try:
        make()
    except SQLAlchemyError as error:
        raise Transient(
            "CB-RETRY-AIRFLOW-DATABASE-FAILED",
            f"Airflow's database failed: {str(error).strip().splitlines()[0]}; see that it runs, "
            "and that airflow db migrate was run",
        ) from error
    return list(ROLES)


def _security_manager(builder: Any) -> Any:
    if not hasattr(builder.sm, "add_role"):
        raise Misconfigured(
            "CB-CONFIG-AUTH-MANAGER-NOT-FAB",
            "Airflow's auth manager is not FAB's, and has no roles for the desk: set [core] "
            "auth_manager to closebook.desk.auth_manager.ClosebookFabAuthManager",
        )
    return builder.sm


def grant(security: Any) -> None:
    """Create the roles and grant their permissions, with FAB's security manager."""
    for name, granted in ROLES.items():
        role = security.add_role(name)
        for each in granted:
            security.add_permission_to_role(
                role, security.create_permission(each.action, each.resource)
            )
