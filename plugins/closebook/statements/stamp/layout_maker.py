"""Make the layout of a class and shape: probes, the compiler, and a trial of what it has found."""

import re
from dataclasses import replace

from closebook.money import MINUS
from closebook.statements.model import Statement
from closebook.statements.render.template import StatementTemplate
from closebook.statements.stamp.compiler import block_tops, compiled_layout
from closebook.statements.stamp.faces import Face
from closebook.statements.stamp.layout import Layout
from closebook.statements.stamp.outside_layout import OutsideLayout
from closebook.statements.stamp.page_filler import filled_pages
from closebook.statements.stamp.probe import (
    FIRST,
    SECOND,
    Probe,
    probe,
    probe_statement,
    require_different,
)
from closebook.statements.stamp.probe_pages import ProbePages, read_probe
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


class LayoutMaker:
    """Makes the layouts of one template."""

    def __init__(self, template: StatementTemplate, features: dict[bytes, dict[str, bool]]) -> None:
        self._template = template
        self._features = features

    def stamper(self, example: Statement, shape: StatementShape) -> Stamper:
        """Return what stamps the statements of the example's class that have this shape.

        Nothing of the example's own texts is in the layout. Raises OutsideLayout when the pages of
        this class cannot be made exactly.
        """
        first, second = (
            self._probe(probe_statement(example, shape, texts), shape) for texts in (FIRST, SECOND)
        )
        require_different(first.view, second.view)
        if class_of(first.view, "") != class_of(second.view, ""):
            raise OutsideLayout("not-compiled", "the probes are of two classes")
        pages = read_probe(first), read_probe(second)
        declared = self._declared(first)
        count = len(pages[0].geometry[-1].blocks)
        layout = compiled_layout(*pages, declared, [_FAR] * count)
        minus = self._minus_probe(example, shape)
        layout = replace(
            layout,
            stand_ins=_stand_ins(minus),
            fonts={**minus.fonts, **layout.fonts},
        )
        trials = [*pages, minus]
        tops = [_FAR] * count
        for block in range(count):
            found = self._broken_before(block, layout, example, shape)
            if found is not None:
                trials.append(found)
                tops[block] = next(
                    top
                    for index, (page, top) in enumerate(block_tops(found))
                    if index == block and page == len(found.pages) - 1
                )
        layout = compiled_layout(*pages, declared, tops)
        layout = replace(
            layout, stand_ins=_stand_ins(minus), fonts={**minus.fonts, **layout.fonts}
        )
        faces = {
            name: Face(facts, self._features.get(facts.file.content, {}))
            for name, facts in layout.fonts.items()
        }
        stamper = Stamper(layout, faces)
        for trial in trials:
            if shape_of(trial.probe.view) == shape:
                require_equal(stamper, trial)
        return stamper

    def _probe(self, statement: Statement, shape: StatementShape) -> Probe:
        made = probe(statement, self._template)
        if shape_of(made.view) != shape:
            raise OutsideLayout("not-compiled", f"no probe has the shape {shape}")
        return made

    def _minus_probe(self, example: Statement, shape: StatementShape) -> ProbePages:
        """Return a short statement whose balances have a minus, in all fonts of figures."""
        below = replace(
            shape,
            with_minus=frozenset({"totals.opening", "totals.closing", "chart.range"}),
        )
        return read_probe(
            probe(probe_statement(example, below, FIRST, _MINUS_LINES), self._template)
        )

    def _broken_before(
        self, block: int, layout: Layout, example: Statement, shape: StatementShape
    ) -> ProbePages | None:
        """Return a probe in which this block begins a page; None if plain rows cannot show it."""
        for count in range(2, _LONGEST_PROBE):
            heights = [layout.rows.height + layout.rows.first_extra]
            heights += [layout.rows.height] * (count - 1)
            try:
                filled = filled_pages(layout, heights)
            except OutsideLayout:
                continue
            moved = [
                index
                for number, page in enumerate(filled)
                for index, _ in page.blocks
                if page.closing_top is None
            ]
            if moved[:1] == [block]:
                return read_probe(
                    self._probe(probe_statement(example, shape, FIRST, count), shape)
                )
        return None

    def _declared(self, made: Probe) -> set[str]:
        page = self._template.statement_page(
            made.view.variables, made.view.lines, (), is_first=True, is_last=True
        )
        declared = set(_DECLARED.findall(page))
        unknown = {name for name in declared if not name.startswith("line.")} - SLOT_VARIABLES
        if unknown:
            raise OutsideLayout("not-compiled", f"the template declares {', '.join(unknown)}")
        return declared


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
    # guard: stamp.layout-is-tried-before-it-is-used
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


def _plain(text: str) -> str:
    return text.replace(MINUS, "-").replace("\N{NO-BREAK SPACE}", " ").strip()


def _stand_ins(pages: ProbePages) -> dict[str, str]:
    """Return, for each font that lacks the minus, the one that has it."""
    found: dict[str, str] = {}
    for items in pages.pages:
        for item in items:
            if item.mark is not None and MINUS in item.mark.text and len(item.runs) > 1:
                fonts = {run.font for run in item.runs}
                main = item.runs[-1].font
                if len(fonts) == 2:
                    found[main] = next(iter(fonts - {main}))
    return found
