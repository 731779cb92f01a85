"""Runs in Airflow send notifications by mail and webhook, once, and no close fails because of them.

They go on with the platform of test_runs.py, or make it.
"""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from local.airflow_api import AirflowApi
from local.stack import Stack
from tests.airflow.shop import FIRST_HOUR, MONTH, open_shop, pay
from tests.airflow_runs import DAGS, task_log, wait_for_end, wait_for_run
from tests.message_connections import MAIL_CONNECTION, WEBHOOK_CONNECTION, leading_to
from tests.smtp_server import smtp_server
from tests.webhook_receiver import webhook_receiver

LATE_PAYMENT = 900


@pytest.fixture(scope="module")
def platform(airflow_stack: Stack) -> Stack:
    return open_shop(airflow_stack)


@pytest.fixture(scope="module")
def airflow(platform: Stack) -> Iterator[AirflowApi]:
    with AirflowApi.login(platform.ui_url, "admin", platform.credentials["admin"]) as api:
        api.wait_for_dags((*DAGS, "notifications"), seconds=90)
        # The runs of this file are started by hand: a paused DAG runs these too.
        api.unpause("monthly_statements")
        api.unpause("hourly_platform_volume")
        yield api


def run(airflow: AirflowApi, dag_id: str, **conf: object) -> str:
    started = airflow.post(f"dags/{dag_id}/dagRuns", {"logical_date": None, "conf": conf})
    return str(started["dag_run_id"])


def notification_run(airflow: AirflowApi) -> tuple[str, str]:
    """Run the notifications once: the state of the run, and its log."""
    airflow.unpause("notifications")
    run_id = run(airflow, "notifications")
    state = wait_for_end(airflow, "notifications", run_id)
    return state, task_log(airflow, "notifications", run_id, "notify")


def test_a_month_that_airflow_issued_has_one_mail_and_one_request(
    platform: Stack, airflow: AirflowApi, tmp_path: Path
) -> None:
    with smtp_server(tmp_path / "mails") as mail, webhook_receiver() as webhook:
        servers = {MAIL_CONNECTION: mail.connection, WEBHOOK_CONNECTION: webhook.connection}
        with leading_to(airflow, servers):
            state, log = notification_run(airflow)
            assert state == "success", log
            before, mails_before = len(webhook.posted), len(mail.mails())
            pay(platform, LATE_PAYMENT, FIRST_HOUR, 1)
            month = run(airflow, "monthly_statements", month=MONTH.label, reason="a late payment")
            wait_for_run(airflow, "monthly_statements", month)
            for _ in range(2):
                state, log = notification_run(airflow)
                assert state == "success", log
    # The schedule may have issued another month meanwhile.
    [ready] = [
        each
        for each in webhook.posted[before:]
        if (each["event"], each["period"]) == ("month_ready", MONTH.label)
    ]
    assert ready["link"] == f"{platform.ui_url}/closebook/releases/{MONTH.label}"
    subject = f"Subject: Closebook: month ready {MONTH.label}\n"
    [told_mail] = [each for each in mail.mails()[mails_before:] if subject in each]
    assert "To: finance@bank.invalid" in told_mail
    assert "lanted" not in "".join(mail.mails()).lower()


def test_servers_of_messages_that_are_down_fail_that_run_and_no_close(
    platform: Stack, airflow: AirflowApi
) -> None:
    with psycopg.connect(platform.store_admin("closebook")) as admin:
        admin.execute("set session_replication_role = replica")
        admin.execute(
            "insert into reporting.reissue_requests (close_id, account_id, currency, reason,"
            " requested_by) select close_id, 1, 'USD', 'a fee', 'ada' from reporting.closes"
            " where grain = 'month' and is_current limit 1"
        )
    state, log = notification_run(airflow)
    assert state == "failed"
    assert "CB-RETRY-NOTIFICATIONS-NOT-SENT" in log
    assert "no log-in at the mail server" in log
    assert "no connection to the webhook" in log

    close = run(airflow, "hourly_platform_volume", hour=FIRST_HOUR.isoformat(), reason="a test")
    wait_for_run(airflow, "hourly_platform_volume", close)
