"""The state of the closes and of the servers as Prometheus metrics, from the store and Redis.

Each scrape reads all values again. The API server keeps no state of its own, so several processes
return the same values, before and after a restart. docs/metrics.md lists the metrics.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from psycopg.rows import DictRow

from closebook.counter import publisher
from closebook.errors import Misconfigured, Transient
from closebook.monitoring.thresholds import hit_rate
from closebook.settings.desk_settings import DeskSettings
from closebook.sql import query
from closebook.store.session import Store, on_store

Labels = Mapping[str, str]
Sample = tuple[Labels, float | None]

_MS_PER_SECOND = 1000


def exposition(settings: DeskSettings) -> bytes:
    """Return all metrics in the text format of Prometheus. Raises Transient without the store.

    Without Redis the metric closebook_redis_up is 0, and the metrics of the counter are absent.
    """
    with on_store(settings) as store:
        families = [*_store_metrics(store), *_redis_metrics(settings)]
    registry = CollectorRegistry()
    registry.register(_Families(families))
    return generate_latest(registry)


class _Families(Collector):
    """Metric families that were made before, as a collector for the registry."""

    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _store_metrics(store: Store) -> Iterator[Metric]:
    yield from _closes(_rows(store, "metrics_closes"))
    yield from _tie_outs(_rows(store, "metrics_tie_outs"))
    [statements] = _rows(store, "metrics_statements")
    yield _gauge(
        "closebook_statements",
        "Statements in the current closes of all months, by state.",
        [
            ({"state": "issued"}, statements["issued_count"]),
            ({"state": "released"}, statements["released_count"]),
            ({"state": "missing"}, statements["missing_count"]),
        ],
    )
    yield _gauge(
        "closebook_exceptions",
        "Accounts and currencies that the current closes have left out, by grain and reason.",
        [
            ({"grain": row["grain"], "reason": row["reason"]}, row["exception_count"])
            for row in _rows(store, "metrics_exceptions")
        ],
    )
    yield _counter(
        "closebook_late_rows",
        "Rows that came late for a closed period, as the close of an enclosing one found them.",
        [
            ({"grain": row["grain"], "measure": row["measure"]}, row["late_row_count"])
            for row in _rows(store, "metrics_late_rows")
        ],
    )
    publications = _rows(store, "metrics_counter")
    yield _gauge(
        "closebook_counter_stored_publication",
        "The number of the last publication of the counter in the store.",
        [({}, row["publication_id"]) for row in publications],
    )
    servers = _rows(store, "health_latest")
    yield from _servers(servers)
    yield from _connections(_rows(store, "health_connections"))
    yield from _load(servers)
    yield _gauge(
        "closebook_health_alerts",
        "Alerts of the last collection, by server and alert. The Health page shows the details.",
        _alert_counts(_rows(store, "health_alerts_now")),
    )


def _redis_metrics(settings: DeskSettings) -> Iterator[Metric]:
    up_text = "1 if Redis answers, 0 if it does not."
    try:
        document = publisher.read(settings)
    except (Transient, Misconfigured):
        yield _gauge("closebook_redis_up", up_text, [({}, 0)])
        return
    yield _gauge("closebook_redis_up", up_text, [({}, 1)])
    documents = [] if document is None else [document]
    yield _gauge(
        "closebook_counter_publication",
        "The number of the publication of the counter that is in Redis.",
        [({}, one["publication"]) for one in documents],
    )
    yield _gauge(
        "closebook_counter_as_of_timestamp_seconds",
        "The end of the last hour that the counter in Redis includes.",
        [({}, publisher.instant(one["as_of"]).timestamp()) for one in documents],
    )
    yield _gauge(
        "closebook_counter_missing_hours",
        "Hours that the counter in Redis does not include because they are not closed.",
        [({}, one["missing_hour_count"]) for one in documents],
    )
    yield _gauge(
        "closebook_counter_currency_excluded",
        "1 for each currency that the counter in Redis leaves out, by the reason.",
        [
            ({"currency": currency, "reason": excluded["reason"]}, 1)
            for one in documents
            for currency, excluded in one.get("excluded_currencies", {}).items()
        ],
    )


def _closes(rows: Sequence[DictRow]) -> Iterator[Metric]:
    yield _counter(
        "closebook_closes",
        "Closes, by grain and outcome.",
        [
            ({"grain": row["grain"], "outcome": outcome}, row[f"{outcome}_count"])
            for row in rows
            for outcome in ("new", "changed", "confirmed")
        ],
    )
    yield _gauge(
        "closebook_last_period_end_timestamp_seconds",
        "The end of the latest closed period, by grain.",
        [({"grain": row["grain"]}, row["last_period_end"].timestamp()) for row in rows],
    )
    yield _gauge(
        "closebook_last_close_timestamp_seconds",
        "The time of the last close, by grain. A close that confirms a period counts.",
        [({"grain": row["grain"]}, row["last_closed_at"].timestamp()) for row in rows],
    )


def _tie_outs(rows: Sequence[DictRow]) -> Iterator[Metric]:
    yield _counter(
        "closebook_tie_outs",
        "Tie-out checks that were made, by check.",
        [({"check": row["check_name"]}, row["made_count"]) for row in rows],
    )
    yield _counter(
        "closebook_tie_outs_failed",
        "Tie-out checks that failed, by check.",
        [({"check": row["check_name"]}, row["failed_count"]) for row in rows],
    )


def _servers(servers: Sequence[DictRow]) -> Iterator[Metric]:
    yield _gauge(
        "closebook_health_collected_timestamp_seconds",
        "The time of the last collection. The metrics of servers have the values of that time.",
        [({}, row["collected_at"].timestamp()) for row in servers[:1]],
    )
    yield _gauge(
        "closebook_server_up",
        "1 if the server answered, 0 if it did not.",
        [(_server(row), row["problem"] is None) for row in servers],
    )
    for name, text, column in (
        (
            "closebook_replication_lag_bytes",
            "Bytes of the primary's write-ahead log that the replica has not replayed.",
            "lag_bytes",
        ),
        (
            "closebook_replication_lag_seconds",
            "The time since the replica was last up to date with the primary.",
            "lag_seconds",
        ),
        (
            "closebook_connections_limit",
            "The limit of connections, without those reserved for superusers.",
            "connection_limit",
        ),
        (
            "closebook_long_queries",
            "Queries of other roles that have run for more than 60 seconds.",
            "long_query_count",
        ),
        (
            "closebook_longest_query_seconds",
            "How long the longest query of another role has run.",
            "longest_query_seconds",
        ),
    ):
        yield _gauge(name, text, [(_server(row), row[column]) for row in servers])
    yield _gauge(
        "closebook_index_hit_ratio",
        "The share of index blocks that were in memory since the collection before.",
        [
            (_server(row), hit_rate(row["index_blocks_hit"], row["index_blocks_read"]))
            for row in servers
        ],
    )


def _connections(rows: Sequence[DictRow]) -> Iterator[Metric]:
    yield _gauge(
        "closebook_connections",
        "Client connections, by server, role and state.",
        [
            (
                {"server": row["server_name"], "role": row["role_name"], "state": row["state"]},
                row["connection_count"],
            )
            for row in rows
        ],
    )


def _load(servers: Sequence[DictRow]) -> Iterator[Metric]:
    for name, text, column, divisor in (
        ("closebook_load_calls", "Queries that Closebook ran", "load_call_count", 1),
        ("closebook_load_seconds", "Time that Closebook's queries took", "load_ms", _MS_PER_SECOND),
        ("closebook_load_rows", "Rows that Closebook's queries returned", "load_row_count", 1),
        ("closebook_load_blocks", "Blocks that Closebook's queries read", "load_block_count", 1),
    ):
        yield _counter(
            name,
            f"{text} since the last reset of pg_stat_statements.",
            [
                (_server(row), None if row[column] is None else row[column] / divisor)
                for row in servers
            ],
        )


def _alert_counts(alerts: Sequence[DictRow]) -> list[Sample]:
    counts = Counter((row["server_name"], row["alert_name"]) for row in alerts)
    return [
        ({"server": server, "alert": alert}, count) for (server, alert), count in counts.items()
    ]


def _server(row: DictRow) -> Labels:
    return {"server": row["server_name"], "kind": row["server_kind"]}


def _gauge(name: str, text: str, samples: Iterable[Sample]) -> Metric:
    return _with_samples(GaugeMetricFamily(name, text), name, samples)


def _counter(name: str, text: str, samples: Iterable[Sample]) -> Metric:
    return _with_samples(CounterMetricFamily(name, text), f"{name}_total", samples)


def _with_samples(family: Metric, name: str, samples: Iterable[Sample]) -> Metric:
    """Add the samples to the family. A value of None is not known and gets no sample."""
    for labels, value in samples:
        if value is not None:
            family.add_sample(name, dict(labels), float(value))
    return family


def _rows(store: Store, name: str) -> list[DictRow]:
    return store.execute(query(f"desk/{name}")).fetchall()
