"""The volume's files: what a spreadsheet, Excel and a reader of Parquet find in them."""

import csv
import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest

from closebook.desk.volume_files import column_names, file_content
from closebook.desk.volume_report import VolumeRange, version_changes

CLOSED_AT = datetime(2026, 11, 1, 6, 0, tzinfo=UTC)
LARGE = 2**63 + 7
ASKED = VolumeRange(date(2026, 10, 30), date(2026, 10, 31), split_by=("merchant", "category"))


def row(**columns: Any) -> dict[str, Any]:
    return {
        "business_day": date(2026, 10, 31),
        "close_id": 7,
        "close_version": 2,
        "closed_at": CLOSED_AT,
        "currency": "EUR",
        "kind": "payment",
        "merchant_id": "10",
        "merchant_category": "food",
        "user_country": None,
        "promotion_funding": None,
        "transaction_count": 3,
        "amount_minor": Decimal(123_456),
        "fee_minor": Decimal(-5),
        "discount_minor": Decimal(0),
        **columns,
    }


ROWS = [
    row(),
    row(currency="JPY", merchant_category='=HYPERLINK("x")', amount_minor=Decimal(LARGE)),
    row(
        business_day=date(2026, 10, 30),
        currency="KWD",
        merchant_category="a\x0bb",
        close_version=1,
        amount_minor=Decimal(1),
    ),
]


def test_a_csv_has_amounts_in_both_units_and_the_version_of_each_close() -> None:
    content = file_content("csv", ASKED, ROWS).decode()
    lines = [*csv.DictReader(StringIO(content))]
    assert [*lines[0]] == column_names(ASKED)
    assert lines[0] == {
        "business_day": "2026-10-31",
        "currency": "EUR",
        "kind": "payment",
        "merchant_id": "10",
        "merchant_category": "food",
        "transaction_count": "3",
        "amount": "1234.56",
        "amount_minor": "123456",
        "fee": "-0.05",
        "fee_minor": "-5",
        "discount": "0.00",
        "discount_minor": "0",
        "close_id": "7",
        "close_version": "2",
        "closed_at": "2026-11-01T06:00:00+00:00",
    }
    assert lines[1]["amount"] == lines[1]["amount_minor"] == str(LARGE)
    assert lines[2]["amount"] == "0.001"
    # No spreadsheet takes a name of the platform for a formula
    assert lines[1]["merchant_category"].startswith("'")


def test_a_spreadsheet_has_numbers_that_are_exact_and_texts_that_are_no_formulas() -> None:
    book = openpyxl.load_workbook(BytesIO(file_content("xlsx", ASKED, ROWS)))
    sheet = book["Volume"]
    names = [cell.value for cell in sheet[1]]
    assert names == column_names(ASKED)
    first, second, third = (dict(zip(names, each, strict=True)) for each in sheet.iter_rows(2))
    assert first["amount"].value == 1234.56
    assert first["amount"].data_type == "n"
    assert first["amount"].number_format == "#,##0.00"
    assert first["business_day"].value == datetime(2026, 10, 31)  # noqa: DTZ001
    assert first["close_version"].value == 2
    # A number of more digits than a spreadsheet keeps is a text
    assert second["amount"].value == second["amount_minor"].value == str(LARGE)
    assert second["merchant_category"].value == '=HYPERLINK("x")'
    assert second["merchant_category"].data_type == "s"
    assert third["merchant_category"].value == "a\ufffdb"
    assert third["amount"].number_format == "#,##0.000"
    about = {row[0].value: row[1].value for row in book["About"].iter_rows()}
    assert about["days"] == "2026-10-30 to 2026-10-31"


def test_a_parquet_file_has_exact_types_for_other_readers(tmp_path: Path) -> None:
    path = tmp_path / "volume.parquet"
    path.write_bytes(file_content("parquet", ASKED, ROWS))
    found = duckdb.from_parquet(str(path))
    assert found.columns == column_names(ASKED)
    types = dict(zip(found.columns, map(str, found.types), strict=True))
    assert types["business_day"] == "DATE"
    assert types["amount_minor"] == "DECIMAL(38,0)"
    assert types["closed_at"] == "TIMESTAMP WITH TIME ZONE"
    rows = found.fetchall()
    assert [each[found.columns.index("amount_minor")] for each in rows] == [123_456, LARGE, 1]
    assert rows[0][found.columns.index("business_day")] == date(2026, 10, 31)
    assert rows[1][found.columns.index("merchant_category")] == '=HYPERLINK("x")'
    of_file = duckdb.execute(
        "select value from parquet_kv_metadata(?) where key = 'closebook'", [str(path)]
    )
    [(about,)] = of_file.fetchall()
    assert json.loads(about)["corrected days"] == "2026-10-31 version 2"


@pytest.mark.parametrize("letter", ["\x00", "\x1f", "\ufffe", "\uffff"])
def test_a_character_that_no_spreadsheet_can_have_is_replaced(letter: str) -> None:
    rows = [row(merchant_category=f"a{letter}b\U0001f600")]
    asked = replace(ASKED, category=f"c{letter}d")
    book = openpyxl.load_workbook(BytesIO(file_content("xlsx", asked, rows)))
    sheet = book["Volume"]
    assert sheet.cell(2, column_names(ASKED).index("merchant_category") + 1).value == (
        "a\ufffdb\U0001f600"
    )
    about = {each[0].value: each[1].value for each in book["About"].iter_rows()}
    assert about["category"] == "c\ufffdd"


@pytest.mark.parametrize("form", ["csv", "xlsx", "parquet"])
def test_a_currency_that_is_not_known_any_more_has_no_amount_in_major_units(form: str) -> None:
    assert file_content(form, ASKED, [row(currency="XQX")])


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (None, None, ("2026-10-01", "2026-10-31")),
        ("2026-10-05", "2026-10-02", ("2026-10-02", "2026-10-05")),
        ("2026-11-30", None, ("2026-10-31", "2026-11-30")),
        ("1900-01-01", "2026-10-31", ("2016-10-24", "2026-10-31")),
        (None, "0001-01-05", ("0001-01-01", "0001-01-05")),
        ("0001-01-01", "0009-12-31", ("0001-01-01", "0009-12-31")),
        ("9999-12-31", None, ("9989-12-24", "9999-12-31")),
    ],
)
def test_a_range_is_in_order_and_has_an_end(
    first: str | None, last: str | None, expected: tuple[str, str]
) -> None:
    first_day, last_day = (each and date.fromisoformat(each) for each in (first, last))
    criteria = dict.fromkeys(
        ("currency", "kind", "merchant", "category", "country", "funding"), ""
    ) | {"kind": "bribe"}
    found = VolumeRange.from_url(
        date(2026, 10, 31), first_day or None, last_day or None, ["country", "x"], **criteria
    )
    assert (f"{found.first_day}", f"{found.last_day}") == expected
    assert found.split_by == ("country",)
    assert found.kind == ""


def of_version(number: int, **columns: Any) -> dict[str, Any]:
    return {**row(close_version=number), **columns}


@pytest.mark.parametrize(
    ("second", "is_hidden"),
    [
        ({}, True),
        ({"fee_minor": Decimal(7)}, False),
        ({"discount_minor": Decimal(7)}, False),
        ({"currency": "JPY"}, False),
    ],
)
def test_a_change_that_the_columns_do_not_show_is_known(
    second: dict[str, Any], is_hidden: bool
) -> None:
    [change] = version_changes([of_version(1), of_version(2, **second)])
    assert change.is_of_other_columns is is_hidden
