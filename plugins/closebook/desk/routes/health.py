"""The health of the platform's servers: the four to watch, the load kept off the primary, plans."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from psycopg.rows import DictRow

from closebook.desk import audit_log
from closebook.desk.charts import Chart, Frame
from closebook.desk.templating import page
from closebook.monitoring import thresholds
from closebook.monitoring.thresholds import hit_rate
from closebook.settings import desk_from_airflow
from closebook.sql import query
from closebook.store.session import Store, on_store

router = APIRouter()

COLLECTED_EVERY = timedelta(minutes=5)
STALE_AFTER = 3 * COLLECTED_EVERY
_LOWEST_RATE = 0.9


@dataclass(frozen=True)
class Span:
    """How far back the charts go, and in which steps."""

    title: str
    length: timedelta
    step: timedelta


SPANS: Mapping[str, Span] = {
    "day": Span("24 hours", timedelta(days=1), COLLECTED_EVERY),
    "week": Span("7 days", timedelta(days=7), timedelta(minutes=30)),
    "quarter": Span("90 days", timedelta(days=90), timedelta(hours=6)),
}


@dataclass(frozen=True)
class Measure:
    """One of the four of one server, as it is now."""

    name: str
    text: str
    is_known: bool
    is_beyond: bool


@dataclass(frozen=True)
class Server:
    """A server as its card shows it."""

    name: str
    kind: str
    number: int
    problem: str | None
    measures: tuple[Measure, ...]


@dataclass(frozen=True)
class Load:
    """What Closebook ran on one server in the span, as far as the server counts it."""

    server_name: str
    kind: str
    call_count: int | None
    seconds: float | None
    row_count: int | None
    block_count: int | None


@router.get("/health")
def health(request: Request, span: str = "day") -> HTMLResponse:
    """The page, from the last collections."""
    chosen = SPANS.get(span, SPANS["day"])
    now = datetime.now(UTC)
    since = now - chosen.length
    with on_store(desk_from_airflow()) as store:
        audit_log.enter(store, request, "looked", "health")
        latest = _rows(store, "health_latest")
        alerts_now = _rows(store, "health_alerts_now")
        connections = _rows(store, "health_connections")
        plans = _rows(store, "health_plans")
        alerts = _rows(store, "health_alerts", since=since)
        series = _rows(
            store,
            "health_series",
            since=since,
            step_seconds=chosen.step.total_seconds(),
        )
    loads = _loads(latest, series)
    collected_at = latest[0]["collected_at"] if latest else None
    return page(
        request,
        "health",
        collected_at=collected_at,
        is_stale=collected_at is not None and now - collected_at > STALE_AFTER,
        servers=_servers(latest, alerts_now),
        charts=_charts(latest, series, Frame(since, now, 0.0, 1.0), chosen),
        connections=connections,
        alerts_now=alerts_now,
        alerts=alerts,
        plans=plans,
        loads=loads,
        kept_off=_kept_off(loads),
        spans=SPANS,
        span=next(name for name, one in SPANS.items() if one is chosen),
        thresholds=thresholds,
    )


def _servers(latest: Sequence[DictRow], alerts: Sequence[DictRow]) -> list[Server]:
    beyond = {(row["server_name"], row["alert_name"]) for row in alerts}
    return [
        Server(
            row["server_name"],
            row["server_kind"],
            number,
            row["problem"],
            () if row["problem"] else tuple(_measures(row, beyond)),
        )
        for number, row in enumerate(latest, start=1)
    ]


def _measures(row: DictRow, beyond: set[tuple[str, str]]) -> list[Measure]:
    rate = hit_rate(row["index_blocks_hit"], row["index_blocks_read"])
    lag_seconds = row["lag_seconds"]
    if row["server_kind"] == "primary":
        lag = "has none"
    elif lag_seconds is None:
        lag = "not known"
    else:
        lag = f"{lag_seconds:,.1f} s"

    def measure(name: str, text: str, *alert_names: str, is_known: bool = True) -> Measure:
        return Measure(
            name, text, is_known, any((row["server_name"], one) in beyond for one in alert_names)
        )

    return [
        measure(
            "Index hit rate",
            "too few reads to say" if rate is None else f"{rate:.2%}",
            "index_hit_rate",
            is_known=rate is not None,
        ),
        measure("Replication lag", lag, "replication_lag", is_known=lag_seconds is not None),
        measure(
            "Connections",
            f"{row['connection_count']:,} of {row['connection_limit']:,}",
            "connections",
        ),
        measure(
            "Longest query",
            f"{row['longest_query_seconds']:,.1f} s",
            "long_queries",
            "slow_statements",
        ),
    ]


def _charts(
    latest: Sequence[DictRow], series: Sequence[DictRow], frame: Frame, span: Span
) -> list[Chart]:
    """The four over time. A value's frame always holds its threshold."""
    names = [row["server_name"] for row in latest]
    numbers = {name: number for number, name in enumerate(names, start=1)}
    replicas = [row["server_name"] for row in latest if row["server_kind"] == "replica"]

    def rate(row: DictRow) -> float | None:
        return hit_rate(row["index_blocks_hit"], row["index_blocks_read"])

    def share(row: DictRow) -> float | None:
        limit = row["connection_limit"]
        return row["connection_count"] / limit if limit else None

    gap_seconds = 2.5 * span.step.total_seconds()
    rates = [value for value in map(rate, series) if value is not None]
    lags = [row["lag_seconds"] or 0.0 for row in series]
    longest = [row["longest_query_seconds"] or 0.0 for row in series]
    rate_low = min([_LOWEST_RATE, *rates])

    def chart(
        title: str,
        of: Sequence[str],
        value: Callable[[DictRow], float | None],
        low: float,
        high: float,
        threshold: float,
        write: Callable[[float], str],
        worst: str,
    ) -> Chart:
        placed = Frame(frame.start, frame.end, low, high)
        return Chart(
            title=title,
            summary=f"{title} of {', '.join(of)} over the last {span.title}; {worst}; "
            f"threshold {write(threshold)}.",
            top_label=write(high),
            bottom_label=write(low),
            first_label=f"{frame.start:%Y-%m-%d %H:%M}",
            last_label=f"{frame.end:%Y-%m-%d %H:%M} UTC",
            lines=placed.lines(
                {
                    (numbers[name], name): [
                        (row["step_start"], value(row))
                        for row in series
                        if row["server_name"] == name
                    ]
                    for name in of
                },
                gap_seconds,
            ),
            threshold_y=placed.y(threshold),
            threshold_label=f"threshold {write(threshold)}",
        )

    def percent(value: float) -> str:
        return f"{value:.0%}"

    def seconds(value: float) -> str:
        return f"{value:,.0f} s"

    shares = [value for value in map(share, series) if value is not None]
    return [
        chart(
            "Index hit rate",
            names,
            rate,
            rate_low,
            1.0,
            thresholds.INDEX_HIT_RATE_MIN,
            percent,
            f"lowest {min(rates):.2%}" if rates else "too few reads to say",
        ),
        chart(
            "Replication lag",
            replicas,
            lambda row: row["lag_seconds"],
            0.0,
            max([1.2 * thresholds.LAG_SECONDS_MAX, *lags]),
            thresholds.LAG_SECONDS_MAX,
            seconds,
            f"highest {max(lags, default=0.0):.1f} s",
        ),
        chart(
            "Connections, of the limit",
            names,
            share,
            0.0,
            1.0,
            thresholds.CONNECTION_SHARE_MAX,
            percent,
            f"highest {max(shares, default=0.0):.0%}",
        ),
        chart(
            "Longest query",
            names,
            lambda row: row["longest_query_seconds"],
            0.0,
            max([1.2 * thresholds.LONG_QUERY_SECONDS, *longest]),
            thresholds.LONG_QUERY_SECONDS,
            seconds,
            f"highest {max(longest, default=0.0):.1f} s",
        ),
    ]


