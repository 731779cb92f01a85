"""The DAG files: which DAGs there are, when they run, and what their parse must not do."""

import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG, RetryAction, TriggerRule
from airflow.sdk.exceptions import ParamValidationError

from closebook import periods
from closebook.errors import Misconfigured, NotReady, Transient, WrongData
from closebook.orchestration import celery_settings
from closebook.orchestration.retry_policy import TASK_DEFAULTS
from local import REPOSITORY

DAGS = REPOSITORY / "dags"
ZONE = "America/New_York"
CLOSES = {
    "hourly_platform_volume": {"close_hour", "publish_counter", "report_exceptions"},
    "daily_rollups": {"close_day", "publish_counter", "report_exceptions"},
    "monthly_statements": {
        *("freeze_lines", "plan_shards", "render_shard", "write_manifest", "publish_counter"),
        *("report_exceptions", "shards_done"),
    },
}
EXPECTED = {
    **CLOSES,
    "acknowledge_failover": {
        *("acknowledge", "close_again", "publish_counter", "report_exceptions")
    },
    "database_health": {"collect"},
    "doctor": {"look", "in_replica_reads", "in_rendering"},
    "notifications": {"notify"},
    "register_audit": {"anchor_log", "audit"},
    "retention": {"move_lines"},
    "statement_events": {"publish"},
}


def load(folder: Path) -> dict[str, DAG]:
    """Parse a folder as Airflow does; refuse import errors and DAGs that are not expected."""
    bag = DagBag(folder)
    assert bag.import_errors == {}
    assert {dag_id: set(dag.task_ids) for dag_id, dag in bag.dags.items()} == EXPECTED
    return dict(bag.dags)


@pytest.fixture(scope="module")
def dags() -> dict[str, DAG]:
    os.environ["CLOSEBOOK_TIME_ZONE"] = ZONE
    return load(DAGS)


def test_exactly_the_expected_dags_and_tasks_are_there(dags: dict[str, DAG]) -> None:
    assert dags.keys() == EXPECTED.keys()


def test_a_folder_without_dags_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        load(tmp_path)


@pytest.mark.parametrize("dag_id", EXPECTED)
def test_each_dag_explains_itself_and_is_named_like_its_file(
    dags: dict[str, DAG], dag_id: str
) -> None:
    dag = dags[dag_id]
    assert Path(dag.fileloc).stem == dag_id
    assert dag.doc_md is not None
    assert len(dag.doc_md) > 300


@pytest.mark.parametrize("dag_id", CLOSES)
def test_each_close_asks_for_a_reason_and_is_cross_checked_only_on_demand(
    dags: dict[str, DAG], dag_id: str
) -> None:
    dag = dags[dag_id]
    assert "reason" in dag.params
    assert dag.params["cross_check"] is False


def test_the_form_of_days_asks_for_a_range_that_may_stay_empty(dags: dict[str, DAG]) -> None:
    params = dags["daily_rollups"].params
    for name in ("day", "first_day", "last_day"):
        assert params[name] is None
        assert params.get_param(name).schema["format"] == "date"


@pytest.mark.parametrize("dag_id", EXPECTED)
def test_no_dag_catches_up_by_itself(dags: dict[str, DAG], dag_id: str) -> None:
    assert dags[dag_id].catchup is False


@pytest.mark.parametrize(
    ("dag_id", "after", "period", "hours"),
    [
        pytest.param(
            "hourly_platform_volume",
            datetime(2026, 11, 1, 5, 30, tzinfo=UTC),
            periods.hour_of(datetime(2026, 11, 1, 6, tzinfo=UTC)),
            1,
            id="an hour is a UTC hour",
        ),
        pytest.param(
            "daily_rollups",
            datetime(2026, 11, 1, 3, 30, tzinfo=UTC),
            periods.day_of(date(2026, 11, 1), ZONE),
            25,
            id="the day on which the clocks go back has 25 hours",
        ),
        pytest.param(
            "daily_rollups",
            datetime(2026, 3, 8, 3, 30, tzinfo=UTC),
            periods.day_of(date(2026, 3, 8), ZONE),
            23,
            id="the day on which the clocks go forward has 23",
        ),
        pytest.param(
            "monthly_statements",
            datetime(2026, 10, 15, tzinfo=UTC),
            periods.month_of(2026, 11, ZONE),
            30 * 24 + 1,
            id="a month begins and ends at local midnight",
        ),
    ],
)
def test_a_run_closes_the_whole_interval_that_ended(
    dags: dict[str, DAG], dag_id: str, after: datetime, period: periods.Period, hours: int
) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    timetable: Any = DagSerialization.from_dict(DagSerialization.to_dict(dags[dag_id])).timetable
    interval = next(
        info.data_interval
        for info in _infos(timetable, after, after + timedelta(days=70))
        if info.data_interval.start >= after
    )
    assert (interval.start, interval.end) == (period.start, period.end)
    assert interval.end - interval.start == timedelta(hours=hours)


