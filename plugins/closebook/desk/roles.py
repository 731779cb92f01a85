"""The roles that Airflow's FAB has for the desk, and how they get there.

Airflow's own commands and pages grant only what some page of Airflow has registered before, so the
desk's permissions are made here.
"""

from collections.abc import Mapping
from typing import Any

from closebook.desk import permissions
from closebook.desk.permissions import Permission

# To see the desk in the navigation of Airflow's own pages.
_SEE_PLUGINS = Permission("can_read", "Plugins")

ROLES: Mapping[str, tuple[Permission, ...]] = {
    "finance": (_SEE_PLUGINS, permissions.READ_STATEMENTS, permissions.REQUEST_REISSUE),
    "finance_approver": (
        _SEE_PLUGINS,
        permissions.READ_STATEMENTS,
        permissions.REVIEW_RELEASES,
        permissions.DECIDE_RELEASES,
    ),
    "operator": (
        _SEE_PLUGINS,
        permissions.READ_VOLUME,
        permissions.READ_HEALTH,
        permissions.READ_REISSUES,
        permissions.ANSWER_REISSUES,
    ),
}


def make_roles() -> list[str]:
    """Bring Airflow's roles up to date; return their names. Nothing is taken from a role."""
    from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder
    from airflow.utils.providers_configuration_loader import providers_configuration_loaded

    @providers_configuration_loaded
    def make() -> None:
        with get_application_builder() as builder:
            grant(builder.sm)

    make()
    return list(ROLES)


def grant(security: Any) -> None:
    """Make the roles through FAB's security manager."""
    for name, granted in ROLES.items():
        role = security.add_role(name)
        for each in granted:
            security.add_permission_to_role(
                role, security.create_permission(each.action, each.resource)
            )
