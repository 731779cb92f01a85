"""The lines of old months as Parquet: what is read is what was written."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from closebook.errors import WrongData
from closebook.statements import line_archives
from closebook.statements.archived_lines import csv_row
from closebook.statements.formats.statement_csv import text_cell
from closebook.statements.line_archives import COLUMNS, line_of

UUID = "0b0f5d1e-6a0f-4c9f-8e57-3a9a2f6f7a01"
FULL: dict[str, Any] = {
    "close_id": 5,
    "account_id": 7,
    "currency": "KWD",
    "line_number": 1,
    "entry_id": 2**63 - 1,
    "transaction_id": 9,
    "posted_at": datetime(2014, 3, 10, 14, 30, 0, 123_457, tzinfo=timezone(timedelta(hours=-4))),
    "posted_on": date(2014, 3, 10),
    "kind": "payment",
    "description": "Brot 山田 \U0001f600 'x'\n,\"y\"",
    "counterparty": "",
    "amount_minor": -(2**63),
    "balance_minor": 2**63 - 1,
    "value_date": date(1901, 1, 1),
    "original_amount_minor": -1080,
    "original_currency": "USD",
    "exchange_rate": Decimal("0.0000000001"),
    "counterparty_account": "DE89370400440532013000",
    "customer_reference": "RF18",
    "interest_rate": Decimal("1.50"),
}
BARE = FULL | dict.fromkeys(
    (
        *("transaction_id", "posted_on", "counterparty", "value_date", "original_amount_minor"),
        *("original_currency", "exchange_rate", "counterparty_account", "customer_reference"),
        "interest_rate",
    )
)


@pytest.mark.parametrize(
    "rows",
    [
        [FULL, BARE],
        [BARE],
        [BARE | {"transaction_id": UUID, "account_id": UUID, "entry_id": "a key"}, FULL],
    ],
    ids=["all columns", "no optional column", "keys that are texts"],
)
def test_what_is_read_is_what_was_written(rows: list[dict[str, Any]]) -> None:
    if any(row["account_id"] == UUID for row in rows):
        rows = [
            row | {key: str(row[key]) for key in ("account_id", "entry_id", "transaction_id")}
            for row in rows
        ]
    lines = [line_of(row) for row in rows]
    content = line_archives.written(lines)
    assert line_archives.read(content) == lines
    assert content == line_archives.written(lines)


def test_a_line_has_all_values_of_its_row_with_rates_as_texts() -> None:
    line = dict(zip(COLUMNS, line_of(FULL), strict=True))
    assert line.keys() == FULL.keys()
    assert line["posted_at"] == FULL["posted_at"]
    assert line["posted_at"].tzinfo is UTC
    assert (line["exchange_rate"], line["interest_rate"]) == ("0.0000000001", "1.50")


def test_parquet_of_something_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as other:
        other.setattr(line_archives, "FORMAT", "closebook lines 2")
        content = line_archives.written([line_of(FULL)])
    with pytest.raises(WrongData, match="CB-DATA-ARCHIVE-UNREADABLE"):
        line_archives.read(content)


def test_a_text_that_begins_as_a_formula_does_is_no_formula_in_the_csv() -> None:
    row = csv_row(line_of(FULL | {"description": "=1+1"}))
    assert text_cell("=1+1") in row
    assert ",=1+1" not in row
    assert csv_row() == ",".join(COLUMNS) + "\r\n"
