"""How a server proves who it is before it gets a password, for PostgreSQL and Redis.

A person who may edit an Airflow connection can change its host and keep its password, and a client
library gives a server what it asks for. So a password of PostgreSQL is only ever used with SCRAM,
which does not show it, and every server that is not on this machine must use TLS with a certificate
for the name in the connection.
"""

import os
import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from closebook.errors import Misconfigured

CA_VARIABLE = "CLOSEBOOK_CA_CERTIFICATES"

# What the extra of a PostgreSQL connection may hold. No other host, service, password file or way
# of authentication is among them.
POSTGRES_EXTRAS = frozenset(
    {
        *("application_name", "connect_timeout", "tcp_user_timeout", "keepalives"),
        *("keepalives_idle", "keepalives_interval", "keepalives_count"),
        *("target_session_attrs", "load_balance_hosts", "channel_binding"),
        *("sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "sslcrldir"),
    }
)
REDIS_EXTRAS = frozenset({"db", "ssl", "ssl_ca_certs"})
BROKER_EXTRAS = frozenset({"exchange", "ssl", "ssl_ca_certs"})

_AUTHENTICATION = {"require_auth": "scram-sha-256", "gssencmode": "disable"}
_VERIFIED = "verify-full"
_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")


def postgres_conninfo(
    connection_id: str,
    parameters: Mapping[str, Any],
    extras: Mapping[str, Any],
    environment: Mapping[str, str] = os.environ,
) -> str:
    """Return the connection string of an Airflow connection.

    ``parameters`` are the connection's own fields and our defaults, which ``extras`` may override
    where POSTGRES_EXTRAS has them. Raises Misconfigured for any other extra, and for a server that
    would not have to prove who it is.
    """
    _refuse_other_extras(f"the Airflow connection {connection_id}", extras, POSTGRES_EXTRAS)
    if not parameters.get("host"):
        raise Misconfigured(
            "CB-CONFIG-NO-HOST", f"the Airflow connection {connection_id} has no host: set one"
        )
    return _proven(f"the Airflow connection {connection_id}", {**parameters, **extras}, environment)


def command_conninfo(conninfo: str, environment: Mapping[str, str] = os.environ) -> str:
    """Return the connection string that a command was given, with what it must have.

    What the string leaves out comes from libpq's PG variables. Raises Misconfigured for a string
    that cannot be read, and for a server that would not have to prove who it is.
    """
    try:
        read = conninfo_to_dict(conninfo)
    except psycopg.Error:
        # libpq's text quotes the string, which may hold a password.
        raise Misconfigured(
            "CB-CONFIG-CONNINFO-INVALID",
            "the connection string cannot be read: write it as postgresql://user@host/database, or "
            "as host=… dbname=… user=…",
        ) from None
    given: dict[str, Any] = {name: value for name, value in read.items() if value is not None}
    from_environment = {
        option.keyword.decode(): option.val.decode()
        for option in psycopg.pq.Conninfo.get_defaults()
        if option.val is not None and option.keyword in (b"host", b"hostaddr", b"sslrootcert")
    }
    if "service" in given:
        # Its file may name any host.
        from_environment["host"] = given["service"]
    decided = _proven("the connection string", {**from_environment, **given}, environment)
    kept: dict[str, Any] = {**given, **conninfo_to_dict(decided)}
    if "service" in given and "host" not in given:
        del kept["host"]
    return make_conninfo(**kept)


def _proven(what: str, parameters: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    wanted = {**parameters, **_AUTHENTICATION}  # guard: server.scram-only
    if not _is_local(parameters.get("host"), parameters.get("hostaddr")):
        # guard: server.tls-elsewhere
        if parameters.get("sslmode", _VERIFIED) != _VERIFIED:
            raise Misconfigured(
                "CB-CONFIG-TLS-NOT-VERIFIED",
                f"{what} leads to another machine with sslmode={parameters['sslmode']}: set "
                "sslmode=verify-full, or leave it out",
            )
        wanted["sslmode"] = _VERIFIED
        wanted["sslrootcert"] = _ca_certificates(what, parameters.get("sslrootcert"), environment)
    return make_conninfo(**{name: value for name, value in wanted.items() if value is not None})


def redis_url(
    connection_id: str,
    connection: Any,
    environment: Mapping[str, str] = os.environ,
) -> str:
    """Return the URL of an Airflow connection of Redis.

    Raises Misconfigured for an extra that is not in REDIS_EXTRAS, for a host that is no host name
    or address, and for a server on another machine without TLS.
    """
    what, extras = f"the Airflow connection {connection_id}", connection.extra_dejson
    _refuse_other_extras(what, extras, REDIS_EXTRAS)
    host = connection.host or ""
    # The host becomes part of a URL, which could lead to another server.
    if not _HOST_NAME.fullmatch(host) and not _is_address(host):  # guard: server.redis-host
        raise Misconfigured(
            "CB-CONFIG-REDIS-HOST-INVALID",
            f"{what} has no host name or address in the field host: {host!r}",
        )
    has_tls = str(extras.get("ssl", False)).lower() in {"true", "1"}
    if not has_tls and not _is_local(host, None):  # guard: server.redis-tls-elsewhere
        raise Misconfigured(
            "CB-CONFIG-REDIS-WITHOUT-TLS",
            f"{what} leads to another machine without TLS: set the extra ssl to true",
        )
    options = {}
    if has_tls:
        certificates = _ca_certificates(what, extras.get("ssl_ca_certs"), environment)
        options = {
            "ssl_cert_reqs": "required",
            "ssl_check_hostname": "true",
            "ssl_ca_certs": certificates,
        }
    user, password = (
        quote(each or "", safe="") for each in (connection.login, connection.password)
    )
    place = f"[{host}]" if ":" in host else host
    return (
        f"{'rediss' if has_tls else 'redis'}://{user}:{password}@{place}:{connection.port or 6379}"
        f"/{int(extras.get('db', 0))}?{urlencode(options)}"
    ).removesuffix("?")


def broker_certificates(
    connection_id: str, connection: Any, environment: Mapping[str, str] = os.environ
) -> str | None:
    """Return the authorities of a message broker's TLS; None for one on this machine without TLS.

    Raises Misconfigured for an extra that is not in BROKER_EXTRAS, for a connection without a host,
    and for a broker on another machine without TLS.
    """
    what, extras = f"the Airflow connection {connection_id}", connection.extra_dejson
    _refuse_other_extras(what, extras, BROKER_EXTRAS)
    if not connection.host:
        raise Misconfigured(
            "CB-CONFIG-BROKER-HOST-MISSING", f"{what} has no host: set that of the broker"
        )
    if str(extras.get("ssl", False)).lower() in {"true", "1"}:
        return _ca_certificates(what, extras.get("ssl_ca_certs"), environment)
    if not _is_local(connection.host, None):  # guard: server.broker-tls-elsewhere
        raise Misconfigured(
            "CB-CONFIG-BROKER-WITHOUT-TLS",
            f"{what} leads to another machine without TLS: set the extra ssl to true",
        )
    return None


def refuse_open_bucket(what: str, endpoint: str) -> None:
    """Raise Misconfigured if the address of a bucket is another machine without TLS."""
    parts = urlsplit(endpoint)
    # guard: server.bucket-tls-elsewhere
    if parts.scheme != "https" and not _is_local(parts.hostname, None):
        raise Misconfigured(
            "CB-CONFIG-BUCKET-WITHOUT-TLS",
            f"{what} leads to another machine without TLS ({endpoint}): set an endpoint_url that "
            "begins with https://",
        )


def _refuse_other_extras(what: str, extras: Mapping[str, Any], allowed: frozenset[str]) -> None:
    unknown = sorted(extras.keys() - allowed)
    if unknown:  # guard: server.no-other-extras
        raise Misconfigured(
            "CB-CONFIG-EXTRA-NOT-ALLOWED",
            f"{what} has the extra {', '.join(unknown)}: remove it; these are allowed: "
            f"{', '.join(sorted(allowed))}",
        )


def _ca_certificates(what: str, named: str | None, environment: Mapping[str, str]) -> str:
    """Return the file of the authorities to trust: what the environment says goes first."""
    ours = environment.get(CA_VARIABLE, "").strip()
    if ours and named not in {None, "", ours}:  # guard: server.trust-is-the-environments
        raise Misconfigured(
            "CB-CONFIG-OTHER-AUTHORITY",
            f"{what} names the authorities {named}, and {CA_VARIABLE} is {ours}: remove it from "
            "the connection",
        )
    found = ours or named
    if not found:
        raise Misconfigured(
            "CB-CONFIG-NO-AUTHORITY",
            f"{what} leads to a server with TLS, and nothing says whose certificates to trust: set "
            f"{CA_VARIABLE} to a file of certificates",
        )
    return found


def _is_local(hosts: str | None, addresses: str | None) -> bool:
    """Return whether all of these hosts are this machine, by a socket or a loopback address."""
    # libpq connects to the address, if there is one, and to the host otherwise.
    places = [place.strip() for place in (addresses or hosts or "").split(",")]
    return all(
        place in {"", "localhost"} or place[0] in "/@" or _is_loopback(place) for place in places
    )


def _is_loopback(place: str) -> bool:
    return _is_address(place) and ip_address(place).is_loopback


def _is_address(place: str) -> bool:
    try:
        ip_address(place)
    except ValueError:
        return False
    return True
