"""Make the layout of a class and shape: make probes, compile the layout, and try it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256

from closebook.money import MINUS
from closebook.statements.model import Holder, Statement
from closebook.statements.render.brand_style import BRAND_FEATURES
from closebook.statements.render.content import Content
from closebook.statements.render.page_breaks import Amounts, PageBreaks, rows_at
from closebook.statements.render.template import StatementTemplate
from closebook.statements.render.view_model import statement_view
from closebook.statements.stamp.break_rows import filled_table
from closebook.statements.stamp.compiler import (
    PAGE_NUMBER,
    compiled_layout,
    with_row_of_no_lines,
)
from closebook.statements.stamp.faces import Face
from closebook.statements.stamp.layout import ArtPiece, Layout, PagePieces, RowRule, Slot
from closebook.statements.stamp.layout_trial import require_equal
from closebook.statements.stamp.outside_layout import OutsideLayout
from closebook.statements.stamp.probe_pages import ProbePages, block_tops, read_probe
from closebook.statements.stamp.probe_statements import (
    FIRST,
    SECOND,
    Probe,
    ProbeTexts,
    probe,
    probe_statement,
    require_different,
)
from closebook.statements.stamp.row_layout import LaidOutRow
from closebook.statements.stamp.row_rules import closing_art
from closebook.statements.stamp.stamper import Stamper
from closebook.statements.stamp.statement_class import (
    StatementShape,
    class_of,
    is_slot,
    shape_of,
    slot_values,
)
from closebook.statements.weasyprint_adapter.page_layout import PartKind

_DECLARED = re.compile(r'data-slot="([^"]+)"')
_LONGEST_PROBE = 120
_FAR = 1e9
_MINUS_LINES = 4
_MORE_PLACES = 4
_LONG_LINES, _MOST_WORDS = 8, 12
_MORE_LINES = (0, 8, 16, 24)
_WIDE = 10**9
_MINUSES = {MINUS, "-"}
_TALLEST, _TALL = "\N{ARABIC LETTER AIN}", "\N{CJK UNIFIED IDEOGRAPH-6771}"


@dataclass(frozen=True)
class LayoutMaker:
    """Makes the layouts of one template: of statements that are laid out at once, or in parts."""

    template: StatementTemplate
    kind: PartKind = PartKind.WHOLE

    def stamper(self, example: Statement, shape: StatementShape) -> Stamper:
        """Return what stamps the statements of the example's class that have this shape.

        Nothing of the example's own texts is in the layout. Raises OutsideLayout when the pages of
        this class cannot be made exactly.
        """
        view = statement_view(example, self.template)
        short, long = FIRST, SECOND
        if view.variables["page"]["wide"]:
            short, long = short.times(_WIDE), long.times(_WIDE)
        is_from_left = view.direction == "ltr"
        probes = _Probes(
            self.template, example, class_of(view, ""), shape, short, is_from_left, self.kind
        )
        first, second = (
            probes.with_its_end_on_one_page(short),
            probes.with_its_end_on_one_page(long),
        )
        require_different(first.view, second.view)
        pages = read_probe(first), read_probe(second)
        declared = self._declared(first)
        minus = read_probe(probes.with_minus())
        without = (
            read_probe(probes.without_lines(short)),
            read_probe(probes.without_lines(long)),
        )

        whole = None
        if self.kind is not PartKind.WHOLE:
            # The pages of a part have no numbers: these are laid out when all parts are.
            whole = replace(self, kind=PartKind.WHOLE).stamper(example, shape).layout
        backgrounds = probes.closing_art(pages)

        def compiled(tops: list[float]) -> Layout:
            made = with_row_of_no_lines(compiled_layout(*pages, declared, tops), without)
            fonts = {**minus.fonts, **(whole.fonts if whole else {}), **made.fonts}
            stand_ins = _stand_ins(minus)
            return replace(made, stand_ins=stand_ins, fonts=fonts, closing_art=backgrounds)

        count = len(pages[0].geometry[-1].blocks)
        draft, tops = compiled([0.0] * count), [_FAR] * count
        trials = [*pages, *(each for each in without if shape_of(each.probe.view) == shape)]
        for block in range(len(tops)):
            made = probes.of_one_of(
                replace(short, has_details=False), _counts_that_break_before(block, draft)
            )
            if made is None:
                continue  # no statement of plain rows breaks there; others go to the first renderer
            broken = read_probe(made)
            trials.append(broken)
            page, tops[block] = block_tops(broken)[block]
            if page != len(broken.pages) - 1:
                raise OutsideLayout(
                    "not-compiled", "a block does not begin the page that it should"
                )
        layout = compiled(tops)
        faces = {
            name: Face(facts, self._features(facts.file.content))
            for name, facts in layout.fonts.items()
        }
        stamper = Stamper(layout, faces, self.template.layout.text_setter)
        stamper.layout = layout = stamper.with_usual_lines(slot_values(first.view))
        trials.append(read_probe(probes.with_long_texts(stamper)))
        for trial in trials:
            require_equal(stamper, trial)  # guard: stamp.layout-is-tried-before-it-is-used
        stamper.layout = replace(layout, window_room=_window_room(stamper, probes))
        if whole is not None:
            stamper.layout = _with_page_numbers(stamper.layout, whole)
        return stamper

    def _features(self, font: bytes) -> Mapping[str, bool]:
        """Return the features of a font's file: a brand's fonts have some switched off."""
        files = {path.name for path in self.template.fonts.files}
        known = self.template.fonts.sha256_by_name
        installed = {known[name] for name in files}
        return {} if sha256(font).hexdigest() in installed else BRAND_FEATURES

    def _declared(self, made: Probe) -> set[str]:
        page = self.template.statement_page(
            made.view.variables,
            made.view.lines,
            (),
            is_first=True,
            is_last=True,
            breaks=_every_break_row(self.template.brand.content, len(made.view.lines)),
        )
        declared = set(_DECLARED.findall(page))
        of_rows = ("line.", "break.")
        unknown = [name for name in declared if not name.startswith(of_rows) and not is_slot(name)]
        if unknown:
            raise OutsideLayout("not-compiled", f"the template declares {', '.join(unknown)}")
        # A holder without an address has no place for one: the shape says so.
        empty = {name for name, text in slot_values(made.view).items() if not text}
        return declared - empty


@dataclass(frozen=True)
class _Probes:
    """Makes the probes of one class and shape."""

    template: StatementTemplate
    example: Statement
    class_: str
    shape: StatementShape
    short: ProbeTexts
    is_from_left: bool
    kind: PartKind

    @property
    def _content(self) -> Content:
        """What the probes have besides what is on every statement."""
        content = self.template.brand.content
        # From right to left, a rate of interest is a text of its own beside its label.
        return content if self.is_from_left else replace(content, interest_rates=False)

    def of(self, texts: ProbeTexts, line_count: int | None = None) -> Probe:
        """Return a probe of the shape."""
        content = self._content
        made = self._made(probe_statement(self.example, self.shape, texts, content, line_count))
        if shape_of(made.view) != self.shape:
            raise OutsideLayout("not-compiled", f"no probe has the shape {self.shape}")
        return made

    def of_one_of(self, texts: ProbeTexts, line_counts: Iterator[int]) -> Probe | None:
        """Return a probe of the shape that has one of these numbers of lines."""
        content = self._content
        for count in line_counts:
            statement = probe_statement(self.example, self.shape, texts, content, count)
            if shape_of(statement_view(statement, self.template)) == self.shape:
                return self._made(statement)
        return None

    def with_its_end_on_one_page(self, texts: ProbeTexts) -> Probe:
        """Return a probe whose closing and the blocks after it are on the page of its last line."""
        for more in _MORE_LINES:
            made = self.of(texts, texts.line_count + more)
            *pages, last = made.marks.pages
            kinds = [row.kind for row in last.rows]
            ends = kinds[-2:] in (["line", "closing"], ["total", "closing"])
            if ends and not any(page.blocks for page in pages):
                return made
        raise OutsideLayout("not-compiled", "no probe ends on one page")

    def with_minus(self) -> Probe:
        """Return a short statement whose balances have a minus, in all fonts of figures."""
        below = frozenset({"totals.opening", "totals.closing", "chart.range"})
        shape = replace(self.shape, with_minus=below)
        content = self._content
        return self._made(probe_statement(self.example, shape, self.short, content, _MINUS_LINES))

    def closing_art(self, pages: tuple[ProbePages, ProbePages]) -> tuple[tuple[ArtPiece, ...], ...]:
        """Return the art of the closing in even and in odd places. ``pages`` are the two probes."""
        made = list(pages)
        for more in range(1, _MORE_PLACES):
            found = closing_art(made)
            if found is not None:
                return found
            made.append(read_probe(self.of(self.short, self.short.line_count + more)))
        raise OutsideLayout("not-compiled", "the closing is never in another place")

    def without_lines(self, texts: ProbeTexts) -> Probe:
        """Return a statement without lines. Both its balances have a minus, or none."""
        shape = replace(self.shape, with_minus=self.shape.with_minus & {"totals.opening"})
        content = self._content
        return self._made(probe_statement(self.example, shape, texts, content, 0))

    def with_tall_letters(self, letter: str, every: int) -> Probe:
        """Return a short statement whose name is a letter of a font with taller lines.

        So is each line of the address whose number is a multiple of ``every``.
        """
        made = self.of(self.short, _LONG_LINES).statement
        count = len(made.holder.address.split("\n"))
        address = "\n".join("b" if line % every else letter for line in range(1, count + 1))
        holder = replace(made.holder, name=letter, address=address if made.holder.address else "")
        return self._made(replace(made, holder=holder))

    def with_long_texts(self, stamper: Stamper) -> Probe:
        """Return a short statement whose texts need several lines; some are missing."""
        short = self.of(self.short, _LONG_LINES)
        made = replace(short.statement, holder=_long_name(short, stamper))
        lines = [
            replace(
                line,
                description=" ".join([line.description] * max(1, 5 * (number - 1))),
                counterparty=None if number % 2 else " ".join([self.short.counterparty] * number),
            )
            for number, line in enumerate(made.lines)
        ]
        return self._made(replace(made, lines=tuple(lines)))

    def _made(self, statement: Statement) -> Probe:
        made = probe(statement, self.template, self.kind)
        if class_of(made.view, "") != self.class_:  # guard: stamp.probe-is-of-the-class
            raise OutsideLayout("not-compiled", "a probe is of another class")
        return made


def _with_page_numbers(layout: Layout, whole: Layout) -> Layout:
    """Return the layout of a statement in parts with the page numbers of one that is made whole.

    They stand in the same place: the pages of parts leave it free.
    """

    def with_number(page: PagePieces, numbered: PagePieces) -> PagePieces:
        numbers = tuple(
            piece
            for piece in numbered.margins
            if isinstance(piece.what, Slot) and piece.what.name == PAGE_NUMBER
        )
        return replace(page, numbers=numbers)

    return replace(
        layout,
        first=with_number(layout.first, whole.first),
        later=with_number(layout.later, whole.later),
        in_parts=True,
    )


def _long_name(made: Probe, stamper: Stamper) -> Holder:
    """Return the holder of a probe, with a name that breaks a sentence around it."""
    holder = made.statement.holder
    for words in range(1, _MOST_WORDS):
        name = " ".join([holder.name] * words)
        if stamper.breaks_a_sentence(slot_values(made.view) | {"holder.name": name}):
            return replace(holder, name=name)
    return holder


def _window_room(stamper: Stamper, probes: _Probes) -> float:
    """Return by how much taller lines of name and address may make their window."""
    layout = stamper.layout
    for letter, every in ((_TALLEST, 1), (_TALL, 1), (_TALL, 2), (_TALL, _LONGEST_PROBE)):
        pages = read_probe(probes.with_tall_letters(letter, every))
        stamper.layout = replace(layout, window_room=_FAR)
        try:
            require_equal(stamper, pages)
            return stamper.pages(pages.probe.statement, pages.probe.view).window_grown
        except OutsideLayout:
            continue
        finally:
            stamper.layout = layout
    return 0.0


def _counts_that_break_before(block: int, layout: Layout) -> Iterator[int]:
    """Yield each number of plain lines that moves this block to a new page, and none before it."""
    for count in range(3, _LONGEST_PROBE):
        lines = [
            LaidOutRow("line", number, (), layout.rows.height) for number in range(1, count + 1)
        ]
        amounts = Amounts((0,) * count, "EUR", "en")
        _, filled = filled_table(layout, _PlainRows(layout.rows), lines, amounts, [""] * count)
        moved = [index for page in filled if page.closing_top is None for index, _ in page.blocks]
        if moved[:1] == [block]:
            yield count


@dataclass(frozen=True)
class _PlainRows:
    """Rows at the breaks of pages whose amounts have one line each."""

    rule: RowRule

    def break_row(self, kind: str, _texts: Mapping[str, str]) -> LaidOutRow:
        """Return a row of a kind."""
        return LaidOutRow(kind, 0, (), self.rule.breaks[kind].height)


def _every_break_row(content: Content, count: int) -> PageBreaks:
    """Return the rows that a brand prints at the breaks of pages, after each of some lines."""
    amounts = Amounts((0,) * count, "EUR", "en")
    return rows_at(range(1, count), content, amounts, 1, count)


def _stand_ins(pages: ProbePages) -> dict[str, str]:
    """Return, for each font that lacks the minus, the one that has it."""
    found: dict[str, str] = {}
    for items in pages.pages:
        for item in items:
            if item.mark is None or MINUS not in item.mark.text:
                continue
            main = item.runs[-1].font
            with_minus = {
                run.font
                for run in item.runs
                if any(pages.glyph_texts[run.font][each] in _MINUSES for each in run.glyphs)
            }
            if main not in with_minus and len(with_minus) == 1:
                found[main] = with_minus.pop()
    return found
