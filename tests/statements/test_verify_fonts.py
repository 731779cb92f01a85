"""A font that shows other glyphs than the file's text says is refused."""

import re
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import pikepdf
import pytest
from fontTools.cffLib import CFFFontSet
from fontTools.ttLib import TTFont

from closebook.statements.verify.embedded_fonts import may_stand_for
from closebook.statements.verify.report import Outcome
from closebook.statements.verify.verification import VerifyInputs, verify
from tests.statements.altered_pdf import changed
from tests.statements.names_in_scripts import NAMES
from tests.statements.rendered_pdf import rendered
from tests.statements.samples import entry, kinds, of, statement
from tests.statements.test_verify_genuine_files import LOCALES
from tests.statements.verify_samples import FEW, failed, outcomes

FULL_WIDTH = statement(entry(-1250, "漢字１２店"))


def noto_sans(pdf: pikepdf.Pdf) -> Any:
    fonts = pdf.pages[0].Resources.Font
    return next(font for font in fonts.values() if str(font.BaseFont).endswith("+Noto-Sans"))


def file_of(font: Any) -> Any:
    return font.DescendantFonts[0].FontDescriptor.FontFile2


def redrawn(change: Callable[[TTFont], None]) -> Callable[[pikepdf.Pdf], None]:
    """A change of the font program of Noto Sans."""

    def apply(pdf: pikepdf.Pdf) -> None:
        stream = file_of(noto_sans(pdf))
        font = TTFont(BytesIO(stream.read_bytes()))
        change(font)
        output = BytesIO()
        font.save(output)
        stream.write(output.getvalue())

    return apply


def nine_for_one(font: TTFont) -> None:
    names = font.getBestCmap()
    font["glyf"][names[ord("1")]] = font["glyf"][names[ord("9")]]


def swapped_in_the_map(font: TTFont) -> None:
    # Several tables may be one and the same map
    for names in {id(table.cmap): table.cmap for table in font["cmap"].tables}.values():
        names[ord("1")], names[ord("2")] = names[ord("2")], names[ord("1")]


def moved(font: TTFont) -> None:
    glyph = font["glyf"][font.getBestCmap()[ord("0")]]
    glyph.coordinates.translate((0, 40))


def without_map(font: TTFont) -> None:
    font["cmap"].tables = []


def relabelled(pdf: pikepdf.Pdf) -> None:
    """The text of the glyphs 1 and 2 is exchanged: the page shows 2 where its text says 1."""
    stream = noto_sans(pdf).ToUnicode
    table = stream.read_bytes()
    assert b"<0031>" in table
    swapped = re.sub(rb"> <003([12])>", lambda found: b"> <003%d>" % (3 - int(found[1])), table)
    stream.write(swapped)


def ranged(pdf: pikepdf.Pdf) -> None:
    stream = noto_sans(pdf).ToUnicode
    more = b"1 beginbfrange\n<0014> <0014> <0039>\nendbfrange\nendcmap"
    stream.write(stream.read_bytes().replace(b"endcmap", more))


def mapped(pdf: pikepdf.Pdf) -> None:
    numbers = b"".join(number.to_bytes(2, "big") for number in range(2000))
    noto_sans(pdf).DescendantFonts[0].CIDToGIDMap = pdf.make_stream(numbers[2:] + numbers[:2])


def simple(pdf: pikepdf.Pdf) -> None:
    noto_sans(pdf).Subtype = pikepdf.Name.Type3


def not_embedded(pdf: pikepdf.Pdf) -> None:
    del noto_sans(pdf).DescendantFonts[0].FontDescriptor["/FontFile2"]


def broken(pdf: pikepdf.Pdf) -> None:
    file_of(noto_sans(pdf)).write(b"no font at all")


def silent(pdf: pikepdf.Pdf) -> None:
    del noto_sans(pdf)["/ToUnicode"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (redrawn(nine_for_one), "another shape for '1' than the typeface has"),
        (redrawn(moved), "another shape for '0' than the typeface has"),
        (redrawn(swapped_in_the_map), "where the file's text says"),
        (redrawn(without_map), "a glyph of no character"),
        (relabelled, "where the file's text says"),
        (ranged, "says its characters as no statement does"),
        (mapped, "shows other glyphs than its codes say"),
        (simple, "is not one that a statement has"),
        (not_embedded, "is not embedded"),
        (broken, "cannot be read"),
        (silent, "does not say its characters"),
    ],
    ids=[
        *("a 9 in the place of a 1", "a moved 0", "another map", "no map"),
        *("another text", "a range", "other glyphs by number", "drawn by itself"),
        *("not embedded", "broken", "silent"),
    ],
)
def test_a_font_that_shows_something_else_is_refused(
    change: Callable[[pikepdf.Pdf], None], said: str
) -> None:
    report = verify(changed(FEW, change), VerifyInputs())
    assert said in failed(report)["fonts"]


def cjk(pdf: pikepdf.Pdf) -> Any:
    fonts = (font for page in pdf.pages for font in page.Resources.Font.values())
    return next(font for font in fonts if "-CJK-" in str(font.BaseFont))


