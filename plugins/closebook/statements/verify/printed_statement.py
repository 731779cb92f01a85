"""What the pages of a received statement print: found by the roles of cells, or by their places."""

from collections.abc import Sequence
from dataclasses import dataclass

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
from closebook.statements.verify.attached_statement import AttachedStatement
from closebook.statements.verify.optional_content import (
    amounts_at_page_breaks,
    limits,
    refuse_other_facts,
    rows_at_page_breaks,
    totals_of_kinds,
)
from closebook.statements.verify.page_tables import PageTables, RoleCell, Row, Table
from closebook.statements.verify.page_texts import AnyAmount, plain
from closebook.statements.verify.untrusted_pdf import CheckFailed

# A line has seven cells. It had six before the counterparty got its own cell, and statements that
# were issued then are still valid.
_CELL_COUNTS_OF_A_LINE = (6, 7)
_BALANCE_ROWS, _CELLS_OF_A_BALANCE_ROW = 2, 3
# The row that says that there are no lines.
_CELLS_OF_NO_LINES = 2


@dataclass(frozen=True, slots=True)
class PrintedLine:
    """The cells of a line."""

    day: str
    reference: str
    debit: str
    credit: str
    balance: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class PrintedStatement:
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
    lines: Sequence[PrintedLine]
    more: Sequence[AnyAmount] = ()
    has_value_dates: bool = False
    has_originals: bool = False
    has_interest_rates: bool = False
    has_customer_references: bool = False


def printed_by_role(xml: AttachedStatement, page: PageTables) -> PrintedStatement:
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
    return PrintedStatement(
        accounts=[[cell.text] for cell in cells[ACCOUNT]],
        summary=[(role, cell.text) for role in SUMMARY for cell in cells[role]],
        first=(edges["first-day"], edges["first-balance"]),
        last=(edges["last-day"], edges["last-balance"]),
        lines=[
            PrintedLine(*("" if place is None else row[place] for place in line_places))
            for row in rows
        ],
        more=carried,
        has_value_dates=DATES in places,
        has_originals=not {ORIGINAL, ORIGINAL_INTEREST}.isdisjoint(texts),
        has_interest_rates=not {INTEREST, ORIGINAL_INTEREST}.isdisjoint(texts),
        has_customer_references=REFERENCES in places,
    )


def printed_by_place(tables: Sequence[Table]) -> PrintedStatement:
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
    return PrintedStatement(
        accounts=[[cell for row in facts for cell in row]],
        summary=[(role, text) for role, (_, text) in zip(SUMMARY, summary, strict=True)],
        first=(first[0], first[-1]),
        last=(last[0], last[-1]),
        lines=[PrintedLine(row[0], *row[-4:]) for row in rows],
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
