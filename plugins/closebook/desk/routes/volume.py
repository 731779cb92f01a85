"""The volume: the settled payments by hour and by day as charts and tables."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from fastapi import Request
from fastapi.responses import HTMLResponse
from psycopg.rows import DictRow

from closebook.desk import audit_log, charts
from closebook.desk.capacity import PAGES
from closebook.desk.charts import Chart
from closebook.desk.desk_route import desk_router
from closebook.desk.templating import amount_text, render_page
from closebook.periods import DAY, HOUR, Grain, Period
from closebook.settings.desk_settings import desk_from_airflow
from closebook.sql import query
from closebook.store.session import Store, on_store

router = desk_router(PAGES)

HOURS_SHOWN = 48
DAYS_SHOWN = 31

Instant = datetime | date


@dataclass(frozen=True)
class Volume:
    """The settled payments of closed periods by currency. ``rows`` is the table, latest first.

    ``exceptions`` are the currencies that some of these periods have left out.
    """

    currencies: tuple[str, ...]
    charts: tuple[Chart, ...]
    rows: tuple[tuple[str, Mapping[str, DictRow]], ...]
    exceptions: tuple[DictRow, ...] = ()


@router.get("/volume")
def volume(request: Request) -> HTMLResponse:
    """Show the page. Its script loads the counter."""
    settings = desk_from_airflow()
    with on_store(settings) as store:
        hours = _hours(store)
        time_zone, days = _days(store)
        audit_log.record(store, request, "looked", "volume")
    return render_page(request, "volume", hours=hours, days=days, time_zone=time_zone)


def _hours(store: Store) -> Volume:
    last = _last(store, Grain.HOUR)
    if last is None:
        return Volume((), (), ())
    since = last.start - HOUR * (HOURS_SHOWN - 1)
    rows = store.execute(query("desk/volume_hours"), {"since": since}).fetchall()
    steps = [since + HOUR * number for number in range(HOURS_SHOWN)]
    closed = {
        row["period_start"].astimezone(UTC)
        for row in store.execute(query("desk/closed_hours"), {"since": since}).fetchall()
    }
    return _volume(
        [(step, step in closed) for step in steps],
        {(row["hour_start"].astimezone(UTC), row["currency"]): row for row in rows},
        "hour",
        lambda at: f"{at:%Y-%m-%d %H:%M}",
        _exceptions(store, Grain.HOUR, since, last.start),
    )


def _days(store: Store) -> tuple[str, Volume]:
    """The days by the dates that they were closed under, and the time zone of the last one."""
    last = _last(store, Grain.DAY)
    if last is None:
        return "", Volume((), (), ())
    since = last.first_date - DAY * (DAYS_SHOWN - 1)
    rows = store.execute(query("desk/volume_days"), {"since": since}).fetchall()
    closed = {
        row["first_date"]
        for row in store.execute(query("desk/closed_days"), {"since": since}).fetchall()
    }
    steps = [since + timedelta(days=number) for number in range(DAYS_SHOWN)]
    return last.time_zone, _volume(
        [(step, step in closed) for step in steps],
        {(row["business_day"], row["currency"]): row for row in rows},
        "day",
        lambda day: f"{day:%Y-%m-%d}",
        _exceptions(store, Grain.DAY, last.start - DAY * DAYS_SHOWN, last.start),
    )


def _last(store: Store, grain: Grain) -> Period | None:
    rows = store.execute(query("closes/last_closed")).fetchall()
    found = [Period.from_register(row) for row in rows if row["grain"] == grain]
    return found[0] if found else None


def _volume(
    steps: Sequence[tuple[Instant, bool]],
    found: Mapping[tuple[Instant, str], DictRow],
    step_name: str,
    label: Callable[[Instant], str],
    exceptions: tuple[DictRow, ...],
) -> Volume:
    currencies = tuple(sorted({currency for _, currency in found}))
    drawn = tuple(_chart(currency, steps, found, step_name, label) for currency in currencies)
    rows = tuple(
        (
            label(step) if is_closed else f"{label(step)} (not closed)",
            {c: found[step, c] for c in currencies if (step, c) in found},
        )
        for step, is_closed in reversed(steps)
    )
    return Volume(currencies, drawn, rows, exceptions)


def _exceptions(store: Store, grain: Grain, since: datetime, last: datetime) -> tuple[DictRow, ...]:
    bounds = {"grains": [grain], "since": since, "until": last + DAY}
    rows = store.execute(query("desk/period_exceptions"), bounds).fetchall()
    return tuple(row for row in rows if row["measure"] == "volume")


def _chart(
    currency: str,
    steps: Sequence[tuple[Instant, bool]],
    found: Mapping[tuple[Instant, str], DictRow],
    step_name: str,
    label: Callable[[Instant], str],
) -> Chart:
    amounts = [
        int(found[step, currency]["amount_minor"]) if (step, currency) in found else 0
        for step, _ in steps
    ]
    top = max(amounts)
    top_step = label(steps[amounts.index(top)][0])
    highest, last = (
        amount_text(amount, currency, with_currency=True) for amount in (top, amounts[-1])
    )
    return Chart(
        title=currency,
        summary=f"{currency} by {step_name}. The highest {step_name} is {top_step} with {highest}. "
        f"The last {step_name} has {last}.",
        top_label=highest,
        bottom_label="0",
        first_label=label(steps[0][0]),
        last_label=label(steps[-1][0]),
        bars=charts.bars(amounts),
    )
