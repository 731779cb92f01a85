"""What Closebook relies on in a document that WeasyPrint 70 has laid out, and drawn with pydyf.

test_weasyprint_contract.py tests the rest of WeasyPrint, and says what a failed test means.
"""

import inspect
import re
from typing import Any

import pydyf
import pytest
import weasyprint
from weasyprint.draw import text as draw_text
from weasyprint.pdf import generate_pdf

from closebook.statements.weasyprint_adapter.laid_out_pages import LaidOutPages

PAGE = """<html lang="en"><head><style>
  @page { size: 200px 120px; margin: 20px; @top-left { content: "running" } }
  body { margin: 0; font: 10px "Noto Sans" } h1 { font-size: 10px; margin: 0; bookmark-level: 1 }
  img { display: block; width: 40px; height: 10px }
</style></head><body><h1>Heading</h1><p>text</p>
<img alt="a picture" src="data:image/svg+xml,&lt;svg xmlns='http://www.w3.org/2000/svg'/&gt;"/>
<table data-role="lines"><thead><tr><th>head</th></tr></thead><tbody>%s</tbody></table>
</body></html>"""
ROWS = "".join(f'<tr data-line="{number}"><td>row {number}</td></tr>' for number in range(1, 13))


@pytest.fixture(scope="module")
def document() -> Any:
    """A laid-out document whose table is on several pages."""
    return weasyprint.HTML(string=PAGE % ROWS).render()


@pytest.fixture(scope="module")
def drawn(document: Any) -> Any:
    """The same document, drawn with tags."""
    options = weasyprint.DEFAULT_OPTIONS | {"pdf_tags": True, "pdf_version": "1.7"}
    return generate_pdf(document, None, 1, **options)


def at(pdf: Any, reference: bytes) -> Any:
    return pdf.objects[int(reference.split()[0])]


def elements(pdf: Any, name: str) -> list[Any]:
    return [item for item in pdf.objects if isinstance(item, dict) and item.get("S") == f"/{name}"]


def pages(pdf: Any) -> list[Any]:
    return [pdf.objects[number] for number in pdf.pages["Kids"][::3]]


# ---- weasyprint_adapter/laid_out_pages.py ------------------------------------------------


def test_a_bookmark_is_a_title_a_place_its_children_and_a_state(document: Any) -> None:
    ((title, (page, _, _), below, _),) = document.make_bookmark_tree()
    assert (title, page, below) == ("Heading", 0, [])


def test_page_box_leads_to_boxes_with_their_elements(document: Any) -> None:
    def numbers(box: Any) -> list[str]:
        if box.element is not None and box.element_tag == "tr":
            return [box.element.get("data-line")] if "data-line" in box.element.attrib else []
        return [number for child in getattr(box, "children", ()) for number in numbers(child)]

    by_page = [numbers(page._page_box) for page in document.pages]
    assert len(by_page) > 1
    assert [int(number) for page in by_page for number in page] == list(range(1, 13))


def test_copy_keeps_some_pages(document: Any) -> None:
    assert document.copy(document.pages[:1]).pages == document.pages[:1]


def test_generate_pdf_returns_pydyf_objects_that_are_not_written(drawn: Any) -> None:
    assert isinstance(drawn, pydyf.PDF)
    assert list(inspect.signature(generate_pdf).parameters)[:3] == ["document", "target", "zoom"]
    assert {"pdf_tags", "pdf_version"} <= set(weasyprint.DEFAULT_OPTIONS)


def test_the_column_heads_are_dropped_for_a_row_that_leaves_no_room() -> None:
    """LaidOutPages.lines_without_column_heads finds these rows."""
    tall = "x<br/>" * 8
    row = f'<tr data-line="1" style="break-inside: avoid"><td>{tall}</td></tr>'
    pages = LaidOutPages(weasyprint.HTML(string=PAGE % row).render())
    assert pages.lines_without_column_heads() == {1}
    assert (
        LaidOutPages(weasyprint.HTML(string=PAGE % ROWS).render()).lines_without_column_heads()
        == set()
    )


# ---- weasyprint_adapter/drawn_pages.py ---------------------------------------------------


def test_an_object_of_pydyf_has_the_number_of_its_place(drawn: Any) -> None:
    for number, value in enumerate(drawn.objects):
        assert value.number == number
        assert number == 0 or value.reference == b"%d 0 R" % number


def test_the_kids_of_pydyf_pages_are_three_items_for_each_reference(
    document: Any, drawn: Any
) -> None:
    kids = drawn.pages["Kids"]
    assert kids[1::3] == [0] * len(document.pages)
    assert kids[2::3] == ["R"] * len(document.pages)
    assert [page["Type"] for page in pages(drawn)] == ["/Page"] * len(document.pages)


def test_a_page_has_references_to_its_content_and_resources(drawn: Any) -> None:
    for page in pages(drawn):
        assert isinstance(at(drawn, page["Contents"]), pydyf.Stream)
        resources = at(drawn, page["Resources"])
        assert isinstance(resources["XObject"], dict)
        assert at(drawn, resources["Font"])


def test_a_stream_of_pydyf_has_commands_and_entries() -> None:
    stream = pydyf.Stream([b"q", b"Q"], {"Type": "/XObject"})
    assert (stream.stream, stream.extra) == ([b"q", b"Q"], {"Type": "/XObject"})


