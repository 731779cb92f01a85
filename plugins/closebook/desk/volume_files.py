"""The volume as files for spreadsheets and programs: CSV, XLSX and Parquet.

Each row has the close and the version of its numbers.
"""

import csv
import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from io import BytesIO, StringIO
from typing import Any

from arro3.core import Array, DataType, Field, Schema, Table
from arro3.io import write_parquet
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from psycopg.rows import DictRow

from closebook.desk.volume_report import SPLITS, VolumeRange
from closebook.money import exponent, known_currencies, to_major
from closebook.statements.formats.statement_csv import text_cell

_AMOUNTS = ("amount", "fee", "discount")
_MOST_EXACT_DIGITS = 15
"""How many digits of a number a spreadsheet keeps."""
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML does not allow. openpyxl accepts some of them, and cannot write the file."""
_TEXTS = frozenset({"currency", "kind", *SPLITS.values(), *_AMOUNTS})

MEDIA_TYPES: Mapping[str, str] = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
}


def file_content(form: str, asked: VolumeRange, rows: Sequence[DictRow]) -> bytes:
    """Return the rows of a report as a file of a form of ``MEDIA_TYPES``."""
    table = [_columns(asked, row) for row in rows]
    makers: Mapping[str, Callable[[VolumeRange, list[dict[str, Any]]], bytes]] = {
        "csv": _csv,
        "xlsx": _xlsx,
        "parquet": _parquet,
    }
    return makers[form](asked, table)


def column_names(asked: VolumeRange) -> list[str]:
    """Return the names of the columns of a file."""
    split = [column for name, column in SPLITS.items() if name in asked.split_by]
    amounts = [name for each in _AMOUNTS for name in (each, f"{each}_minor")]
    return [
        *("business_day", "currency", "kind"),
        *split,
        "transaction_count",
        *amounts,
        *("close_id", "close_version", "closed_at"),
    ]


def _columns(asked: VolumeRange, row: DictRow) -> dict[str, Any]:
    values = dict(row)
    for each in _AMOUNTS:
        minor = int(row[f"{each}_minor"])
        values |= {f"{each}_minor": minor, each: _major(minor, row["currency"])}
    return {name: values[name] for name in column_names(asked)}


def _major(amount_minor: int, currency: str) -> str:
    """Return an amount in major units; an empty text if the currency is not known any more."""
    return f"{to_major(amount_minor, currency):f}" if currency in known_currencies() else ""


def _csv(asked: VolumeRange, table: list[dict[str, Any]]) -> bytes:
    text = StringIO()
    lines = csv.writer(text)
    lines.writerow(column_names(asked))
    for row in table:
        lines.writerow([_csv_cell(name, value) for name, value in row.items()])
    return text.getvalue().encode()


def _csv_cell(name: str, value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds")
    # Amounts are texts, and may begin with a minus sign.
    return text_cell(value) if name in SPLITS.values() else value


def _xlsx(asked: VolumeRange, table: list[dict[str, Any]]) -> bytes:
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Volume")
    sheet.freeze_panes = "A2"
    names = column_names(asked)
    sheet.append(names)
    for row in table:
        sheet.append(
            [_xlsx_cell(sheet, name, value, row["currency"]) for name, value in row.items()]
        )
    about = book.create_sheet("About")
    for name, value in _about(asked, table).items():
        about.append([name, _text(about, str(value))])
    content = BytesIO()
    book.save(content)
    return content.getvalue()


def _xlsx_cell(sheet: Any, name: str, value: Any, currency: str) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None)
    if name in _AMOUNTS and value and len(value.lstrip("-").replace(".", "")) <= _MOST_EXACT_DIGITS:
        cell = WriteOnlyCell(sheet, value)
        cell.data_type = "n"
        places = exponent(currency)
        cell.number_format = "#,##0" + (f".{'0' * places}" if places else "")
        return cell
    if isinstance(value, int) and len(str(abs(value))) > _MOST_EXACT_DIGITS:
        return _text(sheet, str(value))
    return _text(sheet, value) if isinstance(value, str) else value


def _text(sheet: Any, value: str) -> Any:
    """Return a cell that is a text, also if the text begins as a formula does."""
    cell = WriteOnlyCell(sheet, _NOT_IN_XML.sub("\ufffd", value))
    cell.data_type = "s"
    return cell


def _parquet(asked: VolumeRange, table: list[dict[str, Any]]) -> bytes:
    columns: dict[str, Any] = {}
    for name in column_names(asked):
        values = [row[name] for row in table]
        if name == "business_day":
            days = [
                value.toordinal() - datetime(1970, 1, 1, tzinfo=UTC).toordinal() for value in values
            ]
            columns[name] = Array(days, type=DataType.int32()).cast(DataType.date32())
        elif name == "closed_at":
            moments = [round(value.timestamp() * 1_000_000) for value in values]
            moment = DataType.timestamp("us", tz="UTC")
            columns[name] = Array(moments, type=DataType.int64()).cast(moment)
        elif name.endswith("_minor"):
            # A sum may be larger than 64 bits hold.
            whole = Array([str(value) for value in values], type=DataType.utf8())
            columns[name] = whole.cast(DataType.decimal128(38, 0))
        elif name in _TEXTS:
            columns[name] = Array(values, type=DataType.utf8())
        else:
            columns[name] = Array(values, type=DataType.int64())
    fields = [Field(name, column.type) for name, column in columns.items()]
    content = BytesIO()
    write_parquet(
        Table.from_arrays([*columns.values()], schema=Schema(fields)),
        content,
        compression="snappy",
        key_value_metadata={"closebook": json.dumps(_about(asked, table))},
    )
    return content.getvalue()


def _about(asked: VolumeRange, table: list[dict[str, Any]]) -> dict[str, str]:
    versions = {row["business_day"]: row["close_version"] for row in table}
    corrected = [
        f"{day} version {number}" for day, number in sorted(versions.items()) if number > 1
    ]
    return {
        "days": asked.label,
        **{name: text for name, text in asked.criteria.items() if text},
        "closed days with volume": str(len(versions)),
        "corrected days": ", ".join(corrected) or "none",
    }
