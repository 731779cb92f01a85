"""Compare the three forms of a received statement: the XML, the CSV, and the printed pages."""

import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from babel import Locale, localedata
from babel.dates import format_date

from closebook.money import format_minor, locale_of
from closebook.statements.pdf.page_roles import (
    ACCOUNT,
    COLUMNS,
    DATES,
    EDGES,
    FULLER_ROLES,
    INTEREST,
    LINES,
    ORIGINAL,
    ORIGINAL_INTEREST,
    REFERENCES,
    SUMMARY,
)
from closebook.statements.printable import REPLACEMENT
from closebook.statements.printed_days import printed_day
from closebook.statements.verify.attached_statement import AttachedStatement
from closebook.statements.verify.more_content import (
    amounts_at_page_breaks,
    limits,
    refuse_other_facts,
    rows_at_page_breaks,
    totals_of_kinds,
)
from closebook.statements.verify.page_tables import PageTables, RoleCell, Row, Table
from closebook.statements.verify.page_texts import (
    Amount,
    AnyAmount,
    InterestRate,
    OriginalAmount,
    amount_text,
    plain,
)
from closebook.statements.verify.untrusted_pdf import CheckFailed

# A line has seven cells. It had six before the counterparty got its own cell, and statements that
# were issued then are still valid.
_CELL_COUNTS_OF_A_LINE = (6, 7)
_BALANCE_ROWS, _CELLS_OF_A_BALANCE_ROW = 2, 3
# The row that says that there are no lines.
_CELLS_OF_NO_LINES = 2
_SHORTEST_CUT_TEXT = 34
_SAMPLE_AMOUNTS_MINOR = (1_234_567_890_123, 1_234_567, -5)


def refuse_differing_csv(xml: AttachedStatement, csv: AttachedStatement) -> None:
    """Raise CheckFailed, with the first difference, when the XML and the CSV differ."""
    for name, of_xml, of_csv in (
        ("currency", xml.currency, csv.currency),
        ("first day", xml.first_day, csv.first_day),
        ("last day", xml.last_day, csv.last_day),
        ("opening", xml.opening_minor, csv.opening_minor),
        ("closing", xml.closing_minor, csv.closing_minor),
        ("overdraft limit", xml.overdraft_limit_minor, csv.overdraft_limit_minor),
        ("number of lines", len(xml.lines), len(csv.lines)),
    ):
        if of_xml != of_csv:
            raise CheckFailed(f"the {name} is {of_xml} in the XML and {of_csv} in the CSV")
    for line, other in zip(xml.lines, csv.lines, strict=True):
        if line != other:
            raise CheckFailed(f"line {line.number} is not the same in the XML and in the CSV")


def refuse_differing_page(xml: AttachedStatement, page: PageTables, language: str) -> None:
    """Raise CheckFailed, with the first difference, when the pages and the XML differ.

    These are compared: the account number, the opening, the closing, the totals, and the day,
    reference, debit or credit, and balance of each line. Other texts are not compared. The pages
    do not name the holder's locale, so amounts and days may be written as in any one locale of
    Babel. ``language`` is the language of the pages.
    """
    # guard: verify.values-are-found-by-their-role
    has_roles = any(table.role is not None for table in page.tables) or bool(page.cells)
    printed = _by_role(xml, page) if has_roles else _by_place(page.tables)
    if len(printed.lines) != len(xml.lines):
        raise CheckFailed(
            f"the page prints {len(printed.lines)} lines, and the XML has {len(xml.lines)}"
        )
    if not all(_names_account(xml, cells) for cells in printed.accounts):
        raise CheckFailed("the page does not print the account number that the XML has")
    _check_amounts(xml, language, [*_amounts(xml, printed)])
    _check_days(xml, language, printed)
    for line, said in zip(xml.lines, printed.lines, strict=True):
        wanted = line.reference
        if printed.has_customer_references:
            wanted += line.customer_reference  # guard: verify.reference-is-the-customers
        if not _prints(said.reference, wanted):
            raise CheckFailed(
                f"line {line.number} of the page has another reference than in the XML"
            )


