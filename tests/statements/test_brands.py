"""A brand is a folder: it changes how statements look, and nothing of what they say."""

import logging
import os
import subprocess
import sys
from functools import cache, partial
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from shutil import copytree
from typing import Any

import outloud
import pikepdf
import pytest
from defusedxml.ElementTree import fromstring

from closebook.errors import Misconfigured, WrongData
from closebook.statements.bounded_process import BoundedTask, Limits, run_within
from closebook.statements.render.brand import OURS, Colours, contrast
from closebook.statements.render.brand_blocks import VARIABLES
from closebook.statements.render.brand_folder import load_brand
from closebook.statements.render.document import render
from closebook.statements.render.template import statement_template
from closebook.statements.render.view_model import statement_view
from closebook.statements.verify.report import Outcome
from closebook.statements.verify.verification import VerifyInputs, verify
from tests.statements.altered_pdf import attachments_of
from tests.statements.brands import BRANDS, NAMES, branded, in_brand, write_brand
from tests.statements.rendered_pdf import ROOT
from tests.statements.samples import entry, kinds, many, of, statement
from tests.statements.test_conformance import named
from tests.statements.validators import verapdf
from tests.statements.verify_samples import failed, outcomes

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10">{}</svg>'
LOGO = '[logo]\nfile = "assets/a.svg"\nalt = "A"'
FONT = BRANDS / "harbour" / "fonts" / "ibm-plex-sans-latin-400-normal.woff2"
FACE = '[fonts]\n{}\n[[fonts.faces]]\nfamily = "Plex"\nfile = "{}"\n'


@cache
def in_the_brand(name: str, kind: str) -> bytes:
    return branded(kinds()[kind], BRANDS / name).pdf


@cache  # objects of pikepdf live as long as their document
def opened(pdf: bytes) -> pikepdf.Pdf:
    return pikepdf.open(BytesIO(pdf))


def text_of(pdf: bytes, *options: str) -> str:
    command = ["pdftotext", *options, "-", "-"]
    return subprocess.run(command, input=pdf, capture_output=True, check=True).stdout.decode()


def words_at(pdf: bytes) -> list[tuple[str, float]]:
    """The words of a document, each with its right edge in points."""
    tree = fromstring(text_of(pdf, "-bbox"))
    return [
        (word.text or "", float(word.attrib["xMax"]))
        for word in tree.iter("{http://www.w3.org/1999/xhtml}word")
    ]


def loaded(folder: Path) -> Any:
    with in_brand(folder):
        return statement_template()


# ---- the three brands -----------------------------------------------------------------------


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


# ---- a changed brand is seen ----------------------------------------------------------------


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


# ---- closebook verify -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["no movements", "overdrawn", "dinar of three decimals", "long amounts", "in parts"]
)
@pytest.mark.parametrize("name", NAMES)
def test_a_statement_of_each_brand_is_verified(name: str, kind: str) -> None:
    report = verify(in_the_brand(name, kind), VerifyInputs())
    assert failed(report) == {}
    assert outcomes(report)["page"] is Outcome.OK


OTHER_TABLES = {
    "a table with a head before the lines": {
        "blocks/before_lines.html.j2": '<table><thead><tr><th scope="col">Points</th></tr></thead>'
        "<tbody><tr><td>1</td></tr></tbody></table>"
    },
    "tables around the lines": {
        "blocks/before_lines.html.j2": "<table><tbody><tr><td>1</td><td>2</td></tr></tbody>"
        "</table>",
        "blocks/after_lines.html.j2": "<table><thead><tr><th>A</th></tr></thead><tbody><tr><td>1"
        "</td></tr></tbody></table>",
    },
    "the facts and the totals elsewhere": {
        "blocks/facts.html.j2": "<p></p>",
        "blocks/after_lines.html.j2": '<table><tbody><tr><td data-role="account">'
        '{{ holder.account_number }}</td></tr><tr><td data-role="account">'
        "{{ holder.account_number }}</td></tr></tbody></table>",
        "blocks/overview.html.j2": '<table><tbody><tr><td data-role="closing">'
        '{{ totals.closing_with_currency }}</td><td data-role="fees">{{ totals.fee }}</td></tr>'
        '<tr><td data-role="debits">{{ totals.debit }}</td><td data-role="credits">'
        '{{ totals.credit }}</td></tr><tr><td data-role="opening">{{ totals.opening }}</td>'
        "<td></td></tr></tbody>"
        "</table>",
    },
}


