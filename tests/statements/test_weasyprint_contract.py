"""What Closebook relies on in WeasyPrint 70 and pydyf beyond their documented interfaces.

Each test names one private part. When an upgrade of WeasyPrint fails here, the name of the failed
test says which part has changed, and the test says which module of weasyprint_adapter uses it.
"""

import inspect
import logging
import os
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import pydyf
import pytest
import weasyprint
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from weasyprint.draw import text as draw_text
from weasyprint.layout import inline
from weasyprint.pdf import generate_pdf
from weasyprint.text import ffi as weasyprint_ffi
from weasyprint.text import line_break
from weasyprint.text.ffi import pango
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

from closebook.statements.library_versions import PYHANKO, WEASYPRINT, SupportedVersions
from closebook.statements.render.fonts import FONT_CONFIGURATION
from closebook.statements.weasyprint_adapter.laid_out_pages import LaidOutPages
from closebook.statements.weasyprint_adapter.versions import renderer_version
from tests.statements.rendered_pdf import ROOT, TEMPLATES

PLUGINS = ROOT / "plugins"
PAGE = """<html lang="en"><head><style>
  @page { size: 200px 120px; margin: 20px; @top-left { content: "running" } }
  body { margin: 0; font: 10px "Noto Sans" } h1 { font-size: 10px; margin: 0; bookmark-level: 1 }
  img { display: block; width: 40px; height: 10px }
</style></head><body><h1>Heading</h1><p>text</p>
<img alt="a picture" src="data:image/svg+xml,&lt;svg xmlns='http://www.w3.org/2000/svg'/&gt;"/>
<table><thead><tr><th>head</th></tr></thead><tbody>%s</tbody></table></body></html>"""
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
    return [it for it in pdf.objects if isinstance(it, dict) and it.get("S") == f"/{name}"]


def pages(pdf: Any) -> list[Any]:
    return [pdf.objects[number] for number in pdf.pages["Kids"][::3]]


# ---- who may import it --------------------------------------------------------------------


def test_only_the_adapter_imports_weasyprint_or_pydyf() -> None:
    importers = {
        str(path.relative_to(PLUGINS).parent)
        for path in PLUGINS.rglob("*.py")
        if re.search(
            r"^\s*(import|from) (weasyprint|pydyf)\b", path.read_text("utf-8"), re.MULTILINE
        )
    }
    assert importers == {"closebook/statements/weasyprint_adapter"}


# ---- versions -----------------------------------------------------------------------------


@pytest.mark.parametrize("supported", [WEASYPRINT, PYHANKO], ids=["weasyprint", "pyhanko"])
def test_requirements_have_the_range_of_versions_that_the_code_checks(
    supported: SupportedVersions,
) -> None:
    lines = (ROOT / "requirements.in").read_text(encoding="utf-8").splitlines()
    required = [Requirement(line.partition("#")[0].strip()) for line in lines if line[:1] != "#"]
    (requirement,) = [it for it in required if it.name == supported.package]
    assert requirement.specifier == SpecifierSet(supported.versions)


@pytest.mark.parametrize("version", ["69.0", "71.0"])
def test_a_version_of_weasyprint_that_is_not_supported_is_refused_in_words(
    version: str, tmp_path: Path
) -> None:
    # Given a machine on which another version of WeasyPrint is installed
    metadata = tmp_path / f"weasyprint-{version}.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text(f"Metadata-Version: 2.1\nName: weasyprint\nVersion: {version}\n")
    # When the renderer starts
    program = (
        "from closebook.errors import Misconfigured\n"
        "from closebook.statements.render.document import warm_up\n"
        "try:\n    warm_up()\nexcept Misconfigured as error:\n    print(error)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": f"{tmp_path}:{ROOT / 'plugins'}"},
        capture_output=True,
        text=True,
        check=True,
    )
    # Then the error says which version is needed, which is installed, and what to do
    assert "Closebook needs weasyprint>=70,<71" in ran.stdout
    assert f"weasyprint {version} is installed" in ran.stdout
    assert "pip install -r requirements.txt" in ran.stdout


def test_a_package_that_is_not_installed_is_named() -> None:
    missing = SupportedVersions("closebook-no-such-package", ">=1", "it is for a test")
    with pytest.raises(Exception, match="needs closebook-no-such-package>=1, and it is not inst"):
        missing.check_installed()


# ---- weasyprint_adapter/versions.py, color_profile.py ------------------------------------


def test_text_ffi_gives_the_versions_of_pango_and_harfbuzz() -> None:
    assert pango.pango_version() > 10_000
    # WeasyPrint does not declare this function, so versions.py declares it.
    assert "hb_version_string" not in inspect.getsource(weasyprint_ffi)
    assert re.search(r"pango \d+\.\d+\.\d+, harfbuzz \d+\.\d+\.\d+, ", renderer_version())


