"""Read a stamped document back, before it is filed: it must print what the statement says.

This reads the finished file (closebook/statements/stamp/written_document.py), and formats the
amounts and days of the statement again, without the stamper. So a document is not filed if its
layout has a variable as fixed text, if a slot has the wrong place, or if a glyph stands for another
character.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

from closebook.money import amount_writer, format_minor
from closebook.statements.model import Statement, StatementLine
from closebook.statements.pdf.page_roles import (
    ACCOUNT,
    BROUGHT,
    CARRIED,
    COLUMNS,
    CREDITS_OF_KIND,
    DATES,
    DEBITS_OF_KIND,
    EDGES,
    NUMBER,
    PAGE_DEBITS,
    SUMMARY,
)
from closebook.statements.printed_days import printed_day
from closebook.statements.printed_rates import printed_original, printed_percent, printed_rate
from closebook.statements.render.catalog import page_locale
from closebook.statements.render.content import Content
from closebook.statements.render.sanitize import PageText
from closebook.statements.render.template import StatementTemplate
from closebook.statements.render.view_model import StatementView
from closebook.statements.stamp.outside_layout import OutsideLayout
from closebook.statements.stamp.shown_texts import agree, shows
from closebook.statements.stamp.written_document import ReadDocument, read_document

_ROLES_OF_EDGES = {*EDGES, *COLUMNS, DATES}


def require_read_back(
    pdf: bytes, statement: Statement, view: StatementView, template: StatementTemplate
) -> None:
    """Raise OutsideLayout unless a document prints the statement's amounts, days, references and
    names.
    """
    read = read_document(pdf)
    locale = statement.holder.locale
    days = page_locale(template.folder, template.brand, locale)

    write = amount_writer(statement.currency, locale)

    def figures_of(amount_minor: int) -> str:
        return _figures(write(amount_minor))

    # On a page from left to right all figures have its direction.
    amount = write if view.direction == "ltr" else figures_of
    closing = format_minor(statement.closing_minor, statement.currency, locale, with_currency=True)
    content = template.brand.content

    def row(line: StatementLine, view_number: int) -> tuple[str | tuple[str, ...], ...]:
        line_view = view.lines[view_number]
        figures = amount(abs(line.amount_minor))
        day: tuple[str, ...] = (printed_day(line.posted_on, days),)
        text: tuple[str, ...] = (line_view.description,)
        if content.value_dates and line.value_date:
            day += (printed_day(line.value_date, days),)
        reference: tuple[str, ...] = (line_view.reference,)
        if content.customer_references and line.customer_reference:
            reference += (line_view.customer_reference,)
        if content.interest_rates and line.interest_rate is not None:
            rate = printed_percent(line.interest_rate, locale)
            text += (f"{view.catalog.interest_rate}: {rate}",)
        original = line.original
        if content.original_amounts and original:
            rate = printed_rate(original.rate, original.currency, statement.currency, locale)
            foreign = printed_original(original.amount_minor, original.currency, locale)
            text += (_figures(foreign), _figures(rate))
        return (
            day,
            text,
            line_view.counterparty,
            reference,
            figures if line.amount_minor < 0 else "",
            "" if line.amount_minor < 0 else figures,
            amount(line.balance_minor),
        )

    wanted = [row(line, number) for number, line in enumerate(statement.lines)]
    if not wanted:
        wanted = [("", view.catalog.no_movements)]
    rows = [texts for page in read.pages for role, texts in page if role is None]
    if not _agree_all(rows, wanted, view.direction):  # guard: stamp.rows-are-read-back
        raise OutsideLayout("read-back", "the lines of the page are not those of the statement")
    _require_break_rows(read, statement, content, amount)
    roles = {
        ACCOUNT: view.variables["holder"].account_number,
        SUMMARY[0]: amount(statement.opening_minor),
        SUMMARY[1]: amount(statement.credit_minor),
        SUMMARY[2]: amount(statement.debit_minor),
        SUMMARY[3]: amount(statement.fee_minor),
        SUMMARY[4]: _figures(closing),
        EDGES[0]: printed_day(statement.period_start, days),
        EDGES[1]: amount(statement.opening_minor),
        EDGES[2]: printed_day(statement.period_end_inclusive, days),
        EDGES[3]: amount(statement.closing_minor),
    }
    if content.statement_number and statement.number is not None:
        roles[NUMBER] = str(statement.number)
    for kind in content.fee_summary:
        minors = [line.amount_minor for line in statement.lines if line.kind == kind]
        roles[f"{DEBITS_OF_KIND}{kind}"] = amount(-sum(each for each in minors if each < 0))
        roles[f"{CREDITS_OF_KIND}{kind}"] = amount(sum(each for each in minors if each > 0))
    for role, text in roles.items():
        # guard: stamp.totals-are-read-back
        if not agree(read.roles.get(role, ""), text, view.direction):
            raise OutsideLayout("read-back", f"{role} of the page is not that of the statement")
    holder = view.variables["holder"]
    names = (
        holder.name,
        *(PageText(line, holder.address.direction) for line in holder.address.split("\n")),
        _figures(view.variables["chart"]["range"] if template.brand.layout.chart else ""),
        view.variables["notes"]["fees"],
    )
    for text in filter(None, names):
        # guard: stamp.names-are-read-back
        if not shows(read.others, text, view.direction):
            raise OutsideLayout("read-back", "a name of the statement is not on its page")


def _figures(text: str) -> PageText:
    """Return a text of figures, which are written from left to right on every page."""
    return PageText(text, "ltr")


def _agree_all(
    rows: Sequence[Sequence[str]],
    wanted: Sequence[Sequence[str | tuple[str, ...]]],
    direction: str = "ltr",
) -> bool:
    """Return whether each cell of some rows of a page shows its text."""
    return len(rows) == len(wanted) and all(
        len(cells) == len(texts)
        and all(agree(cell, text, direction) for cell, text in zip(cells, texts, strict=True))
        for cells, texts in zip(rows, wanted, strict=True)
    )


def _require_break_rows(
    read: ReadDocument, statement: Statement, content: Content, amount: Callable[[int], str]
) -> None:
    """Raise OutsideLayout unless the rows at page breaks agree with the lines around them."""
    number, total_from = 0, 0
    pages = [[role for role, _ in page if role not in _ROLES_OF_EDGES] for page in read.pages]
    for page in read.pages:
        for role, texts in page:
            wanted: tuple[str, ...] = ()
            if role is None:
                number += 1
            elif role in (BROUGHT, CARRIED):
                wanted = (amount(statement.lines[number - 1].balance_minor),)
            elif role == PAGE_DEBITS:
                minors = [each.amount_minor for each in statement.lines[total_from:number]]
                debit = -sum(minor for minor in minors if minor < 0)
                credit = sum(minor for minor in minors if minor > 0)
                wanted, total_from = (amount(debit), amount(credit), ""), number
            # guard: stamp.rows-at-page-breaks-are-read-back
            if wanted and not _agree_all([texts[-len(wanted) :]], [wanted]):
                raise OutsideLayout("read-back", f"a row {role} has another amount")
    with_lines = [page for page in pages if None in page]
    for here, after in pairwise(with_lines):
        # guard: stamp.every-page-break-is-read-back
        if content.carried_forward and (here[-1], after[0]) != (CARRIED, BROUGHT):
            raise OutsideLayout("read-back", "a page does not carry its balance forward")
    if (
        content.page_totals
        and statement.lines
        and any(PAGE_DEBITS not in page for page in with_lines)
    ):
        raise OutsideLayout("read-back", "a page has no totals")