@pytest.mark.parametrize("kind", ["no movements", "overdrawn", "some pages", "in parts"])
@pytest.mark.parametrize("tables", OTHER_TABLES)
def test_a_brand_with_other_tables_is_verified_by_roles(
    tables: str, kind: str, tmp_path: Path
) -> None:
    folder = write_brand(tmp_path / "brand", files=OTHER_TABLES[tables])
    pdf = branded(kinds()[kind], folder).pdf
    assert failed(verify(pdf, VerifyInputs())) == {}
    path = tmp_path / "statement.pdf"
    path.write_bytes(pdf)
    if "a head" in tables:
        result = outloud.check(str(path))
        assert [finding.message for finding in result.sorted_findings()] == []


@pytest.mark.parametrize("name", NAMES)
def test_other_numbers_on_the_page_of_a_brand_are_found(name: str) -> None:
    # Given a page of a brand, and attachments that add up to something else
    made = kinds()["overdrawn"]
    other = statement(*made.lines, opening_minor=-5_001)
    with pikepdf.open(BytesIO(in_the_brand(name, "overdrawn"))) as pdf:
        for change in attachments_of(other):
            change(pdf)
        output = BytesIO()
        pdf.save(output, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    said = failed(verify(output.getvalue(), VerifyInputs()))
    assert said["page"].startswith("the opening above the lines is printed as '-50.00'")


# ---- what is wrong is named -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ('[paper]\nsize = "A5"', r'\[paper\] size: .*write one of size = "A4", size = "Letter"'),
        ("[paper]\nleft_mm = 40", r"\[paper\] left_mm, right_mm: 150 mm .*leave 160 to 185 mm"),
        ("[paper]\nleft_mm = true", r"\[paper\] left_mm: .*a number of millimetres"),
        ('[colours]\naccent = "red"', r'\[colours\] accent: .*write accent = "#rrggbb"'),
        ('[colours]\nacccent = "#ff0000"', r"acccent: there is no such key: write one of text"),
        ('[fonts]\ntext = "Comic"', r"\[fonts\] text: there is no font of the family 'Comic'"),
        (FACE.format("", "fonts/no.ttf"), "there is no file 'fonts/no.ttf'"),
        (FACE.format("", "fonts/a.ttf"), "it is no TrueType, OpenType, WOFF or WOFF2 font"),
        ('[logo]\nfile = "assets/a.svg"', r"\[logo\] alt: write what a screen reader says"),
        ('[logo]\nfile = "assets/no.svg"\nalt = "A"', "there is no file 'assets/no.svg'"),
        ('[letterhead]\nname = "yes"', r"\[letterhead\] name: .*name = true or name = false"),
        ("layout = 3", r"\[layout\] must be a table"),
        ("[paper", "it is no TOML"),
    ],
)
def test_a_wrong_value_is_named_with_its_file_and_key_and_what_to_write(
    toml: str, said: str, tmp_path: Path
) -> None:
    folder = write_brand(
        tmp_path / "brand", toml, {"assets/a.svg": SVG.format(""), "fonts/a.ttf": b"\x89PNG"}
    )
    with pytest.raises(Misconfigured, match=said) as raised:
        load_brand(folder)
    assert str(folder / "brand.toml") in str(raised.value)


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="set CLOSEBOOK_BRAND to a folder"):
        branded(many(1), tmp_path / "none")


@pytest.mark.parametrize("file", ["../secret.svg", "/etc/hostname", "assets/link.svg"])
def test_a_file_outside_of_the_folder_is_not_read(file: str, tmp_path: Path) -> None:
    (tmp_path / "secret.svg").write_text(SVG.format(""), "utf-8")
    folder = write_brand(tmp_path / "brand", f'[logo]\nfile = "{file}"\nalt = "A"')
    (folder / "assets").mkdir()
    (folder / "assets" / "link.svg").symlink_to(tmp_path / "secret.svg")
    with pytest.raises(Misconfigured, match="leads out of the brand's folder"):
        load_brand(folder)


