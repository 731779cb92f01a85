"""The volume of any range of days for finance, as charts, as a table and as files."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal

from fastapi import Depends, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse
from psycopg.rows import DictRow

from closebook.desk import audit_log, charts
from closebook.desk.capacity import DOCUMENTS, PAGES
from closebook.desk.charts import Chart
from closebook.desk.desk_route import desk_router
from closebook.desk.downloads import document_response
from closebook.desk.months import month_label
from closebook.desk.templating import amount_text, render_page
from closebook.desk.volume_files import MEDIA_TYPES, file_content
from closebook.desk.volume_report import (
    KINDS,
    MOST_ROWS,
    SHOWN_ROWS,
    SPLITS,
    VolumeRange,
    VolumeReport,
    read_report,
    version_changes,
    volume_rows,
)
from closebook.periods import DAY
from closebook.settings.desk_settings import desk_from_airflow
from closebook.sql import query
from closebook.store.session import Store, on_store

router = desk_router(PAGES)
file_router = desk_router(DOCUMENTS)

_MOST_BARS = 400


@dataclass(frozen=True)
class AskedVolume:
    """The report that a URL asks for, before it is known which day was closed last."""

    first_day: date | None
    last_day: date | None
    split_by: tuple[str, ...]
    criteria: dict[str, str]

    def on(self, store: Store) -> VolumeRange | None:
        """Return the report, or None if no day is closed yet."""
        rows = store.execute(query("closes/last_closed")).fetchall()
        last = [row["first_date"] for row in rows if row["grain"] == "day"]
        if not last:
            return None
        return VolumeRange.from_url(
            last[0], self.first_day, self.last_day, self.split_by, **self.criteria
        )


async def _asked_volume(
    first_day: str = "",
    last_day: str = "",
    currency: str = "",
    kind: str = "",
    merchant: str = "",
    category: str = "",
    country: str = "",
    funding: str = "",
    split_by: Annotated[list[str] | None, Query()] = None,
) -> AskedVolume:
    return AskedVolume(
        _day(first_day),
        _day(last_day),
        tuple(split_by or ()),
        {
            "currency": currency,
            "kind": kind,
            "merchant": merchant,
            "category": category,
            "country": country,
            "funding": funding,
        },
    )


Asked = Annotated[AskedVolume, Depends(_asked_volume)]


@router.get("/report")
def report(request: Request, asked: Asked) -> HTMLResponse:
    """Show the volume of the range, and the state of each month."""
    with on_store(desk_from_airflow()) as store:
        months = store.execute(query("desk/months")).fetchall()
        found = asked.on(store)
        if found is None:
            audit_log.record(store, request, "looked", "volume report")
            return render_page(request, "volume_report", asked=None, months=_labelled(months))
        day_count = (found.last_day - found.first_day).days + 1
        days_of_bar = -(-day_count // _MOST_BARS)
        read = read_report(store, found, days_of_part=days_of_bar, row_count=SHOWN_ROWS + 1)
        audit_log.record(store, request, "looked", f"volume report, {found.label}")
    days = [found.first_day + DAY * number for number in range(day_count)]
    parts = [days[at : at + days_of_bar] for at in range(0, day_count, days_of_bar)]
    return render_page(
        request,
        "volume_report",
        asked=found,
        months=_labelled(months),
        possible=read.choices,
        kinds=KINDS,
        splits=SPLITS,
        charts=_charts(found, parts, read),
        totals=_totals(read.sums),
        rows=read.rows[:SHOWN_ROWS],
        has_more=len(read.rows) > SHOWN_ROWS,
        shown_rows=SHOWN_ROWS,
        missing_days=day_count - len(read.closed),
        corrected=[row for row in read.closed if row["close_version"] > 1],
        time_zone=read.closed[-1]["time_zone"] if read.closed else "",
    )


@file_router.get("/report/files/{form}")
def file(request: Request, form: Literal["csv", "xlsx", "parquet"], asked: Asked) -> Response:
    """Return the rows of the range as a file."""
    with on_store(desk_from_airflow()) as store:
        found = asked.on(store)
        rows = [] if found is None else volume_rows(store, found, MOST_ROWS + 1)
        if found is None or not rows:
            raise HTTPException(404, "These days have no volume.")
        if len(rows) > MOST_ROWS:
            raise HTTPException(
                400,
                f"A file has at most {MOST_ROWS:,} rows: choose fewer days, or split the rows by "
                "fewer columns.",
            )
        audit_log.record(store, request, "downloaded", f"volume report as {form}, {found.label}")
    name = f"closebook-volume-{found.first_day}-{found.last_day}.{form}"
    return document_response(file_content(form, found, rows), MEDIA_TYPES[form], name)


@router.get("/report/days/{day}")
def day(request: Request, day: str) -> HTMLResponse:
    """Show the old and the new volume of each version of a day."""
    asked = _day(day)
    if asked is None:
        raise HTTPException(404)
    with on_store(desk_from_airflow()) as store:
        rows = store.execute(query("desk/volume_day_versions"), {"business_day": asked}).fetchall()
        if not rows:
            raise HTTPException(404)
        audit_log.record(store, request, "looked", f"versions of {asked}")
    return render_page(
        request, "volume_day", day=asked, changes=version_changes(rows), first=rows[0]
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _labelled(months: Sequence[DictRow]) -> list[DictRow]:
    return [{**row, "label": month_label(row)} for row in months]


def _totals(rows: Sequence[DictRow]) -> list[DictRow]:
    """Return the sums of the range by currency and kind."""
    sums: dict[tuple[str, str], DictRow] = {}
    names = ("transaction_count", "amount_minor", "fee_minor", "discount_minor")
    for row in rows:
        key = (row["currency"], row["kind"])
        total = sums.setdefault(key, {"currency": key[0], "kind": key[1]} | dict.fromkeys(names, 0))
        for name in names:
            total[name] += row[name]
    return [sums[key] for key in sorted(sums)]


def _charts(
    asked: VolumeRange, parts: Sequence[Sequence[date]], read: VolumeReport
) -> tuple[Chart, ...]:
    """Return a chart for each currency: the amounts by day, of payments unless a kind is chosen.

    A bar is one of the ``parts``: a day, or several days of a long range.
    """
    kind = asked.kind or "payment"
    amounts: dict[str, list[int]] = {}
    for row in read.sums:
        if row["kind"] == kind:
            of_currency = amounts.setdefault(row["currency"], [0] * len(parts))
            of_currency[row["part"]] = int(row["amount_minor"])
    versions = {row["business_day"]: row["close_version"] for row in read.closed}
    return tuple(
        _chart(currency, kind, parts, amounts[currency], versions) for currency in sorted(amounts)
    )


def _chart(
    currency: str,
    kind: str,
    parts: Sequence[Sequence[date]],
    sums: Sequence[int],
    versions: dict[date, int],
) -> Chart:
    top = max(sums)
    names = [f"{part[0]}" if len(part) == 1 else f"{part[0]} to {part[-1]}" for part in parts]
    highest = amount_text(top, currency, with_currency=True)
    labels = [
        (
            _label(name, amount_text(amount, currency, with_currency=True), part, versions),
            any(versions.get(each, 1) > 1 for each in part),
        )
        for name, amount, part in zip(names, sums, parts, strict=True)
    ]
    return Chart(
        title=f"{currency}, {kind}s",
        summary=f"{kind}s in {currency} by day, from {parts[0][0]} to {parts[-1][-1]}. "
        f"The highest is {names[sums.index(top)]} with {highest}. The files have all values.",
        top_label=highest,
        bottom_label="0",
        first_label=f"{parts[0][0]}",
        last_label=f"{parts[-1][-1]}",
        bars=charts.bars(sums),
        steps=charts.steps(labels),
    )


def _label(name: str, amount: str, part: Sequence[date], versions: dict[date, int]) -> str:
    if not any(each in versions for each in part):
        return f"{name}: not closed"
    corrected = " (corrected)" if any(versions.get(each, 1) > 1 for each in part) else ""
    return f"{name}: {amount}{corrected}"
