"""The alerts of a server whose metrics are at their thresholds, or exceed them."""

from dataclasses import replace

import pytest

from closebook.monitoring.thresholds import (
    ClockOffset,
    ServerMetrics,
    SlowQuery,
    exceeded_thresholds,
)

HEALTHY = ServerMetrics(
    index_blocks_hit=99_000,
    index_blocks_read=1_000,
    lag_bytes=0,
    lag_seconds=0.0,
    connection_count=80,
    connection_limit=100,
    long_query_count=0,
    longest_query_seconds=59.0,
    slow_queries=(SlowQuery("shop", 7, 10, 9_990.0),),
    clock_offset=ClockOffset(2.0, 0.0),
)


def alert_names(metrics: ServerMetrics) -> list[str]:
    return [alert.name for alert in exceeded_thresholds(metrics)]


def test_a_server_at_its_thresholds_has_no_alert() -> None:
    assert alert_names(HEALTHY) == []


@pytest.mark.parametrize(
    ("changed", "alert"),
    [
        (replace(HEALTHY, index_blocks_read=1_001), "index_hit_rate"),
        (replace(HEALTHY, lag_bytes=1, lag_seconds=60.1), "replication_lag"),
        (replace(HEALTHY, lag_bytes=1, lag_seconds=None), "replication_lag"),
        (replace(HEALTHY, connection_count=81), "connections"),
        (replace(HEALTHY, long_query_count=1), "long_queries"),
        (replace(HEALTHY, clock_offset=ClockOffset(2.1, 0.0)), "clock_skew"),
        (replace(HEALTHY, clock_offset=ClockOffset(-3300.0, 0.1)), "clock_skew"),
        (replace(HEALTHY, slow_queries=(SlowQuery("shop", 7, 2, 2_000.0),)), "slow_statements"),
    ],
)
def test_each_exceeded_threshold_is_one_alert(changed: ServerMetrics, alert: str) -> None:
    assert alert_names(changed) == [alert]


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(
            replace(HEALTHY, index_blocks_hit=0, index_blocks_read=9_999), id="too few index blocks"
        ),
        pytest.param(
            replace(HEALTHY, index_blocks_hit=None, index_blocks_read=None),
            id="a counter was reset",
        ),
        pytest.param(
            replace(HEALTHY, clock_offset=ClockOffset(-5.0, 3.0)),
            id="the answer took so long that the clocks may agree",
        ),
        pytest.param(replace(HEALTHY, clock_offset=None), id="the clock was not read"),
        pytest.param(
            replace(HEALTHY, lag_bytes=0, lag_seconds=3_600.0),
            id="the primary is idle and the replica has replayed all",
        ),
        pytest.param(
            replace(HEALTHY, lag_bytes=None, lag_seconds=None), id="the primary does not answer"
        ),
        pytest.param(
            replace(HEALTHY, lag_bytes=10**9, lag_seconds=1.0),
            id="many bytes but a short time behind",
        ),
    ],
)
def test_values_that_prove_no_problem_are_no_alert(changed: ServerMetrics) -> None:
    assert alert_names(changed) == []


def test_several_slow_queries_are_one_alert_that_names_the_costliest() -> None:
    slow = replace(
        HEALTHY,
        slow_queries=(
            SlowQuery("shop", 7, 1, 2_000.0),
            SlowQuery("desk", 8, 4, 8_000.0),
            SlowQuery("shop", 9, 1000, 8_500.0),
        ),
    )
    [alert] = exceeded_thresholds(slow)
    assert alert.detail == (
        "2 queries took 1000 ms or more on average; the one with the longest total time is "
        "queryid 8 of the role desk, with 4 calls of 2000 ms on average"
    )


def test_the_texts_of_the_alerts_name_the_value_and_its_limit() -> None:
    alerts = exceeded_thresholds(
        ServerMetrics(
            index_blocks_hit=90_000,
            index_blocks_read=10_000,
            lag_bytes=4_096,
            lag_seconds=90.0,
            connection_count=90,
            connection_limit=100,
            long_query_count=1,
            longest_query_seconds=75.0,
            slow_queries=(),
        )
    )
    assert [alert.detail for alert in alerts] == [
        "90.00% of the index blocks were in memory; the minimum is 99%",
        "the replica is 4096 bytes behind the primary and was last up to date 90 s ago; the "
        "maximum is 60 s",
        "90 of 100 connections are in use; the maximum is 80%",
        "1 query has run for more than 60 s; the longest has run for 75 s",
    ]