def _infos(timetable: Any, earliest: datetime, latest: datetime) -> Any:
    import pendulum
    from airflow.timetables.base import TimeRestriction

    restriction = TimeRestriction(
        pendulum.instance(earliest), pendulum.instance(latest), catchup=True
    )
    info = timetable.next_dagrun_info(last_automated_data_interval=None, restriction=restriction)
    while info is not None:
        yield info
        info = timetable.next_dagrun_info(
            last_automated_data_interval=info.data_interval, restriction=restriction
        )


def test_the_manifest_is_written_though_a_shard_failed(dags: dict[str, DAG]) -> None:
    task = dags["monthly_statements"].get_task("write_manifest")

    assert task.trigger_rule == TriggerRule.ALL_DONE
    assert task.upstream_task_ids == {"freeze_lines", "render_shard"}
    assert task.downstream_task_ids == {"report_exceptions"}


def test_a_shard_that_failed_fails_the_run_though_the_manifest_is_written(
    dags: dict[str, DAG],
) -> None:
    task = dags["monthly_statements"].get_task("shards_done")

    # A month without statements has no shards: they are skipped.
    assert task.trigger_rule == TriggerRule.NONE_FAILED
    assert task.upstream_task_ids == {"render_shard"}
    assert task.downstream_task_ids == set()


def test_every_task_that_reads_a_replica_or_renders_takes_a_slot_of_its_pool(
    dags: dict[str, DAG],
) -> None:
    pools = {
        f"{dag_id}.{task.task_id}": task.pool for dag_id, dag in dags.items() for task in dag.tasks
    }
    assert {name for name, pool in pools.items() if pool == "replica_reads"} == {
        "doctor.in_replica_reads",
        "hourly_platform_volume.close_hour",
        "daily_rollups.close_day",
        "monthly_statements.freeze_lines",
        "acknowledge_failover.close_again",
    }
    assert {name for name, pool in pools.items() if pool == "rendering"} == {
        "doctor.in_rendering",
        "monthly_statements.render_shard",
    }


def test_the_tasks_of_documents_have_a_queue_and_workers_of_their_own(
    dags: dict[str, DAG],
) -> None:
    queues = {
        f"{dag_id}.{task.task_id}": task.queue for dag_id, dag in dags.items() for task in dag.tasks
    }
    of_documents = {name for name, queue in queues.items() if queue == "documents"}
    assert of_documents == {
        "doctor.in_rendering",
        "monthly_statements.render_shard",
        "monthly_statements.write_manifest",
    }
    assert {queues[name] for name in queues.keys() - of_documents} == {"closes"}


def test_the_freezes_of_several_months_leave_slots_to_the_hours(dags: dict[str, DAG]) -> None:
    assert dags["monthly_statements"].get_task("freeze_lines").max_active_tis_per_dag == 2


def test_celery_gives_each_queue_more_time_than_any_task_may_take(dags: dict[str, DAG]) -> None:
    longest = max(
        task.execution_timeout or timedelta.max for dag in dags.values() for task in dag.tasks
    )
    assert longest == celery_settings.LONGEST_TASK
    for name in {task.queue for dag in dags.values() for task in dag.tasks}:
        queue = celery_settings.CELERY_CONFIG["task_queues"][name]
        limit_ms = queue["queue_arguments"]["x-consumer-timeout"]
        assert timedelta(milliseconds=limit_ms) > longest


