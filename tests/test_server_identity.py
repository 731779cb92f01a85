"""A server gets no password before it has proved who it is, whatever a connection says."""

import json
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import redis
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from redis.backoff import NoBackoff
from redis.retry import Retry

from closebook.cli import main
from closebook.errors import Misconfigured
from closebook.server_identity import CA_VARIABLE, command_conninfo
from closebook.settings.airflow_connections import DESK_CONNECTION, REDIS_APP_CONNECTION
from closebook.settings.desk_settings import desk_from_airflow
from closebook.settings.message_settings import Broker, broker_from_airflow
from local.addresses import REDIS, STORE
from local.stack import Stack
from tests.tls_server import Certificate, certificate_for, rogue_postgres, tls_before

PASSWORD = "hunter2-of-the-store"  # noqa: S105  # of no server
ENVIRONMENT = {"CLOSEBOOK_TIME_ZONE": "UTC", "CLOSEBOOK_DOCUMENTS_URL": "file:///documents"}
# This machine, by a name for which TLS is wanted.
HERE = socket.gethostname()


def given(
    monkeypatch: pytest.MonkeyPatch,
    conn_id: str,
    *,
    host: str,
    port: int,
    password: str = PASSWORD,
    login: str = "closebook_desk",
    extra: dict[str, Any],
) -> None:
    """Set one of the desk's connections; the other one leads to this machine."""
    usual = {"host": "127.0.0.1", "password": PASSWORD, "login": login}
    for each, kind in ((DESK_CONNECTION, "postgres"), (REDIS_APP_CONNECTION, "redis")):
        fields: dict[str, object] = {**usual, "conn_type": kind}
        if kind == "postgres":
            fields["schema"] = "closebook"
        if each == conn_id:
            fields |= {"host": host, "port": port, "password": password, "extra": extra}
        monkeypatch.setenv(f"AIRFLOW_CONN_{each.upper()}", json.dumps(fields))


def store_conninfo(
    monkeypatch: pytest.MonkeyPatch,
    host: str,
    port: int = 5432,
    secret: str = PASSWORD,
    /,
    **extra: Any,
) -> str:
    given(monkeypatch, DESK_CONNECTION, host=host, port=port, password=secret, extra=extra)
    return desk_from_airflow(ENVIRONMENT).store


def redis_url(monkeypatch: pytest.MonkeyPatch, host: str, **extra: Any) -> str:
    given(monkeypatch, REDIS_APP_CONNECTION, host=host, port=6379, extra=extra)
    return desk_from_airflow(ENVIRONMENT).redis_url


# ---- PostgreSQL --------------------------------------------------------------------------


