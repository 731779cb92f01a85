"""What the doctor looks at: the settings as far as they can be read, and Airflow's own."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from closebook.doctor.finding import Finding, Observation
from closebook.errors import Misconfigured
from closebook.settings import Settings
from closebook.settings.desk_settings import ApiServerConnections


class Part(StrEnum):
    """A part of an installation that can be looked at alone."""

    AIRFLOW = "airflow"
    PLATFORM = "platform"
    STORE = "store"
    REDIS = "redis"
    DOCUMENTS = "documents"
    DESK = "desk"


_DOCS = "see docs/settings.md"
_SUBJECTS: Mapping[str, str] = {
    "time_zone": "CLOSEBOOK_TIME_ZONE",
    "primary": "closebook_primary",
    "replicas": "CLOSEBOOK_REPLICAS",
    "store": "closebook_store",
    "redis_url": "closebook_redis",
    "documents_url": "CLOSEBOOK_DOCUMENTS_URL",
    "issuer_name": "CLOSEBOOK_ISSUER_NAME",
    "signing_key": "CLOSEBOOK_SIGNING_CONNECTION",
    "index_names": "CLOSEBOOK_INDEXES",
    "major_amounts": "CLOSEBOOK_MAJOR_AMOUNTS",
    "fence_grace_seconds": "CLOSEBOOK_FENCE_GRACE_SECONDS",
    "range_task_seconds": "CLOSEBOOK_RANGE_TASK_SECONDS",
    "currencies": "CLOSEBOOK_CURRENCIES",
}


# Every other setting is of the platform.
_PARTS: Mapping[str, Part] = {
    "store": Part.STORE,
    "redis_url": Part.REDIS,
    "documents_url": Part.DOCUMENTS,
    "issuer_name": Part.DOCUMENTS,
    "signing_key": Part.DOCUMENTS,
}


@dataclass(frozen=True)
class CeleryState:
    """How CeleryExecutor runs tasks: by which kind of broker, and for how long one may run.

    ``longest_task`` is how long a task of Closebook may take. ``consumer_timeouts`` has by queue
    after how long RabbitMQ counts a task as lost; None is the default of RabbitMQ.
    ``visibility_timeout`` is the same for another broker. ``broker_version`` is None
    where the broker does not answer, for the reason ``why_no_version``.
    """

    broker: str
    longest_task: timedelta
    acks_late: bool
    prefetch_count: int
    consumer_timeouts: Mapping[str, timedelta | None]
    visibility_timeout: timedelta | None = None
    broker_version: tuple[int, ...] | None = None
    why_no_version: str = ""


@dataclass(frozen=True)
class AirflowState:
    """What Airflow has: its auth manager, and its pools where they can be read.

    ``why_no_pools`` is the reason if they cannot: a task has no access to Airflow's database.
    ``celery`` is None with another executor.
    """

    auth_manager: str
    has_roles_of_its_own: bool
    wanted_pools: Sequence[str]
    pools: Mapping[str, int] | None
    why_no_pools: str = ""
    celery: CeleryState | None = None


@dataclass(frozen=True)
class Installation:
    """What the doctor looks at: the settings, Airflow, and the connections of the API server.

    ``unread`` has the error of each setting that could not be read; its field in ``settings`` must
    not be used. ``unread_messages`` has the same for the settings of messages, by variable. With
    ``is_full`` all rows are looked at, without it a sample. ``parts`` are those parts of the
    installation that are looked at.
    """

    settings: Settings
    unread: Mapping[str, Misconfigured] = field(default_factory=dict)
    airflow: AirflowState | None = None
    api_server: ApiServerConnections | None = None
    is_full: bool = False
    parts: frozenset[Part] = frozenset(Part)
    unread_messages: Mapping[str, Misconfigured] = field(default_factory=dict)

    def has(self, *fields: str) -> bool:
        """Whether these fields of the settings were read."""
        return not self.unread.keys() & set(fields)


def settings_observations(installation: Installation) -> Iterator[Observation]:
    """Tell of each variable and connection of these parts that cannot be read."""
    for name, error in installation.unread.items():
        if _PARTS.get(name, Part.PLATFORM) not in installation.parts:
            continue
        if name != "time_zone":
            yield Finding(
                code="setting-unusable",
                subject=_SUBJECTS[name],
                what=error.text,
                why="Every task reads its settings before it begins, and fails without them.",
                mend=f"Set it for every Airflow process; {_DOCS}.",
            )
        elif error.code == "CB-CONFIG-UNKNOWN-TIME-ZONE":
            yield Finding(
                code="time-zone-unknown",
                subject=_SUBJECTS[name],
                what=error.text,
                why="No day and no month can be closed; Airflow shows an import error of the DAG.",
                mend="CLOSEBOOK_TIME_ZONE=America/New_York, or another IANA name, for every "
                "Airflow process.",
            )
        else:
            yield Finding(
                code="time-zone-not-set",
                subject=_SUBJECTS[name],
                what=error.text,
                why="Nobody knows when a business day or month ends. UTC is not taken for it.",
                mend="CLOSEBOOK_TIME_ZONE=America/New_York, or another IANA name, for every "
                "Airflow process; it must not change once a period is closed.",
            )


def message_observations(unread: Mapping[str, Misconfigured]) -> Iterator[Observation]:
    """Yield each variable of messages and events whose connection or addresses are missing."""
    for variable, error in unread.items():
        yield Finding(
            code="messages-unusable",
            subject=variable,
            what=error.text,
            why="No message is sent by it, and its task fails. Closes go on.",
            mend=f"Add the connection, or correct or remove {variable}; {_DOCS}.",
        )
