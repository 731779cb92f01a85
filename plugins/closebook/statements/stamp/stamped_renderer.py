"""Render the statements of a month: stamped where the layout is exact, else by the first renderer.

Both renderers take a statement and return a RenderedStatement. A layout is compiled once in a
process, for the hash of all that it depends on, before the processes that stamp are forked from it.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import isal
import uharfbuzz

from closebook.errors import WrongData
from closebook.keys import label
from closebook.statements.model import Statement
from closebook.statements.pdf.xmp import CONFORMANCE
from closebook.statements.render.document import (
    RenderedStatement,
    as_numbered,
    attachments_of,
    identifier_of,
    metadata_of,
    render,
)
from closebook.statements.render.fingerprint import RendererFingerprint, fingerprint_of
from closebook.statements.render.pagination import LINES_PER_PART, MAX_LINES_WITHOUT_PARTS
from closebook.statements.render.template import StatementTemplate, statement_template
from closebook.statements.render.view_model import StatementView, statement_view
from closebook.statements.stamp.layout_maker import LayoutMaker
from closebook.statements.stamp.outside_layout import OutsideLayout
from closebook.statements.stamp.readback import require_read_back
from closebook.statements.stamp.stamper import Stamper
from closebook.statements.stamp.statement_class import StatementShape, class_of, shape_of
from closebook.statements.weasyprint_adapter.page_layout import PartKind

logger = logging.getLogger(__name__)

STAMPED = ", stamped by uharfbuzz "
"""Part of the version of this renderer, and not of the version of the first one."""

NOT_COMPILED = "not-compiled"
"""The reason for statements whose layout could not be compiled."""

FEWEST_STATEMENTS = 5
"""How many statements have to need a layout before it is compiled.

To compile it takes as much time as the first renderer takes for these statements.
"""

_MOST_LINES = 5_000
"""With more lines a statement would take too much memory."""

_Key = tuple[str, StatementShape, PartKind]


class StampedRenderer:
    """Renders statements in one template and brand."""

    def __init__(self, template: StatementTemplate) -> None:
        self._template = template
        self._wanted: Counter[_Key] = Counter()
        self._stampers: dict[_Key, Stamper | OutsideLayout] = {}

    @property
    def not_compiled(self) -> list[str]:
        """The reasons why layouts could not be compiled, each once."""
        known = (each for each in self._stampers.values() if isinstance(each, OutsideLayout))
        return sorted({each.detail or each.reason for each in known})

    @classmethod
    def of_settings(cls) -> "StampedRenderer":
        """Return the renderer of the template and brand that the settings name."""
        return cls(statement_template())

    @cached_property
    def fingerprint(self) -> RendererFingerprint:
        """What the bytes of a stamped document depend on besides its statement."""
        found = fingerprint_of(self._template)
        version = f"{found.renderer_version}{STAMPED}{uharfbuzz.__version__}"
        return replace(found, renderer_version=f"{version}, isal {isal.__version__}")

    def prepare(self, statements: Sequence[Statement], *, again: Sequence[Statement] = ()) -> None:
        """Compile each layout that enough statements need, of those given to this process so far.

        ``again`` are statements whose stamped documents were lost: their layouts are needed.
        """
        for statement in (*statements, *again):
            try:
                key, _ = self._key_and_view(as_numbered(statement, self._template.brand))
            except (OutsideLayout, WrongData):
                continue  # `render` raises this error, for this statement alone
            work = 1 + statement.line_count // LINES_PER_PART
            self._wanted[key] += FEWEST_STATEMENTS if statement in again else work
            if self._wanted[key] >= FEWEST_STATEMENTS and key not in self._stampers:
                self._stampers[key] = self._compiled(statement, key)

    def render(self, statement: Statement) -> RenderedStatement:
        """Return a statement's document, stamped if that is exact. Raises what ``render`` does."""
        try:
            return self.stamp(statement)
        except OutsideLayout as outside:
            return replace(render(statement), outside_reason=outside.reason)

    def stamp(self, statement: Statement) -> RenderedStatement:
        """Return a statement's stamped document. Raises OutsideLayout where this is not exact."""
        statement = as_numbered(statement, self._template.brand)
        key, view = self._key_and_view(statement)
        stamper = self._stampers.get(key)
        if stamper is None:
            raise OutsideLayout("rare-layout")
        if isinstance(stamper, OutsideLayout):
            raise stamper
        attachments = attachments_of(statement, self._template.brand)
        fingerprint = self.fingerprint
        pdf = stamper.file(
            stamper.pages(statement, view),
            view,
            metadata_of(statement, view, self._template, fingerprint.renderer_version),
            attachments,
            identifier_of(statement),
        )
        try:
            # guard: stamp.no-document-without-reading-it-back
            require_read_back(pdf, statement, view, self._template)
        except OutsideLayout:
            logger.exception(
                "the stamped statement of account %s is not filed: the first renderer makes it",
                label(statement.account_id),
            )
            raise
        return RenderedStatement(
            pdf, attachments, fingerprint, CONFORMANCE, view.replaced_count, view.missing_language
        )

    def _key_and_view(self, statement: Statement) -> tuple[_Key, StatementView]:
        in_parts = statement.line_count > MAX_LINES_WITHOUT_PARTS
        has_break_rows = self._template.brand.content.has_rows_at_page_breaks
        # guard: stamp.memory-of-a-long-statement-is-bounded
        if statement.line_count > _MOST_LINES or (in_parts and has_break_rows):
            raise OutsideLayout("many-lines")
        view = statement_view(statement, self._template)
        # guard: stamp.all-parts-of-a-line
        if view.direction == "rtl" and any(line.interest for line in view.lines):
            raise OutsideLayout("details-of-a-line")
        if view.replaced_count:
            raise OutsideLayout("character", "a character was replaced")
        if view.variables["page"]["long_holder"]:
            raise OutsideLayout("long-holder")
        kind = PartKind.FIRST if in_parts else PartKind.WHOLE
        return (class_of(view, self._template_sha256), shape_of(view), kind), view

    @cached_property
    def _template_sha256(self) -> str:
        return fingerprint_of(self._template).sha256

    def _compiled(self, statement: Statement, key: _Key) -> Stamper | OutsideLayout:
        try:
            _, shape, kind = key
            return LayoutMaker(self._template, kind).stamper(statement, shape)
        except OutsideLayout as outside:
            logger.warning("a layout of statements cannot be stamped: %s", outside)
            return outside
        except WrongData as error:
            return OutsideLayout(NOT_COMPILED, str(error))