def test_a_folder_of_words_outside_of_the_brand_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "en.toml").write_text('account = "A"', "utf-8")
    folder = write_brand(tmp_path / "brand")
    (folder / "words").symlink_to(tmp_path / "words")
    with pytest.raises(Misconfigured, match="leads out of the brand's folder"):
        load_brand(folder)


@pytest.mark.parametrize(
    "inside",
    [
        "<script>1</script>",
        "<style>@import 'http://example.com/a'</style>",
        '<image href="http://example.com/a.png"/>',
        '<image href="data:image/png;base64,AAAA"/>',
        '<use href="other.svg#a"/>',
        '<use xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="file:///etc/passwd"/>',
        '<rect onload="x()" width="1" height="1"/>',
        '<rect fill="url(http://example.com/a)" width="1" height="1"/>',
        '<rect style="fill: url( \'a.svg#b\')" width="1" height="1"/>',
        "<text>Bank</text>",
        "<foreignObject/>",
        '<style xmlns="http://www.w3.org/1999/xhtml">a</style>',
        "<g>",
    ],
)
def test_a_picture_with_scripts_or_references_is_refused(inside: str, tmp_path: Path) -> None:
    folder = write_brand(tmp_path / "brand", LOGO, {"assets/a.svg": SVG.format(inside)})
    with pytest.raises(Misconfigured, match=r"assets/a\.svg: it"):
        load_brand(folder)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("assets/a.gif", b"GIF89a"),
        ("assets/a.png", b"<svg/>"),
        (
            "assets/a.svg",
            b'<!DOCTYPE svg [<!ENTITY a "b">]><svg xmlns="http://www.w3.org/2000/svg"/>',
        ),
        ("assets/a.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\1\0\0\0\1\0\0\10\6\0\0\0"),
    ],
)
def test_a_picture_of_another_kind_is_refused(name: str, content: bytes, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"assets/a\.\w+: it"):
        load_brand(write_brand(tmp_path / "brand", "", {name: content}))


def test_a_brand_that_names_an_address_of_the_network_or_of_a_file_is_refused(
    tmp_path: Path,
) -> None:
    importing = write_brand(
        tmp_path / "a", files={"style.css": "@import url('http://127.0.0.1:9/a.css');"}
    )
    with pytest.raises(Misconfigured, match=r"style\.css of the brand asks for a http address"):
        branded(many(1), importing)
    font = write_brand(
        tmp_path / "b", files={"style.css": "@font-face { font-family: a; src: url('file:///a') }"}
    )
    with pytest.raises(Misconfigured, match="asks for a file address"):
        branded(many(1), font)
    background = write_brand(
        tmp_path / "c", files={"style.css": "h1 { background: url('http://127.0.0.1:9/a.png') }"}
    )
    with pytest.raises(WrongData, match="asked for a http address"):
        branded(many(1), background)


def test_an_unknown_variable_of_the_style_sheet_is_named(tmp_path: Path) -> None:
    folder = write_brand(tmp_path / "brand", files={"style.css": "h1 { color: var(--acccent) }"})
    with pytest.raises(Misconfigured, match=r"style\.css.*no variable --acccent: write one of"):
        branded(many(1), folder)


def test_a_font_that_may_not_be_embedded_is_refused(tmp_path: Path) -> None:
    from fontTools.ttLib import TTFont

    font = TTFont(FONT)
    font["OS/2"].fsType = 2
    font.flavor = None
    output = BytesIO()
    font.save(output)
    folder = write_brand(
        tmp_path / "brand", FACE.format("", "fonts/a.ttf"), {"fonts/a.ttf": output.getvalue()}
    )
    with pytest.raises(Misconfigured, match="its owner does not allow"):
        load_brand(folder)


