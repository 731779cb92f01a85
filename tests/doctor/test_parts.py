"""What the doctor says of settings, versions, clocks and Airflow, which need no server."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from closebook.doctor.airflow import airflow_observations
from closebook.doctor.clocks import clock_observations
from closebook.doctor.desk import desk_observations
from closebook.doctor.doctor_report import Report
from closebook.doctor.finding import Finding, Severity, Unseen
from closebook.doctor.installation import (
    AirflowState,
    CeleryState,
    Installation,
    message_observations,
    settings_observations,
)
from closebook.doctor.platform_servers import kind_observations, version_observations
from closebook.monitoring.thresholds import ClockOffset
from closebook.orchestration.celery_settings import LONGEST_TASK, UNACKNOWLEDGED
from closebook.orchestration.doctor_task import unread_messages
from closebook.settings import partly_from_airflow
from closebook.settings.airflow_connections import DESK_CONNECTION
from closebook.settings.desk_settings import (
    ApiServerConnections,
    DeskSettings,
    api_server_connections,
)

AIRFLOW = AirflowState(
    "FAB's", True, ("replica_reads", "rendering"), {"replica_reads": 6, "rendering": 2}
)
COMPLETE = {
    "CLOSEBOOK_TIME_ZONE": "Europe/Berlin",
    "CLOSEBOOK_REPLICAS": "closebook_replica_a",
    "CLOSEBOOK_DOCUMENTS_URL": "file:///tmp/documents",
    "CLOSEBOOK_ISSUER_NAME": "Northgate",
}
FAULT = Finding("code", "subject", "what", "why", "mend")


@pytest.fixture(autouse=True)
def _connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow connections of an installation that is complete."""
    for name in ("PRIMARY", "REPLICA_A", "STORE"):
        url = "postgresql://somebody:secret@localhost:5432/platform"
        monkeypatch.setenv(f"AIRFLOW_CONN_CLOSEBOOK_{name}", url)
    monkeypatch.setenv("AIRFLOW_CONN_CLOSEBOOK_REDIS", "redis://:secret@localhost:6379")


def found_in(environment: dict[str, str]) -> list[Finding]:
    settings, unread = partly_from_airflow(environment)
    found = [*settings_observations(Installation(settings, unread))]
    assert all(isinstance(each, Finding) for each in found)
    return [each for each in found if isinstance(each, Finding)]


# ---- settings ----------------------------------------------------------------------------


def test_settings_that_are_complete_have_no_finding() -> None:
    assert found_in(COMPLETE) == []


@pytest.mark.parametrize(
    ("time_zone", "code"),
    [
        ("", "time-zone-not-set"),
        ("Europe/Berlim", "time-zone-unknown"),
        ("../etc/passwd", "time-zone-unknown"),
    ],
)
def test_a_time_zone_that_is_not_set_or_misspelt_is_found_and_the_rest_is_read(
    time_zone: str, code: str
) -> None:
    environment = COMPLETE | {"CLOSEBOOK_TIME_ZONE": time_zone}
    [finding] = found_in(environment)
    settings, unread = partly_from_airflow(environment)

    assert finding.code == code
    assert finding.subject == "CLOSEBOOK_TIME_ZONE"
    assert "CLOSEBOOK_TIME_ZONE=America/New_York" in finding.mend
    assert unread.keys() == {"time_zone"}
    assert settings.replicas[0].name == "replica_a"


def test_all_settings_that_are_missing_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_CLOSEBOOK_STORE")
    found = found_in({"CLOSEBOOK_TIME_ZONE": "UTC", "CLOSEBOOK_ISSUER_NAME": "N"})

    assert {finding.code for finding in found} == {"setting-unusable"}
    assert {finding.subject for finding in found} == {
        "closebook_store",
        "CLOSEBOOK_REPLICAS",
        "CLOSEBOOK_DOCUMENTS_URL",
    }


# ---- servers -----------------------------------------------------------------------------


@pytest.mark.parametrize("major", [14, 15, 16, 17, 18])
def test_a_version_that_is_tested_has_no_finding(major: int) -> None:
    assert [*version_observations("primary", major * 10_000 + 3, f"{major}.3")] == []


@pytest.mark.parametrize(
    ("number", "code", "severity"),
    [
        (130_014, "version-too-old", Severity.ERROR),
        (90_624, "version-too-old", Severity.ERROR),
        (190_000, "version-untested", Severity.WARNING),
    ],
)
def test_another_version_is_found(number: int, code: str, severity: Severity) -> None:
    [finding] = version_observations("primary", number, "the version")

    assert (finding.code, finding.severity) == (code, severity)
    assert "the version" in finding.what


