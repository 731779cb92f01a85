"""What a soak compares: the reporting store, the documents and the counter with the platform.

The platform's rows are added up here, on the primary and by queries of their own.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, LiteralString

import psycopg
import redis

from closebook.audit.register_audit import audit
from closebook.counter.publisher import COUNTER_KEY
from closebook.periods import Period
from closebook.settings.store_settings import RegisterSettings
from closebook.statements.document_store import DocumentStore
from local.cluster import BUCKET, Cluster
from local.s3_server import READER

SHOWN = 3

# Each pair gives a key and its values; the first one is of the platform, the second of the store.
_PAIRS: Mapping[str, tuple[LiteralString, LiteralString]] = {
    "hour": (
        "select extract(epoch from date_trunc('hour', settled_at))::bigint, count(*)::bigint,"
        " sum(amount_minor)::bigint from platform.transactions"
        " where status = 'settled' and settled_at >= %(first)s and settled_at < %(last)s"
        " group by 1",
        "select extract(epoch from closes.period_start)::bigint,"
        " sum(transaction_count)::bigint, sum(amount_minor)::bigint"
        " from reporting.closes join reporting.hourly_volume using (close_id)"
        " where grain = 'hour' and is_current and period_start >= %(first)s"
        " and period_start < %(last)s group by 1",
    ),
    "day": (
        "select (settled_at at time zone %(zone)s)::date::text, count(*)::bigint,"
        " sum(amount_minor)::bigint from platform.transactions"
        " where status = 'settled' and settled_at >= %(first)s and settled_at < %(last)s"
        " group by 1",
        "select business_day::text, sum(transaction_count)::bigint, sum(amount_minor)::bigint"
        " from reporting.closes join reporting.daily_volume using (close_id)"
        " where grain = 'day' and is_current and period_start >= %(first)s"
        " and period_start < %(last)s group by 1",
    ),
    "line": (
        "select entry_id, wallet_id, amount_minor from platform.ledger_entries"
        " where posted_at >= %(month)s and posted_at < %(month_end)s",
        "select entry_id, account_id, amount_minor from reporting.closes"
        " join reporting.statement_lines using (close_id)"
        " where grain = 'month' and is_current and period_start = %(month)s",
    ),
    "statement": (
        "select wallet_id, coalesce(sum(amount_minor) filter (where posted_at < %(month)s), 0)"
        "::bigint, sum(amount_minor)::bigint from platform.ledger_entries"
        " where posted_at < %(month_end)s group by 1",
        "select account_id, opening_minor, closing_minor from reporting.closes"
        " join reporting.statements using (close_id)"
        " where grain = 'month' and is_current and period_start = %(month)s",
    ),
}
_OBJECTS: LiteralString = (
    "select object_name from reporting.statement_documents join reporting.closes using (close_id)"
    " where period_start = %(month)s"
)
_WITHOUT_DOCUMENT: LiteralString = (
    "select account_id from reporting.statements join reporting.closes using (close_id)"
    " where is_current and period_start = %(month)s except"
    " select account_id from reporting.statement_documents join reporting.closes using (close_id)"
    " where period_start = %(month)s"
)
_MANIFEST: LiteralString = (
    "select document_count, missing_count from reporting.statement_manifests"
    " join reporting.closes using (close_id) where is_current and period_start = %(month)s"
    " order by manifest_id desc limit 1"
)
_NOT_TIED_OUT: LiteralString = (
    "select distinct on (close_id, check_name) grain || ' ' || check_name, offending_count"
    " from reporting.tie_outs join reporting.closes using (close_id, grain) where is_current"
    " order by close_id, check_name, tie_out_id desc"
)
_ALL_SETTLED: LiteralString = (
    "select coalesce(sum(amount_minor), 0)::bigint from platform.transactions"
    " where status = 'settled'"
)


def differences(cluster: Cluster, month: Period, days: Sequence[Period]) -> list[str]:
    """Return what differs, in words; nothing if all is right."""
    parameters = compared(month, days)
    with (
        psycopg.connect(cluster.primary_admin("platform")) as platform,
        psycopg.connect(cluster.store()) as store,
    ):
        return [
            *unequal_rows(platform, store, parameters),
            *_documents(cluster, store, month, parameters),
            *_checks(store),
            *_counter(cluster, platform),
            *_audited(cluster),
        ]


def compared(month: Period, days: Sequence[Period]) -> dict[str, Any]:
    """Return the parameters of what is compared: a month, and days that follow each other."""
    return {
        "first": days[0].start,
        "last": days[-1].end,
        "month": month.start,
        "month_end": month.end,
        "zone": month.time_zone,
    }


def unequal_rows(
    platform: psycopg.Connection[Any],
    store: psycopg.Connection[Any],
    parameters: Mapping[str, Any],
) -> Iterator[str]:
    """Yield which rows of hours, days, lines and statements differ, in words."""
    for what, (of_platform, of_store) in _PAIRS.items():
        # Counted, so that a row that is there twice is a difference.
        expected = Counter(platform.execute(of_platform, parameters).fetchall())
        found = Counter(store.execute(of_store, parameters).fetchall())
        if not expected:
            yield f"the platform has no {what} to compare"
        for name, differing in (("platform", expected - found), ("store", found - expected)):
            if differing:
                rows = sorted(differing)[:SHOWN]
                count = sum(differing.values())
                yield f"{what}: {count} rows are only in the {name}, such as {rows}"


def _documents(
    cluster: Cluster,
    store: psycopg.Connection[Any],
    month: Period,
    parameters: Mapping[str, Any],
) -> Iterator[str]:
    registered = Counter(name for (name,) in store.execute(_OBJECTS, parameters))
    bucket = _bucket(cluster)
    stored = [name for name in bucket.names(f"statements/{month.label}") if name.endswith(".pdf")]
    if twice := [name for name, count in registered.items() if count > 1]:
        yield f"{len(twice)} documents are registered twice, such as {twice[0]}"
    if unknown := set(stored).difference(registered):
        yield f"{len(unknown)} documents are not registered, such as {min(unknown)}"
    if missing := bucket.read_all(registered):
        yield f"{len(missing)} documents are not in the bucket, such as {missing[0]}"
    if without := store.execute(_WITHOUT_DOCUMENT, parameters).fetchall():
        yield f"{len(without)} statements have no document, such as that of {without[0][0]}"
    statements = len(store.execute(_PAIRS["statement"][1], parameters).fetchall())
    manifest = store.execute(_MANIFEST, parameters).fetchone()
    if manifest != (statements, 0):
        yield f"the newest manifest lists and lacks {manifest} of {statements} documents"


def _checks(store: psycopg.Connection[Any]) -> Iterator[str]:
    for check, offending in store.execute(_NOT_TIED_OUT):
        if offending:
            yield f"the last check {check} of a current close finds {offending} rows"


def _counter(cluster: Cluster, platform: psycopg.Connection[Any]) -> Iterator[str]:
    with redis.Redis.from_url(cluster.redis_admin) as client:
        counted = json.loads(client.get(COUNTER_KEY) or "{}")
    [(settled,)] = platform.execute(_ALL_SETTLED).fetchall()
    found = int(counted.get("currencies", {}).get("USD", {}).get("gross_minor", 0))
    if found != settled:
        yield f"the counter has {found} minor units, and the platform {settled}"


def _audited(cluster: Cluster) -> Iterator[str]:
    settings = RegisterSettings(cluster.store(), _bucket(cluster).base_url)
    for finding in audit(settings).findings:
        yield f"the audit: {finding}"


def _bucket(cluster: Cluster) -> DocumentStore:
    """The documents, with the key of a reader."""
    os.environ["AIRFLOW_CONN_SOAK_READER"] = cluster.s3.connection_variable(READER)
    return DocumentStore(f"s3://soak_reader@{BUCKET}/documents")
