"""Stamped statements from right to left are equal to those of the first renderer."""

import random
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from closebook.statements.model import Statement, StatementLine
from closebook.statements.render.document import render
from closebook.statements.stamp import column_edges, row_layout, stamper
from closebook.statements.stamp.anchors import columns_by_widest
from closebook.statements.stamp.layout import Anchor, Layout, Slot
from closebook.statements.stamp.outside_layout import OutsideLayout
from closebook.statements.stamp.shown_texts import agree
from closebook.statements.stamp.stamped_renderer import StampedRenderer
from closebook.statements.verify.verification import VerifyInputs, verify
from closebook.statements.weasyprint_adapter.layout_marks import TextMark
from tests.statements.brands import BRANDS, in_brand, write_brand
from tests.statements.equal_documents import differences
from tests.statements.samples import entry, kinds, of, statement
from tests.statements.test_stamped_documents import with_details
from tests.statements.verify_samples import FEW, failed, register

_WORDS = (
    *("Card", "payment", "(20%)", "12/10", "-", "5.00", "#7", "a-b", "...", "東京"),
    *("שלום", "תשלום", "רחל", "עסקה 12", "(ב)", "فاتورة ٤٢", "متجر", "عملية", "الزهراء"),
    *("www.example.com/orders", "supercalifragilistic", "والاستقبالوالاستقبالوالاستقبال"),
)
_NAMES = ("Eleanor Whitfield", "רחל כהן", "فاطمة الزهراء", "佐藤花子", "12 (רחל)")
_ADDRESSES = (
    "27 Lansdowne Crescent\nBath BA1 5EX",
    "שדרות רוטשילד 1 (ב)\nתל אביב 6433222",
    "١٢ شارع النيل\nالقاهرة",
)
_CURRENCIES = {"he_IL": "ILS", "ar_EG": "EGP", "ar_KW": "KWD"}


@cache
def renderer() -> StampedRenderer:
    """A renderer that compiles each layout for the first statement that needs it."""
    return StampedRenderer.of_settings()


def stamped(made: Statement, by: StampedRenderer | None = None) -> bytes:
    """The stamped document of a statement, whose layout is compiled if it is not yet."""
    by = by or renderer()
    by.prepare([], again=[made])
    return by.stamp(made).pdf


