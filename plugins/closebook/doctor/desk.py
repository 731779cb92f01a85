"""Findings on what only the API server uses: the desk's log-ins, and the key of decisions."""

from collections.abc import Iterator

from psycopg.errors import InvalidAuthorizationSpecification, InvalidTextRepresentation

from closebook.doctor import counter_redis
from closebook.doctor.finding import Finding, Observation, Unseen
from closebook.doctor.installation import AirflowState
from closebook.errors import ClosebookError, Misconfigured
from closebook.settings.airflow_connections import (
    DECISIONS_CONNECTION,
    DESK_CONNECTION,
    REDIS_APP_CONNECTION,
)
from closebook.settings.desk_settings import ApiServerConnections, DeskSettings
from closebook.sql import query
from closebook.store.decision_key import proof_of
from closebook.store.session import Store, on_store

# The store compares the proof of a claim before it reads the claim, and this one is no JSON: with
# the right key it is refused as such, and nothing was begun.
_CLAIM = "a claim of the doctor, which decides nothing"
_WHY = "Finance sees no page, and nobody can release a month."
_WHY_OF_KEY = (
    "The store takes no decision and no entry of the desk's log without a proof by this key: "
    "nobody can release a month, and the desk shows no page that its log has an entry of."
)
_MEND_OF_KEY = (
    "closebook decision-key --conninfo …, as the store's owner, with a key on standard input; the "
    "same key as the password of the Airflow connection closebook_decisions."
)


def desk_observations(
    connections: ApiServerConnections, airflow: AirflowState | None
) -> Iterator[Observation]:
    """Tell of a log-in of the desk that is refused, and of a key that the store does not accept."""
    unread = connections.unread
    for connection_id, error in unread.items():
        yield _unread(connection_id, error, airflow)
    if DESK_CONNECTION not in unread:
        key = None if DECISIONS_CONNECTION in unread else connections.decision_key
        yield from _store_observations(connections.desk, key)
    if REDIS_APP_CONNECTION not in unread:
        yield from counter_redis.app_observations(connections.desk)


def _unread(connection_id: str, error: Misconfigured, airflow: AirflowState | None) -> Observation:
    # A worker needs none of them: they may be variables of the API server.
    # guard: doctor.connections-of-the-api-server
    if error.code == "CB-CONFIG-CONNECTION-MISSING" and airflow and airflow.pools is None:
        return Unseen(
            connection_id,
            "it is not among the variables of this process, and may be among those of the API "
            f"server: {airflow.why_no_pools}",
        )
    if connection_id == DECISIONS_CONNECTION:
        return Finding("decision-key-missing", connection_id, error.text, _WHY_OF_KEY, _MEND_OF_KEY)
    return Finding(
        code="setting-unusable",
        subject=connection_id,
        what=error.text,
        why=_WHY,
        mend="Add it to Airflow, or set its variable for the API server; see docs/settings.md.",
    )


def _store_observations(desk: DeskSettings, key: str | None) -> Iterator[Finding]:
    try:
        with on_store(desk) as store:
            if key is not None and not _takes_proofs_by(store, key):
                yield Finding(
                    code="decision-key-differs",
                    subject=DECISIONS_CONNECTION,
                    what="the store has no key of decisions, or another one than this connection",
                    why=_WHY_OF_KEY,
                    mend=_MEND_OF_KEY,
                )
    except ClosebookError as error:
        yield _error_finding(error)


def _takes_proofs_by(store: Store, key: str) -> bool:
    try:
        with store.transaction():
            store.execute(
                query("statement_decisions/insert"),
                {"claim": _CLAIM, "proof": proof_of(_CLAIM, key)},
            )
    except InvalidAuthorizationSpecification:
        return False
    except InvalidTextRepresentation:
        pass
    return True


def _error_finding(error: ClosebookError) -> Finding:
    code, mend = {
        "CB-CONFIG-LOGIN-REFUSED": (
            "desk-login-refused",
            "Correct host, database, user and password of the Airflow connection closebook_desk.",
        ),
        "CB-CONFIG-STORE-RIGHTS": (
            "desk-not-granted",
            "Log in as closebook_desk in the Airflow connection closebook_desk; closebook migrate "
            "grants its rights.",
        ),
        "CB-CONFIG-STORE-NOT-MIGRATED": (
            "store-not-migrated",
            "Let closebook_desk lead to the database of closebook_store; closebook migrate "
            "--conninfo …, as the store's owner.",
        ),
    }.get(
        error.code,
        ("desk-unreachable", "Start it, or correct the Airflow connection closebook_desk."),
    )
    return Finding(code, DESK_CONNECTION, error.text, _WHY, mend)
