"""Puts the rows at page breaks where the first renderer puts them, by the same tries."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from closebook.statements.render.content import Content
from closebook.statements.render.page_breaks import (
    Amounts,
    PageBreaks,
    breaks_between_lines,
    rows_at,
)
from closebook.statements.render.pagination import room_for_break_rows, room_mm
from closebook.statements.stamp.layout import Layout
from closebook.statements.stamp.outside_layout import OutsideLayout
from closebook.statements.stamp.page_filler import FilledPage, filled_pages
from closebook.statements.stamp.row_layout import LaidOutRow
from closebook.statements.stamp.row_rules import NONE

_PIXELS_PER_MM = 96 / 25.4


class BreakRowLayout(Protocol):
    """Lays out the rows at the breaks of pages."""

    def break_row(self, kind: str, texts: Mapping[str, str], /) -> LaidOutRow:
        """Return a row of a kind with the texts of its amounts."""


def filled_table(
    layout: Layout,
    row_layout: BreakRowLayout,
    lines: Sequence[LaidOutRow],
    amounts: Amounts,
    balances: Sequence[str],
) -> tuple[list[LaidOutRow], list[FilledPage]]:
    """Return the rows of the table, and the pages that they fill.

    ``lines`` are the rows of the lines, with their heights below another line.
    ``balances`` are the texts of the balances after each line.
    """
    breaks = layout.rows.breaks
    if not lines or breaks.keys() <= {NONE}:
        rows = _joined(layout, lines or [row_layout.break_row(NONE, {})])
        return rows, filled_pages(layout, rows)
    content = Content(page_totals="total" in breaks, carried_forward="carried" in breaks)
    plain = _joined(layout, lines)
    for row_mm in room_for_break_rows():
        first_mm, other_mm = room_mm(content, row_mm, is_first=True)
        room = first_mm * _PIXELS_PER_MM, other_mm * _PIXELS_PER_MM
        ends = _ends(filled_pages(layout, plain, room), plain)
        wanted = rows_at(ends, content, amounts, 1, len(lines))
        rows = _joined(layout, _with_rows(row_layout, lines, wanted, balances))
        pages = filled_pages(layout, rows)
        # guard: stamp.rows-at-page-breaks-stand-at-breaks
        if _ends(pages, rows) == ends:
            return rows, pages
    return rows, pages


def _with_rows(
    row_layout: BreakRowLayout,
    lines: Sequence[LaidOutRow],
    breaks: PageBreaks,
    balances: Sequence[str],
) -> list[LaidOutRow]:
    found: list[LaidOutRow] = []
    for number, line in enumerate(lines, start=1):
        begins = number in breaks.new_pages
        if number in breaks.brought_before:
            brought = row_layout.break_row("brought", {"balance": balances[number - 2]})
            found.append(brought._replace(begins_page=begins))
            begins = False
        found.append(line._replace(begins_page=True) if begins else line)
        total = breaks.totals.get(number)
        if total is not None:
            texts = {"debit": total.debit, "credit": total.credit}
            found.append(row_layout.break_row("total", texts))
        if number in breaks.carried_after:
            found.append(row_layout.break_row("carried", {"balance": balances[number - 1]}))
    return found


def _joined(layout: Layout, rows: Sequence[LaidOutRow]) -> list[LaidOutRow]:
    """Return rows with their heights below the row above, with which each shares a border."""
    extras = layout.rows.extras
    found, above = [], "opening"
    for row in rows:
        extra = extras.get((above, row.kind))
        if extra is None:
            raise OutsideLayout("rows-at-page-breaks", f"{row.kind} below {above}")
        found.append(row._replace(height=row.height + extra, shift=extra) if extra else row)
        above = row.kind
    return found


def _ends(pages: Sequence[FilledPage], rows: Sequence[LaidOutRow]) -> list[int]:
    """Return the numbers of the lines after which a page ends."""
    return breaks_between_lines(
        [[rows[place].number for place, _ in page.rows if rows[place].number] for page in pages]
    )
