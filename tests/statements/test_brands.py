"""A brand is a folder: it changes how statements look, and nothing of what they say."""

import os
import subprocess
import sys
from functools import partial
from hashlib import sha256
from pathlib import Path
from shutil import copytree

import outloud
import pytest
from defusedxml.ElementTree import fromstring

from closebook.errors import WrongData
from closebook.statements.bounded_process import BoundedTask, Limits, run_within
from closebook.statements.render.brand import OURS, Colours
from closebook.statements.render.brand_folder import load_brand
from closebook.statements.render.document import render
from tests.statements.brands import (
    BRANDS,
    NAMES,
    branded,
    in_brand,
    in_the_brand,
    loaded,
    opened,
    text_of,
    write_brand,
)
from tests.statements.rendered_pdf import ROOT
from tests.statements.samples import entry, kinds, many, of, statement
from tests.statements.test_conformance import named
from tests.statements.validators import verapdf


def words_at(pdf: bytes) -> list[tuple[str, float]]:
    """The words of a document, each with its right edge in points."""
    tree = fromstring(text_of(pdf, "-bbox"))
    return [
        (word.text or "", float(word.attrib["xMax"]))
        for word in tree.iter("{http://www.w3.org/1999/xhtml}word")
    ]


@pytest.mark.parametrize("kind", ["no movements", "overdrawn", "right to left", "in parts"])
@pytest.mark.parametrize("name", NAMES)
def test_each_brand_passes_the_checkers(name: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "statement.pdf"
    path.write_bytes(in_the_brand(name, kind))
    assert verapdf(in_the_brand(name, kind)) == []
    result = outloud.check(str(path))
    assert [finding.message for finding in result.sorted_findings()] == []
    checked = subprocess.run(["qpdf", "--check", path], check=False, capture_output=True, text=True)
    assert "No syntax or stream encoding errors found" in checked.stdout, checked.stderr


@pytest.mark.parametrize("name", NAMES)
def test_the_fonts_of_a_brand_are_embedded_as_subsets(name: str) -> None:
    families = {face.family for face in load_brand(BRANDS / name).fonts.faces}
    document = opened(in_the_brand(name, "no movements"))
    fonts = [font for page in document.pages for font in page.Resources.Font.values()]
    found = [str(font.BaseFont).lstrip("/").partition("+") for font in fonts]
    assert families
    for family in families:
        assert [tag for tag, _, base in found if base.startswith(family.replace(" ", "-"))]
    assert all(len(tag) == 6 for tag, plus, _ in found if plus)
    for font in fonts:
        (descendant,) = font.DescendantFonts
        descriptor = descendant.FontDescriptor
        file = descriptor.get("/FontFile2") or descriptor.get("/FontFile3")
        assert file is not None
        assert len(file.read_bytes()) < 40_000


def test_a_logo_with_a_text_is_a_figure_and_a_decorative_one_is_none() -> None:
    with_text = named(opened(in_the_brand("alder", "overdrawn")), "Figure")
    logo = load_brand(BRANDS / "alder").logo
    assert logo is not None
    assert [str(figure.Alt) for figure in with_text] == [logo.alt]
    left, bottom, right, top = map(float, with_text[0].A.BBox)
    assert right - left == pytest.approx(15 / 25.4 * 72, abs=0.1)
    assert (left + right) / 2 == pytest.approx(612 / 2, abs=1)
    assert 700 < bottom < top < 792
    (chart,) = named(opened(in_the_brand("harbour", "overdrawn")), "Figure")
    assert str(chart.Alt).startswith("A stepped line")


@pytest.mark.parametrize("kind", ["overdrawn", "in parts"])
def test_a_us_letter_is_as_wide_as_its_paper_and_aligned(kind: str, tmp_path: Path) -> None:
    folder = write_brand(tmp_path / "brand", '[paper]\nsize = "Letter"')
    pdf = branded(kinds()[kind], folder).pdf
    assert [float(edge) for edge in opened(pdf).pages[0].MediaBox] == pytest.approx(
        [0, 0, 612, 792]
    )
    edges = words_at(pdf)
    right = 612 - 20 / 25.4 * 72
    closing = [edge for word, edge in edges if word in ("−375.00", "2,472.40", "Balance")]
    # In the summary and below the lines, and the number of the page.
    pages = [edge for (word, _), (_, edge) in zip(edges, edges[3:], strict=False) if word == "Page"]
    assert len(pages) == len(opened(pdf).pages)
    for edge in [
        *(edge for edge in closing if edge > 500),
        *(edge for edge in pages if edge > 500),
    ]:
        assert edge == pytest.approx(right, abs=0.7)
    assert [edge for edge in closing if edge > 500]


def test_without_a_brand_the_page_is_a4_and_names_none() -> None:
    document = opened(render(many(1)).pdf)
    assert [round(float(edge)) for edge in document.pages[0].MediaBox] == [0, 0, 595, 842]
    assert str(document.docinfo["/Creator"]) == "Closebook, statement v1"
    assert load_brand(None) is OURS


def test_a_changed_brand_makes_other_bytes_and_another_fingerprint(tmp_path: Path) -> None:
    first, second = (copytree(BRANDS / "lumo", tmp_path / name) for name in "ab")
    one = branded(many(1), first)
    assert branded(many(1), second).pdf == one.pdf
    # A comment is a change too: the register can tell which files a document was made with.
    style = tmp_path / "c" / "style.css"
    copytree(BRANDS / "lumo", style.parent)
    style.write_text(style.read_text("utf-8") + "/* changed */\n", "utf-8")
    other = branded(many(1), style.parent)
    assert other.pdf != one.pdf
    assert other.renderer.sha256 != one.renderer.sha256
    assert one.renderer.sha256 != render(many(1)).renderer.sha256
    assert any(name.startswith("brand: ") for name in one.renderer.typefaces)
    digest = load_brand(first).sha256
    assert digest is not None
    assert str(opened(one.pdf).docinfo["/Creator"]).endswith(f"brand Lumo {digest[:16]}")


def test_the_same_brand_gives_the_same_bytes_in_another_process_on_another_day() -> None:
    program = (
        "from hashlib import sha256\n"
        "from closebook.statements.render.document import render\n"
        "from tests.statements.samples import kinds\n"
        "print(sha256(render(kinds()['overdrawn']).pdf).hexdigest())"
    )
    for name in NAMES:
        elsewhere = subprocess.run(
            ["faketime", "2031-03-04 05:06:07", sys.executable, "-c", program],
            cwd=ROOT,
            env=os.environ
            | {
                "PYTHONPATH": f"{ROOT / 'plugins'}:{ROOT}",
                "CLOSEBOOK_BRAND": str(BRANDS / name),
                "PYTHONHASHSEED": "3",
            },
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        assert elsewhere == sha256(in_the_brand(name, "overdrawn")).hexdigest(), name


def test_the_fonts_of_a_brand_outlive_a_child_that_rendered_with_them() -> None:
    # Given a process that has loaded a brand
    with in_brand(BRANDS / "harbour"):
        render(many(1))
        # When its children render, and end
        for _ in range(2):
            [made] = run_within(Limits(), [BoundedTask("a document", partial(render, many(3)))])
            assert not isinstance(made, WrongData)
        # Then it still has the fonts, for letters that it has not drawn yet too
        text = "Quincy & Żubr 0123456789 qwxyz"
        again = render(statement(entry(-1, text))).pdf
    names = {str(font.BaseFont) for font in opened(again).pages[0].Resources.Font.values()}
    assert any("IBM-Plex-Sans" in name for name in names)
    assert "Quincy" in text_of(again)


@pytest.mark.parametrize("name", NAMES)
def test_the_brands_of_the_gallery_have_no_warnings_but_of_languages(name: str) -> None:
    [told] = loaded(BRANDS / name).warnings
    assert told.startswith("[[fonts.faces]] ")
    assert load_brand(BRANDS / name).colours != Colours()


def test_a_layout_moves_the_parts_of_the_page(tmp_path: Path) -> None:
    folder = write_brand(tmp_path / "brand", '[layout]\nchart = false\noverview = "after"')
    pdf = branded(kinds()["in parts"], folder).pdf
    printed = text_of(pdf, "-raw")
    assert printed.index("Transactions") < printed.index("of which fees")
    assert named(opened(pdf), "Figure") == []


def test_from_right_to_left_the_totals_stand_at_the_left_edge(tmp_path: Path) -> None:
    folder = write_brand(
        tmp_path / "brand",
        "[paper]\nleft_mm = 25\n[layout]\nchart = false",
        {"style.css": ".summary { width: 100% }"},
    )
    pdf = branded(statement(entry(-1), holder=of("ar_EG")), folder).pdf
    tree = fromstring(text_of(pdf, "-bbox"))
    edges = [
        float(word.attrib["xMin"])
        for word in tree.iter("{http://www.w3.org/1999/xhtml}word")
        if word.text == "999.99"
    ]
    # The closing balance, in the totals and at the end of the lines
    assert len(edges) >= 2
    assert all(edge < 25 / 25.4 * 72 + 60 for edge in edges)
