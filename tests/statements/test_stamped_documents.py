"""Stamped statements are equal to those of the first renderer, and no wrong one is filed."""

import random
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest

from closebook.statements.model import Original, Statement, StatementLine
from closebook.statements.render.document import render
from closebook.statements.render.template import statement_template
from closebook.statements.render.view_model import statement_view
from closebook.statements.signing.signer import Signer
from closebook.statements.stamp.layout import Slot
from closebook.statements.stamp.layout_maker import LayoutMaker
from closebook.statements.stamp.shown_texts import PARAGRAPH, agree
from closebook.statements.stamp.stamped_renderer import StampedRenderer
from closebook.statements.stamp.statement_class import shape_of
from closebook.statements.verify.report import Outcome
from closebook.statements.verify.verification import VerifyInputs, verify
from tests.statements.brands import BRANDS, NAMES, in_brand, write_brand
from tests.statements.certificates import identity
from tests.statements.equal_documents import differences
from tests.statements.samples import HOLDER, corrected, entry, kinds, many, of, statement
from tests.statements.validators import page_validation, verapdf
from tests.statements.verify_samples import FEW, failed, outcomes, register

_WORDS = (
    *("Card", "payment", "to", "the merchant", "at", "Bath,", "refund", "12/10", "-", "order"),
    *("Naïve", "café", "Łódź", "invoice", "INV-2026/0042", "www.example.com/orders"),
    "supercalifragilisticexpialidocious",
)


@cache
def renderer() -> StampedRenderer:
    """A renderer that compiles each layout for the first statement that needs it."""
    return StampedRenderer.of_settings()


def stamped(made: Statement) -> bytes:
    """The stamped document of a statement, whose layout is compiled if it is not yet."""
    renderer().prepare([], again=[made])
    return renderer().stamp(made).pdf


def some_lines(seed: int, count: int, words: Sequence[str] = _WORDS) -> list[StatementLine]:
    """Lines whose texts have every length, drawn from the seed."""
    draw = random.Random(seed)  # noqa: S311  # a test must be the same again

    def text(most: int) -> str:
        return " ".join(draw.choices(words, k=draw.randint(1, most)))

    return [
        entry(
            draw.choice([-1, 1]) * draw.randint(1, 50_000),
            text(9),
            counterparty=draw.choice([None, "Alder & Finch", text(3)]),
            kind=draw.choice(["payment", "payment", "fee"]),
            day=1 + number * 30 // count,
        )
        for number in range(count)
    ]


