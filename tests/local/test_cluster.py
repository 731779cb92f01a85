"""A month closes on several machines, though a worker is killed and the broker restarted.

The tests run in the order of the file, on one cluster.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from botocore.exceptions import ClientError
from psycopg.rows import dict_row

from closebook import periods
from closebook.periods import Period
from closebook.statements.document_store import DocumentStore
from local import PLUGINS, ports, processes
from local.airflow_api import AirflowApi
from local.airflow_home import API_SERVER, Airflow
from local.cluster import (
    BUCKET,
    EPMD,
    RABBITMQ,
    S3_SERVER,
    WORKER_SECONDS,
    WORKERS,
    Cluster,
    stack_in,
)
from local.s3_server import READER
from local.stack import Stack
from tests.airflow_runs import run_backfill, run_ids
from tests.desk.conftest import logged_in

pytestmark = pytest.mark.servers

ZONE = "America/New_York"
# The last full month: no other month is closed by itself once the DAG is switched on.
LAST = periods.month_before(periods.month_containing(datetime.now(UTC), ZONE))
EARLIER = periods.month_before(LAST)
MONTHLY, HOURLY = "monthly_statements", "hourly_platform_volume"
DOCUMENT_WORKERS = [name for name, (queue, _) in WORKERS.items() if queue == "documents"]
VICTIM = DOCUMENT_WORKERS[0]
SLOTS = sum(slots for queue, slots in WORKERS.values() if queue == "documents")
ACCOUNTS, LINES = 400, 100
# 400 statements with 25 + 100 lines of work each, and 2,500 in a shard.
SHARDS = 20
MONTH_SECONDS = 1200.0


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster with a platform of some accounts, each with many entries in two months."""
    settings = {"CLOSEBOOK_STAMPED_STATEMENTS": "on"}
    root = tmp_path_factory.mktemp("cluster") / "stack"
    made = Cluster.build(root, airflow=True, fast=True, settings=settings)
    try:
        made.start_servers()
        with psycopg.connect(made.primary_admin("platform")) as platform:
            platform.execute(
                "insert into platform.users (user_id, full_name, address, country, locale_code)"
                " select n, 'Holder ' || n, n || ' Road', 'US', 'en_US'"
                " from generate_series(1, %s) n",
                [ACCOUNTS],
            )
            platform.execute(
                "insert into platform.wallets"
                " (wallet_id, account_number, user_id, currency, balance_minor)"
                " select n, 'N' || n, n, 'USD', 0 from generate_series(1, %s) n",
                [ACCOUNTS],
            )
            for number, month in enumerate((EARLIER, LAST)):
                platform.execute(
                    "insert into platform.ledger_entries (entry_id, wallet_id, posted_at,"
                    " amount_minor, currency, kind, description)"
                    " select %s + n * 1000 + line, n, %s::timestamptz + line * interval '1 hour',"
                    " n + line, 'USD', 'payment', 'Payment ' || line"
                    " from generate_series(1, %s) n, generate_series(1, %s) line",
                    [number * 10_000_000, month.start, ACCOUNTS, LINES],
                )
        made.create_indexes()
        made.start_airflow()
        yield made
    finally:
        made.clean()


@contextmanager
def api_of(cluster: Cluster) -> Iterator[AirflowApi]:
    with AirflowApi.login(cluster.ui_url, "admin", cluster.credentials["admin"]) as api:
        api.wait_for_dags((MONTHLY, HOURLY), seconds=90)
        yield api


@pytest.fixture
def airflow(cluster: Cluster) -> Iterator[AirflowApi]:
    with api_of(cluster) as api:
        yield api


def instances(airflow: AirflowApi, run_id: str, task_id: str = "render_shard") -> list[Any]:
    """The task instances of a run, of one task."""
    found = airflow.get(f"dags/{MONTHLY}/dagRuns/{run_id}/taskInstances", limit=200)
    return [each for each in found["task_instances"] if each["task_id"] == task_id]


