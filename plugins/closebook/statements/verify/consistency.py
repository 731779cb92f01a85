"""Whether a statement's three parts say the same: the XML, the CSV, and the printed page."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from babel import localedata
from babel.dates import format_date

from closebook.money import format_minor, locale_of
from closebook.statements.verify.attachments import Told
from closebook.statements.verify.page_tables import Row, Table
from closebook.statements.verify.untrusted_pdf import Refused

# Seven; six before the counterparty had a cell of its own, and what was issued then is still good.
_CELLS_OF_A_LINE = (6, 7)
_SUMMARY_ROWS = 5
_EDGES, _CELLS_OF_AN_EDGE = 2, 3
_SHORTEST_CUT = 34
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_PROBES_MINOR = (1_234_567_890_123, 1_234_567, -5)
# No picture of their own: marks of direction, joiners, and what keeps glyphs apart.
_UNSEEN = re.compile("[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")


def refuse_other_twin(xml: Told, csv: Told) -> None:
    """Raises Refused, with the first difference, unless both twins tell the same."""
    for name, of_xml, of_csv in (
        ("currency", xml.currency, csv.currency),
        ("first day", xml.first_day, csv.first_day),
        ("last day", xml.last_day, csv.last_day),
        ("opening", xml.opening_minor, csv.opening_minor),
        ("closing", xml.closing_minor, csv.closing_minor),
        ("number of lines", len(xml.lines), len(csv.lines)),
    ):
        if of_xml != of_csv:
            raise Refused(f"the {name} is {of_xml} in the XML and {of_csv} in the CSV")
    for line, other in zip(xml.lines, csv.lines, strict=True):
        if line != other:
            raise Refused(f"line {line.number} is not the same in the XML and in the CSV")


def refuse_other_page(told: Told, tables: Sequence[Table], language: str) -> None:
    """Raises Refused, with the first difference, unless the page prints what the twin tells.

    The account number, the opening, the closing, the totals, and of each line its day, reference,
    debit or credit, and balance: as one of Babel's locales writes them, since the page does not
    say whose habits its holder has. ``language`` is the page's own. Other texts are not compared.
    """
    facts, summary, (first, *body, last) = _parts(tables)
    lines = [row for row in body if len(row) in _CELLS_OF_A_LINE]
    if len(lines) != len(told.lines):
        raise Refused(f"the page prints {len(lines)} lines, and the XML has {len(told.lines)}")
    if not _names_account(told, [cell for row in facts for cell in row]):
        raise Refused("the page does not print the account number that the XML has")
    _refuse_other_amounts(told, language, [*_amounts(told, first, summary, lines, last)])
    _refuse_other_days(told, language, first, lines, last)
    for line, (*_, reference, _, _, _) in zip(told.lines, lines, strict=True):
        if not _shows(reference, line.reference):
            raise Refused(f"line {line.number} of the page has another reference than in the XML")


@dataclass(frozen=True, slots=True)
class _Amount:
    """An amount that must be printed, and what is."""

    what: str
    minor: int
    printed: str

    def is_written_by(self, locale: str, currency: str) -> bool:
        written = format_minor(self.minor, currency, locale, with_currency=False)
        return _plain(written) == self.printed


def _parts(tables: Sequence[Table]) -> tuple[list[Row], list[Row], list[Row]]:
    """The rows of the account's facts, of the summary, and of the lines with both edges."""
    long = [place for place, table in enumerate(tables) if table.has_head]
    if len(long) != 1 or not long[0]:
        raise Refused("the page does not have one table of lines, with a summary before it")
    facts = [row for table in tables[: long[0] - 1] for row in table.rows]
    summary, lines = tables[long[0] - 1].rows, tables[long[0]].rows
    if [len(row) for row in summary] != [2] * _SUMMARY_ROWS:
        raise Refused("the page does not have the five rows of a summary")
    if len(lines) < _EDGES or any(len(row) != _CELLS_OF_AN_EDGE for row in (lines[0], lines[-1])):
        raise Refused("the page's table of lines does not begin and end with a balance")
    return facts, summary, lines