def test_aurora_and_a_database_of_bytes_are_told_apart() -> None:
    row = {
        "version_number": 160_004,
        "version_text": "16.4",
        "is_aurora": True,
        "database_encoding": "SQL_ASCII",
    }
    found = [each for each in kind_observations("primary", row) if isinstance(each, Finding)]

    assert [each.code for each in found] == ["server-is-aurora", "no-encoding"]
    assert "Amazon RDS" in found[0].mend


# ---- clocks ------------------------------------------------------------------------------

EXACT, BEHIND = ClockOffset(0.01, 0.01), ClockOffset(-3300.0, 0.01)


@pytest.mark.parametrize(
    ("offsets", "expected"),
    [
        ({"primary": EXACT, "a": EXACT}, []),
        ({"primary": ClockOffset(-3.0, 2.0), "a": EXACT}, []),
        ({"primary": BEHIND, "a": EXACT}, [("clock-wrong", "primary")]),
        ({"primary": EXACT, "a": BEHIND}, [("clock-wrong", "a")]),
        ({"primary": BEHIND, "a": BEHIND, "b": BEHIND}, [("worker-clock-wrong", "this worker")]),
        ({"primary": BEHIND}, [("clock-wrong", "primary")]),
    ],
)
def test_the_clock_that_is_wrong_is_named(
    offsets: dict[str, ClockOffset], expected: list[tuple[str, str]]
) -> None:
    assert [(each.code, each.subject) for each in clock_observations(offsets)] == expected


def test_where_all_servers_are_behind_the_worker_is_ahead() -> None:
    [finding] = clock_observations({"primary": BEHIND, "a": BEHIND})
    assert "3300.0 s ahead of those of primary, a" in finding.what


def test_an_offset_is_measured_from_the_middle_of_question_and_answer() -> None:
    asked_at = datetime(2026, 11, 29, 12, tzinfo=UTC)
    answered_at = asked_at + timedelta(seconds=4)
    offset = ClockOffset.measured(asked_at, asked_at + timedelta(seconds=12), answered_at)
    assert offset == ClockOffset(10.0, 2.0)


# ---- Airflow -----------------------------------------------------------------------------


def test_an_airflow_with_all_that_is_needed_has_no_finding() -> None:
    assert [*airflow_observations(AIRFLOW)] == []


def test_a_pool_that_is_missing_is_found() -> None:
    [finding] = airflow_observations(replace(AIRFLOW, pools={"rendering": 2}))
    assert isinstance(finding, Finding)
    assert (finding.code, finding.subject) == ("pool-missing", "replica_reads")
    assert "airflow pools set replica_reads" in finding.mend


def test_an_auth_manager_without_the_desks_roles_is_found() -> None:
    [finding] = airflow_observations(replace(AIRFLOW, has_roles_of_its_own=False))
    assert isinstance(finding, Finding)
    assert finding.code == "auth-manager-not-fab"


def test_pools_that_a_task_cannot_see_are_not_looked_at() -> None:
    [unseen] = airflow_observations(replace(AIRFLOW, pools=None, why_no_pools="a task"))
    assert unseen == Unseen("the pools replica_reads, rendering", "a task")


# ---- Celery ------------------------------------------------------------------------------


CELERY = CeleryState(
    broker="amqp",
    longest_task=LONGEST_TASK,
    acks_late=True,
    prefetch_count=1,
    consumer_timeouts={"closes": UNACKNOWLEDGED, "documents": UNACKNOWLEDGED},
    broker_version=(4, 3),
)


def celery_codes(**changed: Any) -> list[str]:
    airflow = replace(AIRFLOW, celery=replace(CELERY, **changed))
    return [
        each.code if isinstance(each, Finding) else each.subject
        for each in airflow_observations(airflow)
    ]


def test_time_limits_of_celery_that_are_long_enough_give_no_finding() -> None:
    assert celery_codes() == []


@pytest.mark.parametrize("timeout", [None, timedelta(minutes=30), LONGEST_TASK / 2])
def test_a_queue_with_a_time_limit_that_is_too_short_is_found(
    timeout: timedelta | None,
) -> None:
    state = replace(CELERY, consumer_timeouts={"closes": UNACKNOWLEDGED, "documents": timeout})
    [finding] = airflow_observations(replace(AIRFLOW, celery=state))
    assert isinstance(finding, Finding)
    assert (finding.code, finding.subject) == ("celery-consumer-timeout", "queue documents")
    assert finding.severity is Severity.ERROR
    minutes = 360 if timeout == LONGEST_TASK / 2 else 30
    assert f"after {minutes} minutes" in finding.what
    assert "may take 720 minutes" in finding.what
    assert "closebook.orchestration.celery_settings.CELERY_CONFIG" in finding.mend


def test_a_rabbitmq_without_limits_by_queue_is_named() -> None:
    state = replace(CELERY, broker_version=(3, 10))
    [unseen] = airflow_observations(replace(AIRFLOW, celery=state))
    assert isinstance(unseen, Unseen)
    assert "version 3.10 has it in its rabbitmq.conf only" in unseen.reason
    assert "at least 46800000" in unseen.reason
    assert celery_codes(broker_version=None) == ["the version of RabbitMQ"]