def running(airflow: AirflowApi, run_id: str) -> list[int]:
    """The numbers of the shards that run now."""
    return [e["map_index"] for e in instances(airflow, run_id) if e["state"] == "running"]


def wait_until(condition: Callable[[], object], seconds: float, cluster: Cluster) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, _logs(cluster)
        time.sleep(0.5)


def _logs(cluster: Cluster) -> str:
    names = ("scheduler", *WORKERS)
    return "\n".join(f"== {n}\n{cluster.log(n).read_text()[-1500:]}" for n in names)


def has_ended(airflow: AirflowApi, run_id: str) -> bool:
    state = airflow.get(f"dags/{MONTHLY}/dagRuns/{run_id}")["state"]
    assert state != "failed"
    return bool(state == "success")


def cpu_seconds(cluster: Cluster, worker: str) -> float:
    """What a worker has used of a processor, with all that it has started and that has ended."""
    return sum(processes.cpu_seconds(pid) for pid in cluster.processes_of(worker))


def assert_each_document_is_there_once(cluster: Cluster, month: Period) -> None:
    """Every account has one statement, one file, and the manifest has each; all ties out."""
    with psycopg.connect(cluster.store(), row_factory=dict_row) as store:
        registered = store.execute(
            "select account_id, object_name from reporting.statement_documents"
            " join reporting.closes using (close_id) where period_start = %s order by 1",
            [month.start],
        ).fetchall()
        [manifest] = store.execute(
            "select document_count, missing_count, object_name from reporting.statement_manifests"
            " join reporting.closes using (close_id) where period_start = %s",
            [month.start],
        ).fetchall()
        [closings] = store.execute(
            "select sum(closing_minor - opening_minor)::bigint as moved, count(*) as statements"
            " from reporting.statements join reporting.closes using (close_id)"
            " where period_start = %s",
            [month.start],
        ).fetchall()
        [tie_outs] = store.execute(
            "select count(*) filter (where offending_count > 0) as failed from reporting.tie_outs"
        ).fetchall()
    assert [row["account_id"] for row in registered] == [*range(1, ACCOUNTS + 1)]
    assert (manifest["document_count"], manifest["missing_count"]) == (ACCOUNTS, 0)
    # A recount: each account n got n + line on each of its lines.
    recount = sum(n + line for n in range(1, ACCOUNTS + 1) for line in range(1, LINES + 1))
    assert closings == {"moved": recount, "statements": ACCOUNTS}
    assert tie_outs["failed"] == 0

    bucket = documents_of(cluster)
    names = [each for each in bucket.names(f"statements/{month.label}") if each.endswith(".pdf")]
    assert names == sorted(row["object_name"] for row in registered)
    assert bucket.read_all(names) == []  # and none differs from the hash in its name
    listed = json.loads(bucket.read(manifest["object_name"]))["statements"]
    assert sorted(each["account_id"] for each in listed) == [*range(1, ACCOUNTS + 1)]


def documents_of(cluster: Cluster) -> DocumentStore:
    """The documents, with the key of a reader."""
    os.environ["AIRFLOW_CONN_BUCKET_OF_CLUSTER"] = cluster.s3.connection_variable(READER)
    return DocumentStore(f"s3://bucket_of_cluster@{BUCKET}/documents")


def test_every_server_listens_on_loopback_only_and_none_of_a_cluster_runs_as_root(
    cluster: Cluster,
) -> None:
    pids = [pid for name in cluster.running for pid in cluster.processes_of(name)]
    listening = [found for found in ports.listeners() if found.pid in pids]

    assert {found.port for found in listening} >= {cluster.ports[n] for n in cluster.port_names}
    assert {found.address for found in listening} <= {"127.0.0.1", "::1"}
    for name in (RABBITMQ, EPMD, S3_SERVER):
        assert 0 not in {uid for pid in cluster.processes_of(name) for uid in _uids(pid)}


def _uids(pid: int) -> tuple[int, ...]:
    return tuple(psutil.Process(pid).uids())


