"""Airflow's own run publishes the events of a release to a real broker."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from closebook.settings.message_settings import DEFAULT_EXCHANGE
from local.airflow_api import AirflowApi
from local.stack import Stack
from tests.airflow_runs import task_log, wait_for_end
from tests.message_connections import BROKER_CONNECTION, leading_to
from tests.rabbitmq_server import rabbitmq_server

QUEUE = "mails"


@pytest.fixture
def airflow(airflow_stack: Stack) -> Iterator[AirflowApi]:
    stack = airflow_stack
    with AirflowApi.login(stack.ui_url, "admin", stack.credentials["admin"]) as api:
        api.wait_for_dags(("statement_events",), seconds=90)
        api.unpause("statement_events")
        yield api


def published(airflow: AirflowApi) -> tuple[str, str]:
    """Run the publication once: the state of the run, and its log."""
    run = airflow.post("dags/statement_events/dagRuns", {"logical_date": None, "conf": {}})
    state = wait_for_end(airflow, "statement_events", run["dag_run_id"])
    return state, task_log(airflow, "statement_events", run["dag_run_id"], "publish")


def test_a_run_publishes_what_was_released_once_the_broker_is_there(
    airflow_stack: Stack, airflow: AirflowApi, tmp_path: Path
) -> None:
    with psycopg.connect(airflow_stack.store_admin("closebook")) as admin:
        admin.execute("set session_replication_role = replica")
        admin.execute(
            "insert into reporting.closes (close_id, grain, period_start, period_end, time_zone,"
            " close_version, is_current, fence_lsn, fenced_at, snapshot_text, replica_name,"
            " code_version,"
            " run_id, first_date, last_date) overriding system value values (900000, 'month',"
            " '2020-01-01', '2020-02-01', 'UTC', 1, true, '0/1', '2020-02-01', '', '', '', '',"
            " '2020-01-01', '2020-01-31')"
        )
        admin.execute(
            "insert into reporting.statement_events (decision_id, close_id, account_id, currency,"
            " statement_version, sha256) values (1, 900000, 7, 'USD', 1, repeat('a', 64))"
        )
    state, log = published(airflow)
    assert state == "failed"
    assert "CB-RETRY-BROKER-FAILED" in log

    with rabbitmq_server(tmp_path / "rabbitmq") as rabbitmq:
        with rabbitmq.channel() as channel:
            channel.exchange_declare(DEFAULT_EXCHANGE, "topic", durable=True, auto_delete=False)
            channel.queue_declare(QUEUE, durable=True, auto_delete=False)
            channel.queue_bind(QUEUE, DEFAULT_EXCHANGE, "#")
        with leading_to(airflow, {BROKER_CONNECTION: rabbitmq.connection}):
            for _ in range(2):
                state, log = published(airflow)
                assert state == "success", log
        [event] = rabbitmq.take_all(QUEUE)
    assert (event["account"], event["period"], event["sha256"]) == ("7", "2020-01", "a" * 64)
