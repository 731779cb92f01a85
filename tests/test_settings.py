"""What an operator sets, as a task reads it."""

import pytest
from psycopg.conninfo import conninfo_to_dict

from closebook.errors import Misconfigured
from closebook.settings import Settings, from_airflow
from closebook.settings.close_settings import documents_from_airflow

ENVIRONMENT = {
    "CLOSEBOOK_TIME_ZONE": "America/New_York",
    "CLOSEBOOK_REPLICAS": "closebook_replica_a, closebook_replica_b",
    "CLOSEBOOK_DOCUMENTS_URL": "file:///documents",
    "CLOSEBOOK_ISSUER_NAME": "Example Payments",
}
CONNECTIONS = {
    "AIRFLOW_CONN_CLOSEBOOK_PRIMARY": "postgres://closebook_fence@primary:5432/platform",
    "AIRFLOW_CONN_CLOSEBOOK_REPLICA_A": "postgres://closebook_reader@a:6432/platform",
    "AIRFLOW_CONN_CLOSEBOOK_REPLICA_B": (
        "postgres://closebook_reader@b:6432/platform?connect_timeout=30&sslmode=verify-full"
    ),
    "AIRFLOW_CONN_CLOSEBOOK_STORE": "postgres://closebook_store@store:5432/closebook",
    "AIRFLOW_CONN_CLOSEBOOK_REDIS": "redis://:secret@redis:6379/?ssl=true",
}
TIME_OUTS = {"connect_timeout", "tcp_user_timeout", "keepalives_idle", "keepalives_interval"}


def read(monkeypatch: pytest.MonkeyPatch, **more: str) -> Settings:
    monkeypatch.setenv("CLOSEBOOK_CA_CERTIFICATES", "/etc/closebook/ca.pem")
    for name, uri in CONNECTIONS.items():
        monkeypatch.setenv(name, uri)
    return from_airflow({**ENVIRONMENT, **more})


def test_no_connection_waits_for_ever_for_a_server_that_died(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = read(monkeypatch)

    for conninfo in (settings.primary, settings.store, *(r.conninfo for r in settings.replicas)):
        assert conninfo_to_dict(conninfo).keys() >= TIME_OUTS


def test_the_extras_of_a_connection_go_before_our_own_time_outs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    replica_b = conninfo_to_dict(read(monkeypatch).replicas[1].conninfo)

    assert replica_b["connect_timeout"] == "30"
    assert replica_b["sslmode"] == "verify-full"


@pytest.mark.parametrize(
    ("given", "roles"),
    [({}, ()), ({"CLOSEBOOK_READ_ONLY_ROLES": " dump, Big Report ,"}, ("dump", "Big Report"))],
)
def test_read_only_roles_are_named_by_commas_and_there_need_be_none(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], roles: tuple[str, ...]
) -> None:
    assert read(monkeypatch, **given).read_only_roles == roles


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ({}, 0.5),
        ({"CLOSEBOOK_FENCE_GRACE_SECONDS": " "}, 0.5),
        ({"CLOSEBOOK_FENCE_GRACE_SECONDS": "0.5"}, 0.5),
        ({"CLOSEBOOK_FENCE_GRACE_SECONDS": " 2.5 "}, 2.5),
        ({"CLOSEBOOK_FENCE_GRACE_SECONDS": "60"}, 60),
    ],
)
def test_the_grace_of_the_fence_is_half_a_second_or_what_is_set(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], seconds: float
) -> None:
    assert read(monkeypatch, **given).fence_grace_seconds == seconds


