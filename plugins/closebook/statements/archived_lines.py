"""The lines that have left the store, read from their documents again."""

import csv
from collections.abc import Iterator
from datetime import date
from io import StringIO

from closebook.errors import WrongData
from closebook.settings.store_settings import RegisterSettings
from closebook.sql import query
from closebook.statements import line_archives
from closebook.statements.document_store import DocumentStore
from closebook.statements.formats.statement_csv import text_cell
from closebook.statements.line_archives import Line
from closebook.store.key_types import key_types_of
from closebook.store.session import on_store

_TEXTS = frozenset(
    {"kind", "description", "counterparty", "counterparty_account", "customer_reference"}
)


def archived_lines(
    settings: RegisterSettings, first_date: date, account: str | None, *, all_versions: bool
) -> Iterator[Line]:
    """Yield the lines of a month that have left the store: of its current version, or of all.

    ``account`` is the key of one account, as text; None means all of them. Raises WrongData if no
    line of the month has left the store, or a document is missing or was changed.
    """
    documents = DocumentStore(settings.documents_url)
    with on_store(settings) as store:
        archives = store.execute(
            query("line_archives/of_months"), {"first_date": first_date}
        ).fetchall()
        keys = key_types_of(store).accounts
    if not archives:
        raise WrongData(
            "CB-DATA-NO-LINES-REMOVED",
            f"no line of {first_date:%Y-%m} has left the reporting store: it has those of each "
            "closed month in reporting.statement_lines",
        )
    account_id = None if account is None else keys.parse(account)
    if account is not None and account_id is None:
        return
    place = line_archives.COLUMNS.index("account_id")
    for archive in archives:
        if archive["is_current"] or all_versions:
            for line in line_archives.read(documents.read(archive["object_name"])):
                if account_id is None or line[place] == account_id:
                    yield line


def csv_row(line: Line | None = None) -> str:
    """Return a line as a row of CSV, or the row with the names of the columns."""
    cells = line_archives.COLUMNS if line is None else map(_cell, line_archives.COLUMNS, line)
    text = StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()


def _cell(name: str, value: object) -> object:
    return text_cell(value) if name in _TEXTS and isinstance(value, str) else value
