"""`make bench`, on a small platform: every figure is measured on equal numbers and written down."""

import json
import subprocess
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from local import REPOSITORY
from local.stack import Stack


def test_make_bench_runs_this_command() -> None:
    planned = subprocess.run(
        ["make", "--dry-run", "bench"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert "python -m benchmarks" in planned.stdout


@pytest.mark.servers
@pytest.mark.timeout(2400)
def test_all_benchmarks_run_and_write_their_medians(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The month that people look at is rendered before what is measured.
    monkeypatch.setenv("CLOSEBOOK_STAMPED_STATEMENTS", "on")
    root, results = tmp_path / "stack", tmp_path / "results"
    try:
        places = ["--root", str(root), "--results", str(results)]
        assert main(["--small", "--phase-seconds", "3", *places]) == 0
        loaded = json.loads((root / "loaded.json").read_text())
    finally:
        for used in (root, root.with_name("stack-airflow")):
            Stack.build(used, airflow=True, fast=True).clean()

    assert loaded["contract"] == "spoiled", "offload has paid on it: it must be created again"
    written = {path.stem: json.loads(path.read_text()) for path in results.glob("*.json")}
    offload = written.pop("offload")["phases"]
    indexes = written.pop("index_cost")["indexes"]
    year = written.pop("year")
    assert set(written) == {
        *("daily_volume", "hourly_volume", "busiest_hour"),
        *("close_of_an_hour", "close_of_a_day", "close_of_a_month"),
        *("peers", "statements", "hour_to_counter", "desk_searches", "desk"),
    }
    for result in written.values():
        assert result["reference"] in result["rounds"]
        assert all(len(one["seconds"]) == 1 for one in result["rounds"].values())
    assert any(answer.endswith(" 200") for answer in written["desk"]["facts"]["answers"])
    times = written["daily_volume"]["facts"]["times_as_fast_as"]
    assert set(times) == {"old report"}
    assert times["old report"]["daily_report.sql"] > 1
    assert times["old report"]["daily_volume.sql"] > 1
    counts = written["hourly_volume"]["facts"]["times_as_fast_as"]
    assert set(counts) == {"full count", "full count, by one process"}
    assert all(ways["hourly_volume.sql"] > 0 for ways in counts.values())
    assert set(indexes) == {"transactions_settled_hour", "ledger_entries_posted_at"}
    for cost in indexes.values():
        assert cost["log_bytes_a_write"]["with"] > cost["log_bytes_a_write"]["without"]
    assert [leg["days"] for leg in year["legs"].values()] == [2] * 5
    assert all(leg["seconds_a_day"] > 0 for leg in year["legs"].values())
    for phase in offload.values():
        assert phase["payments"]["payment_count"] > 0
        assert phase["payments"]["failed_count"] == 0
        assert all(job["done_count"] and not job["failures"] for job in phase["jobs"].values())
    assert "closebook_fence" not in offload["the old way"]["primary"]["calls"]
    assert set(offload["Closebook"]["primary"]["calls"]) == {
        "benchmark_payments",
        "closebook_fence",
    }


@pytest.mark.servers
def test_what_a_larger_platform_costs_is_measured_beside_a_smaller_one(tmp_path: Path) -> None:
    root, beside, results = tmp_path / "stack", tmp_path / "beside", tmp_path / "results"
    places = ["--root", str(root), "--beside", str(beside), "--results", str(results)]
    try:
        assert main(["--small", "--large", "growth", *places]) == 0
    finally:
        for used in (root, beside):
            Stack.build(used, airflow=False, fast=True).clean()

    written = {path.stem: json.loads(path.read_text()) for path in results.rglob("*.json")}
    assert set(written) == {"growth_of_an_hour", "growth_of_a_busy_hour", "growth_of_a_day"}
    for result in written.values():
        times = result["facts"]["times_on_the_larger"]
        assert all(times[way] > 0 for way in result["rounds"] if not way.endswith(", larger"))


def test_what_would_fill_a_large_platform_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--large", "offload"])
    assert "no benchmark of the large ones is called offload" in capsys.readouterr().err


def test_an_unknown_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["tomorrow"])
    assert "no benchmark is called tomorrow" in capsys.readouterr().err
