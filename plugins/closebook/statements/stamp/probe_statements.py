"""Probe statements: they differ in every slot; the first renderer draws them with marks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from io import BytesIO

from closebook.statements.model import FEE, Holder, Original, Statement, StatementLine
from closebook.statements.pdf.assembler import PdfAssembler
from closebook.statements.render.content import Content
from closebook.statements.render.document import assets_of, identifier_of, metadata_of
from closebook.statements.render.pagination import lay_out_lines
from closebook.statements.render.template import StatementTemplate
from closebook.statements.render.view_model import StatementView, statement_view
from closebook.statements.stamp.outside_layout import OutsideLayout
from closebook.statements.stamp.statement_class import StatementShape, slot_values
from closebook.statements.weasyprint_adapter.layout_marks import LayoutMarks
from closebook.statements.weasyprint_adapter.page_layout import PartKind


@dataclass(frozen=True)
class ProbeTexts:
    """The texts and numbers of a probe.

    ``debit_every`` and ``fee_every`` say which of the first ``line_count`` lines are debits and
    fees: fewer than ten in one probe, and more in the other. ``kind_lines`` is how many lines each
    kind of the summary of fees has. ``has_details`` says whether some lines have a value date, a
    customer's reference and an original amount, where the brand prints them.
    """

    name: str
    address_letter: str
    account_number: str
    description: str
    counterparty: str
    reference: str
    line_count: int
    opening_minor: int
    base_minor: int
    closing_minor: int
    step_minor: int
    fee_minor: int
    debit_every: int
    fee_every: int
    kind_lines: int
    original_minor: int
    rate: str
    number: int
    has_refund: bool
    has_details: bool = True

    def times(self, factor: int) -> "ProbeTexts":
        """Return the texts with larger amounts."""
        amounts = ("opening_minor", "base_minor", "closing_minor", "step_minor", "fee_minor")
        return replace(self, **{name: getattr(self, name) * factor for name in amounts})


FIRST = ProbeTexts(
    "Aq", "b", "C1", "Dq", "Pq", "R1", 64, 123_456, 1_000_000, 98_765, 30, 13, 11,
    44, 2, 100, "0.9", 7, False,
)  # fmt: skip
SECOND = ProbeTexts(
    "Aqwerty", "bd", "C12345", "Dqw", "Pqw", "R123", 150, 1_345_678, 770_000_000, 2_345_678,
    40_000, 17_000, 7, 14, 12, 12_345_678, "1.2345", 1234, True,
)  # fmt: skip


_FIRST_OF_A_KIND = 4
_OF_NO_SUMMARY = "probe"
_CREDIT_FROM_END, _DEBIT_FROM_END = 2, 3


@dataclass(frozen=True)
class Probe:
    """A probe, its texts, its file, and the marks of its pages."""

    statement: Statement
    view: StatementView
    pdf: bytes
    marks: LayoutMarks


def probe_statement(
    example: Statement,
    shape: StatementShape,
    texts: ProbeTexts,
    content: Content,
    line_count: int | None = None,
) -> Statement:
    """Return a statement of the example's class and of this shape, with the probe's own texts.

    ``content`` is what the brand prints in addition to what is on every statement.
    """
    count = texts.line_count if line_count is None else line_count
    minus = shape.with_minus
    opening = _signed(texts.opening_minor, "totals.opening" in minus)
    closing = _signed(texts.closing_minor, "totals.closing" in minus)
    fee = _signed(texts.fee_minor, "totals.fee" in minus)
    days = (example.period_end_inclusive - example.period_start).days
    of_day = [days * number // count for number in range(count)]
    balances = _balances(texts, of_day, closing, fee, lowest_below="chart.range" in minus)
    lines, before = [], opening
    for number, balance in enumerate(balances, start=1):
        amount = balance - before
        line = StatementLine(
            number,
            number,
            example.period_start + timedelta(days=of_day[number - 1]),
            texts.description,
            f"{texts.reference}{number}",
            texts.counterparty,
            FEE if amount == -fee else _kind(number, texts, content, is_negative=fee < 0),
            amount,
            balance,
        )
        lines.append(_with_details(line, texts, content, example.currency))
        before = balance
    address = "\n".join(
        texts.address_letter * (number + 2) for number in range(shape.address_lines)
    )
    holder = Holder(texts.name, address, texts.account_number, example.holder.locale)
    return replace(
        example,
        account_id=1,
        holder=holder,
        opening_minor=opening,
        closing_minor=before,
        lines=tuple(lines),
        number=None if example.number is None else texts.number,
    )


def _kind(number: int, texts: ProbeTexts, content: Content, *, is_negative: bool) -> str:
    """Return the kind of a line: each kind of the summary of fees has some lines."""
    kinds = [kind for kind in content.fee_summary if kind != FEE]
    place = (number - _FIRST_OF_A_KIND) // texts.kind_lines
    if number >= _FIRST_OF_A_KIND and place < len(kinds):
        return kinds[place]
    # The fees of both probes differ in debits and in credits: the refund has the other sign.
    refund = _DEBIT_FROM_END if is_negative else _CREDIT_FROM_END
    is_refund = texts.has_refund and number == texts.line_count - refund
    return FEE if is_refund else _OF_NO_SUMMARY


def _with_details(
    line: StatementLine, texts: ProbeTexts, content: Content, currency: str
) -> StatementLine:
    """Return a line: every third one has a value date, others a customer's reference."""
    if not texts.has_details:
        return line
    if content.value_dates and line.line_number % 3 == 0:
        line = replace(line, value_date=line.posted_on)
    if content.customer_references and line.line_number % 3 == 1:
        line = replace(line, customer_reference=texts.reference)
    if content.interest_rates and line.line_number % 7 == 1:
        line = replace(line, interest_rate=Decimal(texts.rate))
    if content.original_amounts and line.line_number % 5 == 0:
        minor = -texts.original_minor if line.amount_minor < 0 else texts.original_minor
        original = "GBP" if currency == "USD" else "USD"
        line = replace(line, original=Original(minor, original, Decimal(texts.rate)))
    return line


