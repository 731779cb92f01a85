"""Which figures are an alert: each of the four, at its threshold and beyond."""

from dataclasses import replace

import pytest

from closebook.monitoring.thresholds import SlowStatement, Vitals, judge

WELL = Vitals(
    index_blocks_hit=99_000,
    index_blocks_read=1_000,
    lag_bytes=0,
    lag_seconds=0.0,
    connection_count=80,
    connection_limit=100,
    long_query_count=0,
    longest_query_seconds=59.0,
    slow_statements=(SlowStatement("shop", 7, 10, 9_990.0),),
)


def names(vitals: Vitals) -> list[str]:
    return [alert.name for alert in judge(vitals)]


def test_at_its_thresholds_a_server_is_well() -> None:
    assert names(WELL) == []


@pytest.mark.parametrize(
    ("changed", "alert"),
    [
        (replace(WELL, index_blocks_read=1_001), "index_hit_rate"),
        (replace(WELL, lag_bytes=1, lag_seconds=60.1), "replication_lag"),
        (replace(WELL, lag_bytes=1, lag_seconds=None), "replication_lag"),
        (replace(WELL, connection_count=81), "connections"),
        (replace(WELL, long_query_count=1), "long_queries"),
        (replace(WELL, slow_statements=(SlowStatement("shop", 7, 2, 2_000.0),)), "slow_statements"),
    ],
)
def test_beyond_one_it_is_not_and_that_one_is_named(changed: Vitals, alert: str) -> None:
    assert names(changed) == [alert]


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(
            replace(WELL, index_blocks_hit=0, index_blocks_read=9_999), id="too few blocks to say"
        ),
        pytest.param(
            replace(WELL, index_blocks_hit=None, index_blocks_read=None), id="a counter began anew"
        ),
        pytest.param(
            replace(WELL, lag_bytes=0, lag_seconds=3_600.0), id="abreast of an idle primary"
        ),
        pytest.param(replace(WELL, lag_bytes=None, lag_seconds=None), id="without a primary"),
        pytest.param(replace(WELL, lag_bytes=10**9, lag_seconds=1.0), id="much log in a second"),
    ],
)
def test_what_says_nothing_is_no_alert(changed: Vitals) -> None:
    assert names(changed) == []


def test_several_slow_statements_are_one_alert_that_names_the_costliest() -> None:
    slow = replace(
        WELL,
        slow_statements=(
            SlowStatement("shop", 7, 1, 2_000.0),
            SlowStatement("desk", 8, 4, 8_000.0),
            SlowStatement("shop", 9, 1000, 8_500.0),
        ),
    )
    [alert] = judge(slow)
    assert alert.detail == (
        "2 took 1000 ms or more on average; most time went to queryid 8 of desk: 4 calls, "
        "2000 ms each"
    )