@dataclass(frozen=True)
class Wounded:
    """A run that lost a worker and its broker while its shards were running."""

    run_id: str
    lost: list[int]
    killed_at: datetime


@pytest.fixture(scope="module")
def wounded(cluster: Cluster) -> Wounded:
    """The run of the last month: a worker is killed, and then RabbitMQ is restarted, in its middle.

    Airflow notices a dead worker after a minute, and tries its tasks again after another one. So
    the other tests run meanwhile.
    """
    with api_of(cluster) as airflow:
        # No other month is closed by itself once the DAG is switched on.
        conf = {"reason": "a test"}
        airflow.backfill(MONTHLY, LAST.start, LAST.start, conf=conf, max_active_runs=1)
        airflow.unpause(MONTHLY)
        [run_id] = run_ids(airflow, MONTHLY, LAST.start)
        wait_until(lambda: len(running(airflow, run_id)) == SLOTS, MONTH_SECONDS, cluster)
        cluster.kill(VICTIM)
        killed_at = datetime.now(UTC)
        # What it ran is not running any more when Airflow has noticed.
        lost = running(airflow, run_id)
        cluster.stop(RABBITMQ)
        cluster.start(RABBITMQ)
        left = [each for each in instances(airflow, run_id) if each["state"] != "success"]
        assert len(left) > len(lost), "the month was over before the broker: it shows nothing"
        cluster.start(VICTIM, seconds=WORKER_SECONDS)
    return Wounded(run_id, lost, killed_at)


def test_the_workers_of_documents_share_a_month_and_hours_are_closed_meanwhile(
    cluster: Cluster, airflow: AirflowApi, wounded: Wounded
) -> None:
    before = {worker: cpu_seconds(cluster, worker) for worker in DOCUMENT_WORKERS}
    # Airflow runs one backfill of a DAG at a time.
    body = {"logical_date": None, "conf": {"month": EARLIER.label, "reason": "a test"}}
    run_id = airflow.post(f"dags/{MONTHLY}/dagRuns", body)["dag_run_id"]
    wait_until(lambda: running(airflow, run_id), MONTH_SECONDS, cluster)

    # An hour closes while shards of the month wait for their workers.
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=3)
    run_backfill(airflow, HOURLY, hour, hour, 1)
    waiting = [each for each in instances(airflow, run_id) if each["state"] == "queued"]
    assert waiting, "the month was over before the hour: the test shows nothing"

    wait_until(lambda: has_ended(airflow, run_id), MONTH_SECONDS, cluster)
    assert_each_document_is_there_once(cluster, EARLIER)
    shards = instances(airflow, run_id)
    assert len(shards) == SHARDS
    assert {each["try_number"] for each in shards} == {1}
    # All slots of all workers were used at once: no pool caps them.
    assert most_at_once(shards) == SLOTS
    # One worker would have used all of this time; the busier of two used so much of it.
    used = [cpu_seconds(cluster, worker) - before[worker] for worker in DOCUMENT_WORKERS]
    assert sum(used) / max(used) >= 1.8, used


def most_at_once(shards: list[Any]) -> int:
    """The most tasks that ran at the same time."""
    spans: list[tuple[str, str]] = [(each["start_date"], each["end_date"]) for each in shards]
    return max(sum(start <= now < end for start, end in spans) for now, _ in spans)


def test_the_log_of_a_task_on_another_machine_is_read_in_the_ui(
    cluster: Cluster, airflow: AirflowApi, wounded: Wounded
) -> None:
    path = f"dags/{MONTHLY}/dagRuns/{wounded.run_id}/taskInstances/render_shard/logs/1"
    log = json.dumps(airflow.get(path, map_index=SHARDS - 1, full_content="true"))
    assert "statements are stamped" in log
    # The task ran on a machine whose own folders the API server does not see.
    machines = [cluster.machine(name) for name in WORKERS]
    assert not [path for machine in machines for path in machine.rglob("attempt=*.log")]


