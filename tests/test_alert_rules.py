"""Each alert of deploy/prometheus-rules.yml, tried by promtool: it fires in time and not before."""

import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from local import REPOSITORY
from local.processes import find

RULES = REPOSITORY / "deploy" / "prometheus-rules.yml"
HOUR = 60

REPLICA = 'server="replica_a", kind="replica"'
PRIMARY = 'server="primary", kind="primary"'
# All as it should be, a minute a sample: ends of periods, and collections, keep up with the clock.
# Of each replica the primary's like is there too, which must not hide it.
HEALTHY = {
    'closebook_closes_total{grain="hour", outcome="new"}': "5+0x{n}",
    'closebook_last_period_end_timestamp_seconds{grain="hour"}': "-3600+60x{n}",
    'closebook_last_period_end_timestamp_seconds{grain="day"}': "-80000+60x{n}",
    'closebook_last_period_end_timestamp_seconds{grain="month"}': "-2600000+60x{n}",
    'closebook_tie_outs_failed_total{check="days_equal_statements"}': "3+0x{n}",
    "closebook_counter_stored_publication": "7+1x{n}",
    "closebook_counter_publication": "7+1x{n}",
    "closebook_redis_up": "1+0x{n}",
    'closebook_statements{state="missing"}': "0+0x{n}",
    'closebook_exceptions{grain="day", reason="unknown_currency"}': "0+0x{n}",
    'closebook_late_rows_total{grain="hour", measure="volume"}': "4+0x{n}",
    "closebook_health_collected_timestamp_seconds": "-600+60x{n}",
    **{
        series.format(server): value
        for server in (PRIMARY, REPLICA)
        for series, value in {
            "closebook_server_up{{{}}}": "1+0x{n}",
            "closebook_replication_lag_seconds{{{}}}": "59+0x{n}",
            "closebook_index_hit_ratio{{{}}}": "0.995+0x{n}",
            "closebook_connections_limit{{{}}}": "100+0x{n}",
            "closebook_long_queries{{{}}}": "0+0x{n}",
        }.items()
    },
    'closebook_connections{server="primary", role="app", state="active"}': "10+0x{n}",
    'closebook_connections{server="replica_a", role="app", state="active"}': "40+0x{n}",
    'closebook_connections{server="replica_a", role="app", state="idle"}': "40+0x{n}",
}


@dataclass(frozen=True)
class Case:
    """What an alert is tried with: what is changed of the healthy series, and when it must fire."""

    alert: str
    changed: dict[str, str | None]
    quiet_at: int
    fires_at: int
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def __name__(self) -> str:
        return f"{self.alert}: {next(iter(self.changed))}"