@dataclass(frozen=True, slots=True)
class _PrintedLine:
    """The cells of a line."""

    day: str
    reference: str
    debit: str
    credit: str
    balance: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class _Printed:
    """What the pages print.

    ``accounts`` are groups of cells, each of which must name the account. ``summary`` has the role
    and the text of each total. ``first`` and ``last`` are the day and the balance of the
    first and of the last row.
    ``more`` are amounts that only some brands print. The flags say whether lines have value dates,
    original amounts, rates of interest, and references of the customer.
    """

    accounts: Sequence[Sequence[str]]
    summary: Sequence[tuple[str, str]]
    first: tuple[str, str]
    last: tuple[str, str]
    lines: Sequence[_PrintedLine]
    more: Sequence[AnyAmount] = ()
    has_value_dates: bool = False
    has_originals: bool = False
    has_interest_rates: bool = False
    has_customer_references: bool = False


def _by_role(xml: AttachedStatement, page: PageTables) -> _Printed:
    """Return what the pages print, found by the roles of cells and columns."""
    tables = [table for table in page.tables if table.role == LINES]
    if len(tables) != 1:
        raise CheckFailed("the page does not have one table of lines")
    [table] = tables
    cells: dict[str, list[RoleCell]] = {}
    for cell in page.cells:
        cells.setdefault(cell.role, []).append(cell)
    missing = [role for role in (ACCOUNT, *SUMMARY, *EDGES) if role not in cells]
    places = table.columns
    fuller = {role: places[each] for each, role in FULLER_ROLES.items() if each in places}
    places = {**fuller, **places}
    texts = [role for role in (ORIGINAL, INTEREST, ORIGINAL_INTEREST) if role in places]
    missing += [role for role in COLUMNS if role not in places]
    if missing:  # guard: verify.every-role-is-there
        raise CheckFailed(f"the page has nothing with the role {', '.join(missing)}")
    edges: dict[str, str] = {}
    for role in EDGES:
        place = 0 if role.startswith("first") else len(table.rows) - 1
        [edge, *more] = cells[role]
        if more or edge.table is not table or edge.row != place:
            raise CheckFailed("the page's table of lines does not begin and end with a balance")
        edges[role] = edge.text
    rows = []
    at_breaks = rows_at_page_breaks(table, cells)
    for place, row in enumerate(table.rows[1:-1], start=1):
        if place in at_breaks:
            continue
        if len(row) == table.column_count:
            rows.append(row)
        elif len(row) != _CELLS_OF_NO_LINES or table.rows[1:-1] != [row]:
            raise CheckFailed("the page's table of lines has a row that is no line")
    line_places = [places.get(role) for role in (*COLUMNS, *texts[:1])]
    refuse_other_facts(xml, cells)
    carried: list[AnyAmount] = [*limits(xml, cells)]
    if len(rows) == len(xml.lines):  # the caller refuses another number
        carried += amounts_at_page_breaks(xml.lines, xml.opening_minor, table, cells)
        carried += totals_of_kinds(xml.lines, cells)
    return _Printed(
        accounts=[[cell.text] for cell in cells[ACCOUNT]],
        summary=[(role, cell.text) for role in SUMMARY for cell in cells[role]],
        first=(edges["first-day"], edges["first-balance"]),
        last=(edges["last-day"], edges["last-balance"]),
        lines=[
            _PrintedLine(*("" if place is None else row[place] for place in line_places))
            for row in rows
        ],
        more=carried,
        has_value_dates=DATES in places,
        has_originals=not {ORIGINAL, ORIGINAL_INTEREST}.isdisjoint(texts),
        has_interest_rates=not {INTEREST, ORIGINAL_INTEREST}.isdisjoint(texts),
        has_customer_references=REFERENCES in places,
    )