@pytest.mark.parametrize("seed", range(8))
def test_a_stamped_statement_is_equal_to_that_of_the_first_renderer(seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311  # a test must be the same again
    lines = some_lines(seed, draw.randint(1, 75))
    made = statement(*lines, opening_minor=draw.choice([100_000_000, 10_000_000, -500_000]))
    assert differences(render(made).pdf, stamped(made)) == []


@pytest.mark.parametrize("brand", NAMES)
def test_a_stamped_statement_of_a_brand_is_equal(brand: str) -> None:
    words = [word for word in _WORDS if word.isascii()]
    made = statement(*some_lines(9, 41, words), opening_minor=-30_000)
    with in_brand(BRANDS / brand):
        renderer = StampedRenderer.of_settings()
        renderer.prepare([], again=[made])
        assert differences(render(made).pdf, renderer.stamp(made).pdf) == []


@pytest.mark.parametrize("locale", ["de_DE", "fr_FR", "en_US", "ru_RU"])
def test_a_stamped_statement_in_another_language_is_equal(locale: str) -> None:
    made = statement(*some_lines(6, 30), opening_minor=10_000_000, holder=of(locale))
    assert differences(render(made).pdf, stamped(made)) == []


@pytest.mark.parametrize(
    ("brand", "locale"), [("alder", "de_DE"), ("alder", "tr_TR"), ("lumo", "nl_NL")]
)
def test_a_text_has_the_glyphs_of_its_language(brand: str, locale: str) -> None:
    """Garamond has no ligature of f and i in German, and Turkish has another i."""
    lines = [entry(-500, "Office fijn fi ffl"), *some_lines(9, 12, ("if", "the", "Whitfield"))]
    made = statement(*lines, opening_minor=30_000, holder=of(locale))
    with in_brand(BRANDS / brand):
        renderer = StampedRenderer.of_settings()
        renderer.prepare([], again=[made])
        assert differences(render(made).pdf, renderer.stamp(made).pdf) == []


def test_a_sign_that_a_font_lacks_is_set_in_the_font_that_pango_takes() -> None:
    """On Japanese pages the minus is of another font than other signs that the brand's lacks."""
    made = statement(entry(-500, "№ 5 Sons"), holder=of("ja_JP"))
    with in_brand(BRANDS / "harbour"):
        renderer = StampedRenderer.of_settings()
        renderer.prepare([], again=[made])
        assert differences(render(made).pdf, renderer.stamp(made).pdf) == []


def test_a_holder_without_an_address_is_stamped() -> None:
    made = statement(entry(-500), holder=replace(HOLDER, address=""))
    assert differences(render(made).pdf, stamped(made)) == []


@pytest.mark.parametrize(
    "rule",
    [
        ".holder { letter-spacing: 1mm } .lines td { word-spacing: .8mm }",
        '.lines td { font-variant-numeric: oldstyle-nums; font-feature-settings: "liga" 0 }',
    ],
)
def test_a_design_whose_letters_are_set_in_another_way_is_stamped(
    rule: str, tmp_path: Path
) -> None:
    made = statement(*some_lines(4, 12))
    with in_brand(write_brand(tmp_path / "b", files={"style.css": rule})):
        renderer = StampedRenderer.of_settings()
        renderer.prepare([], again=[made])
        assert differences(render(made).pdf, renderer.stamp(made).pdf) == []


def test_a_stamped_correction_is_equal() -> None:
    made = corrected(statement(*some_lines(7, 30), opening_minor=10_000_000))
    assert differences(render(made).pdf, stamped(made)) == []


@pytest.mark.parametrize("count", range(1, 36))
def test_pages_end_where_those_of_the_first_renderer_end(count: int) -> None:
    made = many(count)
    assert differences(render(made).pdf, stamped(made)) == []


def test_equal_statements_are_stamped_with_equal_bytes() -> None:
    made = many(40)
    other = StampedRenderer.of_settings()
    other.prepare([], again=[many(3)])
    assert other.stamp(made).pdf == stamped(made)


def test_a_stamped_statement_conforms_and_is_verified(tmp_path: Path) -> None:
    made = statement(*some_lines(3, 40))
    pdf = stamped(made)
    assert page_validation(pdf) == []
    assert verapdf(pdf) == []
    path = tmp_path / "statement.pdf"
    path.write_bytes(pdf)
    subprocess.run(["qpdf", "--check", path], check=True, capture_output=True)
    report = verify(pdf, VerifyInputs(manifest=register((FEW, b""), (made, pdf))))
    checked = {check for check, outcome in outcomes(report).items() if outcome is Outcome.OK}
    assert checked == {"file", "totals", "CSV", "page", "manifest", "fonts"}
    assert failed(report) == {}


def test_a_stamped_statement_is_signed(signer: Signer) -> None:
    signed = signer.sign(stamped(many(3))).pdf
    assert failed(verify(signed, VerifyInputs(trust=identity().certificate_der))) == {}


def test_what_is_not_stamped_exactly_is_made_by_the_first_renderer() -> None:
    reasons = {
        "character": statement(entry(-500, "Gift \U00010570")),
        "tall-row": statement(entry(-500, "word " * 300)),
    }
    made = StampedRenderer.of_settings()
    made.prepare([], again=[reasons["tall-row"]])
    found = {reason: made.render(each) for reason, each in reasons.items()}
    assert {reason: each.outside_reason for reason, each in found.items()} == {
        reason: reason for reason in reasons
    }
    assert found["character"].pdf == render(reasons["character"]).pdf


@pytest.mark.parametrize("kind", ["one line", "no movements", "overdrawn", "yen"])
def test_a_stamped_statement_of_each_kind_is_equal(kind: str) -> None:
    made = kinds()[kind]
    assert differences(render(made).pdf, stamped(made)) == []


SCRIPTS = (
    *("רחל כהן", "תשלום 12/10 at Bath (20%) שלום ועוד מילים רבות כדי לשבור שורה"),
    *("त्रिपाठी किराना स्टोर दुकान", "한국어 설명 그리고 더 많은 단어들"),
    *("فاتورة رقم ٢٠٢٦/٤٢ من متجر الزهراء", "Gift 🎁 for 😀"),
)


def test_texts_of_every_script_are_stamped_where_the_first_renderer_puts_them() -> None:
    made = statement(
        *(entry(-500, text, counterparty=text[:8].strip()) for text in SCRIPTS),
        holder=replace(HOLDER, name="佐藤花子", address="東京都千代田区1-1\nשדרות רוטשילד 1"),
    )
    assert differences(render(made).pdf, stamped(made)) == []


def test_a_line_with_raised_glyphs_has_its_text_beside_it() -> None:
    made = statement(
        entry(-500, "ภาษาไทยไม่มีช่องว่างระหว่างคำทำให้ตัดบรรทัดยาก", counterparty="กิตติ 12"),
        entry(-500, "ប្រតិបត្តិការ 7"),
        holder=replace(of("th_TH"), name="กิตติ ศรีสุข"),
    )
    pdf = stamped(made)
    assert differences(render(made).pdf, pdf) == []
    report = verify(pdf, VerifyInputs(manifest=register((FEW, b""), (made, pdf))))
    assert failed(report) == {}


def test_a_text_that_would_move_others_is_made_by_the_first_renderer() -> None:
    made = statement(entry(-500), holder=replace(HOLDER, account_number="東京 0001"))
    renderer().prepare([], again=[made])
    assert renderer().render(made).outside_reason == "tall-line"


@pytest.mark.parametrize("count", [5, 6])
def test_a_window_full_of_tall_lines_is_equal_or_made_by_the_first_renderer(count: int) -> None:
    holder = replace(HOLDER, name="佐藤花子", address="\n".join(["東京都"] * count))
    made = statement(entry(-500), holder=holder)
    renderer().prepare([], again=[made])
    found = renderer().render(made)
    assert found.outside_reason == ("tall-line" if count == 6 else None)
    assert differences(render(made).pdf, found.pdf) == []


def test_a_line_that_ends_with_a_blank_that_does_not_break_is_equal() -> None:
    blank = "\N{NO-BREAK SPACE}"
    made = statement(*(entry(-500, f"{'9' * count}{blank}706 JPY") for count in range(8, 24)))
    assert differences(render(made).pdf, stamped(made)) == []


def test_a_text_beside_another_one_has_the_room_that_is_left_of_the_line() -> None:
    made, template = statement(entry(-500)), statement_template()
    shape = shape_of(statement_view(made, template))
    layout = LayoutMaker(template).stamper(made, shape).layout
    slots = [piece.what for piece in layout.first.before if isinstance(piece.what, Slot)]
    [count] = [slot for slot in slots if slot.name == "totals.credit_count"]
    [total] = [slot for slot in slots if slot.name == "totals.credit"]
    # The cell of the amount begins where that of the label ends.
    assert count.edge + count.room == pytest.approx(total.edge - total.room)


def test_a_word_from_right_with_another_letter_is_not_filed() -> None:
    for page, text, is_shown in (
        ("הז 42 םולש", "שלום 42 זה", True),
        ("2026/10/01", "01\u200f/10\u200f/2026", True),
        ("הז 42 םולש", "שלום 24 זה", False),
        ("הז 42 םולש", "זה 42 שלום", False),
        ("2026/01/10", "01\u200f/10\u200f/2026", False),
        ("שלום", "שלום", False),
        (f"50 םולש{PARAGRAPH}USD 5", ("שלום 50", "USD 5"), True),
        (f"50 םולש{PARAGRAPH}USD 5", ("שלום 50", "USD 6"), False),
    ):
        assert agree(page, text, "rtl") is is_shown, (page, text)


def with_details(made: Statement) -> Statement:
    """The statement with a number, and some lines with a value date or an original amount."""
    value_day, original = date(2026, 10, 3), Original(-2500, "USD", Decimal("0.94"))
    lines = [
        replace(
            line,
            value_date=value_day if number % 2 else None,
            original=None if number % 3 else original,
            interest_rate=None if number % 5 else Decimal("-1.375"),
            customer_reference=None if number % 4 else f"RF18 INV-{number}/2026 for you",
        )
        for number, line in enumerate(made.lines)
    ]
    return replace(made, number=12, lines=tuple(lines))


@pytest.mark.parametrize(
    "content",
    [
        "value_dates = true\noriginal_amounts = true\ncustomer_references = true",
        "value_dates = true\ninterest_rates = true\noriginal_amounts = true",
        "interest_rates = true\ncustomer_references = true",
        "statement_number = true\ncarried_forward = true\npage_totals = true",
        'fee_summary = ["payment", "fee"]\n[issuer]\ntelephone = "+353 1 555 0100"',
    ],
)
def test_the_content_that_a_brand_adds_is_stamped(content: str, tmp_path: Path) -> None:
    made = with_details(statement(*some_lines(5, 47)))
    with in_brand(write_brand(tmp_path / "brand", f"[content]\n{content}")):
        renderer = StampedRenderer.of_settings()
        renderer.prepare([], again=[made])
        assert differences(render(made).pdf, renderer.stamp(made).pdf) == []


def test_a_statement_without_lines_has_no_totals_of_a_page(tmp_path: Path) -> None:
    with in_brand(write_brand(tmp_path / "brand", "[content]\npage_totals = true")):
        renderer = StampedRenderer.of_settings()
        renderer.prepare([], again=[statement()])
        assert differences(render(statement()).pdf, renderer.stamp(statement()).pdf) == []


def test_high_rows_at_page_breaks_stand_where_the_first_renderer_puts_them(tmp_path: Path) -> None:
    made = many(60)
    files = {"style.css": ".lines .forward td { padding: 4mm 0 }"}
    with in_brand(write_brand(tmp_path / "b", "[content]\ncarried_forward = true", files)):
        renderer = StampedRenderer.of_settings()
        renderer.prepare([], again=[made])
        assert differences(render(made).pdf, renderer.stamp(made).pdf) == []


def test_a_sentence_around_a_name_has_as_many_lines_as_it_needs(tmp_path: Path) -> None:
    block = """<div class="said"><p data-slot="holder.name">This page was made for
        {{ holder.name }}, who has asked us for it.</p><p>It has an end.</p></div>"""
    files = {
        "blocks/after_lines.html.j2": block,
        "style.css": ".said { break-inside: avoid; width: 90mm; background: var(--tint) }",
    }
    names = ("Bo", "Eleanor Whitfield", "Wilhelmina Featherstonehaugh")
    with in_brand(write_brand(tmp_path / "b", files=files)):
        renderer = StampedRenderer.of_settings()
        for name in names:
            made = statement(entry(-500), holder=replace(HOLDER, name=name))
            renderer.prepare([], again=[made])
            assert differences(render(made).pdf, renderer.stamp(made).pdf) == []


def test_what_a_brand_prints_around_its_lines_is_stamped(tmp_path: Path) -> None:
    content = "[content]\nbic = true"
    notice = {"notices/message.toml": '[en]\nheading = "Our branch"\ntext = "It opens at nine."'}
    made = statement(*some_lines(5, 12))
    with in_brand(write_brand(tmp_path / "brand", content, notice)):
        renderer = StampedRenderer.of_settings()
        renderer.prepare([], again=[made])
        assert differences(render(made).pdf, renderer.stamp(made).pdf) == []


def test_a_page_without_lines_has_the_lines_and_backgrounds_of_each_page(tmp_path: Path) -> None:
    style = "@page { border-bottom: 1mm solid #6a27b8 } .notes { margin-top: 40mm }"
    with in_brand(write_brand(tmp_path / "b", files={"style.css": style})):
        renderer = StampedRenderer.of_settings()
        for count in (15, 18, 21):
            made = many(count)
            renderer.prepare([], again=[made])
            assert differences(render(made).pdf, renderer.stamp(made).pdf) == []


def test_a_layout_is_compiled_when_enough_statements_need_it() -> None:
    made = StampedRenderer.of_settings()
    made.prepare([many(2)] * 4)
    assert made.render(many(2)).outside_reason == "rare-layout"
    made.prepare([many(3)])
    assert made.render(many(2)).outside_reason is None