CASES = [
    Case("ClosebookMetricsMissing", dict.fromkeys(HEALTHY), 4, 6),
    *(
        # It stands still, and at minute 10 is as old as it may be.
        Case(
            f"Closebook{grain.capitalize()}Late",
            {
                f'closebook_last_period_end_timestamp_seconds{{grain="{grain}"}}': (
                    f"{10 * 60 - oldest_seconds}+0x{{n}}"
                )
            },
            10,
            11,
            {"grain": grain},
        )
        for grain, oldest_seconds in (("hour", 5400), ("day", 97_200), ("month", 2_764_800))
    ),
    Case(
        "ClosebookTieOutFailed",
        {'closebook_tie_outs_failed_total{check="days_equal_statements"}': "3+0x10 4+0x{n}"},
        10,
        11,
        {"check": "days_equal_statements"},
    ),
    Case("ClosebookCounterBehind", {"closebook_counter_publication": "6+1x{n}"}, 9, 10),
    Case("ClosebookCounterLost", {"closebook_redis_up": "0+0x{n}"}, 4, 5),
    Case("ClosebookCounterLost", {"closebook_counter_publication": None}, 4, 5),
    Case(
        "ClosebookCurrencyNotCounted",
        {'closebook_counter_currency_excluded{currency="EUR", reason="would_fall"}': "1+0x{n}"},
        9,
        10,
        {"currency": "EUR", "reason": "would_fall"},
    ),
    Case(
        "ClosebookExceptions",
        {'closebook_exceptions{grain="day", reason="unknown_currency"}': "1+0x{n}"},
        9,
        10,
        {"grain": "day", "reason": "unknown_currency"},
    ),
    Case(
        "ClosebookRowsLate",
        {'closebook_late_rows_total{grain="hour", measure="volume"}': "4+0x10 5+0x{n}"},
        10,
        11,
        {"grain": "hour", "measure": "volume"},
    ),
    Case(
        "ClosebookStatementsMissing",
        {'closebook_statements{state="missing"}': "2+0x{n}"},
        29,
        30,
        {"state": "missing"},
    ),
    Case(
        "ClosebookHealthStale", {"closebook_health_collected_timestamp_seconds": "0+0x{n}"}, 15, 16
    ),
    *(
        Case(
            alert,
            {f"{series}{{{REPLICA}}}": value},
            at - 1,
            at,
            {"server": "replica_a", "kind": "replica"},
        )
        for alert, series, value, at in (
            ("ClosebookServerDown", "closebook_server_up", "0+0x{n}", 5),
            ("ClosebookReplicaBehind", "closebook_replication_lag_seconds", "61+0x{n}", 5),
            ("ClosebookIndexHitRateLow", "closebook_index_hit_ratio", "0.98+0x{n}", 30),
            ("ClosebookQueriesSlow", "closebook_long_queries", "1+0x{n}", 10),
        )
    ),
    Case(
        "ClosebookConnectionsHigh",
        {'closebook_connections{server="replica_a", role="app", state="idle"}': "41+0x{n}"},
        9,
        10,
        {"server": "replica_a"},
    ),
    *(
        Case(
            alert,
            {f"closebook_health_alerts{{{labels}}}": "1+0x{n}"},
            at - 1,
            at,
            {"server": "replica_a", "alert": name},
        )
        for alert, name, at in (
            ("ClosebookQueriesSlow", "slow_statements", 10),
            ("ClosebookClockSkew", "clock_skew", 10),
            ("ClosebookPlanChanged", "plan_changed", 15),
        )
        for labels in (f'server="replica_a", alert="{name}"',)
    ),
]


def test_every_alert_has_a_case() -> None:
    named = set(re.findall(r"^ +- alert: (\w+)$", RULES.read_text("utf-8"), re.MULTILINE))
    assert named == {case.alert for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_an_alert_fires_in_time_and_alone(case: Case, tmp_path: Path) -> None:
    severity = severity_of(case.alert)
    labels = {"alertname": case.alert, "alertstate": "firing", "severity": severity, **case.labels}
    listed = ", ".join(f'{name}="{value}"' for name, value in labels.items())
    run_promtool(
        tmp_path,
        {**HEALTHY, **case.changed},
        {case.quiet_at: [], case.fires_at: [{"labels": f"ALERTS{{{listed}}}", "value": 1}]},
        # Where all series are missing, or time has passed, other alerts fire as well.
        f'ALERTS{{alertstate="firing", alertname="{case.alert}"}}',
    )


def test_no_alert_fires_for_healthy_series(tmp_path: Path) -> None:
    run_promtool(tmp_path, HEALTHY, {0: [], HOUR: [], 3 * HOUR: []}, "ALERTS")


def severity_of(alert: str) -> str:
    found = re.search(rf"alert: {alert}\n(?:.*\n)*?.*severity: (\w+)", RULES.read_text("utf-8"))
    assert found is not None
    return found[1]


def run_promtool(
    folder: Path,
    series: Mapping[str, str | None],
    expected: dict[int, list[dict[str, object]]],
    query: str,
) -> None:
    """Let promtool read the series, a minute a sample, and compare what the query gives when."""
    count = max(expected) + 1
    file = folder / "tried.yml"
    tried = {
        "rule_files": [str(RULES)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [
                    {"series": name, "values": values.replace("{n}", str(count))}
                    for name, values in series.items()
                    if values is not None
                ],
                "promql_expr_test": [
                    {"expr": query, "eval_time": f"{minute}m", "exp_samples": samples}
                    for minute, samples in expected.items()
                ],
            }
        ],
    }
    file.write_text(json.dumps(tried), "utf-8")
    ran = subprocess.run(
        [find("promtool"), "test", "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
