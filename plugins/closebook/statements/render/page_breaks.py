"""The rows at the break of a page between two lines: totals, and the balance carried forward.

They are rows of the table of lines. Where they stand is known once the lines are laid out, so the
lines are laid out twice: first with room for these rows on each page, then with them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from closebook.money import format_minor
from closebook.statements.render.content import Content


@dataclass(frozen=True, slots=True)
class Amounts:
    """The amounts of a statement's lines, and how they are printed."""

    minor: tuple[int, ...]
    currency: str
    locale: str

    def debits(self, first: int, last: int) -> str:
        """Return the sum of the debits of these lines, both included and counted from 1."""
        return self._text(-sum(minor for minor in self.minor[first - 1 : last] if minor < 0))

    def credits(self, first: int, last: int) -> str:
        """Return the sum of the credits of these lines, both included and counted from 1."""
        return self._text(sum(minor for minor in self.minor[first - 1 : last] if minor > 0))

    def _text(self, minor: int) -> str:
        return format_minor(minor, self.currency, self.locale, with_currency=False)


@dataclass(frozen=True, slots=True)
class PageTotal:
    """The totals of the lines since the last row of this kind."""

    debit: str
    credit: str


@dataclass(frozen=True)
class PageBreaks:
    """The rows of some lines, by the number of the line after or before which they stand.

    ``totals`` stand after their line. The balance is carried forward after a line of
    ``carried_after``, and brought forward before a line of ``brought_before``, which begins a new
    page if it is in ``new_pages``.
    """

    totals: dict[int, PageTotal]
    carried_after: frozenset[int] = frozenset()
    brought_before: frozenset[int] = frozenset()
    new_pages: frozenset[int] = frozenset()


NO_ROWS = PageBreaks({})


def breaks_between_lines(line_numbers: Sequence[Sequence[int]]) -> list[int]:
    """Return the numbers of the lines after which a page ends; not where it ends inside a line."""
    return [
        here[-1]
        for here, next_page in pairwise(line_numbers)
        if here and next_page and here[-1] < next_page[0]
    ]


def rows_at(
    ends: Sequence[int], content: Content, amounts: Amounts, first: int, last: int
) -> PageBreaks:
    """Return the rows of the lines from ``first`` to ``last``, if pages end after ``ends``.

    The statement's own last line has totals too, since the last page ends with it.
    """
    totals = {}
    if content.page_totals:
        begin = first
        for end in [*ends, *([last] if last == len(amounts.minor) else [])]:
            if end < begin:
                continue
            totals[end] = PageTotal(amounts.debits(begin, end), amounts.credits(begin, end))
            begin = end + 1
    if not content.carried_forward:
        return PageBreaks(totals, new_pages=frozenset(end + 1 for end in ends))
    # A later part of a long statement begins a page.
    begins = frozenset({first} if first > 1 else ())
    after = frozenset(end + 1 for end in ends)
    return PageBreaks(totals, frozenset(ends), begins | after, after)
