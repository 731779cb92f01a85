"""Airflow itself closes periods: its scheduler, its backfills, its clearing, its log-ins."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import httpx
import psycopg
import pytest
from psycopg.rows import dict_row

from local.airflow_api import AirflowApi
from local.airflow_home import COMPONENTS
from local.stack import Stack
from tests.airflow.shop import (
    DAY,
    FIRST_HOUR,
    LATE_MINOR,
    MONTH,
    PAYMENTS_MINOR,
    RANGE,
    close_ids,
    closed,
    closed_in_range,
    counted_minor,
    daily_rows,
    open_shop,
    pay,
    rows_of_metadata,
    spoiled,
)
from tests.airflow_runs import (
    DAGS,
    RUN_SECONDS,
    run_backfill,
    run_ids,
    task_log,
    wait_for_end,
    wait_for_run,
    wait_for_runs,
)
from tests.mail_server import ONCALL, caught_mails


@pytest.fixture(scope="module")
def platform(airflow_stack: Stack) -> Stack:
    return open_shop(airflow_stack)


@pytest.fixture
def airflow(platform: Stack) -> Iterator[AirflowApi]:
    with AirflowApi.login(platform.ui_url, "admin", platform.credentials["admin"]) as api:
        api.wait_for_dags(DAGS, seconds=60)
        yield api


def test_a_backfill_closes_its_hours_and_the_counter_follows(
    platform: Stack, airflow: AirflowApi
) -> None:
    last_hour = FIRST_HOUR + timedelta(hours=2)
    run_backfill(airflow, "hourly_platform_volume", FIRST_HOUR, last_hour, 3)

    assert closed(platform, "hour", FIRST_HOUR, last_hour) == [
        (FIRST_HOUR + timedelta(hours=n), 1, amount, 1)
        for n, amount in enumerate(PAYMENTS_MINOR[:3])
    ]
    assert counted_minor(platform) == sum(PAYMENTS_MINOR[:3])


def test_a_backfill_of_what_is_closed_gives_the_same_numbers_and_versions(
    platform: Stack, airflow: AirflowApi
) -> None:
    last_hour = FIRST_HOUR + timedelta(hours=2)
    before = closed(platform, "hour", FIRST_HOUR, last_hour)

    run_backfill(airflow, "hourly_platform_volume", FIRST_HOUR, last_hour, 3)

    assert closed(platform, "hour", FIRST_HOUR, last_hour) == before


def test_a_day_closes_with_its_hours_and_clearing_its_task_changes_nothing(
    platform: Stack, airflow: AirflowApi
) -> None:
    run_backfill(airflow, "daily_rollups", DAY.start, DAY.start, 1)
    rows = daily_rows(platform)
    assert rows == [(1, "books", "US", "USD", "none", "payment", 5, sum(PAYMENTS_MINOR))]
    run_id = run_ids(airflow, "daily_rollups", DAY.start)[0]

    airflow.post(
        "dags/daily_rollups/clearTaskInstances",
        {"dry_run": False, "dag_run_id": run_id, "only_failed": False, "task_ids": ["close_day"]},
    )
    wait_for_runs(airflow, "daily_rollups", DAY.start, DAY.start, 1)

    assert daily_rows(platform) == rows
    assert closed(platform, "day", DAY.start, DAY.start)[0][1] == 1


def test_a_payment_that_came_late_is_found_by_the_day_and_shown_by_log_and_counter(
    platform: Stack, airflow: AirflowApi
) -> None:
    pay(platform, 100, FIRST_HOUR, LATE_MINOR)

    run_backfill(airflow, "daily_rollups", DAY.start, DAY.start, 1)

    total_minor = sum(PAYMENTS_MINOR) + LATE_MINOR
    assert daily_rows(platform)[0][-2:] == (6, total_minor)
    assert closed(platform, "hour", FIRST_HOUR, FIRST_HOUR) == [
        (FIRST_HOUR, 2, PAYMENTS_MINOR[0] + LATE_MINOR, 2)
    ]
    assert counted_minor(platform) == total_minor
    [run_id] = run_ids(airflow, "daily_rollups", DAY.start)
    change = f"1 -> 2 rows, {PAYMENTS_MINOR[0]} -> {PAYMENTS_MINOR[0] + LATE_MINOR} minor units"
    path = f"dags/daily_rollups/dagRuns/{run_id}/taskInstances/close_day"
    logs = [
        json.dumps(airflow.get(f"{path}/logs/{attempt + 1}", full_content="true"))
        for attempt in range(airflow.get(path)["try_number"])
    ]
    assert any(change in log for log in logs)


def test_a_manual_run_writes_the_statements_that_its_form_asks_for(
    platform: Stack, airflow: AirflowApi
) -> None:
    airflow.unpause("monthly_statements")
    run = airflow.post(
        "dags/monthly_statements/dagRuns",
        {
            "logical_date": None,
            "conf": {
                "month": MONTH.label,
                "account_ids": [1],
                "cross_check": True,
                "reason": "asked by a test",
            },
        },
    )
    wait_for_run(airflow, "monthly_statements", run["dag_run_id"])

    with psycopg.connect(platform.store(), row_factory=dict_row) as store:
        statement = store.execute(
            "select statements.*, sha256, object_name, reason, closes.requested_by "
            "from reporting.statements join reporting.statement_documents "
            "using (close_id, account_id) join reporting.closes using (close_id) "
            "where period_start = %s",
            [MONTH.start],
        ).fetchone()
    assert statement is not None
    assert statement["closing_minor"] == -sum(PAYMENTS_MINOR) - LATE_MINOR
    assert statement["reason"] == "asked by a test"
    assert statement["requested_by"] == "admin"
    document = platform.root / "documents" / statement["object_name"]
    assert sha256(document.read_bytes()).hexdigest() == statement["sha256"]


def test_what_came_late_for_the_day_is_found_by_the_month_and_in_the_counter(
    platform: Stack, airflow: AirflowApi
) -> None:
    pay(platform, 101, FIRST_HOUR, LATE_MINOR)
    run = airflow.post(
        "dags/monthly_statements/dagRuns",
        {
            "logical_date": None,
            "conf": {
                "month": MONTH.label,
                "account_ids": [1],
                "cross_check": True,
                "reason": "a payment came late",
            },
        },
    )
    wait_for_run(airflow, "monthly_statements", run["dag_run_id"])

    assert closed(platform, "day", DAY.start, DAY.start)[0][1] == 3
    assert counted_minor(platform) == sum(PAYMENTS_MINOR) + 2 * LATE_MINOR
    with psycopg.connect(platform.store()) as store:
        compared = store.execute(
            "select grain, count(*) from reporting.tie_outs "
            "where check_name = 'replicas_agree' and run_id = %s group by grain order by grain",
            [run["dag_run_id"]],
        ).fetchall()
    assert compared == [("day", 1), ("hour", 24), ("month", 1)]


def test_a_range_closes_each_of_its_days_but_the_one_that_fails_and_names_that(
    platform: Stack, airflow: AirflowApi
) -> None:
    for number, day in enumerate(RANGE):
        pay(platform, 200 + number, day.start, 10 + number)
    with spoiled(platform, RANGE[1]):
        run = airflow.post(
            "dags/daily_rollups/dagRuns",
            {
                "logical_date": None,
                "conf": {
                    "first_day": RANGE[0].label,
                    "last_day": RANGE[-1].label,
                    "reason": "a range",
                },
            },
        )
        assert wait_for_end(airflow, "daily_rollups", run["dag_run_id"]) == "failed"

    assert closed_in_range(platform) == [
        (day.start, 1, 0, run["dag_run_id"], "a range", "admin") for day in (RANGE[0], RANGE[2])
    ]
    log = task_log(airflow, "daily_rollups", run["dag_run_id"], "close_day")
    assert f"1 of 3 days failed ({RANGE[1].label}), 0 were not tried" in log
    # The first task has closed one day and left the others to the next one, which is no new try:
    # the log of both is shown as one.
    assert "2 of 3 days are left to another task" in log
    path = f"dags/daily_rollups/dagRuns/{run['dag_run_id']}/taskInstances"
    assert airflow.get(f"{path}/close_day")["try_number"] == 1


def test_a_cleared_range_closes_the_days_that_failed_and_the_counter_follows(
    platform: Stack, airflow: AirflowApi
) -> None:
    before = closed_in_range(platform)
    counted_before = counted_minor(platform)
    run_id = before[0][3]

    clear_failed(airflow, run_id)
    wait_for_run(airflow, "daily_rollups", run_id)

    # The reason was for the first start, and Airflow tells no task who cleared it
    corrected = (RANGE[1].start, 1, 0, run_id, None, None)
    assert closed_in_range(platform) == sorted([*before, corrected])
    assert counted_minor(platform) == counted_before + sum(10 + n for n in range(len(RANGE)))
    path = f"dags/daily_rollups/dagRuns/{run_id}/taskInstances/close_day"
    # Its result has the days that its earlier tasks have closed, too.
    assert airflow.get(f"{path}/xcomEntries/return_value")["value"] == [
        close_id for day in RANGE for close_id in close_ids(platform, day)
    ]


def test_the_days_of_a_range_that_are_backfilled_are_only_confirmed(
    platform: Stack, airflow: AirflowApi
) -> None:
    before = closed_in_range(platform)
    run_backfill(airflow, "daily_rollups", RANGE[0].start, RANGE[-1].start, len(RANGE))
    assert closed_in_range(platform) == [
        (start, version, confirmed + 1, *run) for start, version, confirmed, *run in before
    ]


def test_an_account_that_has_no_statement_fails_the_run_at_once(airflow: AirflowApi) -> None:
    run = airflow.post(
        "dags/monthly_statements/dagRuns",
        {"logical_date": None, "conf": {"month": MONTH.label, "account_ids": [404]}},
    )
    assert wait_for_end(airflow, "monthly_statements", run["dag_run_id"]) == "failed"
    log = task_log(airflow, "monthly_statements", run["dag_run_id"], "plan_shards")
    assert "1 of the 1 accounts that the run names have no statement" in log


def test_an_hour_that_has_not_ended_is_retried_later_with_its_reason(airflow: AirflowApi) -> None:
    future = datetime.now(UTC) + timedelta(hours=3)
    run = airflow.post(
        "dags/hourly_platform_volume/dagRuns",
        {"logical_date": None, "conf": {"hour": future.isoformat()}},
    )
    path = f"dags/hourly_platform_volume/dagRuns/{run['dag_run_id']}"
    deadline = time.monotonic() + RUN_SECONDS
    while airflow.get(f"{path}/taskInstances/close_hour")["state"] != "up_for_retry":
        assert time.monotonic() < deadline
        time.sleep(0.5)
    log = task_log(airflow, "hourly_platform_volume", run["dag_run_id"], "close_hour")
    assert "has not ended" in log
    airflow.client.patch(f"/api/v2/{path}", json={"state": "failed"}).raise_for_status()


def test_a_failure_mail_names_the_reason_and_neither_holder_nor_account_number(
    platform: Stack, airflow: AirflowApi
) -> None:
    with psycopg.connect(platform.primary_admin("platform"), autocommit=True) as admin:
        # Each account is left out of the month, and the run names it by its id
        admin.execute("alter table platform.users alter column address drop not null")
        admin.execute("update platform.users set address = null")
        try:
            with caught_mails(airflow) as mails:
                run = airflow.post(
                    "dags/monthly_statements/dagRuns",
                    {"logical_date": None, "conf": {"month": MONTH.label, "reason": "a test"}},
                )
                ended = wait_for_end(airflow, "monthly_statements", run["dag_run_id"])
                mail = next(mail for mail in iter(mails.next, "") if "report_exceptions" in mail)
        finally:
            admin.execute("update platform.users set address = '1 Planted Street'")
            admin.execute("alter table platform.users alter column address set not null")

    assert ended == "failed"
    assert f"To: {ONCALL}" in mail
    assert "CB-DATA-MONTH-WITH-EXCEPTIONS" in mail
    assert "1 (account_incomplete" in mail
    assert "lanted" not in mail.lower()


def test_no_name_and_no_account_number_is_in_a_log_an_xcom_or_a_rendered_template(
    platform: Stack, airflow: AirflowApi
) -> None:
    """All that Airflow keeps of the runs above: the files of its logs, each row of its database."""
    logs = list((platform.root / "airflow" / "logs").rglob("*.log"))
    logs += [platform.root / "logs" / f"{component}.log" for component in COMPONENTS]
    assert any("render_shard" in str(path) for path in logs)
    assert [path for path in logs if b"lanted" in path.read_bytes().lower()] == []
    kept = rows_of_metadata(platform)
    assert "close_id" in kept["rendered_task_instance_fields"]
    assert "documents" in kept["xcom"]
    assert "asked by a test" in kept["dag_run"]
    assert [table for table, rows in kept.items() if "lanted" in rows.lower()] == []


@pytest.mark.parametrize("user", ["viewer", "finance"])
def test_only_an_admin_may_start_a_close(platform: Stack, user: str) -> None:
    with AirflowApi.login(platform.ui_url, user, platform.credentials[user]) as api:
        answer = api.client.post(
            "/api/v2/dags/hourly_platform_volume/dagRuns", json={"logical_date": None}
        )
    assert answer.status_code == httpx.codes.FORBIDDEN


def test_a_request_without_a_log_in_is_refused(platform: Stack) -> None:
    answer = httpx.get(f"{platform.ui_url}/api/v2/dags")
    assert answer.status_code == httpx.codes.UNAUTHORIZED


def clear_failed(airflow: AirflowApi, run_id: str) -> None:
    """Clear what failed of a run, as a person does in the grid."""
    airflow.post(
        "dags/daily_rollups/clearTaskInstances",
        {"dry_run": False, "dag_run_id": run_id, "only_failed": True},
    )


def test_a_run_of_database_health_keeps_a_sample_of_each_server(
    platform: Stack, airflow: AirflowApi
) -> None:
    airflow.unpause("database_health")
    run = airflow.post("dags/database_health/dagRuns", {"logical_date": None, "conf": {}})
    wait_for_run(airflow, "database_health", run["dag_run_id"])

    with psycopg.connect(platform.store()) as store:
        kept = store.execute(
            "select distinct server_name from reporting.health_samples where problem is null"
        ).fetchall()
    assert {name for (name,) in kept} == {"primary", "replica_a", "replica_b"}


def test_the_doctor_is_run_from_the_ui_and_its_task_fails_with_what_mends_it(
    platform: Stack, airflow: AirflowApi
) -> None:
    airflow.wait_for_dags(("doctor",), seconds=60)
    airflow.unpause("doctor")
    state, log = examined(airflow)
    assert state == "success", log
    assert "0 errors, 0 warnings" in log

    with psycopg.connect(platform.primary_admin("platform"), autocommit=True) as admin:
        admin.execute("revoke select on reporting_source.merchants from closebook_reader")
        try:
            state, log = examined(airflow)
        finally:
            admin.execute("grant select on reporting_source.merchants to closebook_reader")

    assert state == "failed"
    assert "error view-not-granted: closebook_reader on replica_a" in log
    assert "grant select on reporting_source.merchants to closebook_reader;" in log
    assert "CB-CONFIG-DOCTOR-FINDINGS" in log


def examined(airflow: AirflowApi) -> tuple[str, str]:
    """Run the doctor: the state of its run, and the log of its task."""
    run_id = airflow.post("dags/doctor/dagRuns", {"logical_date": None})["dag_run_id"]
    state = wait_for_end(airflow, "doctor", run_id)
    return state, task_log(airflow, "doctor", run_id, "look")
