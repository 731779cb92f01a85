"""Compare what only some brands print with the XML, such as the balances carried forward."""

from collections.abc import Iterator, Mapping, Sequence

from closebook.statements.pdf.page_roles import (
    BIC,
    BROUGHT,
    CARRIED,
    CREDITS_OF_KIND,
    DEBITS_OF_KIND,
    NUMBER,
    OVERDRAFT_LIMIT,
    PAGE_CREDITS,
    PAGE_DEBITS,
)
from closebook.statements.verify.attached_statement import AttachedLine, AttachedStatement
from closebook.statements.verify.page_tables import RoleCell, Table
from closebook.statements.verify.page_texts import Amount, amount_text, plain
from closebook.statements.verify.untrusted_pdf import CheckFailed

Cells = Mapping[str, Sequence[RoleCell]]
_AT_PAGE_BREAKS = (PAGE_DEBITS, PAGE_CREDITS, CARRIED, BROUGHT)


def refuse_other_facts(xml: AttachedStatement, cells: Cells) -> None:
    """Raise CheckFailed if the page has another statement number or BIC than the XML."""
    for role, stated, what in (
        (NUMBER, xml.number, "statement number"),
        (BIC, xml.bic, "BIC"),
    ):
        for cell in cells.get(role, ()):
            # guard: verify.number-and-bic-are-those-of-the-xml
            if plain(cell.text) != (stated or ""):
                raise CheckFailed(f"the {what} on the page is not that of the XML")


def limits(xml: AttachedStatement, cells: Cells) -> Iterator[Amount]:
    """Yield the overdraft limit. Raises CheckFailed for one that the XML does not have."""
    for cell in cells.get(OVERDRAFT_LIMIT, ()):
        if xml.overdraft_limit_minor is None:
            raise CheckFailed("the page has an overdraft limit, and the XML has none")
        yield Amount("the overdraft limit", xml.overdraft_limit_minor, cell_text(cell))


def rows_at_page_breaks(table: Table, cells: Cells) -> set[int]:
    """Return the places of the rows of the table of lines that stand at a break of a page."""
    return {
        cell.row for role in _AT_PAGE_BREAKS for cell in cells.get(role, ()) if _is_in(cell, table)
    }


def amounts_at_page_breaks(
    lines: Sequence[AttachedLine], opening_minor: int, table: Table, cells: Cells
) -> Iterator[Amount]:
    """Yield each amount of the rows at the breaks of pages.

    A balance that is carried or brought forward is that of the line before. The totals of a page
    are those of the lines since the totals before.
    """
    found: dict[int, list[RoleCell]] = {}
    for role in _AT_PAGE_BREAKS:
        for cell in cells.get(role, ()):
            if not _is_in(cell, table):
                raise CheckFailed(f"the page has an amount of the role {role} beside its lines")
            found.setdefault(cell.row, []).append(cell)
    line_count = total_from = 0
    for row in range(1, len(table.rows) - 1):
        if row not in found:
            line_count += 1
            continue
        balance = lines[line_count - 1].balance_minor if line_count else opening_minor
        since = [line.amount_minor for line in lines[total_from:line_count]]
        values = {
            CARRIED: balance,
            BROUGHT: balance,
            PAGE_DEBITS: -sum(minor for minor in since if minor < 0),
            PAGE_CREDITS: sum(minor for minor in since if minor > 0),
        }
        for cell in found[row]:
            yield Amount(f"{cell.role} after line {line_count}", values[cell.role], cell_text(cell))
        if any(cell.role in (PAGE_DEBITS, PAGE_CREDITS) for cell in found[row]):
            total_from = line_count


def totals_of_kinds(lines: Sequence[AttachedLine], cells: Cells) -> Iterator[Amount]:
    """Yield each total of a kind of entries."""
    for prefix, sign in ((DEBITS_OF_KIND, -1), (CREDITS_OF_KIND, 1)):
        for role, found in cells.items():
            if role.startswith(prefix):
                kind = role.removeprefix(prefix)
                minor = sum(
                    abs(line.amount_minor)
                    for line in lines
                    if line.kind == kind and line.amount_minor * sign > 0
                )
                for cell in found:
                    yield Amount(f"the total of {role}", minor, cell_text(cell))


def cell_text(cell: RoleCell) -> str:
    """Return the text of a cell with an amount."""
    return amount_text(cell.text)


def _is_in(cell: RoleCell, table: Table) -> bool:
    return cell.table is table