def _loads(latest: Sequence[DictRow], series: Sequence[DictRow]) -> list[Load]:
    def total(name: str, column: str) -> float | None:
        known = [
            row[column] for row in series if row["server_name"] == name and row[column] is not None
        ]
        return sum(known) if known else None

    loads = []
    for row in latest:
        name = row["server_name"]
        took_ms = total(name, "load_ms")
        calls, rows, blocks = (
            total(name, column)
            for column in ("load_call_count", "load_row_count", "load_block_count")
        )
        loads.append(
            Load(
                name,
                row["server_kind"],
                None if calls is None else int(calls),
                None if took_ms is None else took_ms / 1000,
                None if rows is None else int(rows),
                None if blocks is None else int(blocks),
            )
        )
    return loads


def _kept_off(loads: Sequence[Load]) -> float | None:
    """The share of the blocks that Closebook touched which were not the primary's."""
    known = [load for load in loads if load.block_count is not None]
    blocks = sum(load.block_count or 0 for load in known)
    if not blocks or {load.kind for load in known} != {"primary", "replica"}:
        return None
    return sum(load.block_count or 0 for load in known if load.kind == "replica") / blocks


def _rows(store: Store, name: str, **parameters: object) -> list[DictRow]:
    return store.execute(query(f"desk/{name}"), parameters or None).fetchall()
