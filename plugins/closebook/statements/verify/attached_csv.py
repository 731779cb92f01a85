"""Read the statement from the CSV of a received PDF, and compute its totals again."""

import csv
from collections.abc import Iterator
from io import StringIO
from typing import Any

from closebook.statements.formats.camt053 import (
    MAX_NAME_LENGTH,
    MAX_REFERENCE_LENGTH,
    account_text,
)
from closebook.statements.formats.statement_csv import (
    COLUMNS,
    COLUMNS_OF_DETAILS,
    COLUMNS_OF_MORE_DETAILS,
    COLUMNS_WITHOUT_MINOR_UNITS,
    OVERDRAFT_LIMIT,
    original_text,
    original_text_of_older_csv,
)
from closebook.statements.model import Original
from closebook.statements.verify.attached_statement import (
    AttachedLine,
    AttachedStatement,
    refuse_wrong_totals,
)
from closebook.statements.verify.attached_values import (
    PERCENT,
    comparable,
    day_of,
    decimals_of,
    minor_of_csv,
    number_of,
    rate_of,
    refuse_other_minor_units,
)
from closebook.statements.verify.untrusted_pdf import CheckFailed

_MAX_CELL_CHARACTERS = 1_000_000


def read_csv(content: bytes) -> AttachedStatement:
    """Return the statement as the CSV attachment states it.

    Its totals are computed again. Raises CheckFailed when it is not a statement, or does not add
    up.
    """
    try:
        csv.field_size_limit(_MAX_CELL_CHARACTERS)
        rows = list(csv.reader(StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
    except (csv.Error, UnicodeDecodeError) as error:
        raise CheckFailed(f"the CSV cannot be read: {error}") from error
    return _CsvReader(rows).read()


class _CsvReader:
    def __init__(self, rows: list[list[str]]) -> None:
        columns = tuple(rows[0]) if rows else ()
        with_details = (*COLUMNS, *COLUMNS_OF_DETAILS)
        with_more = (*with_details, *COLUMNS_OF_MORE_DETAILS)
        known = (COLUMNS, with_details, with_more, COLUMNS_WITHOUT_MINOR_UNITS)
        if columns not in known or any(len(row) != len(columns) for row in rows):
            raise CheckFailed("the CSV does not have a statement's columns")
        self._has_details = columns in (with_details, with_more)
        self._has_more_details = columns == with_more
        self._has_minor_units = columns != COLUMNS_WITHOUT_MINOR_UNITS
        self._original_text = original_text if self._has_minor_units else original_text_of_older_csv
        self._rows = [dict(zip(columns, row, strict=True)) for row in rows[1:]]
        has_limit = bool(self._rows) and self._rows[-1]["record"] == OVERDRAFT_LIMIT
        self._limit = self._rows.pop() if has_limit else None
        records = [row["record"] for row in self._rows]
        count = len(records) - 4
        if records != ["opening", *["line"] * count, "credits", "debits", "closing"]:
            raise CheckFailed(
                "the CSV does not have an opening, lines, credits, debits and a closing"
            )
        self._currency = self._rows[0]["currency"]
        self._decimals = decimals_of(self._currency)
        stated = [*self._rows, *([self._limit] if self._limit else [])]
        if {row["currency"] for row in stated} != {self._currency}:
            raise CheckFailed("the CSV has more than one currency")
        if self._has_minor_units and {row["currency_exponent"] for row in stated} != {
            str(self._decimals)
        }:
            raise CheckFailed(f"the CSV has another exponent than that of {self._currency}")

    def read(self) -> AttachedStatement:
        opening, *lines, credit, debit, closing = self._rows
        attached = AttachedStatement(
            currency=self._currency,
            first_day=day_of(opening["date"], "the opening of the CSV"),
            last_day=day_of(closing["date"], "the closing of the CSV"),
            opening_minor=self._minor(opening, "balance", "the opening"),
            closing_minor=self._minor(closing, "balance", "the closing"),
            credit_minor=self._minor(credit, "amount", "the credits"),
            debit_minor=-self._minor(debit, "amount", "the debits"),
            lines=tuple(self._lines(lines)),
            overdraft_limit_minor=None
            if self._limit is None
            else self._minor(self._limit, "amount", "the overdraft limit"),
        )
        refuse_wrong_totals(attached, "the CSV")
        return attached

    def _lines(self, rows: list[dict[str, str]]) -> Iterator[AttachedLine]:
        for place, row in enumerate(rows, start=1):
            yield AttachedLine(
                number=number_of(row["line_number"]),
                day=day_of(row["date"], f"line {place} of the CSV"),
                amount_minor=self._minor(row, "amount", f"line {place}"),
                balance_minor=self._minor(row, "balance", f"the balance of line {place}"),
                kind=self._text(row["kind"], MAX_REFERENCE_LENGTH) or "other",
                reference=self._text(row["reference"], MAX_REFERENCE_LENGTH),
                counterparty=self._text(row["counterparty"], MAX_NAME_LENGTH),
                description=self._text(row["description"]),
                **self._details(row, f"line {place} of the CSV"),
            )

    def _details(self, row: dict[str, str], what: str) -> dict[str, Any]:
        if not self._has_details:
            return {}
        value_date, account = row["value_date"], self._original_text(row["counterparty_account"])
        return {
            "value_date": day_of(value_date, what) if value_date else None,
            "original": self._original(row, f"the original amount of {what}"),
            "counterparty_account": comparable(account_text(account)),
            **(self._more_details(row, what) if self._has_more_details else {}),
        }

    def _more_details(self, row: dict[str, str], what: str) -> dict[str, Any]:
        rate = row["interest_rate"]
        return {
            "customer_reference": self._text(row["customer_reference"], MAX_REFERENCE_LENGTH),
            "interest_rate": rate_of(rate, what, "the rate of interest", PERCENT) if rate else None,
        }

    def _original(self, row: dict[str, str], what: str) -> Original | None:
        cells = {name: row[name] for name in COLUMNS_OF_DETAILS if "original" in name}
        cells["exchange_rate"] = row["exchange_rate"]
        if not any(cells.values()):
            return None
        currency = cells["original_currency"]
        decimals = decimals_of(currency)
        if cells["original_currency_exponent"] != str(decimals):
            raise CheckFailed(f"{what} has another exponent than that of {currency}")
        minor = minor_of_csv(cells["original_amount"], decimals, what)
        refuse_other_minor_units(minor, cells["original_amount_minor"], what)
        return Original(minor, currency, rate_of(cells["exchange_rate"], what))

    def _text(self, cell: str, length: int | None = None) -> str:
        return comparable(self._original_text(cell), length)

    def _minor(self, row: dict[str, str], column: str, what: str) -> int:
        what = f"{what} of the CSV"
        minor = minor_of_csv(row[column], self._decimals, what)
        if self._has_minor_units:
            refuse_other_minor_units(minor, row[f"{column}_minor"], what)
        return minor
