"""Prometheus' rules and configuration and Grafana's dashboard are valid and use our metrics."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local import REPOSITORY
from local.processes import find

DEPLOY = REPOSITORY / "deploy"
METRICS_PAGE = REPOSITORY / "docs" / "metrics.md"
# Of Grafana's units, those that Prometheus' base units take.
UNITS = {"s", "short", "percentunit"}
# What rate and sum by take apart from a name: names of ours alone begin so.
NAME = re.compile(r"\bclosebook_[a-z0-9_]+\b")


def documented() -> set[str]:
    rows = re.findall(r"^\| (`closebook_.*?) \|", METRICS_PAGE.read_text("utf-8"), re.MULTILINE)
    return {name for row in rows for name in NAME.findall(row)}


@pytest.mark.parametrize(
    "checked", [("rules", "prometheus-rules.yml"), ("config", "prometheus.yml")]
)
def test_promtool_accepts_the_files(tmp_path: Path, checked: tuple[str, str]) -> None:
    kind, name = checked
    for file in ("prometheus-rules.yml", "prometheus.yml"):
        shutil.copy(DEPLOY / file, tmp_path)
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
    rules = (DEPLOY / "prometheus-rules.yml").read_text("utf-8")
    used = set(NAME.findall(rules)) | {n for q in dashboard_queries() for n in NAME.findall(q)}
    assert len(used) > 10
    assert used <= documented()


def test_no_two_panels_overlap() -> None:
    cells = [
        (x, y)
        for panel in dashboard()["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


def test_the_dashboard_is_one_that_can_be_imported() -> None:
    """By Grafana's schema: each panel has an id of its own and uses the chosen data source."""
    found = dashboard()
    [chosen] = found["templating"]["list"]
    assert (chosen["type"], chosen["query"]) == ("datasource", "prometheus")
    assert isinstance(found["schemaVersion"], int)
    assert found["uid"]
    assert found["title"]
    # One that was exported would bring the id that it had in another Grafana.
    assert found.get("id") is None
    panels = found["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        assert panel["type"] in {"stat", "timeseries"}
        assert panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
        assert panel["datasource"] == {"type": "prometheus", "uid": f"${{{chosen['name']}}}"}
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references) > 0


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DEPLOY / "grafana-dashboard.json").read_text("utf-8"))
    return found


def dashboard_queries() -> list[str]:
    return [target["expr"] for panel in dashboard()["panels"] for target in panel["targets"]]