def bare_font(change: Callable[[Any, dict[str, str]], None]) -> Callable[[pikepdf.Pdf], None]:
    """A change of the bare font for Japanese: of its dictionary, with its glyphs by their text."""

    def apply(pdf: pikepdf.Pdf) -> None:
        font = cjk(pdf)
        stream = font.DescendantFonts[0].FontDescriptor.FontFile3
        pairs = re.findall(rb"<([0-9a-f]{4})> <([0-9a-f]{4})>", font.ToUnicode.read_bytes())
        glyphs = {
            chr(int(text, 16)): f"cid{int(code, 16):05d}" for code, text in pairs if int(code, 16)
        }
        fonts = CFFFontSet()
        fonts.decompile(BytesIO(stream.read_bytes()), None)
        [top] = fonts.topDictIndex
        for each in glyphs.values():
            top.CharStrings[each].decompile()
        change(top, glyphs)
        output = BytesIO()
        fonts.compile(output, TTFont(), isCFF2=False)
        stream.write(output.getvalue())

    return apply


def full_width_two_for_one(top: Any, glyphs: dict[str, str]) -> None:
    outlines = top.CharStrings
    outlines[glyphs["１"]] = outlines[glyphs["２"]]


def upside_down(top: Any, _: dict[str, str]) -> None:
    top.FontMatrix = [-0.001, 0, 0, -0.001, 0, 0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (full_width_two_for_one, "another shape for '１' than the typeface has"),
        (upside_down, "changes the shape of its outlines"),
    ],
)
def test_a_bare_font_that_shows_something_else_is_refused(
    change: Callable[[Any, dict[str, str]], None], said: str
) -> None:
    report = verify(changed(FULL_WIDTH, bare_font(change)), VerifyInputs())
    assert said in failed(report)["fonts"]


def test_a_bare_font_that_is_cut_short_cannot_be_read() -> None:
    def cut(pdf: pikepdf.Pdf) -> None:
        stream = cjk(pdf).DescendantFonts[0].FontDescriptor.FontFile3
        stream.write(stream.read_bytes()[:-200])

    assert "cannot be read" in failed(verify(changed(FULL_WIDTH, cut), VerifyInputs()))["fonts"]


def test_a_font_of_many_places_has_only_those_that_are_shown() -> None:
    document = pikepdf.open(BytesIO(rendered(FULL_WIDTH).pdf))
    font, fonts = cjk(document), CFFFontSet()
    descriptor = font.DescendantFonts[0].FontDescriptor
    fonts.decompile(BytesIO(descriptor.FontFile3.read_bytes()), None)
    # Those of the holder's and the shop's texts, and the one for what is not there
    assert len(fonts.topDictIndex[0].charset) < 20
    assert len(rendered(FULL_WIDTH).pdf) < 40_000


def test_a_glyph_without_text_in_an_amount_is_refused() -> None:
    """The page shows 13,876.50, and the text of its 8 is left out."""

    def silent_eight(pdf: pikepdf.Pdf) -> None:
        for font in pdf.pages[0].Resources.Font.values():
            stream = font.ToUnicode
            stream.write(stream.read_bytes().replace(b"> <0038>", b"> <200b>"))

    report = verify(changed(FEW, silent_eight), VerifyInputs())
    assert "'8' where the file's text says" in failed(report)["fonts"]
    assert "a glyph for which its text has no character" in failed(report)["page"]


@pytest.mark.parametrize(
    ("text", "shown", "agrees"),
    [
        # A group of letters, given to one of its glyphs
        ("\u200b", "\u093e", True),
        ("\u0a38\u0a3f", "\u0a38", True),
        ("\u0a38\u0a3f", "\u0a3f", True),
        ("\u17c4", "\u17b6", True),
        ("a\u0303", "a", True),
        ("\u200b", "\u25cc", True),
        ("\u17e0\u17c0", "\u17e0", True),
        ("fi", "", True),
        ("(", ")", True),
        ("ﬁ", "ﬁ", True),
        # Something else than the text says
        ("1", "9", False),
        ("1", "", False),
        ("12", "", False),
        ("1\u0303", "9", False),
        ("\u200b", "9", False),
        ("\u0661", "\u0662", False),
        ("\u0661\u200d", "", False),
        ("\u0430", "a", False),
        ("a", "\u0430", False),
        ("א", "王", False),
        ("א1", "ב", False),
        ("a\u0301\u0316\u0335", "\u0316", True),
        ("1\u0336", "\u0316", False),
        ("1", "\u0301", False),
    ],
)
def test_what_a_glyph_may_stand_for(text: str, shown: str, agrees: bool) -> None:
    assert may_stand_for(text, set(shown)) is agrees


def test_a_typeface_that_is_not_known_is_not_called_compared() -> None:
    def newer(font: TTFont) -> None:
        font["head"].fontRevision = 9.0

    report = verify(changed(FEW, redrawn(newer)), VerifyInputs())
    assert outcomes(report)["fonts"] is Outcome.NOT_CHECKED
    assert "Noto-Sans were not compared" in report.text


def genuine() -> Iterator[Any]:
    yield from ((name, made) for name, made in kinds().items() if name != "in parts")
    for locale in LOCALES:
        yield locale, statement(entry(-123_456_789), entry(5, "fi ffl", day=31), holder=of(locale))
    every = (entry(-5, name, counterparty=script) for script, name in NAMES.items())
    yield "every script of Noto", statement(*every)
    yield "scripts", statement(entry(-5, "שלום (12.34) مرحبا ١٢ 漢字 नमस्ते ไทย fi ff <b>"))


@pytest.mark.parametrize(
    ("name", "made"), list(genuine()), ids=lambda it: it if isinstance(it, str) else ""
)
def test_the_fonts_of_genuine_statements_pass(name: str, made: Any) -> None:
    report = verify(rendered(made).pdf, VerifyInputs())
    assert failed(report) == {}
    has_others = name in ("emoji and a lack", "every script of Noto")
    expected = Outcome.NOT_CHECKED if has_others else Outcome.OK
    assert outcomes(report)["fonts"] is expected, report.text