def test_a_font_that_cannot_be_loaded_is_refused_and_not_replaced(tmp_path: Path) -> None:
    # Given a font that fontTools can read, and whose outlines are damaged
    from fontTools.ttLib import TTFont

    font = TTFont(FONT)
    font["head"].unitsPerEm = 0
    font.flavor = None
    output = BytesIO()
    font.save(output)
    folder = write_brand(
        tmp_path / "brand", FACE.format("", "fonts/a.ttf"), {"fonts/a.ttf": output.getvalue()}
    )
    with pytest.raises(Misconfigured, match="of 1 font files of the brand 0 could be loaded"):
        branded(many(1), folder)


# ---- words ----------------------------------------------------------------------------------


def test_a_brand_changes_single_words_and_adds_a_language(tmp_path: Path) -> None:
    folder = write_brand(
        tmp_path / "brand",
        files={
            "words/de.toml": 'account_statement = "Monatsbrief"\n',
            "words/fi.toml": 'account_statement = "Tiliote"\nbalance = "Saldo"\n',
        },
    )
    german = text_of(branded(statement(holder=of("de_DE")), folder).pdf)
    assert "Monatsbrief" in german
    assert "Anfangssaldo" in german
    finnish = branded(statement(holder=of("fi_FI")), folder).pdf
    assert str(opened(finnish).Root.Lang) == "fi"
    printed = text_of(finnish)
    assert "Tiliote" in printed
    assert "Opening balance" in printed
    assert any(
        warning.startswith("fi: document_title, account, ") for warning in loaded(folder).warnings
    )


def test_a_text_without_its_placeholders_is_closebooks_own_and_gives_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = write_brand(
        tmp_path / "brand",
        files={
            "words/en.toml": 'corrected = "Corrected"\nfees_charged = "{amount} {count} {0}"\n'
            'page_of = "{pages}/{page}"\naccount = "{"\ngone = "old"\n'
        },
    )
    with caplog.at_level(logging.WARNING):
        printed = text_of(branded(kinds()["corrected"], folder).pdf)
    assert "This corrected statement replaces version 1" in printed
    assert "Page 1 of 2" in printed
    assert "Fees of this period" in printed
    for word in ("corrected", "fees_charged", "page_of", "account"):
        assert f"words/en.toml: {word} = " in caplog.text
    assert "words/en.toml: nothing prints gone" in caplog.text


# ---- blocks ---------------------------------------------------------------------------------


def test_the_texts_of_the_platform_are_escaped_in_a_brands_blocks(tmp_path: Path) -> None:
    block = (
        "<p>{{ lines[0].description }}|{{ lines[0].description|upper }}|"
        '{{ (lines[0].description|e)|replace("&lt;", "<") }}</p>'
        "{% set kept %}{{ lines[0].description }}{% endset %}<p>{{ kept }}</p>"
    )
    folder = write_brand(tmp_path / "brand", files={"blocks/before_lines.html.j2": block})
    made = statement(entry(-1, '<img src="http://127.0.0.1:9/a"/>&amp;'))
    printed = text_of(branded(made, folder).pdf, "-raw")
    assert printed.count('<img src="http://127.0.0.1:9/a"/>&amp;') >= 2


@pytest.mark.parametrize(
    "block",
    [
        "{{ holder.name|safe }}",
        "{{ holder.name|map('safe')|join }}",
        "{% autoescape false %}{{ holder.name }}{% endautoescape %}",
        "{% include 'statement.html.j2' %}",
        "{% import 'page_numbers.html.j2' as other %}",
        "{% block lines %}{% endblock %}",
        "{% endblock %}{{ holder.name }}{% block other %}",
        "{{ holder.name.translate({65: '<'}) }}",
        "{{ (holder.name|e).__class__.__mro__ }}",
        "{{ holder.__init__.__globals__ }}",
        "{{ 1 / 0 }}",
        "<p>{{ holder.name }}",
        "<script>1</script>",
        "<a href='http://example.com'>a</a>",
        "<svg xmlns='http://www.w3.org/2000/svg'/>",
        "<!-- {{ holder.name }} -->",
        "{% if %}",
    ],
)
def test_a_block_that_breaks_the_rules_makes_no_document(block: str, tmp_path: Path) -> None:
    folder = write_brand(tmp_path / "brand", files={"blocks/notes.html.j2": block})
    with pytest.raises(Misconfigured):
        branded(many(1), folder)