def _balances(
    texts: ProbeTexts, of_day: Sequence[int], closing: int, fee: int, *, lowest_below: bool
) -> list[int]:
    """Return the balance after each line: a base, then steps and fees, a dip, and the closing.

    ``of_day`` has the day of each line. The dip is at the end of a day, where the chart shows it.
    """
    count = len(of_day)
    balances, balance = [], texts.base_minor
    for number in range(count):
        # Further lines are credits: so a longer probe has as many debits and fees as a shorter one.
        is_usual = number < texts.line_count
        if is_usual and number % texts.fee_every == 1:
            balance -= fee
        elif is_usual and number % texts.debit_every == texts.debit_every - 1:
            balance -= texts.step_minor
        elif number:
            balance += texts.step_minor
        balances.append(balance)
    if lowest_below and closing >= 0:
        ends = [at for at in range(count // 2, count - 1) if of_day[at] != of_day[at + 1]]
        balances[ends[0] if ends else count // 2] = -texts.base_minor // 7
    if count:
        balances[-1] = closing
    return balances


def _signed(amount: int, is_negative: bool) -> int:
    return -amount if is_negative else amount


def probe(
    statement: Statement, template: StatementTemplate, kind: PartKind = PartKind.WHOLE
) -> Probe:
    """Return the pages of a statement, as the first renderer makes them, with marks."""
    view = statement_view(statement, template)
    with template.layout.forbid_fetching("a probe of the template"):
        pages = lay_out_lines(
            view, template, assets_of(statement, template), kind, 0, len(view.lines)
        )
    marks, output = LayoutMarks(), BytesIO()
    assembler = PdfAssembler(output)
    assembler.add_pages(pages.draw(tags=True, marks=marks), bookmarks=pages.headings())
    assembler.finish(metadata_of(statement, view, template), (), identifier_of(statement))
    return Probe(statement, view, output.getvalue(), marks)


def require_different(first: StatementView, second: StatementView) -> None:
    """Raise OutsideLayout unless two probes differ in each slot: else one would seem constant."""
    values: tuple[Mapping[str, str], ...] = (slot_values(first), slot_values(second))
    same = [name for name, text in values[0].items() if len(text) == len(values[1][name])]
    same = [name for name in same if values[0][name]]
    if same:  # guard: stamp.probes-differ-in-every-slot
        raise OutsideLayout("not-compiled", f"both probes have the same {', '.join(same)}")
