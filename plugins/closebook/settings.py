"""The settings: Airflow connections for servers, CLOSEBOOK_* environment variables for the rest.

A task reads them when it runs. No DAG file reads them while it is parsed.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import closebook
from closebook import environment, server_identity
from closebook.environment import (
    FENCE_GRACE_SECONDS,
    fence_grace,
    index_names,
    is_stamped,
    issuer_bic,
    issuer_lei,
    major_amounts,
    names,
    required,
)
from closebook.errors import Misconfigured
from closebook.money import known_currencies
from closebook.package_data import IN_WHEEL, data_folder
from closebook.periods import zone
from closebook.sql import SQL_FOLDER

PRIMARY_CONNECTION = "closebook_primary"
STORE_CONNECTION = "closebook_store"
REDIS_CONNECTION = "closebook_redis"
REDIS_APP_CONNECTION = "closebook_redis_app"
DESK_CONNECTION = "closebook_desk"
METRICS_CONNECTION = "closebook_metrics"
DECISIONS_CONNECTION = "closebook_decisions"
DEFAULT_EXCHANGE = "closebook.statements"

# They bound the time until a dead server is noticed. The extras of a connection override them.
CONNECTION_DEFAULTS: Mapping[str, str | int] = {
    "application_name": "closebook",
    "connect_timeout": 5,
    "tcp_user_timeout": 15_000,  # milliseconds
    "keepalives_idle": 30,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}


@dataclass(frozen=True)
class Replica:
    """A read replica. Errors and the register call it by this name."""

    name: str
    conninfo: str = field(repr=False)


@dataclass(frozen=True)
class Timestamping:
    """A timestamp authority (RFC 3161) that says when each signature was made.

    ``url`` may have a log-in in it. With ``roots``, a PEM file of the authorities that are trusted,
    each file gets what is needed to check it when these authorities' servers are gone.
    """

    url: str = field(repr=False)
    roots: Path | None = None

    @property
    def is_long_term(self) -> bool:
        """Whether signatures are PAdES B-LTA, and not B-T."""
        return self.roots is not None


@dataclass(frozen=True)
class KeyFile:
    """A PKCS#12 file with a key, its certificate and the certificate's chain."""

    path: Path
    passphrase: str = field(repr=False)
    timestamping: Timestamping | None = None


@dataclass(frozen=True)
class KeyToken:
    """A key that stays on a PKCS#11 token. Its certificate on the token has the same label."""

    module: Path
    token: str
    label: str
    pin: str = field(repr=False)
    timestamping: Timestamping | None = None


SigningKey = KeyFile | KeyToken


@dataclass(frozen=True)
class Settings:
    """The settings of a close. Durations are in seconds.

    ``primary``, ``replicas`` and ``store`` are libpq connection strings; ``documents_url`` is an
    ObjectStoragePath URL; ``read_only_roles`` are roles of the platform that write nothing;
    without a ``signing_key`` statements are not signed;
    ``index_names`` says what an adopter calls the indexes of sql/platform/indexes.sql;
    ``major_amounts`` are the views of the contract that have amounts in major units.
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
    read_fields, unread = _readable(
        {name: partial(read, environment) for name, read in _READERS.items()}
    )
    try:
        known_currencies()
    except Misconfigured as error:
        unread["currencies"] = error
    return Settings(**{**_MEANINGLESS, **read_fields}), unread


def _readable(
    readers: Mapping[str, Callable[[], Any]],
) -> tuple[dict[str, Any], dict[str, Misconfigured]]:
    """Return the values of these readers by name, and the errors of those that failed."""
    read: dict[str, Any] = {}
    unread: dict[str, Misconfigured] = {}
    for name, reader in readers.items():
        try:
            read[name] = reader()
        except Misconfigured as error:
            unread[name] = error
    return read, unread


def platform_from_airflow(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read what a read of the platform needs: servers, units, currencies and the fence's settings.

    Other fields of the result may have no real value. Raises Misconfigured for what is missing.
    """
    return _without(_NOT_OF_THE_PLATFORM, environment)


