"""Every kind of statement conforms to PDF/A-3a and PDF/UA-1, and has the same bytes each time."""

import os
import subprocess
import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import outloud
import pikepdf
import pytest
from lxml import etree

from closebook.statements.render.document import render
from closebook.statements.weasyprint_adapter.versions import renderer_version
from tests.statements.rendered_pdf import ROOT, opened, reader, rendered
from tests.statements.samples import HOLDER, kinds, many

NAMESPACES = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "pdf": "http://ns.adobe.com/pdf/1.3/",
    "pdfaid": "http://www.aiim.org/pdfa/ns/id/",
    "pdfuaid": "http://www.aiim.org/pdfua/ns/id/",
    "pdfaExtension": "http://www.aiim.org/pdfa/ns/extension/",
    "pdfaSchema": "http://www.aiim.org/pdfa/ns/schema#",
    "pdfaProperty": "http://www.aiim.org/pdfa/ns/property#",
}
KINDS = list(kinds())


def elements(pdf: pikepdf.Pdf) -> list[Any]:
    """The elements of the structure tree in reading order."""
    found: list[Any] = []
    left = [pdf.Root.StructTreeRoot.K[0]]
    while left:
        element = left.pop(0)
        found.append(element)
        left[:0] = [kid for kid in element.get("/K", []) if isinstance(kid, pikepdf.Dictionary)]
    return found


def named(pdf: pikepdf.Pdf, name: str) -> list[Any]:
    return [element for element in elements(pdf) if f"/{name}" == element.S]


