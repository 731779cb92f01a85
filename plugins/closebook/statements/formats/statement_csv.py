"""The statement as CSV for spreadsheets. No cell of it is taken for a formula."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from decimal import Decimal

from closebook.money import exponent, major_writer
from closebook.statements.model import Statement, StatementLine
from closebook.statements.printable import printable

COLUMNS = (
    *("record", "line_number", "date", "description", "counterparty", "reference", "kind"),
    *("amount", "balance", "currency", "amount_minor", "balance_minor", "currency_exponent"),
)
COLUMNS_OF_DETAILS = (
    *("value_date", "original_amount", "original_currency", "original_amount_minor"),
    *("original_currency_exponent", "exchange_rate", "counterparty_account"),
)
"""The columns that follow them, in the CSV of a statement whose lines have any of these values."""
COLUMNS_OF_MORE_DETAILS = ("customer_reference", "interest_rate")
"""The columns that follow those, where a line has any of these two values."""
OVERDRAFT_LIMIT = "overdraft_limit"
"""The record after ``closing``, if the account has an overdraft limit."""
COLUMNS_WITHOUT_MINOR_UNITS = COLUMNS[:-3]
"""The columns of the CSVs that were issued before 30 November 2026."""

_NO_DETAILS = ("",) * (len(COLUMNS_OF_DETAILS) + len(COLUMNS_OF_MORE_DETAILS))
_MINOR_UNITS_OF_A_GROUP = 3
_DAYS_OF_A_MONTH = 31


def _with_compatible_forms(characters: str) -> str:
    """Return these characters and all that Unicode calls another form of one: full-width, small."""
    return "".join(
        character
        for character in map(chr, range(0x10000))
        if unicodedata.normalize("NFKC", character)[:1] in characters
        and not unicodedata.category(character).startswith(("C", "Z"))
    )


# A spreadsheet takes a cell that begins with one of these for a formula (OWASP, CSV injection). A
# cell begins with the text, and also behind each character that may separate cells where the file
# is opened.
# Some programs skip blanks, signs without width, and quotation marks in front.
_FORMULA_START = re.escape(_with_compatible_forms("=+-@"))
_SEPARATORS = "\t\n" + re.escape(_with_compatible_forms(",;|"))
_SKIPPED = "".join(
    re.escape(character)
    for character in map(chr, range(0x10000))
    if unicodedata.category(character) in ("Zs", "Cf") or character in '"\u115f\u1160\u3164\uffa0'
)
_BEGINS_A_CELL = rf"(?:\A|(?<=[{_SEPARATORS}]))"
_UNGUARDED = re.compile(
    rf"{_BEGINS_A_CELL}(?='*[{_SKIPPED}]*[{_FORMULA_START}])|\A(?='*[{_SKIPPED}]*[\t\n])"
)
_GUARDED = re.compile(
    rf"{_BEGINS_A_CELL}'(?='*[{_SKIPPED}]*[{_FORMULA_START}])|\A'(?='*[{_SKIPPED}]*[\t\n])"
)
# A text of these characters only is harmless: none begins a formula, and none separates cells.
_HARMLESS = re.compile("[A-Za-z0-9 .&/]*")
# If a text began with one of these, the older CSVs put an apostrophe in front.
_FORMULA_START_OF_OLDER_CSV = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def statement_csv(statement: Statement) -> bytes:
    """Return the statement as CSV (RFC 4180), in UTF-8 with a byte order mark for spreadsheets.

    The records are ``opening``, one ``line`` for each line, ``credits``, ``debits`` and
    ``closing``, and ``overdraft_limit`` where the account has one. Amounts are signed and without
    grouping: in major units with a decimal point, and in the minor units of the currency, which
    every spreadsheet reads alike. ``currency_exponent`` is the number of decimals of the major
    unit. All cells are quoted. If a line has a value date, an original amount or an account of the
    counterparty, COLUMNS_OF_DETAILS follow: rates are whole numbers with a power of ten.
    COLUMNS_OF_MORE_DETAILS follow those, if a line needs them.
    Wherever a spreadsheet would take a text, or what follows a separator in it, for a formula, an
    apostrophe is put in front.
    """
    more: tuple[str, ...] = COLUMNS_OF_DETAILS if statement.has_details else ()
    if statement.has_references_or_rates:
        more = (*COLUMNS_OF_DETAILS, *COLUMNS_OF_MORE_DETAILS)
    code, decimal = statement.currency, _decimal_writer(statement.currency)
    last = f'"{exponent(code)}"'
    no_details = last + _quoted(_NO_DETAILS[: len(more)])

    def total_row(
        record: str, day: object, amount_minor: int | None = None, balance_minor: int | None = None
    ) -> str:
        minors = (amount_minor, balance_minor)
        major, minor = (
            ["" if each is None else write(each) for each in minors] for write in (decimal, str)
        )
        return f'"{record}","","{day}","","","",""{_quoted([*major, code, *minor])},{no_details}'

    rows = [
        _quoted((*COLUMNS, *more))[1:],
        total_row("opening", statement.period_start, balance_minor=statement.opening_minor),
    ]
    for line in statement.lines:
        amount_minor, balance_minor = line.amount_minor, line.balance_minor
        description, party, reference, kind = (
            _doubled(text_cell(text))
            for text in (line.description, line.counterparty or "", line.reference, line.kind)
        )
        end = last + _quoted(_details(line)[: len(more)]) if more else last
        # This is done for each line: csv.writer takes three times as long.
        rows.append(
            f'"line","{line.line_number}","{line.posted_on.isoformat()}","{description}","{party}"'
            f',"{reference}","{kind}","{decimal(amount_minor)}","{decimal(balance_minor)}"'
            f',"{code}","{amount_minor}","{balance_minor}",{end}'
        )
    rows += [
        total_row("credits", "", amount_minor=statement.credit_minor),
        total_row("debits", "", amount_minor=-statement.debit_minor),
        total_row("closing", statement.period_end_inclusive, balance_minor=statement.closing_minor),
    ]
    if statement.overdraft_limit_minor is not None:
        rows.append(total_row(OVERDRAFT_LIMIT, "", amount_minor=statement.overdraft_limit_minor))
    return "\r\n".join([*rows, ""]).encode("utf-8-sig")


def _quoted(cells: Sequence[object]) -> str:
    """Return cells as they follow others in a row, each in quotation marks after a comma."""
    return "".join([f',"{_doubled(str(cell))}"' for cell in cells])


def _doubled(text: str) -> str:
    return text.replace('"', '""')


def _details(line: StatementLine) -> Sequence[object]:
    original, amount = line.original, ("", "", "", "", "")
    if original is not None:
        decimal = _decimal_writer(original.currency)(original.amount_minor)
        places = exponent(original.currency)
        rate = _with_power_of_ten(original.rate)
        amount = (decimal, original.currency, str(original.amount_minor), str(places), rate)
    interest = "" if line.interest_rate is None else _with_power_of_ten(line.interest_rate)
    account, reference = (
        text_cell(text or "") for text in (line.counterparty_account, line.customer_reference)
    )
    return (line.value_date or "", *amount, account, reference, interest)


def original_text(cell: str) -> str:
    """Return a cell's text without the apostrophes that ``statement_csv`` has put into it."""
    return _GUARDED.sub("", cell)


