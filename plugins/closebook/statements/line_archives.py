"""The lines of old months as Parquet: one document has the lines of some accounts of one close.

Amounts are whole minor units. Rates are texts, since they are decimals of any scale. Keys are
numbers, or texts where the platform's keys are texts or UUIDs.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any

from arro3.core import Array, DataType, Field, Schema, Table
from arro3.io import read_parquet, write_parquet

from closebook.errors import WrongData

FORMAT = "closebook lines 1"
FOLDER = "lines"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MOMENT = DataType.timestamp("us", tz="UTC")

# In the order of sql/line_archives/lines.sql.
_NUMBERS = frozenset(
    {"close_id", "line_number", "amount_minor", "balance_minor", "original_amount_minor"}
)
_KEYS = frozenset({"account_id", "entry_id", "transaction_id"})
_DAYS = frozenset({"posted_on", "value_date"})
COLUMNS = (
    *("close_id", "account_id", "currency", "line_number", "entry_id", "transaction_id"),
    *("posted_at", "posted_on", "kind", "description", "counterparty"),
    *("amount_minor", "balance_minor"),
    *("value_date", "original_amount_minor", "original_currency", "exchange_rate"),
    *("counterparty_account", "customer_reference", "interest_rate"),
)

Line = tuple[Any, ...]
"""The values of a line, in the order of ``COLUMNS``."""


def line_of(row: Mapping[str, Any]) -> Line:
    """Return a row of the store as an archive has it."""
    return tuple(_plain(row[name]) for name in COLUMNS)


def written(lines: Sequence[Line]) -> bytes:
    """Return the document with these lines. The same lines make the same document."""
    columns = {
        name: _column(name, [line[place] for line in lines]) for place, name in enumerate(COLUMNS)
    }
    fields = [Field(name, column.type) for name, column in columns.items()]
    content = BytesIO()
    write_parquet(
        Table.from_arrays([*columns.values()], schema=Schema(fields)),
        content,
        compression="zstd(9)",
        key_value_metadata={"closebook": FORMAT},
    )
    return content.getvalue()


def read(content: bytes) -> list[Line]:
    """Return the lines of a document, whose hash was compared.

    Raises WrongData for one in another form.
    """
    table = read_parquet(BytesIO(content)).read_all()
    metadata = table.schema.metadata or {}
    # guard: retention.form-is-known
    if tuple(table.column_names) != COLUMNS or metadata.get(b"closebook") != FORMAT.encode():
        raise WrongData(
            "CB-DATA-ARCHIVE-UNREADABLE",
            "a document of lines of old months is not one that Closebook wrote, or a newer version "
            "wrote it: read it with that version",
        )
    columns = [_values(name, table.column(name)) for name in COLUMNS]
    return list(zip(*columns, strict=True))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return f"{value:f}" if isinstance(value, Decimal) else value


def _column(name: str, values: Sequence[Any]) -> Any:
    if name == "posted_at":
        moments = [(value - _EPOCH) // _MICROSECOND for value in values]
        return Array(moments, type=DataType.int64()).cast(_MOMENT)
    if name in _DAYS:
        days = [None if value is None else (value - _EPOCH.date()).days for value in values]
        return Array(days, type=DataType.int32()).cast(DataType.date32())
    is_number = name in _NUMBERS or (
        name in _KEYS and all(isinstance(value, int | None) for value in values)
    )
    return Array(list(values), type=DataType.int64() if is_number else DataType.utf8())


def _values(name: str, column: Any) -> list[Any]:
    if name == "posted_at":
        moments: list[int] = column.cast(DataType.int64()).to_pylist()
        return [_EPOCH + value * _MICROSECOND for value in moments]
    if name in _DAYS:
        days: list[int | None] = column.cast(DataType.int32()).to_pylist()
        return [None if day is None else date(1970, 1, 1) + timedelta(day) for day in days]
    values: list[Any] = column.to_pylist()
    return values