@pytest.mark.parametrize("given", ["0.4", "0", "-1", "61", "inf", "nan", "2,5", "2 s"])
def test_a_grace_that_protects_too_little_or_waits_too_long_is_refused(
    monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    with pytest.raises(Misconfigured, match=r"from 0\.5 to 60") as refused:
        read(monkeypatch, CLOSEBOOK_FENCE_GRACE_SECONDS=given)

    assert refused.value.code == "CB-CONFIG-FENCE-GRACE-UNREADABLE"


@pytest.mark.parametrize(
    ("given", "seconds"), [("", 240), (" 12.5 ", 12.5), ("0", 0), ("300", 300)]
)
def test_a_task_of_a_range_begins_days_for_four_minutes_or_for_what_is_set(
    monkeypatch: pytest.MonkeyPatch, given: str, seconds: float
) -> None:
    assert read(monkeypatch, CLOSEBOOK_RANGE_TASK_SECONDS=given).range_task_seconds == seconds


@pytest.mark.parametrize("given", ["-1", "301", "inf", "nan", "4 min"])
def test_a_task_of_a_range_that_could_take_ten_minutes_is_refused(
    monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    with pytest.raises(Misconfigured, match="from 0 to 300") as refused:
        read(monkeypatch, CLOSEBOOK_RANGE_TASK_SECONDS=given)

    assert refused.value.code == "CB-CONFIG-RANGE-TASK-UNREADABLE"


@pytest.mark.parametrize(
    ("given", "views"),
    [
        ("", set()),
        ("transactions", {"transactions"}),
        (" ledger_entries, transactions ,", {"transactions", "ledger_entries"}),
    ],
)
def test_the_views_with_major_units_are_named_by_commas_and_there_need_be_none(
    monkeypatch: pytest.MonkeyPatch, given: str, views: set[str]
) -> None:
    assert read(monkeypatch, CLOSEBOOK_MAJOR_AMOUNTS=given).major_amounts == views


@pytest.mark.parametrize(
    "given", ["accounts", "transactions ledger_entries", "Transactions", "yes"]
)
def test_a_view_without_amounts_is_refused(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        read(monkeypatch, CLOSEBOOK_MAJOR_AMOUNTS=given)

    assert refused.value.code == "CB-CONFIG-MAJOR-AMOUNTS-UNREADABLE"


def test_currencies_that_cannot_be_read_stop_a_task_before_it_does_anything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CLOSEBOOK_CURRENCIES", "EUR=2")

    with pytest.raises(Misconfigured, match="EUR, a currency of ISO 4217"):
        read(monkeypatch)


def test_the_issuers_bic_and_lei_may_be_empty_and_must_be_right(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert (read(monkeypatch).issuer_bic, read(monkeypatch).issuer_lei) == ("", "")
    given = {"CLOSEBOOK_ISSUER_BIC": " EXMPUS33 ", "CLOSEBOOK_ISSUER_LEI": "5493001KJTIIGC8Y1R12"}
    found = read(monkeypatch, **given)
    assert (found.issuer_bic, found.issuer_lei) == ("EXMPUS33", "5493001KJTIIGC8Y1R12")
    for name, wrong in (
        ("CLOSEBOOK_ISSUER_BIC", "EXMPUS3"),
        ("CLOSEBOOK_ISSUER_LEI", "5493001KJTIIGC8Y1R13"),
    ):
        with pytest.raises(Misconfigured, match=name):
            read(monkeypatch, **{name: wrong})


def test_a_worker_of_documents_needs_no_connection_to_the_platform_and_none_to_the_counter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = "AIRFLOW_CONN_CLOSEBOOK_STORE"
    monkeypatch.setenv("CLOSEBOOK_CA_CERTIFICATES", "/etc/closebook/ca.pem")
    monkeypatch.setenv(store, CONNECTIONS[store])

    settings = documents_from_airflow(ENVIRONMENT)

    assert conninfo_to_dict(settings.store)["host"] == "store"
    assert settings.documents_url == "file:///documents"
    with pytest.raises(Misconfigured, match="closebook_primary"):
        from_airflow(ENVIRONMENT)


@pytest.mark.parametrize("name", ["CLOSEBOOK_DOCUMENTS_URL", "CLOSEBOOK_ISSUER_NAME"])
def test_a_worker_of_documents_needs_what_its_documents_need(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    store = "AIRFLOW_CONN_CLOSEBOOK_STORE"
    monkeypatch.setenv("CLOSEBOOK_CA_CERTIFICATES", "/etc/closebook/ca.pem")
    monkeypatch.setenv(store, CONNECTIONS[store])

    with pytest.raises(Misconfigured, match=name):
        documents_from_airflow({**ENVIRONMENT, name: ""})