def original_text_of_older_csv(cell: str) -> str:
    """Return a text without the apostrophe that an older CSV may have had in front of it."""
    if not cell.startswith("'"):
        return cell
    is_computed = cell[1:].lstrip(" \N{NO-BREAK SPACE}").startswith(_FORMULA_START_OF_OLDER_CSV)
    return cell[1:] if is_computed else cell


def text_cell(text: str) -> str:
    """Return a text as a cell that no spreadsheet takes for a formula."""
    if _HARMLESS.fullmatch(text):
        return text  # most texts: this saves time
    return _UNGUARDED.sub("'", printable(text))  # guard: documents.csv-cells-not-computed


def _with_power_of_ten(number: Decimal) -> str:
    """Return a number as a whole number with a power of ten: 1.08 is 108E-2."""
    is_negative, digits, power = number.as_tuple()
    return f"{'-' if is_negative else ''}{int(''.join(map(str, digits)))}E{power}"


def _decimal_writer(currency: str) -> Callable[[int], str]:
    """Return what writes an amount of a currency in major units, as text that no locale reads as
    another number or as a day.

    Where the point groups figures, -1.234 would be -1234, so three decimals are written as an
    integer with a power of ten: -1234E-3. Where the point stands in days, 1.12 would be
    1 December; 001.12 is no day.
    """
    places, plain = exponent(currency), major_writer(currency)
    if places == _MINOR_UNITS_OF_A_GROUP:  # guard: documents.csv-amount-in-every-locale
        return lambda amount_minor: f"{amount_minor}E-{_MINOR_UNITS_OF_A_GROUP}"
    scale = 10**places

    def decimal(amount_minor: int) -> str:
        text = plain(amount_minor)
        if (
            scale <= amount_minor < (_DAYS_OF_A_MONTH + 1) * scale
            and 0 < amount_minor % scale <= _DAYS_OF_A_MONTH
        ):
            major, _, minor = text.partition(".")
            return f"{major:0>3}.{minor}"
        return text

    return decimal
