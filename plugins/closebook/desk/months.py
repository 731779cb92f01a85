"""Months as URLs and pages name them, such as 2026-10."""

from collections.abc import Mapping
from typing import Any

from fastapi import HTTPException

from closebook.errors import Misconfigured
from closebook.periods import Period, local_date, parse_month


def month_from_url(text: str, time_zone: str) -> Period:
    """Return the business month that the URL names. Raises HTTP 404 if the text is not a month."""
    try:
        return parse_month(text, time_zone)
    except Misconfigured:
        raise HTTPException(404) from None


def month_label(row: Mapping[str, Any]) -> str:
    """Return the name of a row's month, from its ``period_start`` and ``time_zone``."""
    return f"{local_date(row['period_start'], row['time_zone']):%Y-%m}"
