"""A text of any length takes linear time, keeps its column heads, and is one row for a reader."""

import re
import time
import unicodedata
from dataclasses import replace
from io import BytesIO
from typing import Any

import pikepdf
import pytest

from closebook.statements.bounded_process import BoundedTask, Limits, run_within
from closebook.statements.model import Statement
from closebook.statements.render.document import RenderedStatement, render, warm_up
from closebook.statements.render.sanitize import PageText, as_markup
from closebook.statements.verify.page_tables import read_tables
from closebook.statements.verify.untrusted_pdf import UntrustedPdf
from closebook.statements.verify.verification import VerifyInputs, verify
from closebook.statements.weasyprint_adapter import page_layout
from closebook.statements.weasyprint_adapter.drawn_pages import DrawnPages
from tests.statements.altered_pdf import without_roles
from tests.statements.brands import BRANDS, NAMES, branded
from tests.statements.rendered_pdf import content, pages, rendered, squeezed
from tests.statements.samples import HOLDER, IN_PARTS, entry, many, of, statement
from tests.statements.verify_samples import failed

UNBROKEN = {
    "Latin": "W",
    "digits": "7",
    "Han": "漢",
    "Arabic": "ب",
    "Hebrew": "ש",
    "Thai": "ก",
    "Khmer": "ក",
    "combining marks": "e\u0301",
    "emoji joined": "👩\u200d👧\u200d",
    "no-break spaces": "ab\u00a0",
    "word joiners": "a\u2060",
    "hyphens": "abc-",
    "variation selectors": "a\ufe0f",
    "joiners alone": "\u200d",
    "replaced": "\u202e",
}


