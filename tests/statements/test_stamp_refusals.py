"""What the second renderer refuses: layouts it cannot know, and pages that say something else."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import cache
from itertools import chain, combinations
from pathlib import Path
from typing import Any

import pytest

from closebook.statements.model import Statement
from closebook.statements.render.document import render
from closebook.statements.render.page_breaks import NO_ROWS
from closebook.statements.render.template import statement_template
from closebook.statements.render.view_model import StatementView, statement_view
from closebook.statements.stamp import break_rows, layout_maker, stamper
from closebook.statements.stamp.compiler import compiled_layout
from closebook.statements.stamp.faces import COMMON, Face, ShapedGlyph, Writing
from closebook.statements.stamp.figures import Figures
from closebook.statements.stamp.font_writer import note_glyphs
from closebook.statements.stamp.layout_maker import LayoutMaker
from closebook.statements.stamp.outside_layout import REASONS, OutsideLayout
from closebook.statements.stamp.page_filler import filled_pages
from closebook.statements.stamp.probe_statements import (
    FIRST,
    SECOND,
    probe_statement,
    require_different,
)
from closebook.statements.stamp.row_layout import LaidOutRow, RowLayout
from closebook.statements.stamp.shard_renderer import ShardRenderer
from closebook.statements.stamp.stamped_renderer import STAMPED, StampedRenderer
from closebook.statements.stamp.statement_class import (
    StatementShape,
    class_of,
    shape_of,
    slot_values,
)
from closebook.statements.weasyprint_adapter.text_settings import TextSettings
from tests.statements.brands import in_brand, write_brand
from tests.statements.samples import IN_PARTS, entry, many, of, statement


def view_of(made: Statement) -> StatementView:
    """The texts of a statement."""
    return statement_view(made, statement_template())


def compile_for(made: Statement) -> stamper.Stamper:
    """The compiled layout of a statement."""
    return LayoutMaker(statement_template()).stamper(made, shape_of(view_of(made)))


@cache
def prepared() -> StampedRenderer:
    """A renderer that has the layout of ``many``."""
    renderer = StampedRenderer.of_settings()
    renderer.prepare([], again=[many(3)])
    return renderer


@pytest.fixture
def wrong_slot(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Return a function that lets the stamper print another text in a slot."""

    def print_instead(name: str, text: str) -> None:
        def values(view: StatementView) -> dict[str, str]:
            return slot_values(view) | {name: text}

        monkeypatch.setattr(stamper, "slot_values", values)

    return print_instead


@pytest.mark.parametrize(
    ("slot", "text"),
    [
        ("totals.opening", "1,000.01"),
        ("totals.closing", "1,002.15"),
        ("totals.closing_with_currency", "USD 1,002.14"),
        ("totals.debit", "0.00"),
        ("holder.account_number", "NG29 0001 7743 2211"),
    ],
)
def test_a_page_with_another_total_is_not_filed(
    slot: str, text: str, wrong_slot: Callable[[str, str], None]
) -> None:
    renderer = prepared()
    wrong_slot(slot, text)
    with pytest.raises(OutsideLayout, match="of the page is not that of the statement"):
        renderer.stamp(many(3))


@pytest.mark.parametrize(
    ("slot", "text"),
    [
        ("holder.name", "Eleanor Whitfleld"),
        ("holder.address", "28 Lansdowne Crescent\nBath BA1 5EX\nUnited Kingdom"),
        ("chart.range", "1,000.00 to 1,002.41"),
    ],
)
def test_a_page_with_another_name_is_not_filed(
    slot: str, text: str, wrong_slot: Callable[[str, str], None]
) -> None:
    renderer = prepared()
    wrong_slot(slot, text)
    with pytest.raises(OutsideLayout, match="a name of the statement"):
        renderer.stamp(many(3))