def test_a_string_of_pydyf_has_its_syntax_as_data() -> None:
    assert pydyf.String("text").data == b"(text)"


# ---- weasyprint_adapter/structure_tree.py ------------------------------------------------


def test_the_structure_tree_has_one_document_and_the_owners_of_each_page(
    document: Any, drawn: Any
) -> None:
    root = at(drawn, drawn.catalog["StructTreeRoot"])
    assert at(drawn, root["K"][0])["S"] == "/Document"
    nums = at(drawn, root["ParentTree"])["Nums"]
    assert nums[0::2] == list(range(len(document.pages)))
    assert all(isinstance(owners, list) for owners in nums[1::2])


def test_header_cells_have_an_id_and_no_scope(drawn: Any) -> None:
    for cell in elements(drawn, "TH"):
        assert "ID" in cell
        assert "Scope" not in cell["A"]


def test_data_cells_have_headers(drawn: Any) -> None:
    for cell in elements(drawn, "TD"):
        assert cell["A"]["Headers"]


def test_a_table_on_several_pages_is_a_table_on_each_page(document: Any, drawn: Any) -> None:
    assert len(elements(drawn, "Table")) > 1
    assert len(elements(drawn, "THead")) == len(elements(drawn, "Table"))


def test_a_running_head_is_marked_content_outside_of_the_tree(drawn: Any) -> None:
    in_tree: set[bytes] = set()
    left = [at(drawn, drawn.catalog["StructTreeRoot"])["K"][0]]
    while left:
        reference = left.pop()
        in_tree.add(reference)
        left += [child for child in at(drawn, reference)["K"] if isinstance(child, bytes)]
    nums = at(drawn, at(drawn, drawn.catalog["StructTreeRoot"])["ParentTree"])["Nums"]
    for owners in nums[1::2]:
        assert [owner for owner in owners if owner not in in_tree]


def test_a_text_has_an_element_without_meaning_around_it(drawn: Any) -> None:
    (paragraph,) = elements(drawn, "P")
    (child,) = [at(drawn, child) for child in paragraph["K"]]
    assert child["S"] in {"/Span", "/NonStruct"}


def test_the_box_of_a_picture_is_in_pixels_from_the_top(drawn: Any) -> None:
    (figure,) = elements(drawn, "Figure")
    left, top, right, bottom = figure["A"]["BBox"]
    assert (left, right - left, bottom - top) == (20, 40, 10)
    assert 20 < top < 120


def test_marked_content_begins_with_a_tag_and_a_dictionary(drawn: Any) -> None:
    for page in pages(drawn):
        commands = at(drawn, page["Contents"]).stream
        places = [place for place, command in enumerate(commands) if isinstance(command, dict)]
        assert places
        for place in places:
            assert re.fullmatch(r"/\w+", commands[place - 1])
            assert isinstance(commands[place]["MCID"], int)
            assert commands[place + 1] == b"BDC"


def test_a_glyph_map_has_an_empty_entry_for_the_later_glyphs_of_a_cluster() -> None:
    document = weasyprint.HTML(string='<p style="font-family: Noto Sans">नीलम शर्मा</p>').render()
    pdf = generate_pdf(document, None, 1, **weasyprint.DEFAULT_OPTIONS)
    maps = [
        value.stream
        for value in pdf.objects
        if isinstance(value, pydyf.Stream) and b"begincmap" in value.stream
    ]
    assert any(line.endswith(b"> <>") for lines in maps for line in lines if type(line) is bytes)


# ---- weasyprint_adapter/glyph_texts.py ---------------------------------------------------


def test_a_line_is_drawn_by_a_function_that_sets_a_font_before_its_glyphs() -> None:
    """The glyphs of a font are shown after the next font is added, and before its size is set."""
    assert list(inspect.signature(draw_text.draw_first_line).parameters) == [
        *("stream", "textbox", "text_overflow", "block_ellipsis", "matrix"),
    ]
    source = inspect.getsource(draw_text.draw_first_line)
    steps = [
        *("stream.add_font(pango_font)", "stream.show_text(string)"),
        "stream.set_font_size(font.hash",
    ]
    places = [source.index(step) for step in steps]
    assert places == sorted(places)
    assert "draw_first_line(" in inspect.getsource(draw_text.draw_text)


def test_a_glyph_has_a_text_that_is_written_into_the_map_of_its_font() -> None:
    noted = []
    before = draw_text.draw_first_line

    class Noting:
        def __init__(self, stream: Any) -> None:
            self._stream = stream

        def __getattr__(self, name: str) -> Any:
            return getattr(self._stream, name)

        def add_font(self, pango_font: Any) -> Any:
            font, size = self._stream.add_font(pango_font)
            noted.append(font)
            return font, size

    def draw(stream: Any, *others: Any) -> Any:
        return before(Noting(stream), *others)

    document = weasyprint.HTML(string='<p style="font-family: Noto Sans">ab</p>').render()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(draw_text, "draw_first_line", draw)
        pdf = generate_pdf(document, None, 1, **weasyprint.DEFAULT_OPTIONS)
    (font,) = noted
    assert sorted(font.to_unicode.values()) == ["a", "b"]
    assert not font.bitmap
    fonts = at(pdf, at(pdf, pages(pdf)[0]["Resources"])["Font"])
    assert list(fonts) == [font.hash]
