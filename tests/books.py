"""The reporting store as the role of the closes reads it. Tests call it the books."""

from collections import Counter
from datetime import datetime
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import DictRow, dict_row

from closebook.periods import Period
from tests.platform_rows import Volume


class Books:
    """A connection to the reporting store, as the role of the closes."""

    def __init__(self, conninfo: str) -> None:
        self.connection = psycopg.connect(conninfo, autocommit=True, row_factory=dict_row)

    def rows(self, statement: LiteralString, *parameters: object) -> list[DictRow]:
        """The rows of a query."""
        return self.connection.execute(statement, parameters or None).fetchall()

    def versions(self, period: Period) -> list[DictRow]:
        """The register's rows of a period, by version."""
        return self.rows(
            "select * from reporting.closes where grain = %s and period_start = %s"
            " order by close_version",
            period.grain,
            period.start,
        )

    def corrected_hours(self) -> list[Period]:
        """The hours that have more than one version, in order."""
        rows = self.rows(
            "select * from reporting.closes where grain = 'hour' and close_version > 1"
            " order by period_start"
        )
        return [Period.from_register(row) for row in rows]

    def hour(self, hour: Period) -> Volume:
        """The current volume of an hour."""
        rows = self.rows(
            "select * from reporting.current_hourly_volume where hour_start = %s", hour.start
        )
        return _volume(rows)

    def hour_version(self, close_id: int) -> Volume:
        """The volume of an hour as one version of it has it."""
        return _volume(
            self.rows("select * from reporting.hourly_volume where close_id = %s", close_id)
        )

    def statements(self, close_id: int) -> dict[int, tuple[int, int, int]]:
        """Opening, closing and number of lines of a month, by account."""
        return {
            row["account_id"]: (row["opening_minor"], row["closing_minor"], row["line_count"])
            for row in self.rows("select * from reporting.statements where close_id = %s", close_id)
        }

    def corrections(self, period: Period) -> list[dict[str, Any]]:
        """What each new version of a period corrected, without the currencies that stayed."""
        return self.rows(
            "select close_version, measure, currency, late_row_count, late_amount_minor"
            " from reporting.corrections where grain = %s and period_start = %s"
            " and (late_row_count, late_amount_minor) <> (0, 0)"
            " order by close_version, measure, currency",
            period.grain,
            period.start,
        )

    def late_rows(self) -> list[tuple[str, datetime, str, str, int]]:
        """The rows that an enclosing close found: by grain, start, measure and currency."""
        rows = self.rows(
            "select grain, period_start, measure, currency, late_row_count"
            " from reporting.late_rows order by grain, period_start, measure, currency"
        )
        return [
            (
                row["grain"],
                row["period_start"],
                row["measure"],
                row["currency"],
                row["late_row_count"],
            )
            for row in rows
        ]

    def failed_tie_outs(self) -> list[DictRow]:
        """The checks that found something."""
        return self.rows("select * from reporting.tie_outs where offending_count > 0")

    def size(self) -> Counter[str]:
        """How many rows each table of results has, register of closes included.

        A close that only confirms adds a check and a reading, and no result.
        """
        tables = self.rows(
            "select table_name from information_schema.tables where table_schema = 'reporting'"
            " and table_type = 'BASE TABLE'"
            " and table_name not in ('tie_outs', 'close_readings', 'migrations')"
        )
        names = [row["table_name"] for row in tables]
        assert "closes" in names
        sizes: Counter[str] = Counter()
        for name in names:
            counting = sql.SQL("select count(*) as n from {}").format(
                sql.Identifier("reporting", name)
            )
            row = self.connection.execute(counting).fetchone()
            assert row is not None
            sizes[name] = row["n"]
        return sizes


def _volume(rows: list[DictRow]) -> Volume:
    return {
        (row["currency"], row["kind"]): (
            row["transaction_count"],
            row["amount_minor"],
            row["fee_minor"],
            row["discount_minor"],
        )
        for row in rows
    }