@pytest.mark.parametrize(
    "change",
    [
        {"day": "2 Oct 2025"},
        {"reference": "T480003"},
        {"balance": "1,010.08"},
        {"debit": "10.07", "credit": ""},
        {"description": "Card paymemt"},
    ],
)
def test_a_page_with_another_line_is_not_filed(
    change: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    renderer = prepared()
    rows = RowLayout.rows

    def other_rows(self: RowLayout, lines: Any) -> Any:
        first, *rest = lines
        return rows(self, [replace(first, **change), *rest])

    monkeypatch.setattr(RowLayout, "rows", other_rows)
    with pytest.raises(OutsideLayout, match="the lines of the page"):
        renderer.stamp(many(3))


def test_a_wrong_page_is_made_again_by_the_first_renderer(
    wrong_slot: Callable[[str, str], None],
) -> None:
    renderer = prepared()
    wrong_slot("totals.opening", "1,000.01")
    made = renderer.render(many(3))
    assert made.outside_reason == "read-back"
    assert made.pdf == render(many(3)).pdf


def test_details_that_no_layout_has_are_made_by_the_first_renderer(tmp_path: Path) -> None:
    content = "[content]\ninterest_rates = true\n"
    interest = replace(entry(5), interest_rate=Decimal("1.25"), kind="interest")
    with in_brand(write_brand(tmp_path / "b", content)):
        renderer = StampedRenderer.of_settings()
        usual = statement(entry(5), entry(7), holder=of("he_IL"))
        renderer.prepare([], again=[usual])
        assert renderer.render(usual).outside_reason is None
        made = statement(interest, entry(7), holder=of("he_IL"))
        assert renderer.render(made).outside_reason == "details-of-a-line"


def test_a_slot_that_is_declared_and_not_drawn_stops_the_compilation(tmp_path: Path) -> None:
    files = {"style.css": ".course-text .range { display: none }"}
    with (
        in_brand(write_brand(tmp_path / "b", files=files)),
        pytest.raises(OutsideLayout, match=r"no place was found for chart\.range"),
    ):
        compile_for(many(3))


def test_rows_of_two_heights_stop_the_compilation(tmp_path: Path) -> None:
    files = {"style.css": ".lines tr:nth-child(5) td { padding-bottom: 3mm }"}
    with (
        in_brand(write_brand(tmp_path / "b", files=files)),
        pytest.raises(OutsideLayout, match="row 4 has another height"),
    ):
        compile_for(many(3))


def test_a_variable_that_is_no_slot_stops_the_compilation(tmp_path: Path) -> None:
    files = {"blocks/before_lines.html.j2": "<p>For {{ holder.name }}</p>"}
    with (
        in_brand(write_brand(tmp_path / "b", files=files)),
        pytest.raises(OutsideLayout, match="differs between probes, and is no slot"),
    ):
        compile_for(many(3))


def test_probes_with_equal_texts_are_refused() -> None:
    with pytest.raises(OutsideLayout, match="both probes have the same"):
        require_different(view_of(many(3)), view_of(many(3)))


@pytest.mark.parametrize("locale", ["en_GB", "de_DE", "hi_IN", "pl_PL", "ja_JP"])
def test_probes_differ_in_every_slot_of_every_shape(locale: str, tmp_path: Path) -> None:
    """However many lines the probes have: a balance that both had was once printed on others."""
    content = '[content]\nfee_summary = ["fee", "payment", "topup"]\nstatement_number = true'
    below = ("totals.opening", "totals.fee", "totals.closing", "chart.range")
    with in_brand(write_brand(tmp_path / "b", content)):
        template = statement_template()
        for currency, factor, more in (
            ("EUR", 1, (0, 0)),
            ("JPY", 10**9, (24, 0)),
            ("EUR", 1, (0, 24)),
            ("KWD", 1, (0, 0)),
        ):
            made = replace(many(3), holder=of(locale), currency=currency, number=1)
            for minus in chain.from_iterable(combinations(below, count) for count in range(5)):
                shape = StatementShape(2, frozenset(minus))
                first, second = (
                    statement_view(
                        probe_statement(
                            made,
                            shape,
                            texts.times(factor),
                            template.brand.content,
                            texts.line_count + further,
                        ),
                        template,
                    )
                    for texts, further in zip((FIRST, SECOND), more, strict=True)
                )
                require_different(first, second)


def test_a_layout_with_texts_of_another_width_fails_its_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"style.css": ".holder { letter-spacing: 1mm }"}
    monkeypatch.setattr(TextSettings, "is_plain", True)
    with (
        in_brand(write_brand(tmp_path / "b", files=files)),
        pytest.raises(OutsideLayout, match="is not as wide as"),
    ):
        compile_for(many(3))