def _amounts(
    told: Told, first: Row, summary: list[Row], lines: list[Row], last: Row
) -> Iterator[_Amount]:
    yield _Amount("the opening above the lines", told.opening_minor, _plain(first[-1]))
    yield _Amount("the closing below the lines", told.closing_minor, _plain(last[-1]))
    opening, credit, debit, fee, closing = (_plain(cell) for _, cell in summary)
    yield _Amount("the opening of the summary", told.opening_minor, opening)
    yield _Amount("the credits of the summary", told.credit_minor, credit)
    yield _Amount("the debits of the summary", told.debit_minor, debit)
    yield _Amount("the fees of the summary", told.fee_minor or 0, fee)
    closing = _without(told.currency, closing)
    yield _Amount("the closing of the summary", told.closing_minor, closing)
    for line, (*_, debit, credit, balance) in zip(told.lines, lines, strict=True):
        moved, other = (debit, credit) if line.amount_minor < 0 else (credit, debit)
        if _plain(other):
            raise Refused(f"line {line.number} of the page is on the other side than in the XML")
        yield _Amount(f"the amount of line {line.number}", abs(line.amount_minor), _plain(moved))
        yield _Amount(f"the balance of line {line.number}", line.balance_minor, _plain(balance))


def _refuse_other_amounts(told: Told, language: str, amounts: Sequence[_Amount]) -> None:
    furthest, wrong = -1, amounts[0]
    for locale in _ways_to_write(told.currency, language):
        for place, amount in enumerate(amounts):
            if not amount.is_written_by(locale, told.currency):
                if place > furthest:
                    furthest, wrong = place, amount
                break
        else:
            return
    raise Refused(
        f"{wrong.what} is printed as {wrong.printed[:40]!r} on the page, and is "
        f"{told.money(wrong.minor)} in the XML"
    )


def _refuse_other_days(told: Told, language: str, first: Row, lines: list[Row], last: Row) -> None:
    days = _Days(language)
    for what, day, row in (
        ("the opening", told.first_day, first),
        ("the closing", told.last_day, last),
        *(
            (f"line {line.number}", line.day, row)
            for line, row in zip(told.lines, lines, strict=True)
        ),
    ):
        if days.key(row[0]) not in days[day]:
            raise Refused(f"{what} is of another day on the page than in the XML ({day})")


class _Days(dict[date, set[str]]):
    """Each day as the locales of a language write it."""

    def __init__(self, language: str) -> None:
        found = locale_of(language)
        self._locales = [code for code in _locales() if code.split("_")[0] == found.language]
        self._is_mirrored = found.text_direction == "rtl"

    def key(self, text: str) -> str:
        """The text, to be compared. Pages from the right have it in the order in which it is
        seen: there its characters are compared, whatever their order."""
        plain = _plain(text).replace(" ", "")
        return "".join(sorted(plain)) if self._is_mirrored else plain

    def __missing__(self, day: date) -> set[str]:
        written = {self.key(format_date(day, "medium", locale=code)) for code in self._locales}
        self[day] = written
        return written


def _ways_to_write(currency: str, language: str) -> Iterator[str]:
    """Locales that write amounts differently, those of the language first."""
    seen = set()
    for code in sorted(_locales(), key=lambda code: (code.split("_")[0] != language, code)):
        probe = tuple(
            format_minor(minor, currency, code, with_currency=False) for minor in _PROBES_MINOR
        )
        if probe not in seen:
            seen.add(probe)
            yield code


@lru_cache(maxsize=1)
def _locales() -> tuple[str, ...]:
    return tuple(sorted(localedata.locale_identifiers()))


def _names_account(told: Told, cells: Sequence[str]) -> bool:
    """Whether a cell shows the account's number; without one the XML has its id instead."""
    number = told.account_number or ""
    if number == str(told.account_id) and "" in cells:
        return True
    return any(_shows(cell, number) for cell in cells)


def _without(currency: str, printed: str) -> str:
    if printed.startswith(f"{currency} "):
        return printed.removeprefix(f"{currency} ")
    if printed.endswith(f" {currency}"):
        return printed.removesuffix(f" {currency}")
    raise Refused(f"the closing of the page's summary is not in {currency}")


def _shows(cell: str, text: str) -> bool:
    """Whether the cell prints the text, which may go on there: the XML has room for 34 or 35.

    What is not ASCII may be printed in another order, or as U+FFFD for want of a font.
    """
    shown, wanted = (_plain(it).replace(" ", "") for it in (cell, text))
    if not wanted.isascii():
        return sorted(shown) == sorted(wanted) or _REPLACEMENT in shown
    if shown == f"'{wanted}":
        return True  # the apostrophe is the text's own, and was taken off it with those of the CSV
    return shown == wanted or (len(text) >= _SHORTEST_CUT and shown.startswith(wanted))


def _plain(text: str) -> str:
    """The text with plain spaces, and without what is not seen."""
    return " ".join(_UNSEEN.sub("", text).split())
