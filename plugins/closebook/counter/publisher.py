"""The counter in Redis: the platform's volume up to the last closed hour, as one document.

docs/counter.schema.json describes the document. It is computed from the store alone, so publishing
it again, late or out of order is safe.
"""

import json
import logging
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import redis
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from closebook.errors import ClosebookError, Misconfigured, NotReady, Transient, WrongData
from closebook.money import exponent
from closebook.periods import HOUR, Grain
from closebook.settings import Run, Settings
from closebook.settings.desk_settings import DeskSettings
from closebook.sql import query
from closebook.store.session import Store, on_store

COUNTER_KEY = "closebook:platform_volume"
PUBLISH_IF_NEWER = Path(__file__).with_name("publish_if_newer.lua")
REDIS_TIMEOUT_SECONDS = 5

UNKNOWN_CURRENCY, INCOMPLETE, WOULD_FALL = "unknown_currency", "incomplete", "would_fall"
_TEXTS = {
    UNKNOWN_CURRENCY: "it is no ISO 4217 currency with a minor unit",
    INCOMPLETE: "a closed hour has left it out; reporting.close_exceptions says why",
    WOULD_FALL: "its gross total would fall, which only a settled payment that vanished from the "
    "platform can cause; look for hours with more than one version in reporting.closes",
}

# A cluster's answers to a client that knows of no cluster.
_OF_A_CLUSTER = (
    redis.exceptions.AskError,  # MovedError is one
    redis.exceptions.ClusterDownError,
    redis.exceptions.ClusterCrossSlotError,
    redis.exceptions.TryAgainError,
)
_NO_RIGHT = re.compile(r"NOPERM|ACL failure in script|executing the script can't")

Document = dict[str, Any]

log = logging.getLogger(__name__)


class NothingClosed(NotReady):
    """No hour is closed yet, so there is no counter to publish."""


class HoursFromLostLog(NotReady):
    """After a failover hours are to be closed again: they may count what the platform has lost."""


def publish(settings: Settings, run: Run) -> Document:
    """Compute the counter from the store and write it to Redis, unless Redis has a newer one.

    A currency whose total is not complete, would fall, or has no known exponent is left out and
    named in the document, with its last total; the others are published. Returns the document that
    this run computed. Raises NothingClosed when no hour is closed, HoursFromLostLog after a
    failover until all touched hours are closed again, Transient when a server is out of reach,
    Misconfigured when Redis refuses the log-in, a command or the key, or is a cluster.
    """
    with on_store(settings) as store:
        document = _next_publication(store, run)
    _write_to_redis(settings, document)
    return document


def read(settings: Settings | DeskSettings) -> Document | None:
    """Return the document that Redis has, or None.

    Raises Transient when Redis is out of reach, Misconfigured when it refuses, as `publish` does.
    """
    try:
        with redis_client(settings) as client:
            text = client.get(COUNTER_KEY)
    except redis.RedisError as error:
        lost = Transient("CB-RETRY-REDIS-UNREADABLE", f"Redis cannot be read: {error}")
        raise redis_error(error, lost) from error
    return None if text is None else json.loads(text)


def _next_publication(store: Store, run: Run) -> Document:
    """Add the present state of the counter to the store, unless it equals the last one.

    It locks the counter, so that a higher number is always a later state.
    """
    store.execute(query("counter_publications/lock"))
    _refuse_hours_from_lost_logs(store)
    last = store.execute(query("counter_publications/last")).fetchone()
    # After an acknowledged failover the total may fall once, by the payments that were lost.
    if last is not None and last["is_before_failover"]:
        last = None
    content = _content(store, {} if last is None else last["counter_document"])
    for currency, excluded in content["excluded_currencies"].items():
        log.error("%s is left out of the counter: %s", currency, _TEXTS[excluded["reason"]])
    if last is not None and last["counter_document"] == content:
        return {"publication": last["publication_id"], **content}
    added = store.execute(
        query("counter_publications/insert"),
        {
            "as_of": content["as_of"],
            "counter_document": Jsonb(content),
            "run_id": run.run_id,
        },
    ).fetchone()
    assert added is not None  # noqa: S101  # the insert returns its row
    return {"publication": added["publication_id"], **content}


def _content(store: Store, last: Document) -> Document:
    rows = store.execute(query("counter_publications/totals")).fetchall()
    if not rows:
        raise NothingClosed(
            "CB-WAIT-NOTHING-TO-COUNT",
            "no hour is closed yet: run hourly_platform_volume or daily_rollups first",
        )
    as_of: datetime = rows[0]["as_of"]
    known = _known_totals(last)
    currencies, excluded = {}, {}
    for row in rows:
        if (currency := row["currency"]) is None:
            continue
        known_total = known.pop(currency, None)
        reason = _reason_to_exclude(row, known_total)
        if reason is None:
            currencies[currency] = _totals(row)
        else:
            excluded[currency] = {"reason": reason, "last": known_total}
    # What is still known has no volume any more.
    excluded |= {
        currency: {"reason": WOULD_FALL, "last": total}
        for currency, total in known.items()
        if int(total["gross_minor"])
    }
    return {
        "counted_from": _utc(rows[0]["counted_from"]),
        "previous_as_of": _utc(as_of - HOUR),
        "as_of": _utc(as_of),
        "next_update_at": _utc(as_of + HOUR),
        "missing_hour_count": rows[0]["missing_hour_count"],
        "currencies": currencies,
        "excluded_currencies": excluded,
    }


