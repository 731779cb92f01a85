"""A month as a URL names it."""

from fastapi import HTTPException

from closebook.errors import Misconfigured
from closebook.periods import Period, parse_month


def month_named(text: str, time_zone: str) -> Period:
    """The business month called such as 2026-10. Answers 404 for what is none."""
    try:
        return parse_month(text, time_zone)
    except Misconfigured:
        raise HTTPException(404) from None