@pytest.mark.parametrize("timeout", [None, timedelta(hours=1)])
def test_another_broker_that_delivers_a_long_task_again_is_found(
    timeout: timedelta | None,
) -> None:
    codes = celery_codes(broker="redis", consumer_timeouts={}, visibility_timeout=timeout)
    assert codes == ["celery-visibility-timeout"]
    day = timedelta(days=1)
    assert celery_codes(broker="redis", consumer_timeouts={}, visibility_timeout=day) == []


@pytest.mark.parametrize("changed", [{"acks_late": False}, {"prefetch_count": 4}])
def test_workers_that_fetch_more_tasks_than_they_run_are_found(changed: dict[str, Any]) -> None:
    assert celery_codes(**changed) == ["celery-fetches-ahead"]


# ---- the desk ----------------------------------------------------------------------------


@pytest.mark.parametrize("has_database", [False, True])
def test_a_connection_that_only_the_api_server_may_have_is_not_looked_at(
    has_database: bool,
) -> None:
    read = api_server_connections()
    assert read.unread.keys() == {"closebook_desk", "closebook_redis_app", "closebook_decisions"}
    here = AIRFLOW if has_database else replace(AIRFLOW, pools=None, why_no_pools="a task")

    found = [*desk_observations(read, here)]

    if has_database:
        assert [each.code for each in found if isinstance(each, Finding)] == [
            "setting-unusable",
            "setting-unusable",
            "decision-key-missing",
        ]
    else:
        assert [each.subject for each in found if isinstance(each, Unseen)] == [*read.unread]
    assert len(found) == 3


def test_a_connection_that_is_there_and_wrong_is_found_by_a_task_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_CLOSEBOOK_DESK", "postgres://closebook_desk:secret@/closebook")
    unread = {DESK_CONNECTION: api_server_connections().unread[DESK_CONNECTION]}
    read = ApiServerConnections(DeskSettings("", "redis://127.0.0.1:1", "", "UTC"), "", unread)
    task = replace(AIRFLOW, pools=None, why_no_pools="a task")

    found = [*desk_observations(read, task)]

    assert [(each.code, each.subject) for each in found if isinstance(each, Finding)] == [
        ("setting-unusable", "closebook_desk"),
        ("redis-unreachable", "closebook_redis_app"),
    ]


# ---- the report --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("severity", "is_healthy"),
    [(Severity.ERROR, False), (Severity.WARNING, False), (Severity.NOTE, True)],
)
def test_a_note_alone_is_no_fault(severity: Severity, is_healthy: bool) -> None:
    report = Report.of([replace(FAULT, severity=severity), Unseen("pools", "a task")])
    assert report.is_healthy is is_healthy


def test_the_worst_comes_first_and_nothing_twice() -> None:
    note, warning = (replace(FAULT, severity=s) for s in (Severity.NOTE, Severity.WARNING))
    report = Report.of([note, FAULT, warning, FAULT])

    assert report.findings == (FAULT, warning, note)
    assert report.text == (
        "error code: subject: what\n    why:  why\n    mend: mend\n"
        "warning code: subject: what\n    why:  why\n    mend: mend\n"
        "note code: subject: what\n    why:  why\n    mend: mend\n"
        "1 errors, 1 warnings, 1 notes; 0 things were not looked at\n"
    )


# ---- messages ----------------------------------------------------------------------------


def message_findings(monkeypatch: pytest.MonkeyPatch, **variables: str) -> list[Finding]:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = [*message_observations(unread_messages())]
    assert all(isinstance(each, Finding) for each in found)
    return [each for each in found if isinstance(each, Finding)]


def test_without_messages_there_is_nothing_to_find(monkeypatch: pytest.MonkeyPatch) -> None:
    assert message_findings(monkeypatch) == []


def test_a_connection_of_messages_that_is_named_and_missing_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_PEOPLE_WEBHOOK", '{"conn_type": "http"}')
    [finding] = message_findings(
        monkeypatch,
        CLOSEBOOK_MAIL_CONNECTION="people_mail",
        CLOSEBOOK_MAIL_FINANCE="finance@bank.invalid",
        CLOSEBOOK_WEBHOOK_CONNECTION="people_webhook",
    )
    assert finding.code == "messages-unusable"
    assert finding.subject == "CLOSEBOOK_MAIL_CONNECTION"
    assert "people_mail is missing" in finding.what


def test_addresses_without_a_mail_server_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    [finding] = message_findings(monkeypatch, CLOSEBOOK_MAIL_FINANCE="finance@bank.invalid")
    assert finding.code == "messages-unusable"
    assert "set both, or none" in finding.what