def with_description(unit: str, length: int) -> Statement:
    return statement(entry(-5, (unit * (length // len(unit) + 1))[:length]))


def cpu_seconds(made: Statement) -> float:
    began = time.process_time()
    render(made)
    return time.process_time() - began


@pytest.mark.parametrize("kind", list(UNBROKEN))
def test_the_time_for_a_text_grows_with_its_length(kind: str) -> None:
    warm_up()
    base = cpu_seconds(statement(entry(-5)))
    seconds = [
        cpu_seconds(with_description(UNBROKEN[kind], length)) - base for length in (6_000, 12_000)
    ]
    assert seconds[1] < max(2.6 * seconds[0], 0.3), seconds


@pytest.mark.parametrize("kind", ["Latin", "Han", "Arabic", "combining marks"])
def test_a_statement_with_a_text_of_60_000_letters_stays_far_below_the_limits(kind: str) -> None:
    warm_up()
    made = with_description(UNBROKEN[kind], 60_000)
    limits = Limits(cpu_seconds=60, memory_bytes=1024**3)
    (result,) = run_within(limits, [BoundedTask("a statement", lambda: render(made))])
    assert isinstance(result, RenderedStatement), result


@pytest.mark.parametrize("unit", ["W", "漢", "abc-", "word ", "ab\u00a0"])
def test_no_letter_of_a_long_text_is_lost(unit: str) -> None:
    made = with_description(unit, 9_000)
    printed = re.sub(r"[\s\u200b]", "", content(made))
    letter = unit[0]
    assert printed.count(letter) - re.sub(
        r"[\s\u200b]", "", content(statement(entry(-5, "")))
    ).count(letter) >= 9_000 // len(unit)


def test_lines_break_at_the_same_places_as_in_weasyprint_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from contextlib import nullcontext

    mixed = "word averyveryveryverylongwordindeed " * 30 + "W" * 700 + " שלום 漢字 " * 40
    made = statement(entry(-5, mixed, counterparty="x" * 300), entry(-5, "ก" * 600))
    bounded = render(made).pdf
    monkeypatch.setattr(page_layout, "linear_line_breaking", nullcontext)
    assert render(made).pdf == bounded


TALL = "W" * 1400


@pytest.mark.parametrize(
    "made",
    [
        statement(entry(-2350, "first"), entry(-5, TALL, counterparty="word " * 100), entry(7)),
        statement(entry(-5, "W" * 400), opening_minor=-3 * 10**16),
        statement(entry(-5, "word " * 400, counterparty="W" * 900), entry(7), holder=of("he_IL")),
        statement(entry(-5, "﷽" * 300), entry(-6, TALL), entry(-6, TALL), holder=of("ar_EG")),
        statement(
            *(
                entry(5, TALL if number in (9, 10, IN_PARTS - 50) else "x")
                for number in range(IN_PARTS)
            )
        ),
    ],
    ids=["three pages", "wide amounts", "right to left", "several", "in parts"],
)
def test_a_row_of_several_pages_has_its_column_heads_on_each_and_is_verified(
    made: Statement,
) -> None:
    # Given a row that is taller than a page
    texts = pages(made)
    # Then each page of the table has the column heads
    heads = {"en_GB": "Description", "he_IL": "תיאור", "ar_EG": "الوصف"}[made.holder.locale]
    with_lines = [text for text in texts if re.search(r"W{5}|(word ){2}|T48\d{4}|﷽", text)]
    assert len(with_lines) > 1
    assert all(heads in text for text in with_lines)
    # And for a screen reader it is one row, and the file is a genuine one
    assert rows_of_lines(made) == made.line_count
    assert failed(verify(rendered(made).pdf, VerifyInputs())) == {}


def rows_of_lines(made: Statement) -> int:
    with pikepdf.open(BytesIO(rendered(made).pdf)) as opened:
        document = opened.Root.StructTreeRoot.K[0]
        tables = [it for it in document.K if it.get("/S") == "/Table" and len(it.K) > 1]
        (lines,) = [it for it in tables if it.K[0].S == "/THead"]
        return sum(len(group.K) for group in lines.K if group.S == "/TBody") - 2


def test_a_cell_of_several_pages_is_read_whole() -> None:
    pdf = rendered(statement(entry(-5, TALL))).pdf
    (row,) = [
        row
        for table in read_tables(UntrustedPdf.open(pdf)).tables
        for row in table.rows
        if "W" in row[1]
    ]
    assert squeezed(row[1]) == TALL


@pytest.mark.parametrize("unit", ["W", "word ", "e\u0301", "👩\u200d👧\u200d", "नी"])
def test_a_very_long_text_is_several_elements(unit: str) -> None:
    # Given a text of 20,000 letters
    text = unit * (20_000 // len(unit))
    # When it is made markup
    markup = str(as_markup(PageText(text)))
    # Then it is several elements, and no letter is lost
    pieces = re.findall("<span>(.*?)</span>", markup)
    assert 3 <= len(pieces) <= 10  # three where nothing but joiners stands between the letters
    assert "".join(pieces).replace("\u200b", "") == text
    # And a line may break between two, but not in front of a mark or behind a joiner
    assert all(piece.endswith((" ", "\u200b")) for piece in pieces[:-1])
    assert all(not unicodedata.category(piece[0]).startswith("M") for piece in pieces)


def test_a_file_of_an_earlier_version_whose_row_continues_as_another_row_is_verified(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given a document as it was made before: a row on two pages is two rows of its structure, and
    # no cell has a role
    before = DrawnPages.__init__

    def without_continuations(self: DrawnPages, pdf: Any, _: Any, roles: Any) -> None:
        before(self, pdf, roles=roles)

    monkeypatch.setattr(DrawnPages, "__init__", without_continuations)
    made = statement(entry(-2350, "first"), entry(-5, TALL), entry(7))
    output = BytesIO()
    with pikepdf.open(BytesIO(render(made).pdf)) as pdf:
        without_roles()(pdf)
        pdf.save(output, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    # When it is verified, then it is found genuine
    assert failed(verify(output.getvalue(), VerifyInputs())) == {}


def test_a_short_row_is_not_broken_where_a_tall_one_is() -> None:
    made = statement(entry(-5, TALL), *(entry(1, "two lines of text here") for _ in range(60)))
    text = "\f".join(pages(made))
    assert len(re.findall(r"two lines of text", text)) == 60


def test_a_statement_without_tall_rows_is_laid_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    lay_out = page_layout.PageLayout.lay_out

    def counted(self: Any, *arguments: Any) -> Any:
        calls.append(1)
        return lay_out(self, *arguments)

    monkeypatch.setattr(page_layout.PageLayout, "lay_out", counted)
    render(many(70))
    assert len(calls) == 1


LONGEST = {
    "wide letters": ("W" * 200, "W" * 1000),
    "Han": ("漢" * 200, "漢" * 1000),
    "words": ("word " * 40, "a street of words " * 55),
    "line ends": ("W" * 200, "x\n" * 500),
    "lines": ("W" * 200, "W" * 24 + "\n" + "W\n" * 480),
    "right to left": ("מ" * 200, "מ" * 1000),
}


@pytest.mark.parametrize("brand", [None, *NAMES])
@pytest.mark.parametrize("kind", LONGEST)
def test_the_longest_name_and_address_of_the_contract_cover_no_other_text(
    kind: str, brand: str | None
) -> None:
    name, address = LONGEST[kind]
    holder = replace(HOLDER, name=name, address=address, account_number="1" * 100)
    made = statement(entry(-5), holder=holder)
    pdf = rendered(made).pdf if brand is None else branded(made, BRANDS / brand).pdf
    assert failed(verify(pdf, VerifyInputs())) == {}
    assert squeezed("1" * 100) in squeezed(content(made))


def test_lines_of_an_address_beyond_the_twelfth_follow_it() -> None:
    lines = [f"part{number}" for number in range(1, 16)]
    made = statement(entry(-5), holder=replace(HOLDER, address="\n".join(lines)))
    assert "part11 part12, part13, part14, part15" in " ".join(content(made).split())
