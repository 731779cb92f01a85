"""Long statements are stamped as the first renderer makes them in parts, and have its tints."""

from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pypdfium2
import pytest
from PIL import Image, ImageChops

from closebook.statements.model import Statement
from closebook.statements.render.document import render
from closebook.statements.stamp.outside_layout import OutsideLayout
from closebook.statements.stamp.stamped_renderer import StampedRenderer
from tests.statements.brands import in_brand, write_brand
from tests.statements.equal_documents import differences
from tests.statements.samples import IN_PARTS, MOST_LINES_AT_ONCE, kinds, many, statement
from tests.statements.test_stamped_documents import some_lines
from tests.statements.test_stamped_from_right import drawn

_BETWEEN_COLUMNS = (211, 214)
"""Points from the left of an A4 page, between the descriptions and the counterparties."""

_A_ROW = 30
"""The tint of the lowest row has 40 pixels in such a strip, and the edge of one has 3."""


@cache
def renderer() -> StampedRenderer:
    """A renderer that compiles each layout for the first statement that needs it."""
    return StampedRenderer.of_settings()


def stamped(made: Statement, by: StampedRenderer | None = None) -> bytes:
    """The stamped document of a statement, whose layout is compiled if it is not yet."""
    by = by or renderer()
    by.prepare([], again=[made])
    return by.stamp(made).pdf


def tints(pdf: bytes) -> list[Image.Image]:
    """A strip of each page, from top to bottom, that has no texts."""
    found = []
    for page in pypdfium2.PdfDocument(pdf):
        picture = page.render(scale=1).to_pil().convert("L")
        left, right = _BETWEEN_COLUMNS
        found.append(picture.crop((left, 0, right, picture.height)))
    return found


def differing_tints(reference: bytes, other: bytes) -> int:
    """In how many pixels of these strips the tints differ."""
    return sum(
        sum(ImageChops.difference(one, two).histogram()[6:])
        for one, two in zip(tints(reference), tints(other), strict=True)
    )


@pytest.mark.parametrize("count", [MOST_LINES_AT_ONCE + 1, 251])
def test_a_long_statement_is_equal(count: int) -> None:
    made = many(count)
    reference, pdf = render(made).pdf, stamped(made)
    assert differences(reference, pdf) == []
    assert differing_tints(reference, pdf) < _A_ROW


def test_a_long_statement_with_wraps_is_equal() -> None:
    made = statement(*some_lines(5, IN_PARTS), opening_minor=100_000_000)
    reference, pdf = render(made).pdf, stamped(made)
    assert differences(reference, pdf) == []
    assert differing_tints(reference, pdf) < _A_ROW


def test_a_long_statement_from_right_to_left_is_equal() -> None:
    made = drawn(3, "he_IL", IN_PARTS)
    assert differences(render(made).pdf, stamped(made)) == []


@cache
def with_bands() -> tuple[Path, StampedRenderer]:
    """A brand whose rows have bands, and its renderer."""
    brand = write_brand(Path(mkdtemp()) / "brand", '[layout]\nrows = "bands"')
    with in_brand(brand):
        return brand, StampedRenderer.of_settings()


@pytest.mark.parametrize("count", [0, 11, 12])
def test_the_closing_has_the_tint_of_its_place(count: int) -> None:
    made = many(count) if count else kinds()["no movements"]
    brand, of_bands = with_bands()
    with in_brand(brand):
        reference, pdf = render(made).pdf, stamped(made, of_bands)
        assert differences(reference, pdf) == []
        assert differing_tints(reference, pdf) < _A_ROW


def test_a_very_long_statement_is_made_by_the_first_renderer() -> None:
    """Its pages, tags and objects would be in memory at once."""
    with pytest.raises(OutsideLayout, match="many-lines"):
        renderer().stamp(many(5_001))


def test_a_long_statement_with_rows_at_page_breaks_is_made_by_the_first_renderer(
    tmp_path: Path,
) -> None:
    """In which try the rows fit may differ between two parts."""
    with (
        in_brand(write_brand(tmp_path / "b", "[content]\ncarried_forward = true")),
        pytest.raises(OutsideLayout, match="many-lines"),
    ):
        StampedRenderer.of_settings().stamp(many(IN_PARTS))
