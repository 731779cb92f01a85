"""A month as a URL names it, and as a page calls it: by the dates that it was closed under."""

from collections.abc import Mapping
from typing import Any

from fastapi import HTTPException

from closebook.closes import boundaries
from closebook.errors import Misconfigured
from closebook.periods import Period, parse_month
from closebook.store.session import Store


def month_named(store: Store, text: str, time_zone: str) -> Period:
    """The business month called such as 2026-10, as it was closed. Answers 404 for what is none."""
    try:
        named = parse_month(text, time_zone)
    except Misconfigured:
        raise HTTPException(404) from None
    [month] = boundaries.as_closed(store, [named])
    return month


def month_label(row: Mapping[str, Any]) -> str:
    """What a page calls the month of a row of the register."""
    return f"{row['first_date']:%Y-%m}"  # guard: label_as_closed