def _by_place(tables: Sequence[Table]) -> _Printed:
    """Return what the pages print in a file without roles, which was issued before 0.2.

    Its facts, its summary and its lines are tables in this order. The table of lines begins with
    the opening balance and ends with the closing balance.
    """
    with_head = [place for place, table in enumerate(tables) if table.has_head]
    if len(with_head) != 1 or not with_head[0]:
        raise CheckFailed("the page does not have one table of lines, with a summary before it")
    facts = [row for table in tables[: with_head[0] - 1] for row in table.rows]
    summary, lines = tables[with_head[0] - 1].rows, tables[with_head[0]].rows
    if [len(row) for row in summary] != [2] * len(SUMMARY):
        raise CheckFailed("the page does not have the five rows of a summary")
    if len(lines) < _BALANCE_ROWS or any(
        len(row) != _CELLS_OF_A_BALANCE_ROW for row in (lines[0], lines[-1])
    ):
        raise CheckFailed("the page's table of lines does not begin and end with a balance")
    first, *body, last = lines
    rows = _joined([row for row in body if len(row) in _CELL_COUNTS_OF_A_LINE])
    return _Printed(
        accounts=[[cell for row in facts for cell in row]],
        summary=[(role, text) for role, (_, text) in zip(SUMMARY, summary, strict=True)],
        first=(first[0], first[-1]),
        last=(last[0], last[-1]),
        lines=[_PrintedLine(row[0], *row[-4:]) for row in rows],
    )


def _joined(rows: Sequence[Row]) -> list[Row]:
    """Return the rows of lines, each with its continuations.

    In statements that were issued before 30 November 2026 a row that is taller than a page is
    continued by a row on the next page, without a day and a balance.
    """
    lines: list[Row] = []
    for row in rows:
        if lines and len(row) == len(lines[-1]) and not plain(row[0]) and not plain(row[-1]):
            lines[-1] = [before + after for before, after in zip(lines[-1], row, strict=True)]
        else:
            lines.append(row)
    return lines


def _amounts(xml: AttachedStatement, page: _Printed) -> Iterator[AnyAmount]:
    yield Amount("the opening above the lines", xml.opening_minor, amount_text(page.first[1]))
    yield Amount("the closing below the lines", xml.closing_minor, amount_text(page.last[1]))
    totals = {
        "opening": xml.opening_minor,
        "credits": xml.credit_minor,
        "debits": xml.debit_minor,
        "fees": xml.fee_minor or 0,
        "closing": xml.closing_minor,
    }
    for role, text in page.summary:
        printed = amount_text(text)
        if role == "closing":
            printed = _without(xml.currency, printed)
        yield Amount(f"the {role} of the summary", totals[role], printed)
    for line, said in zip(xml.lines, page.lines, strict=True):
        is_debit = line.amount_minor < 0
        amount, other = (said.debit, said.credit) if is_debit else (said.credit, said.debit)
        if amount_text(other):
            column = "credit" if is_debit else "debit"
            raise CheckFailed(
                f"line {line.number} has an amount in the {column} column of the page, and not in "
                "the XML"
            )
        printed = amount_text(amount)
        yield Amount(f"the amount of line {line.number}", abs(line.amount_minor), printed)
        printed = amount_text(said.balance)
        yield Amount(f"the balance of line {line.number}", line.balance_minor, printed)
        if page.has_interest_rates and line.interest_rate is not None:
            what = f"the rate of interest of line {line.number}"
            has_original = page.has_originals and line.original is not None
            after = line.original if has_original else None
            yield InterestRate(what, line.interest_rate, after, amount_text(said.text))
        if page.has_originals and line.original is not None:
            text = amount_text(said.text)
            yield OriginalAmount(f"the original amount of line {line.number}", line.original, text)
    yield from page.more


def _check_amounts(xml: AttachedStatement, language: str, amounts: Sequence[AnyAmount]) -> None:
    # The report names the first mismatch of the locale that matches most amounts.
    furthest, wrong = -1, amounts[0]
    for locale in _distinct_locales(xml.currency, language):
        for place, amount in enumerate(amounts):
            if not amount.is_written_by(locale, xml.currency):
                if place > furthest:
                    furthest, wrong = place, amount
                break
        else:
            return
    raise CheckFailed(
        f"{wrong.what} is printed as {wrong.printed[:40]!r} on the page, and is "
        f"{wrong.in_xml(xml.currency)} in the XML"
    )


