"""The statement as CSV for spreadsheets, which never compute a cell of it."""

import csv
from io import StringIO

from closebook.money import to_major
from closebook.statements.model import Statement
from closebook.statements.printable import printable

COLUMNS = (
    *("record", "line_number", "date", "description", "counterparty", "reference", "kind"),
    *("amount", "balance", "currency"),
)

# A spreadsheet computes a cell that begins with one of these (OWASP, CSV injection). The last four
# are the full-width forms.
_BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def statement_csv(statement: Statement) -> bytes:
    """Return the statement as CSV (RFC 4180), in UTF-8 with a byte order mark for spreadsheets.

    The records are ``opening``, one ``line`` for each line, ``credits``, ``debits`` and
    ``closing``. Amounts are signed, in major units, with a decimal point and without grouping. A
    text that a spreadsheet would compute gets an apostrophe in front.
    """
    text = StringIO()
    rows = csv.writer(text)
    rows.writerow(COLUMNS)
    code = statement.currency

    def amount(amount_minor: int) -> str:
        return f"{to_major(amount_minor, code):f}"

    def edge(record: str, day: object, *amounts: str) -> None:
        rows.writerow((record, "", day, "", "", "", "", *amounts, code))

    edge("opening", statement.period_start, "", amount(statement.opening_minor))
    for line in statement.lines:
        rows.writerow(
            (
                *("line", line.line_number, line.posted_on, _cell(line.description)),
                *(_cell(line.counterparty or ""), _cell(line.reference), _cell(line.kind)),
                *(amount(line.amount_minor), amount(line.balance_minor), code),
            )
        )
    edge("credits", "", amount(statement.credit_minor), "")
    edge("debits", "", amount(-statement.debit_minor), "")
    edge("closing", statement.period_end_inclusive, "", amount(statement.closing_minor))
    return text.getvalue().encode("utf-8-sig")


def original_text(cell: str) -> str:
    """Return a cell's text without the apostrophe that ``statement_csv`` may have put in front."""
    return cell[1:] if cell.startswith("'") and _is_computed(cell[1:]) else cell


def _cell(text: str) -> str:
    cell = printable(text)
    return f"'{cell}" if _is_computed(cell) else cell


def _is_computed(cell: str) -> bool:
    # Some spreadsheets ignore leading blanks.
    return cell.lstrip(" \N{NO-BREAK SPACE}").startswith(_BEGINS_A_FORMULA)
