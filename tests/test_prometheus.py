"""The Prometheus rules, its configuration, and the Grafana dashboard: sound, and of our metrics."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from local import REPOSITORY
from local.processes import find

LOCAL = REPOSITORY / "local"
METRICS_PAGE = REPOSITORY / "docs" / "metrics.md"
# What rate and sum by take apart from a name: names of ours alone begin so.
NAME = re.compile(r"\bclosebook_[a-z0-9_]+\b")


def documented() -> set[str]:
    rows = re.findall(r"^\| (`closebook_.*?) \|", METRICS_PAGE.read_text("utf-8"), re.MULTILINE)
    return {name for row in rows for name in NAME.findall(row)}


@pytest.mark.parametrize(
    "checked", [("rules", "prometheus-rules.yml"), ("config", "prometheus.yml")]
)
def test_promtool_takes_the_files(tmp_path: Path, checked: tuple[str, str]) -> None:
    kind, name = checked
    for file in ("prometheus-rules.yml", "prometheus.yml"):
        shutil.copy(LOCAL / file, tmp_path)
    (tmp_path / "closebook-metrics-token").write_text("token", encoding="utf-8")
    ran = subprocess.run(
        [find("promtool"), "check", kind, str(tmp_path / name)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "SUCCESS" in ran.stdout


def test_the_queries_of_the_dashboard_are_promql(tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:{number}", "expr": query}
        for number, query in enumerate(dashboard_queries())
    ]
    file = tmp_path / "panels.yml"
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}), "utf-8")
    ran = subprocess.run(
        [find("promtool"), "check", "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert f"{len(rules)} rules found" in ran.stdout


def test_rules_and_dashboard_name_metrics_that_are_documented() -> None:
    rules = (LOCAL / "prometheus-rules.yml").read_text("utf-8")
    used = set(NAME.findall(rules)) | {n for q in dashboard_queries() for n in NAME.findall(q)}
    assert len(used) > 10
    assert used <= documented()


def test_no_two_panels_lie_on_each_other() -> None:
    dashboard = json.loads((LOCAL / "grafana-dashboard.json").read_text("utf-8"))
    cells = [
        (x, y)
        for panel in dashboard["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


def dashboard_queries() -> list[str]:
    dashboard = json.loads((LOCAL / "grafana-dashboard.json").read_text("utf-8"))
    return [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
