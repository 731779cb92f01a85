"""The charts and the load of the Health page, from rows as the store returns them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from closebook.desk.charts import Chart
from closebook.desk.health_charts import TIME_RANGES, health_charts
from closebook.desk.health_servers import loads, replica_block_share

NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
DAY = TIME_RANGES["day"]
SERVERS = [
    {"server_name": "primary", "server_kind": "primary"},
    {"server_name": "replica_a", "server_kind": "replica"},
]


def point(server_name: str, minutes_ago: int, **values: Any) -> dict[str, Any]:
    """A row of sql/desk/health_series.sql; values that are not given are not known."""
    unknown = dict.fromkeys(
        (
            *("index_blocks_hit", "index_blocks_read", "lag_seconds", "connection_count"),
            *("connection_limit", "longest_query_seconds"),
            *("load_call_count", "load_ms", "load_row_count", "load_block_count"),
        )
    )
    step_start = NOW - timedelta(minutes=minutes_ago)
    return {"server_name": server_name, "step_start": step_start, **unknown, **values}


def charts_by_title(*series: Mapping[str, Any]) -> dict[str, Chart]:
    return {
        chart.title: chart
        for chart in health_charts(SERVERS, [dict(row) for row in series], DAY, NOW)
    }


def test_a_chart_has_one_line_for_each_server_and_the_lag_only_for_replicas() -> None:
    charts = charts_by_title()
    assert [line.number for line in charts["Longest query"].lines] == [1, 2]
    assert [line.number for line in charts["Replication lag"].lines] == [2]


def test_the_summary_names_the_worst_value_and_the_threshold() -> None:
    charts = charts_by_title(
        point("replica_a", 10, lag_seconds=2.5, index_blocks_hit=99_000, index_blocks_read=1_000),
        point("replica_a", 5, lag_seconds=1.0, index_blocks_hit=98_000, index_blocks_read=2_000),
    )
    assert charts["Replication lag"].summary == (
        "Replication lag of replica_a over the last 24 hours: highest value 2.5 s, threshold 60 s."
    )
    assert charts["Index hit rate"].summary == (
        "Index hit rate of primary, replica_a over the last 24 hours: lowest value 98.00%, "
        "threshold 99%."
    )
    assert "no values" in charts["Longest query"].summary


def test_a_value_beyond_the_axis_extends_the_axis() -> None:
    usual, extended = (
        charts_by_title(point("replica_a", 5, lag_seconds=lag))["Replication lag"]
        for lag in (1.0, 120.0)
    )
    assert (usual.top_label, usual.threshold_y) == ("72 s", 16.67)
    assert (extended.top_label, extended.threshold_y) == ("120 s", 50.0)


@pytest.mark.parametrize(
    ("between", "pieces"),
    [
        pytest.param([point("primary", 15, longest_query_seconds=0.0)], 1, id="no gap"),
        pytest.param([], 2, id="a missing row"),
        pytest.param([point("primary", 15)], 2, id="an unknown value"),
    ],
)
def test_a_line_has_a_gap_where_values_are_missing(
    between: list[dict[str, Any]], pieces: int
) -> None:
    chart = charts_by_title(
        point("primary", 25, longest_query_seconds=0.0),
        point("primary", 20, longest_query_seconds=0.0),
        *between,
        point("primary", 5 if pieces == 2 else 10, longest_query_seconds=0.0),
    )["Longest query"]
    assert chart.lines[0].path.count("M") == pieces


@pytest.mark.parametrize(
    ("primary_blocks", "replica_blocks", "share"),
    [(25, 75, 0.75), (0, 10, 1.0), (0, 0, None), (None, 75, None), (25, None, None)],
)
def test_the_share_of_the_replicas_needs_the_load_of_both_kinds_of_server(
    primary_blocks: int | None, replica_blocks: int | None, share: float | None
) -> None:
    series = [
        point("primary", 5, load_block_count=primary_blocks),
        point("replica_a", 5, load_block_count=replica_blocks),
    ]
    assert replica_block_share(loads(SERVERS, series)) == share
