"""Airflow itself: its auth manager, and the pools of the closes."""

from collections.abc import Iterator

from closebook.doctor.celery import celery_observations
from closebook.doctor.finding import Finding, Observation, Unseen
from closebook.doctor.installation import AirflowState


def airflow_observations(state: AirflowState) -> Iterator[Observation]:
    """Tell of an auth manager without the desk's roles, and of pools that are missing."""
    if not state.has_roles_of_its_own:
        yield Finding(
            code="auth-manager-not-fab",
            subject="AIRFLOW__CORE__AUTH_MANAGER",
            what=f"Airflow's auth manager is {state.auth_manager}",
            why="The desk's roles (finance, finance_approver, operator, auditor) are FAB's: with "
            "another auth manager nobody may open the desk, and nobody can release a month.",
            mend="AIRFLOW__CORE__AUTH_MANAGER=closebook.desk.auth_manager.ClosebookFabAuthManager, "
            "for every Airflow process; then airflow db migrate and closebook desk-roles.",
        )
    if state.celery is not None:
        yield from celery_observations(state.celery)
    if state.pools is None:
        yield Unseen(f"the pools {', '.join(state.wanted_pools)}", state.why_no_pools)
        return
    for pool in state.wanted_pools:
        if pool not in state.pools:
            yield Finding(
                code="pool-missing",
                subject=pool,
                what=f"Airflow has no pool {pool}",
                why="The tasks of this pool stay in the state scheduled for ever, and nothing but "
                "a line of the scheduler's log tells of it.",
                mend=f"airflow pools set {pool} 2 Closebook (docs/settings.md#pools)",
            )