def test_a_probe_of_another_class_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout_maker, "_WIDE", 1)
    with pytest.raises(OutsideLayout, match="a probe is of another class"):
        compile_for(statement(entry(3 * 10**17), opening_minor=0))


def test_the_closing_stays_with_the_last_line() -> None:
    layout = compile_for(many(3)).layout
    height, room = layout.rows.height, layout.bottom - layout.first.row_top
    count = int(room / height)
    assert room - count * height < layout.closing.height, "the closing would fit"
    rows = [LaidOutRow("line", number, (), height) for number in range(1, count + 1)]
    pages = filled_pages(layout, rows)
    assert [len(page.rows) for page in pages] == [count - 1, 1]
    assert pages[1].closing_top == layout.later.row_top + height


def test_a_picture_that_moves_with_the_lines_stops_the_compilation(tmp_path: Path) -> None:
    picture = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><path d="M0 0h9"/></svg>'
    )
    files = {
        "assets/seal.svg": picture,
        "blocks/after_lines.html.j2": (
            '<p class="seal"><img src="asset:brand/assets/seal.svg" alt="Our seal"/></p>'
        ),
        "style.css": ".seal { break-inside: avoid }",
    }
    with (
        in_brand(write_brand(tmp_path / "b", files=files)),
        pytest.raises(OutsideLayout, match="is in the tag tree, and in no part of the page"),
    ):
        compile_for(many(3))


def test_an_element_without_the_text_of_its_slot_stops_the_compilation(
    tmp_path: Path,
) -> None:
    block = '<p data-slot="totals.fee">{{ totals.fee }} in {{ totals.credit_count }} payments</p>'
    with (
        in_brand(write_brand(tmp_path / "b", files={"blocks/before_lines.html.j2": block})),
        pytest.raises(OutsideLayout, match=r"the text around totals\.fee differs"),
    ):
        compile_for(many(3))


