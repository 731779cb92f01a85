"""Months as URLs and pages name them, such as 2026-10: by the dates that they were closed with."""

from collections.abc import Mapping
from typing import Any

from fastapi import HTTPException

from closebook.closes import boundaries
from closebook.errors import Misconfigured
from closebook.periods import Period, parse_month
from closebook.store.session import Store


def month_from_url(store: Store, text: str, time_zone: str) -> Period:
    """Return the business month that the URL names, as it was closed.

    Raises HTTP 404 if the text is not a month.
    """
    try:
        named = parse_month(text, time_zone)
    except Misconfigured:
        raise HTTPException(404) from None
    [month] = boundaries.as_closed(store, [named])
    return month


def month_label(row: Mapping[str, Any]) -> str:
    """Return the name of a row's month, from the ``first_date`` that it was closed with."""
    return f"{row['first_date']:%Y-%m}"  # guard: time.label-as-closed
