"""Make the layout of a class and shape: probes, the compiler, and a trial of what it has found."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256

from closebook.money import MINUS
from closebook.statements.model import Statement
from closebook.statements.render.brand_style import BRAND_FEATURES
from closebook.statements.render.template import StatementTemplate
from closebook.statements.render.view_model import statement_view
from closebook.statements.stamp.compiler import block_tops, compiled_layout
from closebook.statements.stamp.faces import Face
from closebook.statements.stamp.layout import Layout
from closebook.statements.stamp.outside_layout import OutsideLayout
from closebook.statements.stamp.page_filler import filled_pages
from closebook.statements.stamp.probe_pages import ProbePages, read_probe
from closebook.statements.stamp.probe_statements import (
    FIRST,
    SECOND,
    Probe,
    ProbeTexts,
    probe,
    probe_statement,
    require_different,
)
from closebook.statements.stamp.stamper import Stamper
from closebook.statements.stamp.statement_class import (
    SLOT_VARIABLES,
    StatementShape,
    class_of,
    shape_of,
)

_DECLARED = re.compile(r'data-slot="([^"]+)"')
_LONGEST_PROBE = 120
_FAR = 1e9
_SAME = 0.1
_MINUS_LINES = 4
_MORE_LINES = (0, 8, 16, 24)
_WIDE = 10**9


@dataclass(frozen=True)
class LayoutMaker:
    """Makes the layouts of one template."""

    template: StatementTemplate

    def stamper(self, example: Statement, shape: StatementShape) -> Stamper:
        """Return what stamps the statements of the example's class that have this shape.

        Nothing of the example's own texts is in the layout. Raises OutsideLayout when the pages of
        this class cannot be made exactly.
        """
        view = statement_view(example, self.template)
        if view.direction != "ltr":
            raise OutsideLayout("from-right")
        short, long = FIRST, SECOND
        if view.variables["page"]["wide"]:
            short, long = short.times(_WIDE), long.times(_WIDE)
        probes = _Probes(self.template, example, class_of(view, ""), shape, short)
        first, second = (
            probes.with_its_end_on_one_page(short),
            probes.with_its_end_on_one_page(long),
        )
        require_different(first.view, second.view)
        pages = read_probe(first), read_probe(second)
        declared = self._declared(first)
        minus = read_probe(probes.with_minus())

        def compiled(tops: list[float]) -> Layout:
            made = compiled_layout(*pages, declared, tops)
            fonts = {**minus.fonts, **made.fonts}
            return replace(made, stand_ins=_stand_ins(minus), fonts=fonts)

        count = len(pages[0].geometry[-1].blocks)
        draft, tops = compiled([0.0] * count), [_FAR] * count
        trials = [*pages]
        for block in range(len(tops)):
            line_count = _count_that_breaks_before(block, draft)
            if line_count is None:
                continue  # no statement of plain rows breaks there; others go to the first renderer
            broken = read_probe(probes.of(short, line_count))
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
        stamper = Stamper(layout, faces)
        for trial in trials:
            require_equal(stamper, trial)  # guard: stamp.layout-is-tried-before-it-is-used
        return stamper

    def _features(self, font: bytes) -> Mapping[str, bool]:
        """Return the features of a font's file: a brand's fonts have some switched off."""
        files = {path.name for path in self.template.fonts.files}
        known = self.template.fonts.sha256_by_name
        installed = {known[name] for name in files}
        return {} if sha256(font).hexdigest() in installed else BRAND_FEATURES

    def _declared(self, made: Probe) -> set[str]:
        page = self.template.statement_page(
            made.view.variables, made.view.lines, (), is_first=True, is_last=True
        )
        declared = set(_DECLARED.findall(page))
        unknown = {name for name in declared if not name.startswith("line.")} - SLOT_VARIABLES
        if unknown:
            raise OutsideLayout("not-compiled", f"the template declares {', '.join(unknown)}")
        return declared


@dataclass(frozen=True)
class _Probes:
    """Makes the probes of one class and shape."""

    template: StatementTemplate
    example: Statement
    class_: str
    shape: StatementShape
    short: ProbeTexts

    def of(self, texts: ProbeTexts, line_count: int | None = None) -> Probe:
        """Return a probe of the shape."""
        made = self._made(probe_statement(self.example, self.shape, texts, line_count))
        if shape_of(made.view) != self.shape:
            raise OutsideLayout("not-compiled", f"no probe has the shape {self.shape}")
        return made

    def with_its_end_on_one_page(self, texts: ProbeTexts) -> Probe:
        """Return a probe whose closing and the blocks after it are on the page of its last line."""
        for more in _MORE_LINES:
            made = self.of(texts, texts.line_count + more)
            *pages, last = made.marks.pages
            kinds = [row.kind for row in last.rows]
            if kinds[-2:] == ["line", "closing"] and not any(page.blocks for page in pages):
                return made
        raise OutsideLayout("not-compiled", "no probe ends on one page")

    def with_minus(self) -> Probe:
        """Return a short statement whose balances have a minus, in all fonts of figures."""
        below = frozenset({"totals.opening", "totals.closing", "chart.range"})
        shape = replace(self.shape, with_minus=below)
        return self._made(probe_statement(self.example, shape, self.short, _MINUS_LINES))

    def _made(self, statement: Statement) -> Probe:
        made = probe(statement, self.template)
        if class_of(made.view, "") != self.class_:  # guard: stamp.probe-is-of-the-class
            raise OutsideLayout("not-compiled", "a probe is of another class")
        return made


def require_equal(stamper: Stamper, pages: ProbePages) -> None:
    """Raise OutsideLayout unless a statement is stamped as the first renderer has made it."""
    view = pages.probe.view
    made = stamper.pages(pages.probe.statement, view)
    wanted = [
        (number, item.mark)
        for number, items in enumerate(pages.pages)
        for item in items
        if item.mark is not None
    ]
    if len(wanted) != len(made.placed) or len(made.contents) != len(pages.pages):
        raise OutsideLayout("not-compiled", "a trial has other pages")
    for (page, mark), placed in zip(wanted, made.placed, strict=True):
        if (
            page != placed.page
            or abs(mark.x - placed.x) > _SAME
            or abs(mark.y - placed.y) > _SAME
            or _plain(mark.text) != _plain(placed.text)
        ):
            raise OutsideLayout("not-compiled", f"a trial puts {placed} for {mark} of {page}")


def _count_that_breaks_before(block: int, layout: Layout) -> int | None:
    """Return how many plain lines a statement has in which this block is the first to move on."""
    for count in range(3, _LONGEST_PROBE):
        heights = [layout.rows.height + layout.rows.first_extra]
        heights += [layout.rows.height] * (count - 1)
        filled = filled_pages(layout, heights)
        moved = [index for page in filled if page.closing_top is None for index, _ in page.blocks]
        if moved[:1] == [block]:
            return count
    return None


def _plain(text: str) -> str:
    """Return a text as the map of a font has it: with the blank and the minus of a keyboard."""
    return " ".join(text.replace(MINUS, "-").split())


def _stand_ins(pages: ProbePages) -> dict[str, str]:
    """Return, for each font that lacks the minus, the one that has it."""
    found: dict[str, str] = {}
    for items in pages.pages:
        for item in items:
            if item.mark is not None and MINUS in item.mark.text:
                main = item.runs[-1].font
                others = {run.font for run in item.runs} - {main}
                if len(others) == 1:
                    found[main] = others.pop()
    return found
