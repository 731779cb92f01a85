"""Business days are periods.py's: PostgreSQL, which has time zone data of its own, makes none."""

import re

from closebook.sql import SQL_FOLDER

# What depends on the session's zone, or on a zone that the server knows.
ZONED = [
    re.compile(r"at time zone (?!'UTC')", re.IGNORECASE),
    re.compile(r"\bcurrent_date\b|\blocaltimestamp\b|\btimezone\s*\(", re.IGNORECASE),
    re.compile(r"date_trunc\('(?!hour', \w+, 'UTC')[^)]*\)", re.IGNORECASE),
    re.compile(r"_at::date\b|_start::date\b|_end::date\b|\bnow\(\)::date\b", re.IGNORECASE),
]
# It gives dates to closes of before, by the middle of their periods.
KNOWN = {"reporting/migrations/0010_time_rules.sql"}


def test_no_sql_file_makes_a_date_of_an_instant_by_a_zone_of_the_server() -> None:
    found = {
        path.relative_to(SQL_FOLDER).as_posix()
        for path in SQL_FOLDER.rglob("*.sql")
        if any(zoned.search(path.read_text("utf-8")) for zoned in ZONED)
    }

    assert found == KNOWN
