"""What a task needs that works on the reporting store and its documents alone."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from closebook.environment import required
from closebook.periods import zone
from closebook.settings.airflow_connections import STORE_CONNECTION, postgres_conninfo


@dataclass(frozen=True)
class RegisterSettings:
    """Where the register and its documents are: the reporting store and the document store."""

    store: str = field(repr=False)
    documents_url: str


@dataclass(frozen=True)
class StoreSettings:
    """Where the reporting store is, and the business time zone."""

    store: str = field(repr=False)
    time_zone: str


def store_from_airflow(environment: Mapping[str, str] = os.environ) -> StoreSettings:
    """Read what a task needs that only reads and notes what is in the store.

    Raises Misconfigured for a variable or connection that is missing.
    """
    return StoreSettings(postgres_conninfo(STORE_CONNECTION), time_zone(environment))


def time_zone(environment: Mapping[str, str]) -> str:
    """Return the name of the business time zone. Raises Misconfigured if there is no such zone."""
    name = required(environment, "CLOSEBOOK_TIME_ZONE")
    zone(name)
    return name
