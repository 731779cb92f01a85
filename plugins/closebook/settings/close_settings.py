"""What a close needs, and with it the statements of a month."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from closebook.environment import (
    FENCE_GRACE_SECONDS,
    RANGE_TASK_SECONDS,
    fence_grace,
    index_names,
    issuer_bic,
    issuer_lei,
    major_amounts,
    names,
    range_task_seconds,
    required,
)
from closebook.errors import Misconfigured
from closebook.money import known_currencies
from closebook.periods import zone
from closebook.settings.airflow_connections import (
    PRIMARY_CONNECTION,
    REDIS_CONNECTION,
    STORE_CONNECTION,
    postgres_conninfo,
    readable,
    redis_url,
)
from closebook.settings.signing_settings import SigningKey, signing_key
from closebook.settings.store_settings import time_zone


@dataclass(frozen=True)
class Replica:
    """A read replica. Errors and the register call it by this name."""

    name: str
    conninfo: str = field(repr=False)


@dataclass(frozen=True)
class Settings:
    """The settings of a close. Durations are in seconds.

    ``primary``, ``replicas`` and ``store`` are libpq connection strings; ``documents_url`` is an
    ObjectStoragePath URL; ``read_only_roles`` are roles of the platform that write nothing;
    without a ``signing_key`` statements are not signed;
    ``index_names`` says what an adopter calls the indexes of sql/platform/indexes.sql;
    ``major_amounts`` are the views of the contract that have amounts in major units;
    ``range_task_seconds`` is how long one task of a range of days goes on with the next day.
    """

    time_zone: str
    primary: str = field(repr=False)
    replicas: tuple[Replica, ...]
    store: str = field(repr=False)
    redis_url: str = field(repr=False)
    documents_url: str
    issuer_name: str = "Closebook"
    issuer_address: str = ""
    issuer_bic: str = ""
    issuer_lei: str = ""
    read_only_roles: tuple[str, ...] = ()
    signing_key: SigningKey | None = None
    index_names: Mapping[str, str] = field(default_factory=dict)
    major_amounts: frozenset[str] = frozenset()
    fence_grace_seconds: float = FENCE_GRACE_SECONDS
    range_task_seconds: float = RANGE_TASK_SECONDS
    fence_wait_seconds: float = 10.0
    replica_wait_seconds: float = 30.0
    statement_timeout_seconds: int = 600
    read_attempts: int = 3

    def __post_init__(self) -> None:
        zone(self.time_zone)
        if not self.replicas:
            raise Misconfigured(
                "CB-CONFIG-NO-REPLICA-NAMED",
                "no replica is configured: set CLOSEBOOK_REPLICAS to the ids of their connections",
            )


@dataclass(frozen=True)
class Run:
    """The Airflow run, or the command, that closes a period.

    ``reason`` is why a person closes it, for colleagues; None for the schedule. With
    ``cross_check`` two replicas are read, and the close is written only if both give the same
    numbers. ``requested_by`` is the user who started the run; None for the schedule, and for a run
    that was cleared or reprocessed, since Airflow does not tell a task who did that. With
    ``accept_boundary`` a day or a month may begin where the one before it was closed to, even if
    today's rules of the zone say another instant. ``holder_reason`` and ``holder_text`` are what
    account holders read on a corrected statement: a sentence by its code, and a text.
    ``has_earlier_reason`` is true if the run has a reason that was given for an earlier start of
    it; ``reason`` is None then.
    """

    run_id: str
    reason: str | None = None
    cross_check: bool = False
    requested_by: str | None = None
    accept_boundary: bool = False
    holder_reason: str | None = None
    holder_text: str | None = None
    has_earlier_reason: bool = False


def from_airflow(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings inside an Airflow task.

    Raises Misconfigured for a variable or connection that is missing, or cannot be read.
    """
    known_currencies()
    return Settings(**{name: read(environment) for name, read in _READERS.items()})