@pytest.mark.parametrize("asks", ["cleartext", "md5", "nothing"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_server_that_asks_for_the_password_does_not_get_it(
    monkeypatch: pytest.MonkeyPatch, host: str, asks: str
) -> None:
    with rogue_postgres(asks) as rogue:
        conninfo = store_conninfo(monkeypatch, host, rogue.port)
        with pytest.raises(psycopg.OperationalError, match="authentication method requirement"):
            psycopg.connect(conninfo)
        assert b"closebook_desk" in rogue.received
        assert PASSWORD.encode() not in rogue.received
        assert b"md5" not in rogue.received
        # And libpq by itself hands it over
        if asks == "cleartext":
            with pytest.raises(psycopg.OperationalError):
                psycopg.connect(make_conninfo(conninfo, require_auth="password"))
            assert PASSWORD.encode() in rogue.received


def test_a_server_elsewhere_that_has_no_tls_gets_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ours = certificate_for(HERE, tmp_path / "ours")
    monkeypatch.setenv(CA_VARIABLE, str(ours.authority))
    with rogue_postgres("cleartext") as rogue:
        with pytest.raises(psycopg.OperationalError, match="does not support SSL"):
            psycopg.connect(store_conninfo(monkeypatch, HERE, rogue.port))
        assert rogue.received == b""


def test_a_server_with_tls_is_used_if_its_certificate_is_ours_and_for_its_name(
    monkeypatch: pytest.MonkeyPatch, stack: Stack, store_database: str, tmp_path: Path
) -> None:
    ours = certificate_for(HERE, tmp_path / "ours")
    others = certificate_for(HERE, tmp_path / "other authority")
    misnamed = certificate_for("elsewhere.example", tmp_path / "other name")
    secret, database = stack.secrets["closebook_desk"], {"dbname": store_database}

    def connect(presented: Certificate, trusted: Certificate) -> None:
        monkeypatch.setenv(CA_VARIABLE, str(trusted.authority))
        with tls_before(stack.ports[STORE], presented, is_postgres=True) as port:
            conninfo = store_conninfo(monkeypatch, HERE, port, secret)
            with psycopg.connect(make_conninfo(conninfo, **database)) as store:
                assert store.pgconn.ssl_in_use
                store.execute("select count(*) from reporting.closes")

    connect(ours, ours)
    with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
        connect(others, ours)
    with pytest.raises(psycopg.OperationalError, match="does not match host name"):
        connect(misnamed, misnamed)


@pytest.mark.parametrize(
    ("host", "extra", "code"),
    [
        ("db.example", {"sslmode": "require"}, "CB-CONFIG-TLS-NOT-VERIFIED"),
        ("db.example", {"sslmode": "verify-ca"}, "CB-CONFIG-TLS-NOT-VERIFIED"),
        ("db.example", {"sslmode": "disable"}, "CB-CONFIG-TLS-NOT-VERIFIED"),
        ("127.0.0.1,db.example", {"sslmode": "prefer"}, "CB-CONFIG-TLS-NOT-VERIFIED"),
        ("localhost.example", {"sslmode": "allow"}, "CB-CONFIG-TLS-NOT-VERIFIED"),
        ("10.0.0.7", {"sslmode": "prefer"}, "CB-CONFIG-TLS-NOT-VERIFIED"),
        ("db.example", {}, "CB-CONFIG-NO-AUTHORITY"),
        ("", {}, "CB-CONFIG-NO-HOST"),
        ("127.0.0.1", {"require_auth": "none"}, "CB-CONFIG-EXTRA-NOT-ALLOWED"),
        ("127.0.0.1", {"hostaddr": "203.0.113.9"}, "CB-CONFIG-EXTRA-NOT-ALLOWED"),
        ("127.0.0.1", {"host": "db.example"}, "CB-CONFIG-EXTRA-NOT-ALLOWED"),
        ("127.0.0.1", {"service": "evil"}, "CB-CONFIG-EXTRA-NOT-ALLOWED"),
        ("127.0.0.1", {"passfile": "/etc/passwd"}, "CB-CONFIG-EXTRA-NOT-ALLOWED"),
        ("127.0.0.1", {"gssencmode": "require"}, "CB-CONFIG-EXTRA-NOT-ALLOWED"),
        ("127.0.0.1", {"options": "-c role=postgres"}, "CB-CONFIG-EXTRA-NOT-ALLOWED"),
    ],
)
def test_a_connection_that_would_weaken_this_is_refused(
    monkeypatch: pytest.MonkeyPatch, host: str, extra: dict[str, Any], code: str
) -> None:
    monkeypatch.delenv(CA_VARIABLE, raising=False)
    with pytest.raises(Misconfigured) as refused:
        store_conninfo(monkeypatch, host, **extra)
    assert refused.value.code == code
    assert PASSWORD not in str(refused.value)


def test_the_authorities_of_the_environment_cannot_be_replaced_by_a_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(CA_VARIABLE, "/etc/closebook/ca.pem")
    with pytest.raises(Misconfigured, match="CB-CONFIG-OTHER-AUTHORITY"):
        store_conninfo(monkeypatch, "db.example", sslrootcert="/tmp/mine.pem")  # noqa: S108
    ours = conninfo_to_dict(store_conninfo(monkeypatch, "db.example"))
    assert (ours["sslmode"], ours["sslrootcert"]) == ("verify-full", "/etc/closebook/ca.pem")
    monkeypatch.delenv(CA_VARIABLE)
    named = store_conninfo(monkeypatch, "db.example", sslrootcert="/etc/pki/bank.pem")
    assert conninfo_to_dict(named)["sslrootcert"] == "/etc/pki/bank.pem"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost", "/run/postgresql"])
def test_on_this_machine_no_tls_is_wanted_and_scram_is(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    conninfo = conninfo_to_dict(store_conninfo(monkeypatch, host))
    assert "sslmode" not in conninfo
    assert conninfo["require_auth"] == "scram-sha-256"


@pytest.mark.parametrize("command", ["migrate", "verify-log", "audit"])
def test_a_command_connects_to_no_server_elsewhere_without_tls(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(CA_VARIABLE, raising=False)
    monkeypatch.setenv("CLOSEBOOK_DOCUMENTS_URL", "file:///nowhere")
    plain = f"postgresql://closebook_owner:{PASSWORD}@db.example/closebook?sslmode=prefer"
    assert main([command, "--conninfo", plain]) == 2
    assert "CB-CONFIG-TLS-NOT-VERIFIED" in capsys.readouterr().err
    monkeypatch.setenv("PGHOST", "db.example")
    assert main([command]) == 2
    assert "CB-CONFIG-NO-AUTHORITY" in capsys.readouterr().err


def test_a_command_keeps_what_its_connection_string_says() -> None:
    decided = conninfo_to_dict(command_conninfo("host=127.0.0.1 port=7 dbname=a user=b", {}))
    assert {"host": "127.0.0.1", "port": "7", "dbname": "a", "user": "b"}.items() <= decided.items()
    assert decided["require_auth"] == "scram-sha-256"
    named = command_conninfo("service=bank sslrootcert=/ca.pem", {})
    assert conninfo_to_dict(named)["sslmode"] == "verify-full"
    assert "host" not in conninfo_to_dict(named)


# ---- Redis -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "extra", "code"),
    [
        ("redis.example", {}, "CB-CONFIG-REDIS-WITHOUT-TLS"),
        ("redis.example", {"ssl": False}, "CB-CONFIG-REDIS-WITHOUT-TLS"),
        ("redis.example", {"ssl": True}, "CB-CONFIG-NO-AUTHORITY"),
        ("redis.example", {"ssl": True, "ssl_cert_reqs": "none"}, "CB-CONFIG-EXTRA-NOT-ALLOWED"),
        ("x:1/0?ssl_cert_reqs=none&y=", {"ssl": True}, "CB-CONFIG-REDIS-HOST-INVALID"),
        ("127.0.0.1:6379@redis.example", {}, "CB-CONFIG-REDIS-HOST-INVALID"),
        ("", {}, "CB-CONFIG-REDIS-HOST-INVALID"),
    ],
)
def test_a_redis_elsewhere_needs_tls_with_a_certificate_that_is_checked(
    monkeypatch: pytest.MonkeyPatch, host: str, extra: dict[str, Any], code: str
) -> None:
    monkeypatch.delenv(CA_VARIABLE, raising=False)
    with pytest.raises(Misconfigured) as refused:
        redis_url(monkeypatch, host, **extra)
    assert refused.value.code == code
    assert PASSWORD not in str(refused.value)


def test_redis_is_used_by_tls_if_its_certificate_is_ours_and_for_its_name(
    monkeypatch: pytest.MonkeyPatch, stack: Stack, tmp_path: Path
) -> None:
    ours = certificate_for(HERE, tmp_path / "ours")
    others = certificate_for(HERE, tmp_path / "other authority")
    misnamed = certificate_for("elsewhere.example", tmp_path / "other name")

    def ping(presented: Certificate, trusted: Certificate) -> bool:
        monkeypatch.setenv(CA_VARIABLE, str(trusted.authority))
        with tls_before(stack.ports[REDIS], presented, is_postgres=False) as port:
            secret = urlsplit(stack.redis_admin).password or ""
            given(
                monkeypatch,
                REDIS_APP_CONNECTION,
                host=HERE,
                port=port,
                password=secret,
                login="",
                extra={"ssl": True},
            )
            url = desk_from_airflow(ENVIRONMENT).redis_url
            with redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0)) as client:
                return bool(client.ping())

    assert ping(ours, ours)
    for presented, trusted in ((others, ours), (misnamed, misnamed)):
        with pytest.raises(redis.ConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
            ping(presented, trusted)


def broker_fields(monkeypatch: pytest.MonkeyPatch, host: str, **extra: Any) -> Broker:
    fields = {"conn_type": "generic", "host": host, "login": "closebook_events", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_EVENTS", json.dumps({**fields, "password": PASSWORD}))
    return broker_from_airflow("events")


def test_a_broker_on_another_machine_needs_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Misconfigured, match="CB-CONFIG-BROKER-WITHOUT-TLS"):
        broker_fields(monkeypatch, "broker.bank.invalid")
    monkeypatch.setenv(CA_VARIABLE, "/run/tls/ca.pem")
    broker = broker_fields(monkeypatch, "broker.bank.invalid", ssl=True)
    assert (broker.port, broker.ca_certificates) == (5671, "/run/tls/ca.pem")
    with pytest.raises(Misconfigured, match="CB-CONFIG-EXTRA-NOT-ALLOWED"):
        broker_fields(monkeypatch, "broker.bank.invalid", ssl=True, login_method="EXTERNAL")


def test_a_broker_on_this_machine_needs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = broker_fields(monkeypatch, "127.0.0.1", exchange="of.ours")
    assert (broker.port, broker.exchange, broker.ca_certificates) == (5672, "of.ours", None)
    assert PASSWORD not in repr(broker)