def drawn(seed: int, locale: str, count: int, opening_minor: int = 100_000_000) -> Statement:
    """A statement whose texts have words of both directions, drawn from the seed."""
    draw = random.Random(seed)  # noqa: S311  # a test must be the same again

    def text(most: int) -> str:
        return " ".join(draw.choices(_WORDS, k=draw.randint(1, most)))

    def line(number: int) -> StatementLine:
        amount = draw.choice([-1, 1]) * draw.randint(1, 50_000)
        party = draw.choice([None, text(3)])
        return entry(amount, text(9), counterparty=party, day=1 + number * 30 // count)

    holder = replace(of(locale), name=draw.choice(_NAMES), address=draw.choice(_ADDRESSES))
    lines = [line(number) for number in range(count)]
    return statement(
        *lines, opening_minor=opening_minor, currency=_CURRENCIES[locale], holder=holder
    )


@pytest.mark.parametrize("locale", _CURRENCIES)
@pytest.mark.parametrize("seed", range(4))
def test_a_statement_from_right_to_left_is_equal(seed: int, locale: str) -> None:
    made = drawn(seed, locale, (3, 12, 25, 41)[seed])
    assert differences(render(made).pdf, stamped(made)) == []


@pytest.mark.parametrize("opening_minor", [0, -500_000, 12_345_678_900])
def test_a_statement_without_lines_is_equal(opening_minor: int) -> None:
    made = drawn(7, "he_IL", 0, opening_minor)
    assert differences(render(made).pdf, stamped(made)) == []


@pytest.mark.parametrize(
    "kind", ["dinar of three decimals", "right to left", "corrected, right to left"]
)
def test_a_statement_of_each_kind_is_equal_and_verified(kind: str) -> None:
    made = kinds()[kind]
    pdf = stamped(made)
    assert differences(render(made).pdf, pdf) == []
    report = verify(pdf, VerifyInputs(manifest=register((FEW, b""), (made, pdf))))
    assert failed(report) == {}


def test_amounts_of_one_width_end_where_others_end() -> None:
    """All debits of both probes have one width in dinars: their alignment is the edge."""
    made = drawn(3, "ar_KW", 9, -500_000)
    assert differences(render(made).pdf, stamped(made)) == []


@pytest.mark.parametrize(
    "toml",
    [
        "[content]\ncarried_forward = true\npage_totals = true\nstatement_number = true",
        "[content]\ncustomer_references = true\nvalue_dates = true\noriginal_amounts = true\n"
        'fee_summary = ["payment"]',
    ],
)
def test_what_a_brand_adds_is_equal(toml: str, tmp_path: Path) -> None:
    made = with_details(drawn(5, "he_IL", 40))
    with in_brand(write_brand(tmp_path / "b", toml)):
        assert differences(render(made).pdf, stamped(made, StampedRenderer.of_settings())) == []


def test_a_brand_is_equal() -> None:
    made = drawn(8, "ar_KW", 14)
    with in_brand(BRANDS / "harbour"):
        assert differences(render(made).pdf, stamped(made, StampedRenderer.of_settings())) == []


def test_totals_that_reach_their_labels_are_made_by_the_first_renderer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = drawn(1, "he_IL", 3)
    stamped(made)
    edges = column_edges.with_column_edges

    def with_little_room(layout: Layout, *arguments: Any) -> Layout:
        before = tuple(
            replace(piece, what=replace(piece.what, room=60.0))
            if isinstance(piece.what, Slot) and piece.what.anchor is Anchor.COLUMN
            else piece
            for piece in layout.first.before
        )
        return edges(replace(layout, first=replace(layout.first, before=before)), *arguments)

    monkeypatch.setattr(stamper, "with_column_edges", with_little_room)
    with pytest.raises(OutsideLayout, match="does-not-fit: totals"):
        renderer().stamp(made)


def mark(x: float, width: float, y: float = 0.0, slot: str | None = "totals.fee") -> TextMark:
    """A text on a page of a probe."""
    return TextMark("before", slot, 0, 0, x, y, width, 99, 12, 12, "right", "1", 0)


def test_a_column_is_as_wide_as_its_widest_text_and_begins_at_one_place() -> None:
    wide, narrow = (mark(10, 40), mark(10, 60)), (mark(30, 20, 20), mark(40, 30, 20))
    label = mark(150, 30, slot=None), mark(150, 30, slot=None)
    [left, room] = columns_by_widest([wide, narrow, label])[1]
    assert (left, room) == (10, 150 - 10 - 24)
    moved = (mark(10, 40), mark(12, 58))
    assert columns_by_widest([moved, narrow, label]) == {}


@pytest.mark.parametrize(
    ("page", "text", "direction", "is_shown"),
    [
        (")20%(", "(20%)", "rtl", True),
        ("7 - 5", "5 - 7", "rtl", True),
        ("7 - 5", "5 - 7", "ltr", False),
        ("5 - 7", "5 - 7", "rtl", False),
        ("1,234.56", "1,234.56", "rtl", True),
        ("1,234.65", "1,234.56", "rtl", False),
    ],
)
def test_a_text_of_figures_is_compared_in_the_direction_of_its_page(
    page: str, text: str, direction: str, is_shown: bool
) -> None:
    assert agree(page, text, direction) is is_shown


def test_a_page_with_its_figures_in_another_order_is_not_filed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = statement(entry(-500, "5 - 7"), currency="ILS", holder=of("he_IL"))
    by = StampedRenderer.of_settings()
    by.prepare([], again=[made])
    monkeypatch.setattr(row_layout, "_OWN_DIRECTION", {"line.description": "ltr"})
    with pytest.raises(OutsideLayout, match="the lines of the page"):
        by.stamp(made)