@pytest.mark.parametrize("kind", KINDS)
def test_the_file_passes_a_checker_of_pdf_ua(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "statement.pdf"
    path.write_bytes(rendered(kinds()[kind]).pdf)
    result = outloud.check(str(path))
    assert [finding.message for finding in result.sorted_findings()] == []
    assert result.verdict == "pass"


@pytest.mark.parametrize("kind", KINDS)
def test_the_file_passes_the_check_of_qpdf(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "statement.pdf"
    path.write_bytes(rendered(kinds()[kind]).pdf)
    checked = subprocess.run(["qpdf", "--check", path], check=False, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "No syntax or stream encoding errors found" in checked.stdout


def test_the_metadata_claims_both_standards_and_describes_the_property_of_pdf_ua() -> None:
    xmp = etree.fromstring(opened(many(2)).Root.Metadata.read_bytes())

    def texts(path: str) -> list[str]:
        return [element.text for element in xmp.iterfind(f".//{path}", NAMESPACES)]

    assert texts("pdfaid:part") == ["3"]
    assert texts("pdfaid:conformance") == ["A"]
    assert texts("pdfuaid:part") == ["1"]
    assert texts("pdfaSchema:namespaceURI") == [NAMESPACES["pdfuaid"]]
    assert texts("pdfaProperty:name") == ["part"]
    assert texts("pdfaProperty:valueType") == ["Integer"]


def test_the_metadata_and_the_information_dictionary_say_the_same() -> None:
    document = opened(many(2))
    xmp = etree.fromstring(document.Root.Metadata.read_bytes())
    account = HOLDER.account_number
    for path, key, expected in (
        (
            "dc:title/rdf:Alt/rdf:li",
            "/Title",
            f"Account statement 1–31 Oct 2026, account {account}",
        ),
        ("dc:creator/rdf:Seq/rdf:li", "/Author", "Northgate Payments"),
        ("xmp:CreatorTool", "/Creator", "Closebook, statement v1"),
        ("pdf:Producer", "/Producer", renderer_version()),
    ):
        assert xmp.find(f".//{path}", NAMESPACES).text == expected
        assert str(document.docinfo[key]) == expected
    assert xmp.find(".//xmp:CreateDate", NAMESPACES).text == "2026-11-02T06:12:45Z"
    assert str(document.docinfo["/CreationDate"]) == "D:20261102061245Z"
    assert document.docinfo["/ModDate"] == document.docinfo["/CreationDate"]


def test_the_output_intent_is_srgb() -> None:
    (intent,) = opened(many(2)).Root.OutputIntents
    assert intent.S == "/GTS_PDFA1"
    assert intent.DestOutputProfile.N == 3
    assert intent.DestOutputProfile.read_bytes()[36:40] == b"acsp"


@pytest.mark.parametrize("kind", KINDS)
def test_every_font_is_embedded(kind: str) -> None:
    for page in opened(kinds()[kind]).pages:
        for font in page.Resources.Font.values():
            (descendant,) = font.DescendantFonts
            files = {"/FontFile2", "/FontFile3"} & set(descendant.FontDescriptor.keys())
            assert len(files) == 1, font.BaseFont


@pytest.mark.parametrize(
    ("kind", "language"), [("some pages", "en"), ("German", "de"), ("right to left", "he")]
)
def test_the_title_is_shown_and_the_language_is_set(kind: str, language: str) -> None:
    catalog = opened(kinds()[kind]).Root
    assert catalog.Lang == language
    assert catalog.MarkInfo.Marked
    assert catalog.ViewerPreferences.DisplayDocTitle


@pytest.mark.parametrize("kind", ["some pages", "in parts"])
def test_there_is_one_tree_of_headings_and_one_table_of_lines(kind: str) -> None:
    # Given a statement of several pages
    made = kinds()[kind]
    document = opened(made)
    # Then it has one main heading, the others are below it
    names = [str(e.S) for e in elements(document) if str(e.S).startswith("/H")]
    assert names == ["/H1", "/H2", "/H2", "/H2", "/H2"]
    # And the lines are one table with one head, though each page shows one
    lines = next(table for table in named(document, "Table") if len(table.K) > 1)
    groups = [str(group.S) for group in lines.K]
    assert groups[0] == "/THead"
    assert set(groups[1:]) == {"/TBody"}
    assert len(groups) > 3
    rows = sum(len(group.K) for group in lines.K)
    assert rows == made.line_count + 3


def test_header_cells_have_a_scope() -> None:
    heads = named(opened(many(70)), "TH")
    scopes = [str(head.A.Scope) for head in heads]
    assert scopes == ["/Row"] * 10 + ["/Column"] * 7


def test_the_chart_has_a_text_and_a_box_on_the_page() -> None:
    document = opened(many(70))
    (figure,) = named(document, "Figure")
    assert str(figure.Alt) == (
        "A stepped line of the balance at the end of each day, from 1 October 2026 to "
        "31 October 2026. The lowest of these balances is 1,020.21, and the highest of them is "
        "1,298.03."
    )
    left, bottom, right, top = map(float, figure.A.BBox)
    assert 60 < left < right < 320
    assert 400 < bottom < top < 510


@pytest.mark.parametrize("kind", ["some pages", "in parts"])
def test_running_heads_and_page_numbers_are_artifacts(kind: str) -> None:
    document = opened(kinds()[kind])
    for page in list(document.pages)[:3]:
        stack: list[bool] = []
        for instruction in pikepdf.parse_content_stream(page):
            name = str(instruction.operator)
            if name in ("BDC", "BMC"):
                stack.append(instruction.operands[0] == "/Artifact")
            elif name == "EMC":
                stack.pop()
            elif name in ("TJ", "Tj", "Do", "f", "f*", "S"):
                assert stack, f"{name} is neither content nor an artifact"


@pytest.mark.parametrize("kind", ["some pages", "in parts"])
def test_every_marked_content_and_its_element_refer_to_each_other(kind: str) -> None:
    document = opened(kinds()[kind])
    numbers = pikepdf.NumberTree(document.Root.StructTreeRoot.ParentTree)
    in_tree: dict[tuple[int, int], Any] = {}
    for element in elements(document):
        for kid in element.get("/K", []):
            if isinstance(kid, int):
                in_tree[int(element.Pg.StructParents), kid] = element
    for page in document.pages:
        index = int(page.StructParents)
        for mcid, owner in enumerate(numbers[index]):
            if owner is not None:
                assert in_tree.pop((index, mcid)).objgen == owner.objgen
    assert in_tree == {}


PROGRAM = """
import sys
from hashlib import sha256
from closebook.statements.render.document import render
from tests.statements.samples import kinds, many
from tests.statements.short_parts import short_parts
render(many(3))
with short_parts():
    for kind in sys.argv[1:]:
        print(sha256(render(kinds()[kind]).pdf).hexdigest())
"""


@pytest.mark.parametrize(
    ("prefix", "environment"),
    [
        ([], {"PYTHONHASHSEED": "1", "TZ": "Asia/Tokyo"}),
        (["faketime", "2031-03-04 05:06:07"], {"PYTHONHASHSEED": "2", "LC_ALL": "C"}),
    ],
)
def test_the_same_statement_gives_the_same_bytes_in_another_process_on_another_day(
    prefix: list[str], environment: dict[str, str]
) -> None:
    some = ["some pages", "dinar of three decimals", "emoji and a lack", "in parts"]
    elsewhere = subprocess.run(
        [*prefix, sys.executable, "-c", PROGRAM, *some],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": f"{ROOT / 'plugins'}:{ROOT}"} | environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert elsewhere == [sha256(rendered(kinds()[kind]).pdf).hexdigest() for kind in some]


def test_another_version_gives_other_bytes() -> None:
    assert render(many(1)).pdf != render(replace(many(1), version=2)).pdf


def test_the_fingerprint_has_the_template_the_fonts_and_the_versions() -> None:
    renderer = rendered(many(2)).renderer
    assert renderer.template_version == "v1"
    assert len(renderer.template_sha256) == 64
    assert "weasyprint 70" in renderer.renderer_version
    assert {"NotoSans-Regular.ttf", "Symbola_hint.ttf"} <= set(renderer.typefaces)
    assert renderer.sha256 == rendered(many(1)).renderer.sha256
    assert replace(renderer, template_sha256="0" * 64).sha256 != renderer.sha256


def test_importing_the_renderer_does_not_load_weasyprint() -> None:
    program = (
        "import sys; import closebook.statements.render.document, closebook.statements.issue;"
        "sys.exit('weasyprint' in sys.modules or 'airflow' in sys.modules)"
    )
    subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(ROOT / "plugins")},
        check=True,
    )


def test_the_bookmarks_lead_to_the_headings_and_the_days() -> None:
    titles = [str(item["/Title"]) for item in reader(kinds()["in parts"]).outline]  # type: ignore[call-overload]
    assert titles[:4] == [
        "Account statement",
        "Balance at the end of each day",
        "Transactions",
        "1 Oct 2026",
    ]
    assert "31 Oct 2026" in titles
    assert titles[-2:] == ["Fees", "About this statement"]