def _totals(row: DictRow) -> Document:
    return {
        "exponent": exponent(row["currency"]),
        "gross_minor": str(row["gross_minor"]),
        "previous_gross_minor": str(row["previous_gross_minor"]),
        "payment_count": int(row["payment_count"]),
        "previous_payment_count": int(row["previous_payment_count"]),
        "refund_minor": str(row["refund_minor"]),
        "refund_count": int(row["refund_count"]),
        "chargeback_minor": str(row["chargeback_minor"]),
        "chargeback_count": int(row["chargeback_count"]),
    }


def _reason_to_exclude(row: DictRow, known_total: Document | None) -> str | None:
    """Return why a currency cannot be published, or None."""
    try:
        exponent(row["currency"])
    except WrongData:
        return UNKNOWN_CURRENCY  # guard: counter.unknown-currency-stops-itself-only
    if row["excluded_reason"] is not None:
        return INCOMPLETE  # guard: counter.incomplete-currency-is-left-out
    if known_total is not None and row["gross_minor"] < int(known_total["gross_minor"]):
        return WOULD_FALL  # guard: counter.gross-never-falls
    return None


def _known_totals(last: Document) -> dict[str, Document]:
    """Return the last total of each currency that was ever published, and when it was true."""
    known = {
        currency: {
            "as_of": last["as_of"],
            "exponent": totals["exponent"],
            "gross_minor": totals["gross_minor"],
        }
        for currency, totals in last.get("currencies", {}).items()
    }
    for currency, excluded in last.get("excluded_currencies", {}).items():
        if excluded["last"] is not None:
            known[currency] = excluded["last"]  # guard: counter.excluded-total-is-remembered
    return known


def _refuse_hours_from_lost_logs(store: Store) -> None:
    rows = store.execute(query("closes/touched_by_lost_log")).fetchall()
    hours = [row for row in rows if row["grain"] == Grain.HOUR]
    if hours:  # guard: counter.no-hour-of-a-lost-log
        raise HoursFromLostLog(
            "CB-WAIT-HOURS-FROM-LOST-LOG",
            f"{len(hours)} hours from {_utc(hours[0]['period_start'])} on may count what was lost "
            "in a failover: run acknowledge_failover again, which closes them again",
        )


def _write_to_redis(settings: Settings, document: Document) -> None:
    text = json.dumps(document, separators=(",", ":"))
    try:
        with redis_client(settings) as client:
            script = client.register_script(PUBLISH_IF_NEWER.read_text(encoding="utf-8"))
            script(keys=[COUNTER_KEY], args=[document["publication"], text])
    except redis.RedisError as error:
        lost = Transient(
            "CB-RETRY-REDIS-NOT-WRITTEN",
            f"Redis did not take publication {document['publication']} of the counter "
            f"({type(error).__name__}: {error}); it is safe in the store and can be sent again",
        )
        raise redis_error(error, lost) from error


def redis_error(error: redis.RedisError, lost: Transient) -> ClosebookError:
    """Return the error for what Redis refuses each time; ``lost`` for what may work later.

    A replica (READONLY) may be one for as long as a failover takes, and memory may become free.
    """
    # guard: counter.redis-log-in
    if isinstance(error, redis.exceptions.AuthenticationError):
        return Misconfigured(
            "CB-CONFIG-REDIS-LOGIN",
            f"Redis refuses the log-in: {error}; correct user and password of the Airflow "
            "connection closebook_redis, or at the desk closebook_redis_app",
        )
    is_of_cluster = isinstance(error, _OF_A_CLUSTER)
    # guard: counter.redis-cluster
    if is_of_cluster and not isinstance(error, redis.exceptions.MasterDownError):
        return Misconfigured(
            "CB-CONFIG-REDIS-IS-CLUSTER",
            f"Redis is a cluster ({type(error).__name__}: {error}), and the counter is one key on "
            "one server: point closebook_redis at a Redis with cluster-enabled no",
        )
    # A command that a script runs is refused in another form than one of the client's own.
    # guard: counter.redis-rights
    if isinstance(error, redis.exceptions.NoPermissionError) or _NO_RIGHT.search(str(error)):
        return Misconfigured(
            "CB-CONFIG-REDIS-RIGHTS",
            f"Redis lacks a right for its user: {error}; compare it with "
            f"deploy/redis_users.acl, and the key with {COUNTER_KEY}",
        )
    if str(error).startswith("WRONGTYPE"):  # guard: counter.redis-key-taken
        return Misconfigured(
            "CB-CONFIG-REDIS-KEY-TAKEN",
            f"the key {COUNTER_KEY} of Redis holds no text: somebody else uses it; delete it, or "
            "give the counter a database of its own (the extra db of closebook_redis)",
        )
    return lost


def redis_client(settings: Settings | DeskSettings) -> "redis.Redis":
    """Return a client of the counter's Redis, which gives up after REDIS_TIMEOUT_SECONDS."""
    return redis.Redis.from_url(
        settings.redis_url,
        decode_responses=True,
        socket_timeout=REDIS_TIMEOUT_SECONDS,
        socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
    )


def _utc(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def instant(text: str) -> datetime:
    """Parse an instant of the document."""
    return datetime.fromisoformat(text)
