"""The charts of the Health page: one line chart for each metric that has a threshold."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg.rows import DictRow

from closebook.desk.charts import Axes, Chart
from closebook.monitoring import thresholds
from closebook.monitoring.thresholds import hit_rate

COLLECTION_INTERVAL = timedelta(minutes=5)


@dataclass(frozen=True)
class TimeRange:
    """A choice of the page: how far back the charts go, and the time between two points."""

    title: str
    length: timedelta
    step: timedelta


TIME_RANGES: Mapping[str, TimeRange] = {
    "day": TimeRange("24 hours", timedelta(days=1), COLLECTION_INTERVAL),
    "week": TimeRange("7 days", timedelta(days=7), timedelta(minutes=30)),
    "quarter": TimeRange("90 days", timedelta(days=90), timedelta(hours=6)),
}


@dataclass(frozen=True)
class ChartedMetric:
    """How a metric is drawn.

    ``value`` reads the metric from a row of sql/desk/health_series.sql. The value axis goes from
    ``low`` to ``high``, and further if a value is outside. ``worst`` selects the worst of several
    values, and ``worst_word`` names it.
    """

    title: str
    value: Callable[[DictRow], float | None]
    text: Callable[[float], str]
    precise_text: Callable[[float], str]
    threshold: float
    low: float
    high: float
    worst: Callable[[Sequence[float]], float] = max
    worst_word: str = "highest"
    replicas_only: bool = False


def _index_hit_rate(row: DictRow) -> float | None:
    return hit_rate(row["index_blocks_hit"], row["index_blocks_read"])


def _connection_share(row: DictRow) -> float | None:
    limit = row["connection_limit"]
    return row["connection_count"] / limit if limit else None


_METRICS = (
    ChartedMetric(
        "Index hit rate",
        _index_hit_rate,
        "{:.0%}".format,
        "{:.2%}".format,
        thresholds.INDEX_HIT_RATE_MIN,
        low=0.9,
        high=1.0,
        worst=min,
        worst_word="lowest",
    ),
    ChartedMetric(
        "Replication lag",
        lambda row: row["lag_seconds"],
        "{:,.0f} s".format,
        "{:,.1f} s".format,
        thresholds.LAG_SECONDS_MAX,
        low=0.0,
        high=1.2 * thresholds.LAG_SECONDS_MAX,
        replicas_only=True,
    ),
    ChartedMetric(
        "Connections, share of the limit",
        _connection_share,
        "{:.0%}".format,
        "{:.0%}".format,
        thresholds.CONNECTION_SHARE_MAX,
        low=0.0,
        high=1.0,
    ),
    ChartedMetric(
        "Longest query",
        lambda row: row["longest_query_seconds"],
        "{:,.0f} s".format,
        "{:,.1f} s".format,
        thresholds.LONG_QUERY_SECONDS,
        low=0.0,
        high=1.2 * thresholds.LONG_QUERY_SECONDS,
    ),
)


def health_charts(
    latest: Sequence[DictRow], series: Sequence[DictRow], time_range: TimeRange, now: datetime
) -> list[Chart]:
    """Return one chart for each metric, up to ``now``.

    ``latest`` has the rows of sql/desk/health_latest.sql, one for each server. ``series`` has the
    rows of sql/desk/health_series.sql, one for each server and step. The number of a line is the
    position of its server in ``latest``, from 1.
    """
    numbers = {row["server_name"]: number for number, row in enumerate(latest, start=1)}
    replicas = {row["server_name"] for row in latest if row["server_kind"] == "replica"}
    return [
        _chart(
            metric,
            {
                name: number
                for name, number in numbers.items()
                if name in replicas or not metric.replicas_only
            },
            series,
            time_range,
            now,
        )
        for metric in _METRICS
    ]


def _chart(
    metric: ChartedMetric,
    servers: Mapping[str, int],
    series: Sequence[DictRow],
    time_range: TimeRange,
    now: datetime,
) -> Chart:
    points: dict[int, list[tuple[datetime, float | None]]] = {
        number: [
            (row["step_start"], metric.value(row)) for row in series if row["server_name"] == name
        ]
        for name, number in servers.items()
    }
    values = [value for line in points.values() for _, value in line if value is not None]
    axes = Axes(
        start=now - time_range.length,
        end=now,
        low=min([metric.low, *values]),
        high=max([metric.high, *values]),
    )
    threshold_label = f"threshold {metric.text(metric.threshold)}"
    return Chart(
        title=metric.title,
        summary=f"{metric.title} of {', '.join(servers)} over the last {time_range.title}: "
        f"{_worst_value(metric, values)}, {threshold_label}.",
        top_label=metric.text(axes.high),
        bottom_label=metric.text(axes.low),
        first_label=f"{axes.start:%Y-%m-%d %H:%M}",
        last_label=f"{axes.end:%Y-%m-%d %H:%M} UTC",
        lines=axes.lines(points, longest_gap_seconds=2.5 * time_range.step.total_seconds()),
        threshold_y=axes.y(metric.threshold),
        threshold_label=threshold_label,
    )


def _worst_value(metric: ChartedMetric, values: Sequence[float]) -> str:
    if not values:
        return "no values"
    return f"{metric.worst_word} value {metric.precise_text(metric.worst(values))}"
