"""One hour's totals as a close reads them, beside a bare scan of the view."""

from collections.abc import Iterator
from datetime import UTC, datetime

from psycopg.rows import DictRow

from closebook.doctor.finding import Finding
from closebook.doctor.platform_session import PlatformSession
from closebook.periods import Period, hour_of

# The zone that is farthest from UTC, at 14 hours.
_FAR_ZONE = "Pacific/Kiritimati"

Totals = set[tuple[object, ...]]


def hour_observations(
    session: PlatformSession, newest_settled_at: datetime, *, is_full: bool
) -> Iterator[Finding]:
    """Compare an hour's totals with a bare scan, and with one in another time zone.

    A full look uses no index for the bare scans: it reads the whole table.
    """
    hour = hour_of(newest_settled_at.astimezone(UTC))
    scans = {"enable_indexscan": "off", "enable_indexonlyscan": "off", "enable_bitmapscan": "off"}
    with session.snapshot(**(scans if is_full else {})) as ask:
        bare = _totals(ask("doctor/bare_hour", hour.bounds))
        closed = _totals(ask("hourly_volume/read", hour.bounds))
    if closed != bare:
        yield _differs(hour, closed, bare)
    with session.snapshot(timezone="UTC") as ask:
        at_utc = _totals(ask("doctor/bare_hour", hour.bounds))
        session.connection.execute("select set_config('timezone', %s, true)", [_FAR_ZONE])
        elsewhere = _totals(ask("doctor/bare_hour", hour.bounds))
    if at_utc != elsewhere:  # guard: doctor.times-without-zone
        yield Finding(
            code="time-depends-on-session",
            subject="reporting_source.transactions.settled_at",
            what=f"{hour.label} has other rows when the session's time zone is another one",
            why="The view turns a time without zone into an instant by the zone of whoever asks. "
            "Each close would have another hour's rows when a setting changes.",
            mend="Write settled_at at time zone 'UTC' in the view, with the zone in which your "
            "application writes it, and no ::timestamptz.",
        )


def _differs(hour: Period, closed: Totals, bare: Totals) -> Finding:
    return Finding(
        code="hour-differs",
        subject=f"hour {hour.label}",
        what=f"the close's query gives {_text(closed - bare)}, and a bare scan of the same "
        f"snapshot {_text(bare - closed)}",
        why="One of the two is wrong: an index that is damaged, or a view that does not give the "
        "same rows twice.",
        mend="Take out of the view what is not the same each time (random(), now(), a limit), and "
        "run: reindex index concurrently on the index transactions_settled_hour.",
    )


def _totals(rows: list[DictRow]) -> Totals:
    columns = ("currency", "kind", "transaction_count", "amount_minor", "fee_minor")
    return {(*(row[column] for column in columns), row["discount_minor"]) for row in rows}


def _text(totals: Totals) -> str:
    return "; ".join(" ".join(map(str, total)) for total in sorted(totals, key=str)) or "nothing"
