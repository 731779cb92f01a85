"""The daily report that Closebook replaced: one query for each merchant.

Kept to be measured beside what replaced it, so it must give the very same rows. It is what many
a platform still runs: it lists the merchants, and asks for each one's day by the index on its
foreign key, since there is none on ``settled_at``.
"""

from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg

COLUMNS = (
    "merchant_id",
    "merchant_category",
    "user_country",
    "currency",
    "promotion_funding",
    "kind",
    "transaction_count",
    "amount_minor",
    "fee_minor",
    "discount_minor",
)
Row = tuple[int, str, str, str, str, str, int, int, int, int]
"""The values of COLUMNS, in their order."""


def statement(name: str) -> bytes:
    """Return one of this folder's statements: merchants, merchant_day, live_count, bare_scan."""
    return Path(__file__).with_name(f"{name}.sql").read_bytes()


def old_report(
    conn: psycopg.Connection[Any], period_start: datetime, period_end: datetime
) -> list[Row]:
    """Return the settled volume of [period_start, period_end), as a daily volume has it.

    One row for each merchant, category, user country, currency, promotion funding and kind, by
    merchant.
    """
    merchant_day = statement("merchant_day")
    rows: list[Row] = []
    for (merchant_id,) in conn.execute(statement("merchants")).fetchall():
        rows += conn.execute(
            merchant_day,
            {
                "merchant_id": merchant_id,
                "period_start": period_start,
                "period_end": period_end,
            },
        ).fetchall()
    return rows