@pytest.mark.parametrize("dag_id", CLOSES)
def test_the_counter_is_published_after_whatever_may_close_hours(
    dags: dict[str, DAG], dag_id: str
) -> None:
    [closing] = [task for task in dags[dag_id].tasks if task.pool == "replica_reads"]
    assert "publish_counter" in closing.downstream_task_ids


def test_a_failover_is_acknowledged_by_hand_only_and_with_its_timeline_and_reason(
    dags: dict[str, DAG],
) -> None:
    dag = dags["acknowledge_failover"]
    assert dag.schedule is None
    assert dag.max_active_runs == 1
    for name, value in (("timeline", None), ("timeline", 0), ("reason", None), ("reason", " ")):
        with pytest.raises(ParamValidationError):
            dag.params.get_param(name).resolve(value=value)
    complete = {"timeline": 2, "reason": "a failover"}
    for name, value in complete.items():
        assert dag.params.get_param(name).resolve(value=value) == value


def test_health_is_collected_every_five_minutes_by_one_at_a_time_that_is_not_tried_again(
    dags: dict[str, DAG],
) -> None:
    dag = dags["database_health"]
    [task] = dag.tasks
    timetable: Any = dag.timetable
    assert timetable.expression == "*/5 * * * *"
    assert dag.max_active_runs == 1
    assert task.retries == 0
    assert dag.dagrun_timeout is not None
    assert dag.dagrun_timeout < timedelta(minutes=5)


@pytest.mark.parametrize("dag_id", [*CLOSES, "acknowledge_failover"])
def test_every_task_retries_by_kind_of_error(dags: dict[str, DAG], dag_id: str) -> None:
    for task in dags[dag_id].tasks:
        assert task.retry_policy is TASK_DEFAULTS["retry_policy"]
        assert task.retries == TASK_DEFAULTS["retries"]


@pytest.mark.parametrize(
    ("error", "action"),
    [
        (NotReady("CB-WAIT-PERIOD-NOT-ENDED", "later"), RetryAction.RETRY),
        (Transient("CB-RETRY-STORE-FAILED", "elsewhere"), RetryAction.RETRY),
        (WrongData("CB-DATA-CHECK-FAILED", "stop"), RetryAction.FAIL),
        (Misconfigured("CB-CONFIG-SETTING-MISSING", "mend"), RetryAction.FAIL),
        (ValueError("a bug"), RetryAction.DEFAULT),
    ],
)
def test_not_ready_and_lost_servers_are_tried_again_and_wrong_data_stops(
    error: Exception, action: RetryAction
) -> None:
    decision = TASK_DEFAULTS["retry_policy"].evaluate(error, try_number=1, max_tries=20)
    assert decision.action is action


PARSE = """
import os, sys

opened = []
def watch(event, arguments):
    if event in ("socket.connect", "sqlite3.connect"):
        opened.append((event, arguments[1:]))
import airflow.sdk
sys.addaudithook(watch)
import importlib.util
for path in sys.argv[1:]:
    spec = importlib.util.spec_from_file_location(os.path.basename(path)[:-3], path)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
heavy = {"weasyprint"} & set(sys.modules)
print(opened, sorted(heavy))
"""


@pytest.mark.slow
def test_the_parse_opens_no_connection_and_imports_no_weasyprint() -> None:
    files = [str(path) for path in DAGS.glob("*.py")]
    assert len(files) == len(EXPECTED)
    parsed = subprocess.run(
        [sys.executable, "-c", PARSE, *files],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "plugins")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert parsed.stdout.splitlines()[-1] == "[] []"


@pytest.mark.slow
def test_the_parse_needs_no_setting_but_the_zone_of_business_days() -> None:
    bare = {key: value for key, value in os.environ.items() if not key.startswith("CLOSEBOOK_")}
    with_zone = {"daily_rollups", "monthly_statements", "register_audit"}
    for needs_zone in (False, True):
        files = [path for path in DAGS.glob("*.py") if (path.stem in with_zone) is needs_zone]
        assert files
        zone = {"CLOSEBOOK_TIME_ZONE": ZONE} if needs_zone else {}
        subprocess.run(
            [sys.executable, "-c", PARSE, *map(str, files)],
            env={**bare, **zone, "PYTHONPATH": str(REPOSITORY / "plugins")},
            check=True,
            capture_output=True,
        )
