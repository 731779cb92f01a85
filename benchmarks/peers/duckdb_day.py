"""A day's volume by DuckDB, from rows that ADBC fetches: runs in the peers' environment.

Reads a line of JSON a day from stdin (where, from when, to when), answers with a line of JSON: the
rows in the order of the old report's COLUMNS.
"""

import json
import sys
from datetime import datetime

import duckdb
from adbc_driver_postgresql import dbapi

TABLES = {
    "merchants": "select merchant_id, category from reporting_source.merchants",
    "promotions": "select promotion_id, funding from reporting_source.promotions",
}
TRANSACTIONS = """
    select user_country, merchant_id, promotion_id, currency, kind,
        amount_minor, fee_minor, discount_minor
    from reporting_source.transactions
    where
        -- As the platform's index has them: the day begins with an hour.
        date_bin('1 hour', settled_at, timestamptz '2000-01-01 00:00:00+00') >= '{start}'
        and date_bin('1 hour', settled_at, timestamptz '2000-01-01 00:00:00+00') < '{end}'
"""
DAILY_VOLUME = """
    select
        merchant_id,
        coalesce(category, 'unknown') as merchant_category,
        coalesce(user_country, 'unknown') as user_country,
        currency,
        case when promotion_id is null then 'none' else coalesce(funding, 'unknown') end
            as promotion_funding,
        kind,
        count(*) as transaction_count,
        sum(amount_minor)::bigint as amount_minor,
        sum(fee_minor)::bigint as fee_minor,
        sum(discount_minor)::bigint as discount_minor
    from transactions
    left join merchants using (merchant_id)
    left join promotions using (promotion_id)
    group by all
"""


def main() -> None:
    """Answer until stdin ends."""
    for line in sys.stdin:
        request = json.loads(line)
        rows = _day(request["uri"], *map(datetime.fromisoformat, request["bounds"]))
        sys.stdout.write(json.dumps(rows if request["wants_rows"] else len(rows)) + "\n")
        sys.stdout.flush()


def _day(uri: str, start: datetime, end: datetime) -> list[tuple[object, ...]]:
    bounds = {"start": start.isoformat(), "end": end.isoformat()}
    queries = TABLES | {"transactions": TRANSACTIONS.format(**bounds)}
    with dbapi.connect(uri) as source, duckdb.connect() as duck:
        for name, query in queries.items():
            with source.cursor() as cursor:
                cursor.execute(query)
                duck.register(name, cursor.fetch_arrow_table())
        return list(duck.execute(DAILY_VOLUME).fetchall())


if __name__ == "__main__":
    main()
