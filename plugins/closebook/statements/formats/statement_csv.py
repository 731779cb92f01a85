"""The statement for spreadsheets: CSV, whose cells are never more than text and numbers."""

import csv
from io import StringIO

from closebook.money import to_major
from closebook.statements.model import Statement
from closebook.statements.render.sanitize import printable

COLUMNS = (
    *("record", "line_number", "date", "description", "counterparty", "reference", "kind"),
    *("amount", "balance", "currency"),
)

# What makes a spreadsheet compute a cell (OWASP, CSV injection), in the full width as well.
_BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def statement_csv(statement: Statement) -> bytes:
    """The statement as CSV (RFC 4180) in UTF-8 with a mark that spreadsheets look for.

    Records are ``opening``, a ``line`` each, ``credits``, ``debits`` and ``closing``. Amounts are
    signed, in major units, with a point and no grouping. A text that a spreadsheet would compute
    has an apostrophe in front.
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


def text_of(cell: str) -> str:
    """The text that a cell was written for."""
    return cell[1:] if cell.startswith("'") and _is_risky(cell[1:]) else cell


def _cell(text: str) -> str:
    shown = printable(text)
    return f"'{shown}" if _is_risky(shown) else shown


def _is_risky(shown: str) -> bool:
    # Leading blanks are passed over by some spreadsheets.
    return shown.lstrip(" \N{NO-BREAK SPACE}").startswith(_BEGINS_A_FORMULA)