def test_a_name_that_a_later_version_lacks_prints_nothing_and_gives_a_warning(
    tmp_path: Path,
) -> None:
    folder = write_brand(
        tmp_path / "brand",
        files={
            "blocks/notes.html.j2": "<p>a{{ holder.shoe_size }}{{ weather.today }}"
            "{{ catalog.gone }}{{ words.no_such }}z{% if page.nothing %}y{% endif %}</p>",
            "blocks/gone.html.j2": "<p>gone</p>",
        },
    )
    printed = text_of(branded(many(1), folder).pdf)
    assert "az" in printed
    told = "\n".join(loaded(folder).warnings)
    for name in ("holder.shoe_size", "variable weather", "catalog.gone", "page.nothing"):
        assert name in told
    assert "no file of words has no_such" in told
    assert "blocks/gone.html.j2 is not used: the page has no such block, but after_lines" in told


def test_words_of_a_brands_own_are_printed_by_its_blocks(tmp_path: Path) -> None:
    folder = write_brand(
        tmp_path / "brand",
        files={
            "words/en.toml": 'hours = "Open from nine"\n',
            "words/de.toml": 'balance = "Stand"\n',
            "blocks/notes.html.j2": "{{ super() }}<p>{{ words.hours }}</p>",
        },
    )
    assert loaded(folder).warnings == ()
    printed = text_of(branded(statement(holder=of("de_DE")), folder).pdf)
    assert "Open from nine" in printed
    assert "Zu diesem Auszug" in printed


def test_a_block_without_a_value_that_is_verified_makes_no_document(tmp_path: Path) -> None:
    folder = write_brand(
        tmp_path / "brand", files={"blocks/overview.html.j2": "<p>{{ totals.closing }}</p>"}
    )
    with pytest.raises(Misconfigured, match="data-role=opening, credits, debits, fees, closing"):
        branded(many(1), folder)


def test_the_variables_that_blocks_may_use_are_those_of_the_page() -> None:
    view = statement_view(kinds()["corrected"], statement_template())
    given = {
        name: {*value} if isinstance(value, dict) else {*value.__dataclass_fields__}
        for name, value in view.variables.items()
        if name not in ("catalog", "words")
    }
    named_here = {name: {*has} for name, has in VARIABLES.items() if name not in ("part", "brand")}
    assert named_here == given
    assert {*VARIABLES["brand"]} == {*OURS.__dataclass_fields__}


# ---- colours --------------------------------------------------------------------------------


def test_a_colour_that_is_hard_to_read_gives_a_warning(tmp_path: Path) -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)
    assert load_brand(write_brand(tmp_path / "good")).warnings == ()
    folder = write_brand(
        tmp_path / "weak",
        '[colours]\nmuted = "#999999"\nband = "#333333"\nband_text = "#ffffff"\n'
        'band_muted = "#555555"',
    )
    told = load_brand(folder).warnings
    assert len(told) == 2
    assert "muted = '#999999' on white has a contrast of 2.8 to 1" in told[0]
    assert "band_muted = '#555555' on band" in told[1]


@pytest.mark.parametrize("name", NAMES)
def test_the_brands_of_the_gallery_have_no_warnings(name: str) -> None:
    assert loaded(BRANDS / name).warnings == ()
    assert load_brand(BRANDS / name).colours != Colours()


def test_digits_of_different_widths_give_a_warning(tmp_path: Path) -> None:
    font = (BRANDS / "lumo" / "fonts" / "figtree-latin-400-normal.woff2").read_bytes()
    folder = write_brand(
        tmp_path / "brand",
        FACE.format('figures = "Plex"', "fonts/a.woff2"),
        {"fonts/a.woff2": font},
    )
    [told] = load_brand(folder).warnings
    assert "the digits of fonts/a.woff2 have different widths" in told


def test_a_layout_moves_the_parts_of_the_page(tmp_path: Path) -> None:
    folder = write_brand(tmp_path / "brand", '[layout]\nchart = false\noverview = "after"')
    pdf = branded(kinds()["in parts"], folder).pdf
    printed = text_of(pdf, "-raw")
    assert printed.index("Transactions") < printed.index("of which fees")
    assert named(opened(pdf), "Figure") == []