def documents_from_airflow(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read what a task needs that makes or reads documents: it reaches no server but the store.

    Other fields of the result may have no real value. Raises Misconfigured for what is missing.
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
        Replica(name.removeprefix("closebook_"), _postgres_conninfo(name))
        for name in names(required(environment, "CLOSEBOOK_REPLICAS"))
    )


def _time_zone(environment: Mapping[str, str]) -> str:
    time_zone = required(environment, "CLOSEBOOK_TIME_ZONE")
    zone(time_zone)
    return time_zone


# How each field of Settings is read, in the order in which a missing one is told.
_READERS: Mapping[str, Callable[[Mapping[str, str]], Any]] = {
    "time_zone": _time_zone,
    "primary": lambda _: _postgres_conninfo(PRIMARY_CONNECTION),
    "replicas": _replicas,
    "store": lambda _: _postgres_conninfo(STORE_CONNECTION),
    "redis_url": lambda _: _redis_url(REDIS_CONNECTION),
    "documents_url": lambda given: required(given, "CLOSEBOOK_DOCUMENTS_URL"),
    "issuer_name": lambda given: required(given, "CLOSEBOOK_ISSUER_NAME"),
    "issuer_address": lambda given: given.get("CLOSEBOOK_ISSUER_ADDRESS", ""),
    "issuer_bic": lambda given: issuer_bic(given.get("CLOSEBOOK_ISSUER_BIC", "")),
    "issuer_lei": lambda given: issuer_lei(given.get("CLOSEBOOK_ISSUER_LEI", "")),
    "read_only_roles": lambda given: names(given.get("CLOSEBOOK_READ_ONLY_ROLES", "")),
    "signing_key": lambda given: _signing_key(
        given.get("CLOSEBOOK_SIGNING_CONNECTION", "").strip()
    ),
    "index_names": lambda given: index_names(given.get("CLOSEBOOK_INDEXES", "")),
    "major_amounts": lambda given: major_amounts(given.get("CLOSEBOOK_MAJOR_AMOUNTS", "")),
    "fence_grace_seconds": lambda given: fence_grace(
        given.get("CLOSEBOOK_FENCE_GRACE_SECONDS", "")
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
# The servers that only the closes and the counter reach.
_NOT_OF_DOCUMENTS = frozenset({"primary", "replicas", "redis_url"})


@dataclass(frozen=True)
class DeskSettings:
    """The settings of the finance desk: store and Redis as roles that read, and the documents."""

    store: str = field(repr=False)
    redis_url: str = field(repr=False)
    documents_url: str
    time_zone: str


def desk_from_airflow(environment: Mapping[str, str] = os.environ) -> DeskSettings:
    """Read the desk's settings while a request is served.

    Raises Misconfigured for a variable or connection that is missing.
    """
    return DeskSettings(
        store=_postgres_conninfo(DESK_CONNECTION),
        redis_url=_redis_url(REDIS_APP_CONNECTION),
        documents_url=required(environment, "CLOSEBOOK_DOCUMENTS_URL"),
        time_zone=required(environment, "CLOSEBOOK_TIME_ZONE"),
    )


@dataclass(frozen=True)
class ApiServerConnections:
    """What only the API server needs: the desk's servers, and the key of decisions.

    ``unread`` has the error of each connection that could not be read, by its id. The field of such
    a connection must not be used.
    """

    desk: DeskSettings
    decision_key: str = field(repr=False)
    unread: Mapping[str, Misconfigured] = field(default_factory=dict)


def api_server_connections() -> ApiServerConnections:
    """Read the connections that only the API server needs. Raises nothing for a missing one."""
    read, unread = _readable(
        {
            DESK_CONNECTION: lambda: _postgres_conninfo(DESK_CONNECTION),
            REDIS_APP_CONNECTION: lambda: _redis_url(REDIS_APP_CONNECTION),
            DECISIONS_CONNECTION: decision_key,
        }
    )
    desk = DeskSettings(
        read.get(DESK_CONNECTION, ""),
        read.get(REDIS_APP_CONNECTION, ""),
        documents_url="",
        time_zone="UTC",
    )
    return ApiServerConnections(desk, read.get(DECISIONS_CONNECTION, ""), unread)


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
    return StoreSettings(_postgres_conninfo(STORE_CONNECTION), _time_zone(environment))


@dataclass(frozen=True)
class Broker:
    """The RabbitMQ that gets the events of statements; with ``ca_certificates`` by TLS."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    virtual_host: str
    exchange: str
    ca_certificates: str | None = None


def broker_from_airflow(connection_id: str) -> Broker:
    """Read the broker of an Airflow connection.

    Raises Misconfigured if it is missing, or if the broker would not have to prove who it is.
    """
    connection = _connection(connection_id)
    certificates = server_identity.broker_certificates(connection_id, connection)
    return Broker(
        host=connection.host,
        port=connection.port or (5672 if certificates is None else 5671),
        user=connection.login or "",
        password=connection.password or "",
        virtual_host=connection.schema or "/",
        exchange=connection.extra_dejson.get("exchange", DEFAULT_EXCHANGE),
        ca_certificates=certificates,
    )


def connection_password(connection_id: str) -> str:
    """Return the password of an Airflow connection. Raises Misconfigured if there is none."""
    password: str | None = _connection(connection_id).password
    if not password:
        raise Misconfigured(
            "CB-CONFIG-TOKEN-MISSING",
            f"the Airflow connection {connection_id} has no password: set the bearer token as its "
            "password",
        )
    return password


def decision_key() -> str:
    """Return the key of decisions. Raises Misconfigured if there is none."""
    key: str | None = _connection(DECISIONS_CONNECTION).password
    if not key:
        raise Misconfigured(
            "CB-CONFIG-DECISION-KEY-MISSING",
            f"the Airflow connection {DECISIONS_CONNECTION} has no password: set it to the key of "
            "decisions, which closebook decision-key was given",
        )
    return key


def unread_connections(connection_ids: Iterable[str]) -> dict[str, Misconfigured]:
    """Return by id which of these Airflow connections is missing, and what to do."""
    _, unread = _readable({each: partial(_connection, each) for each in connection_ids})
    return unread


def templates_folder() -> Path:
    """Return the folder of the templates: CLOSEBOOK_TEMPLATES, else the one of this code."""
    templates = os.environ.get("CLOSEBOOK_TEMPLATES")
    return Path(templates) if templates else data_folder("templates")


def brand_folder() -> Path | None:
    """Return the folder of the brand of statements, CLOSEBOOK_BRAND; None for Closebook's own."""
    folder = os.environ.get("CLOSEBOOK_BRAND")
    return Path(folder) if folder else None


def camt053_version() -> str:
    """Return the version of camt.053 that statements have, CLOSEBOOK_CAMT_VERSION."""
    return environment.camt053_version(os.environ.get("CLOSEBOOK_CAMT_VERSION", ""))


def statement_files() -> tuple[str, ...]:
    """Return what is attached beside XML and CSV, CLOSEBOOK_STATEMENT_FILES."""
    return environment.statement_files(os.environ.get("CLOSEBOOK_STATEMENT_FILES", ""))


@dataclass(frozen=True)
class DocumentValidator:
    """The command that checks a document. One document in ``every`` is checked."""

    command: tuple[str, ...]
    every: int


def document_validator() -> DocumentValidator | None:
    """Return the validator of CLOSEBOOK_VALIDATOR; None without one."""
    command = tuple(os.environ.get("CLOSEBOOK_VALIDATOR", "").split())
    if not command:
        return None
    every = os.environ.get("CLOSEBOOK_VALIDATE_ONE_IN") or "100"
    has_places = any("{file}" in it for it in command) and any("{flavour}" in it for it in command)
    if not has_places or not every.isascii() or not every.isdigit() or int(every) < 1:
        raise Misconfigured(
            "CB-CONFIG-VALIDATOR-UNREADABLE",
            "CLOSEBOOK_VALIDATOR must have {flavour} and {file}, and CLOSEBOOK_VALIDATE_ONE_IN "
            "must be a number from 1",
        )
    return DocumentValidator(command, int(every))


def stamps_statements() -> bool:
    """Return whether statements are stamped: CLOSEBOOK_STAMPED_STATEMENTS."""
    return is_stamped(os.environ.get("CLOSEBOOK_STAMPED_STATEMENTS", ""))


@cache
def code_version() -> str:
    """Return the version of the code: the release and a digest of its files.

    The repository and the wheel that is built from it have the same version.
    """
    folders = {
        "sql": SQL_FOLDER,
        "closebook": Path(__file__).parent,
        "templates": templates_folder(),
    }
    digest = sha256()
    for name, folder in folders.items():
        for path in sorted(folder.rglob("*")):
            is_in_other_folder = name == "closebook" and path.is_relative_to(IN_WHEEL)
            if path.is_file() and path.suffix != ".pyc" and not is_in_other_folder:
                place = f"{name}/{path.relative_to(folder).as_posix()}"
                digest.update(place.encode() + b"\0" + path.read_bytes() + b"\0")
    return f"{closebook.__version__}+{digest.hexdigest()[:12]}"


def _postgres_conninfo(connection_id: str) -> str:
    connection = _connection(connection_id)
    fields = {
        "host": connection.host,
        "port": connection.port or 5432,
        "dbname": connection.schema,
        "user": connection.login,
        "password": connection.password,
    }
    return server_identity.postgres_conninfo(
        connection_id, {**CONNECTION_DEFAULTS, **fields}, connection.extra_dejson
    )


def _signing_key(connection_id: str) -> SigningKey | None:
    if not connection_id:
        return None
    connection = _connection(connection_id)
    extra, secret = dict(connection.extra_dejson), connection.password or ""
    timestamping = _timestamping(
        connection_id, extra.pop("timestamp_url", None), extra.pop("trusted_roots", None)
    )
    if set(extra) == {"pkcs12"}:
        return KeyFile(Path(extra["pkcs12"]), secret, timestamping)
    if set(extra) == {"pkcs11_module", "token", "label"}:
        return KeyToken(
            Path(extra["pkcs11_module"]), extra["token"], extra["label"], secret, timestamping
        )
    raise Misconfigured(
        "CB-CONFIG-SIGNING-KEY-NOT-NAMED",
        f"the Airflow connection {connection_id} names no signing key: give its extra pkcs12, or "
        "pkcs11_module, token and label; beside these only timestamp_url and trusted_roots",
    )


def _timestamping(connection_id: str, url: str | None, roots: str | None) -> Timestamping | None:
    if url is None and roots is None:
        return None
    if url is None or not url.startswith(("http://", "https://")):
        raise Misconfigured(
            "CB-CONFIG-TIMESTAMP-URL-UNUSABLE",
            f"the Airflow connection {connection_id} has no usable timestamp_url in its extra: "
            "give the http:// or https:// URL of a timestamp authority (RFC 3161), which "
            "trusted_roots needs too",
        )
    return Timestamping(url, None if roots is None else Path(roots))


def _redis_url(connection_id: str) -> str:
    return server_identity.redis_url(connection_id, _connection(connection_id))


def _connection(connection_id: str):  # type: ignore[no-untyped-def]  # Airflow is imported late
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        return Connection.get(connection_id)
    except AirflowNotFoundException as error:
        raise Misconfigured(
            "CB-CONFIG-CONNECTION-MISSING",
            f"the Airflow connection {connection_id} is missing: add it, see docs/settings.md",
        ) from error