def _check_days(xml: AttachedStatement, language: str, page: _Printed) -> None:
    days = _Days(language)
    for what, day, value_date, text in (
        ("the opening", xml.first_day, None, page.first[0]),
        ("the closing", xml.last_day, None, page.last[0]),
        *(
            (
                f"line {line.number}",
                line.day,
                line.value_date if page.has_value_dates else None,
                said.day,
            )
            for line, said in zip(xml.lines, page.lines, strict=True)
        ),
    ):
        if days.key(text) not in days[day, value_date]:
            raise CheckFailed(f"{what} has another day on the page than in the XML ({day})")


class _Days(dict[tuple[date, date | None], set[str]]):
    """The texts of each day, with the value date below it if there is one, in all locales."""

    def __init__(self, language: str) -> None:
        found = locale_of(language)
        self._locales = [
            Locale.parse(code) for code in _locales() if code.split("_")[0] == found.language
        ]
        self._is_mirrored = found.text_direction == "rtl"

    def key(self, text: str) -> str:
        """Return a text in the form in which days are compared.

        A page in a language that is written from right to left has the characters in the order of
        their glyphs. Only the characters are compared there, and not their order.
        """
        without_blanks = plain(text).replace(" ", "")
        return "".join(sorted(without_blanks)) if self._is_mirrored else without_blanks

    def __missing__(self, days: tuple[date, date | None]) -> set[str]:
        day, value_date = days
        if value_date is not None:
            written = {
                self.key(printed_day(day, locale) + printed_day(value_date, locale))
                for locale in self._locales
            }
        else:
            # The medium form is that of statements that were issued before there was another one.
            written = {
                self.key(text)
                for locale in self._locales
                for text in (printed_day(day, locale), format_date(day, "medium", locale=locale))
            }
        self[days] = written
        return written


def _distinct_locales(currency: str, language: str) -> Iterator[str]:
    """Yield one locale for each way of writing amounts, the locales of the language first."""
    seen = set()
    for code in sorted(_locales(), key=lambda code: (code.split("_")[0] != language, code)):
        sample = tuple(
            format_minor(minor, currency, code, with_currency=False)
            for minor in _SAMPLE_AMOUNTS_MINOR
        )
        if sample not in seen:
            seen.add(sample)
            yield code


@lru_cache(maxsize=1)
def _locales() -> tuple[str, ...]:
    return tuple(sorted(localedata.locale_identifiers()))


def _names_account(xml: AttachedStatement, cells: Sequence[str]) -> bool:
    """Return whether a cell has the account number.

    The XML has the account's key instead when the account has no number; the cell is then empty.
    """
    number = xml.account_number or ""
    if number == xml.account_reference and "" in cells:
        return True
    return any(_prints(cell, number) for cell in cells)


def _without(currency: str, printed: str) -> str:
    if printed.startswith(f"{currency} "):
        return printed.removeprefix(f"{currency} ")
    if printed.endswith(f" {currency}"):
        return printed.removesuffix(f" {currency}")
    raise CheckFailed(f"the closing of the page's summary is not in {currency}")


def _prints(cell: str, text: str) -> bool:
    """Return whether a cell prints a text of the XML, which cuts texts at 34 or 35 characters.

    Text that is not ASCII may be printed in another order, or with U+FFFD when no font has it. A
    glyph of a letter with its vowel sign may stand for other characters elsewhere on the page, so
    of a text with such signs only the ASCII characters are compared.
    """
    printed, wanted = (_compatible(each) for each in (cell, text))
    is_cut = len(text) >= _SHORTEST_CUT_TEXT
    # Reading the attachment removes an apostrophe of the text's own.
    for candidate in (wanted, f"'{wanted}"):
        if candidate.isascii():
            if printed == candidate or (is_cut and printed.startswith(candidate[: len(wanted)])):
                return True
        elif REPLACEMENT in printed:
            return True
        else:
            has_signs = any(unicodedata.category(char).startswith("M") for char in candidate)
            in_cell, in_xml = (
                Counter(char for char in some if char.isascii() or not has_signs)
                for some in (printed, candidate)
            )
            if in_cell == in_xml or (is_cut and in_xml <= in_cell | Counter("'")):
                return True
    return False


def _compatible(text: str) -> str:
    """Return a text without blanks, and with one form for characters that share a glyph."""
    return unicodedata.normalize("NFKC", plain(text)).replace(" ", "")