def test_a_layout_that_cannot_be_compiled_is_named_in_the_report(tmp_path: Path) -> None:
    files = {"style.css": ".course-text .range { display: none }"}
    row = {"object_name": None, "renderer_version": None}
    with in_brand(write_brand(tmp_path / "b", files=files)):
        shard = ShardRenderer(stamps=True)
        for task in shard.tasks([(row, many(2))] * 5):
            shard.count(task.run())
    assert shard.report == (
        "0 of 5 statements are stamped, the others are laid out one by one: 5 for not-compiled "
        "(no place was found for chart.range)"
    )


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("carried", "carried_forward = true"),
        ("brought", "carried_forward = true"),
        ("total", "page_totals = true"),
    ],
)
def test_a_row_at_a_page_break_with_another_amount_is_not_filed(
    kind: str, content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_row = RowLayout.break_row

    def other(self: RowLayout, here: str, texts: Any) -> Any:
        wrong = dict.fromkeys(texts, "1.00") if here == kind else texts
        return break_row(self, here, wrong)

    with in_brand(write_brand(tmp_path / "b", f"[content]\n{content}")):
        renderer = StampedRenderer.of_settings()
        renderer.prepare([], again=[many(40)])
        monkeypatch.setattr(RowLayout, "break_row", other)
        with pytest.raises(OutsideLayout, match="has another amount"):
            renderer.stamp(many(40))


def test_a_page_without_its_balance_carried_forward_is_not_filed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with in_brand(write_brand(tmp_path / "b", "[content]\ncarried_forward = true")):
        renderer = StampedRenderer.of_settings()
        renderer.prepare([], again=[many(40)])
        monkeypatch.setattr(break_rows, "rows_at", lambda *_: NO_ROWS)
        with pytest.raises(OutsideLayout, match="does not carry its balance forward"):
            renderer.stamp(many(40))


def test_a_layout_that_draws_something_else_fails_its_trial(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def with_a_lower_closing(*arguments: Any) -> Any:
        made = compiled_layout(*arguments)
        return replace(made, closing=replace(made.closing, height=made.closing.height + 1))

    monkeypatch.setattr(layout_maker, "compiled_layout", with_a_lower_closing)
    with pytest.raises(OutsideLayout, match="a trial"):
        compile_for(many(3))


def test_a_layout_without_the_lines_of_its_pages_fails_its_trial(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def without_lines(*arguments: Any) -> Any:
        made = compiled_layout(*arguments)
        return replace(made, later=replace(made.later, table_art=()))

    monkeypatch.setattr(layout_maker, "compiled_layout", without_lines)
    with pytest.raises(OutsideLayout, match="a trial draws other lines on page 2"):
        compile_for(many(3))


def test_what_is_no_slot_makes_another_class() -> None:
    made = many(3)
    classes = {
        class_of(view_of(each), "")
        for each in (
            made,
            replace(made, version=2),
            replace(made, time_zone="Europe/Paris"),
            replace(made, issued_on=date(2026, 11, 3)),
            replace(made, holder=replace(made.holder, locale="en_US")),
        )
    }
    assert len(classes) == 5
    assert class_of(view_of(made), "") != class_of(view_of(made), "another template")
    assert class_of(view_of(many(4)), "") == class_of(view_of(made), "")


def test_figures_that_a_font_sets_in_another_way_together_are_shaped_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    layout = compile_for(many(3)).layout
    face = Face(layout.fonts[layout.rows.columns[-1].slot.style.font], {})
    shape = face.shape

    def closer(text: str, writing: Writing) -> list[ShapedGlyph]:
        glyphs = shape(text, writing)
        return [replace(glyphs[0], advance=1), *glyphs[1:]] if text == "11" else glyphs

    monkeypatch.setattr(face, "shape", closer)
    figures = Figures("font", face, "en")
    found = figures.set("12")
    assert found is not None
    assert found.width == sum(glyph.advance for glyph in shape("12", Writing(COMMON, "en")))
    assert figures.set("2110") is None
    assert figures.set("1a") is None


@pytest.mark.parametrize(
    ("locale", "languages"),
    [
        ("en_GB", {"Latn": "en", "Grek": "el", "Cyrl": "ru", "Zyyy": "en"}),
        ("de_DE", {"Latn": "de", "Grek": "el", "Cyrl": "ru", "Zyyy": "de"}),
        ("ru_RU", {"Latn": "en", "Grek": "el", "Cyrl": "ru", "Zyyy": "ru"}),
    ],
)
def test_a_text_is_shaped_in_a_language_of_its_script(
    locale: str, languages: dict[str, str]
) -> None:
    """Pango names these to HarfBuzz: shaping_languages.py reads them from its structure."""
    stamper = compile_for(replace(many(1), holder=of(locale)))
    settings = stamper.layout.rows.columns[0].slot.style.settings
    setter = statement_template().layout.text_setter
    assert {script: setter.language(settings, script) for script in languages} == languages


def test_a_glyph_with_two_meanings_is_refused() -> None:
    texts = {"A": {5: "a"}}
    note_glyphs(texts, [("A", 5, "a"), ("A", 6, "b")])
    with pytest.raises(OutsideLayout, match="two-meanings"):
        note_glyphs(texts, [("A", 5, "b")])


def test_a_lost_document_is_made_again_by_the_renderer_that_made_it() -> None:
    made = many(3)
    stamped = prepared().stamp(made)
    rows: dict[str, dict[str, str | None]] = {
        "new": {"object_name": None, "renderer_version": None},
        "stamped": {"object_name": "a", "renderer_version": stamped.renderer.renderer_version},
        "laid out": {"object_name": "a", "renderer_version": "weasyprint 70"},
    }
    for stamps in (False, True):
        for kind, row in rows.items():
            [task] = ShardRenderer(stamps=stamps).tasks([(row, made)])
            is_stamped = STAMPED in task.run().renderer.renderer_version
            assert is_stamped == (kind == "stamped"), (stamps, kind)


def test_a_shard_counts_its_statements_by_reason() -> None:
    shard = ShardRenderer(stamps=True)
    row = {"object_name": None, "renderer_version": None}
    statements = [*[many(2)] * 5, many(IN_PARTS), many(3)]
    for task in shard.tasks([(row, each) for each in statements]):
        shard.count(task.run())
    assert shard.report == (
        "6 of 7 statements are stamped, the others are laid out one by one: 1 for rare-layout"
    )
    assert ShardRenderer(stamps=False).report is None


def test_every_reason_is_explained() -> None:
    folder = Path(stamper.__file__).parent
    raised = {
        reason
        for path in folder.glob("*.py")
        for reason in REASONS
        if f'OutsideLayout("{reason}"' in path.read_text()
    }
    assert raised == REASONS.keys()
