"""Months as URLs and pages name them, such as 2026-10: by the dates that they were closed with."""

import json
from collections.abc import Mapping
from typing import Any

from fastapi import HTTPException

from closebook.closes import boundaries
from closebook.errors import Misconfigured
from closebook.periods import Period, parse_month
from closebook.sql import query
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


def months_without_documents(store: Store, close_id: int | None = None) -> list[dict[str, Any]]:
    """Return the months that wait for documents, of all or of one close.

    Each has the configuration of the run that makes them: no reason, since the run changes
    nothing, and no accounts, so that the run makes the documents of all.
    """
    rows = store.execute(query("desk/months_without_documents"), {"close_id": close_id}).fetchall()
    return [row | {"run_configuration": json.dumps({"month": month_label(row)})} for row in rows]