@pytest.mark.parametrize("is_configured", [True, False])
def test_the_doctor_sees_how_long_the_broker_lets_a_task_run(
    cluster: Cluster, *, is_configured: bool
) -> None:
    given = dict(Airflow.of(cluster).environment) | {"PYTHONPATH": PLUGINS}
    if not is_configured:
        del given["AIRFLOW__CELERY__CELERY_CONFIG_OPTIONS"]
    program = (
        "from closebook.orchestration.celery_state import celery_state\n"
        "from closebook.doctor.celery import celery_observations\n"
        "for each in celery_observations(celery_state()): print(each)"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], env=given, capture_output=True, text=True, check=True
    ).stdout
    # Debian's RabbitMQ has no limit by queue, and is told of in any case.
    assert "not looked at: consumer_timeout of RabbitMQ: version 3.10 has it in its rabb" in said
    for queue in ("closes", "documents"):
        found = (
            f"error celery-consumer-timeout: queue {queue}: RabbitMQ counts a task as lost after 30"
        )
        assert (found in said) is not is_configured


def test_a_month_closes_though_a_worker_is_killed_and_the_broker_is_restarted(
    cluster: Cluster, airflow: AirflowApi, wounded: Wounded
) -> None:
    wait_until(lambda: has_ended(airflow, wounded.run_id), MONTH_SECONDS, cluster)

    assert_each_document_is_there_once(cluster, LAST)
    again = [each for each in instances(airflow, wounded.run_id) if each["try_number"] > 1]
    assert 0 < len(again) <= SLOTS


def test_the_death_of_a_worker_is_noticed_within_90_seconds(
    airflow: AirflowApi, wounded: Wounded
) -> None:
    path = f"dags/{MONTHLY}/dagRuns/{wounded.run_id}/taskInstances/render_shard"
    noticed = [
        datetime.fromisoformat(tries["task_instances"][0]["end_date"])
        for tries in (airflow.get(f"{path}/{index}/tries") for index in wounded.lost)
        if len(tries["task_instances"]) > 1
    ]

    assert noticed
    # Those that the other worker ran may have been tried again before.
    assert timedelta() < max(noticed) - wounded.killed_at < timedelta(seconds=90)


def test_the_desk_reads_the_bucket_with_a_key_that_writes_nothing(cluster: Cluster) -> None:
    desk, _ = cluster.component(API_SERVER)
    assert desk.environment["CLOSEBOOK_DOCUMENTS_URL"] == (
        "s3://closebook_documents_reader@closebook/documents"
    )
    with psycopg.connect(cluster.store()) as store:
        [(close_id, name, digest)] = store.execute(
            "select close_id, object_name, sha256 from reporting.statement_documents"
            " join reporting.closes using (close_id) where account_id = 7 and period_start = %s",
            [LAST.start],
        ).fetchall()
    with closing(logged_in(cluster, "approver")) as client:
        shown = client.get(f"/closebook/statements/{close_id}/7/USD/preview").content
    assert shown.startswith(b"%PDF")
    assert sha256(shown).hexdigest() == digest
    assert cluster.document_file(name).read_bytes() == shown
    with pytest.raises(ClientError, match="AccessDenied"):
        cluster.s3.client(READER).put_object(Bucket=BUCKET, Key="documents/x", Body=b"x")


def test_the_cluster_is_stopped_and_its_workers_leave_nothing(cluster: Cluster) -> None:
    marks = {f"{cluster.root}/{name}" for name in cluster.component_names}
    assert len(processes.marked(marks)) > len(cluster.component_names)
    cluster.down()
    assert processes.marked(marks) == []


def test_a_stack_that_is_opened_again_is_a_cluster_or_a_stack_as_it_was_made(
    cluster: Cluster, tmp_path: Path
) -> None:
    assert type(stack_in(cluster.root)) is Cluster
    assert type(stack_in(tmp_path / "nothing")) is Stack