def partly_from_airflow(
    environment: Mapping[str, str] = os.environ,
) -> tuple[Settings, Mapping[str, Misconfigured]]:
    """Read what can be read: the settings, and by field why one could not be.

    Such a field has a value that means nothing.
    """
    read_fields, unread = readable(
        {name: partial(read, environment) for name, read in _READERS.items()}
    )
    try:
        known_currencies()
    except Misconfigured as error:
        unread["currencies"] = error
    return Settings(**{**_MEANINGLESS, **read_fields}), unread


def platform_from_airflow(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read what a read of the platform needs: servers, units, currencies and the fence's settings.

    Other fields of the result may have no real value. Raises Misconfigured for what is missing.
    """
    return _without(_NOT_OF_THE_PLATFORM, environment)


def documents_from_airflow(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings of a task that makes or reads documents, whose only server is the store.

    Fields that it does not need may have no real value. Raises Misconfigured for what is missing.
    """
    return _without(_NOT_OF_DOCUMENTS, environment)


def _without(unneeded: frozenset[str], environment: Mapping[str, str]) -> Settings:
    settings, unread = partly_from_airflow(environment)
    for name, error in unread.items():
        if name not in unneeded:
            raise error
    return settings


def _replicas(environment: Mapping[str, str]) -> tuple[Replica, ...]:
    return tuple(
        Replica(name.removeprefix("closebook_"), postgres_conninfo(name))
        for name in names(required(environment, "CLOSEBOOK_REPLICAS"))
    )


# How each field of Settings is read. The first one that cannot be read is the error.
_READERS: Mapping[str, Callable[[Mapping[str, str]], Any]] = {
    "time_zone": time_zone,
    "primary": lambda _: postgres_conninfo(PRIMARY_CONNECTION),
    "replicas": _replicas,
    "store": lambda _: postgres_conninfo(STORE_CONNECTION),
    "redis_url": lambda _: redis_url(REDIS_CONNECTION),
    "documents_url": lambda given: required(given, "CLOSEBOOK_DOCUMENTS_URL"),
    "issuer_name": lambda given: required(given, "CLOSEBOOK_ISSUER_NAME"),
    "issuer_address": lambda given: given.get("CLOSEBOOK_ISSUER_ADDRESS", ""),
    "issuer_bic": lambda given: issuer_bic(given.get("CLOSEBOOK_ISSUER_BIC", "")),
    "issuer_lei": lambda given: issuer_lei(given.get("CLOSEBOOK_ISSUER_LEI", "")),
    "read_only_roles": lambda given: names(given.get("CLOSEBOOK_READ_ONLY_ROLES", "")),
    "signing_key": lambda given: signing_key(given.get("CLOSEBOOK_SIGNING_CONNECTION", "").strip()),
    "index_names": lambda given: index_names(given.get("CLOSEBOOK_INDEXES", "")),
    "major_amounts": lambda given: major_amounts(given.get("CLOSEBOOK_MAJOR_AMOUNTS", "")),
    "fence_grace_seconds": lambda given: fence_grace(
        given.get("CLOSEBOOK_FENCE_GRACE_SECONDS", "")
    ),
    "range_task_seconds": lambda given: range_task_seconds(
        given.get("CLOSEBOOK_RANGE_TASK_SECONDS", "")
    ),
}
_MEANINGLESS: Mapping[str, Any] = {
    "time_zone": "UTC",
    "primary": "",
    "replicas": (Replica("none", ""),),
    "store": "",
    "redis_url": "",
    "documents_url": "",
}

# What only a close needs, or only a statement.
_NOT_OF_THE_PLATFORM = frozenset(
    {"time_zone", "store", "redis_url", "documents_url", "issuer_name", "signing_key"}
)
# The servers that only closes and the counter use.
_NOT_OF_DOCUMENTS = frozenset({"primary", "replicas", "redis_url"})
