"""The state of the closes and of the servers as Prometheus metrics, from the store and Redis.

Read anew for each scrape: the process that answers keeps nothing, so that several of them, and a
restart, tell the same. docs/metrics.md lists them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from psycopg.rows import DictRow

from closebook.counter import publisher
from closebook.errors import Transient
from closebook.monitoring.thresholds import hit_rate
from closebook.settings import DeskSettings
from closebook.sql import query
from closebook.store.session import Store, on_store

Labels = Mapping[str, str]
Sample = tuple[Labels, float | None]


def exposition(settings: DeskSettings) -> bytes:
    """Return all metrics in Prometheus' text format. Raises Transient without the store.

    Without Redis it says so in a metric, since the counter's age in Redis is what is asked for.
    """
    with on_store(settings) as store:
        families = [*_of_store(store), *_of_redis(settings)]
    registry = CollectorRegistry()
    registry.register(_Collected(families))
    return generate_latest(registry)


class _Collected(Collector):
    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _of_store(store: Store) -> Iterator[Metric]:
    yield from _closes(_rows(store, "metrics_closes"))
    yield from _tie_outs(_rows(store, "metrics_tie_outs"))
    [statements] = _rows(store, "metrics_statements")
    yield _gauge(
        "closebook_statements",
        "Statements of the current closes of all months, by what became of them.",
        [
            ({"state": "issued"}, statements["issued_count"]),
            ({"state": "released"}, statements["released_count"]),
            ({"state": "missing"}, statements["missing_count"]),
        ],
    )
    publications = _rows(store, "metrics_counter")
    yield _gauge(
        "closebook_counter_stored_publication",
        "The number of the counter's last state in the store.",
        [({}, row["publication_id"]) for row in publications],
    )
    yield from _health(
        _rows(store, "health_latest"),
        _rows(store, "health_connections"),
        _rows(store, "health_alerts_now"),
    )


def _of_redis(settings: DeskSettings) -> Iterator[Metric]:
    try:
        document = publisher.read(settings)
    except Transient:
        yield _gauge("closebook_redis_up", "Whether Redis answers.", [({}, 0)])
        return
    yield _gauge("closebook_redis_up", "Whether Redis answers.", [({}, 1)])
    shown = [] if document is None else [document]
    yield _gauge(
        "closebook_counter_publication",
        "The number of the counter's state in Redis.",
        [({}, one["publication"]) for one in shown],
    )
    yield _gauge(
        "closebook_counter_as_of_timestamp_seconds",
        "Up to when the counter in Redis counts.",
        [({}, publisher.instant(one["as_of"]).timestamp()) for one in shown],
    )
    yield _gauge(
        "closebook_counter_missing_hours",
        "Hours that the counter in Redis does not hold, since they are not closed.",
        [({}, one["missing_hour_count"]) for one in shown],
    )


def _closes(rows: Sequence[DictRow]) -> Iterator[Metric]:
    yield _counter(
        "closebook_closes",
        "Closes by how they came out.",
        [
            ({"grain": row["grain"], "outcome": outcome}, row[f"{outcome}_count"])
            for row in rows
            for outcome in ("new", "changed", "confirmed")
        ],
    )
    yield _gauge(
        "closebook_last_period_end_timestamp_seconds",
        "The end of the period that was closed last.",
        [({"grain": row["grain"]}, row["last_period_end"].timestamp()) for row in rows],
    )
    yield _gauge(
        "closebook_last_close_timestamp_seconds",
        "When a period was last closed or confirmed.",
        [({"grain": row["grain"]}, row["last_closed_at"].timestamp()) for row in rows],
    )


def _tie_outs(rows: Sequence[DictRow]) -> Iterator[Metric]:
    yield _counter(
        "closebook_tie_outs",
        "Checks that were made.",
        [({"check": row["check_name"]}, row["made_count"]) for row in rows],
    )
    yield _counter(
        "closebook_tie_outs_failed",
        "Checks that found rows that do not tie out.",
        [({"check": row["check_name"]}, row["failed_count"]) for row in rows],
    )


def _health(
    servers: Sequence[DictRow], connections: Sequence[DictRow], alerts: Sequence[DictRow]
) -> Iterator[Metric]:
    yield _gauge(
        "closebook_health_collected_timestamp_seconds",
        "When health was last collected; the metrics of servers are of then.",
        [({}, row["collected_at"].timestamp()) for row in servers[:1]],
    )
    yield _gauge(
        "closebook_server_up",
        "Whether a server answered.",
        [(_server(row), row["problem"] is None) for row in servers],
    )
    for name, text, column in (
        ("closebook_replication_lag_bytes", "Log that is not replayed yet.", "lag_bytes"),
        ("closebook_replication_lag_seconds", "How far a replica is behind.", "lag_seconds"),
        ("closebook_connections_limit", "Connections that others can have.", "connection_limit"),
        ("closebook_long_queries", "Queries that run for too long.", "long_query_count"),
        (
            "closebook_longest_query_seconds",
            "The longest query of others.",
            "longest_query_seconds",
        ),
    ):
        yield _gauge(name, text, [(_server(row), row[column]) for row in servers])
    yield _gauge(
        "closebook_index_hit_ratio",
        "The share of index blocks found in memory since the collection before.",
        [
            (_server(row), hit_rate(row["index_blocks_hit"], row["index_blocks_read"]))
            for row in servers
        ],
    )
    yield _gauge(
        "closebook_connections",
        "Connections by role and state.",
        [
            (
                {"server": row["server_name"], "role": row["role_name"], "state": row["state"]},
                row["connection_count"],
            )
            for row in connections
        ],
    )
    yield from _load(servers)
    yield _gauge(
        "closebook_health_alerts",
        "What the last collection found not to be as it should; the Health page has the details.",
        _counted(alerts),
    )


def _load(servers: Sequence[DictRow]) -> Iterator[Metric]:
    for name, text, column, unit in (
        ("closebook_load_calls", "Statements of Closebook.", "load_call_count", 1),
        ("closebook_load_seconds", "Time that Closebook's statements took.", "load_ms", 1000),
        ("closebook_load_rows", "Rows that Closebook's statements gave.", "load_row_count", 1),
        ("closebook_load_blocks", "Blocks that they touched.", "load_block_count", 1),
    ):
        yield _counter(
            name,
            f"{text} Counted by the server since its statistics began.",
            [
                (_server(row), None if row[column] is None else row[column] / unit)
                for row in servers
            ],
        )


def _counted(alerts: Sequence[DictRow]) -> list[Sample]:
    counts: dict[tuple[str, str], int] = {}
    for row in alerts:
        key = (row["server_name"], row["alert_name"])
        counts[key] = counts.get(key, 0) + 1
    return [({"server": server, "alert": alert}, n) for (server, alert), n in counts.items()]


def _server(row: DictRow) -> Labels:
    return {"server": row["server_name"], "kind": row["server_kind"]}


def _gauge(name: str, text: str, samples: Iterable[Sample]) -> Metric:
    return _filled(GaugeMetricFamily(name, text), name, samples)


def _counter(name: str, text: str, samples: Iterable[Sample]) -> Metric:
    return _filled(CounterMetricFamily(name, text), f"{name}_total", samples)


def _filled(family: Metric, name: str, samples: Iterable[Sample]) -> Metric:
    for labels, value in samples:
        if value is not None:
            family.add_sample(name, dict(labels), float(value))
    return family


def _rows(store: Store, name: str) -> list[DictRow]:
    return store.execute(query(f"desk/{name}")).fetchall()