def test_pdf_ships_the_srgb_profile() -> None:
    profile = (files("weasyprint.pdf") / "sRGB2014.icc").read_bytes()
    assert profile[36:40] == b"acsp"


# ---- weasyprint_adapter/page_layout.py ---------------------------------------------------


def test_html_has_the_attributes_that_the_xml_page_sets() -> None:
    html = weasyprint.HTML(string="<p>text</p>", base_url="asset:")
    assert set(vars(html)) == {
        *("base_url", "url_fetcher", "media_type", "wrapper_element", "etree_element"),
    }
    assert html.media_type == "print"
    assert html.wrapper_element.etree_element is html.etree_element


def test_html_ua_stylesheets_gives_the_styles_of_elements() -> None:
    class WithoutStyles(weasyprint.HTML):  # type: ignore[misc]
        def _ua_stylesheets(self, forms: bool = False) -> list[Any]:
            return [weasyprint.CSS(string="p { display: none }")]

    assert list(inspect.signature(weasyprint.HTML._ua_stylesheets).parameters) == ["self", "forms"]
    (page,) = WithoutStyles(string="<p>text</p>").render().pages
    assert [box for box in page._page_box.descendants() if box.element_tag == "p"] == []


def test_font_configuration_reads_fontconfig_file_when_it_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FONTCONFIG_FILE", str(TEMPLATES / "statement" / "v1" / FONT_CONFIGURATION))
    configuration = FontConfiguration()
    monkeypatch.delenv("FONTCONFIG_FILE")
    page = weasyprint.HTML(string="<p style='font-family: DejaVu Sans'>text</p>")
    document = page.render(font_config=configuration)
    generate_pdf(document, None, 1, **weasyprint.DEFAULT_OPTIONS)
    # DejaVu Sans is installed, and fonts.conf does not accept it.
    families = {font.family for font in document.fonts.values()}
    assert families
    assert all(family.startswith("Noto") for family in families), families


def test_fatal_url_fetching_error_ends_a_document() -> None:
    class DenyAll(URLFetcher):  # type: ignore[misc]
        def fetch(self, url: str, headers: object = None) -> URLFetcherResponse:
            raise FatalURLFetchingError("denied")

    page = weasyprint.HTML(string='<img src="http://192.0.2.1/"/>', url_fetcher=DenyAll())
    with pytest.raises(FatalURLFetchingError, match="denied"):
        page.render()


def test_the_logger_of_progress_is_called_weasyprint_progress(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, "weasyprint.progress"):
        weasyprint.HTML(string="<p>text</p>").render()
    assert "Step 1" in caplog.text


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


# ---- weasyprint_adapter/shaping_cache.py -------------------------------------------------


def test_line_break_layout_is_looked_up_in_its_module_for_each_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = []

    class Counted(line_break.Layout):  # type: ignore[misc]
        def __init__(self, *arguments: Any) -> None:
            made.append(self)
            super().__init__(*arguments)

    monkeypatch.setattr(line_break, "Layout", Counted)
    weasyprint.HTML(string="<p>text</p>").render()
    assert made


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        ("set_text", ["self", "text", "justify"]),
        ("deactivate", ["self"]),
        ("reactivate", ["self", "style"]),
    ],
)
def test_the_methods_of_line_break_layout_that_are_overridden(
    method: str, parameters: list[str]
) -> None:
    assert list(inspect.signature(getattr(line_break.Layout, method)).parameters) == parameters


def test_a_layout_knows_its_justification_spacing() -> None:
    parameters = inspect.signature(line_break.Layout).parameters
    assert parameters["justification_spacing"].default == 0


@pytest.mark.parametrize(
    ("module", "name"), [(line_break, "get_font_description"), (inline, "strut")]
)
def test_font_descriptions_and_struts_depend_on_the_style_alone(module: Any, name: str) -> None:
    assert list(inspect.signature(getattr(module, name)).parameters) == ["style"]


def test_a_text_is_drawn_in_single_paragraph_mode() -> None:
    assert "pango_layout_set_single_paragraph_mode" in inspect.getsource(draw_text)


def test_the_line_breaker_has_the_arguments_and_the_result_that_are_bounded() -> None:
    """line_breaking.py replaces inline.split_first_line, and reads the third item of its result."""
    parameters = list(inspect.signature(inline.split_first_line).parameters)
    assert parameters[:5] == ["text", "style", "context", "max_width", "justification_spacing"]
    assert "split_first_line(" in inspect.getsource(inline.split_text_box)
    assert "resume_index" in inspect.getsource(inline.split_text_box)


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
