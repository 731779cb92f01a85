"""The job `init` of docker-compose.yml: migrates the reporting store and sets Airflow up.

Run as `python -m deploy.initialize`. It reads the passwords from files of /run/secrets. Running
it again brings whatever differs up to date.
"""

import os
from pathlib import Path

from psycopg.conninfo import make_conninfo

from closebook.environment import key_types
from closebook.store.decision_key import set_decision_key
from closebook.store.migrations import migrate
from deploy.airflow_defaults import CLUSTER_POOLS, USERS, airflow_contents
from deploy.airflow_setup import set_up

SECRETS = Path("/run/secrets")


def main() -> None:
    """Migrate, set the key of decisions, and set Airflow up.

    Airflow's connections come from AIRFLOW_CONN_* variables.
    """
    owner = make_conninfo(
        host="store", dbname="closebook", user="closebook_owner", password=_secret("owner")
    )
    migrate(owner, key_types(os.environ.get("CLOSEBOOK_KEYS", "")))
    set_decision_key(owner, _secret("decisions"))
    passwords = {user: _secret(user) for user in USERS}
    set_up(airflow_contents(passwords, connections=[], pools=CLUSTER_POOLS))


def _secret(name: str) -> str:
    return (SECRETS / name).read_text(encoding="utf-8").strip()


if __name__ == "__main__":
    main()
