"""What Airflow itself has, for the doctor: its auth manager, its pools, its Celery."""

from collections.abc import Mapping
from importlib import import_module

from closebook.doctor.installation import AirflowState
from closebook.orchestration.celery_state import celery_state
from closebook.orchestration.dag_defaults import RENDERING_POOL, REPLICA_POOL

_WANTED_POOLS = (REPLICA_POOL, RENDERING_POOL)


def airflow_state() -> AirflowState:
    """Return what Airflow has. Without access to its database, as in a task, pools are unknown."""
    from airflow.configuration import conf

    auth_manager = conf.get("core", "auth_manager")
    pools, why_no_pools = _pools()
    return AirflowState(
        auth_manager,
        _has_roles_of_its_own(auth_manager),
        _WANTED_POOLS,
        pools,
        why_no_pools,
        celery_state(),
    )


def _has_roles_of_its_own(auth_manager: str) -> bool:
    """Whether the auth manager is that of FAB, or derived from it."""
    module, _, name = auth_manager.rpartition(".")
    try:
        from airflow.providers.fab.auth_manager.fab_auth_manager import FabAuthManager

        return issubclass(getattr(import_module(module), name), FabAuthManager)
    except (ImportError, AttributeError, ValueError):
        return False


def _pools() -> tuple[Mapping[str, int] | None, str]:
    try:
        from airflow.models.pool import Pool

        return {str(pool.pool): pool.slots for pool in Pool.get_pools()}, ""
    except Exception as error:
        # Whatever Airflow, SQLAlchemy or a driver raises. Its text may hold the database's URL.
        return None, f"Airflow's database cannot be asked from here ({type(error).__name__})"
