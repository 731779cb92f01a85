"""What a page's own content draws over its text, or so that nobody sees it: no statement does."""

import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from time import process_time
from typing import Any

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name
from PIL import Image

from closebook.statements.verify.untrusted_pdf import CheckFailed, UntrustedPdf
from closebook.statements.verify.verification import VerifyInputs, verify
from closebook.statements.verify.visible_text import refuse_hidden_text
from tests.statements.altered_pdf import Change, changed
from tests.statements.brands import BRANDS, NAMES, branded, write_brand
from tests.statements.rendered_pdf import rendered
from tests.statements.samples import kinds
from tests.statements.verify_samples import FEW, failed, manifest, outcomes

Edit = Callable[[bytes], bytes]
# In the coordinates of the content's last line: points, from the lower left corner of the page.
EVERYWHERE = b"0 0 596 842 re"


def edited(edit: Edit) -> Change:
    """Change the content of the first page."""

    def change(pdf: pikepdf.Pdf) -> None:
        content = page_of(pdf).Contents.read_bytes()
        new = edit(content)
        assert new != content
        page_of(pdf).Contents = pdf.make_stream(new)

    return change


def page_of(pdf: pikepdf.Pdf) -> Any:
    return pdf.pages[0].obj


def before(commands: bytes) -> Edit:
    """Draw something before all else."""
    return lambda content: commands + b"\n" + content


def after(commands: bytes) -> Edit:
    """Draw something after all else."""
    return lambda content: b"q\n" + content + b"\nQ\n" + commands


def last_amount(content: bytes) -> re.Match[bytes]:
    """The text command of the closing balance: the last of the table is in the middle of others."""
    found = list(re.finditer(rb"BT\n.*?ET", content, re.DOTALL))
    return found[len(found) // 2]


def with_text_again(content: bytes) -> bytes:
    """A text that stands on the page stands there twice, a little to the right."""
    text = last_amount(content)[0]
    moved = re.sub(
        rb"([\d.]+)( [\d.]+ Tm)", lambda m: b"%.2f%s" % (float(m[1]) + 3, m[2]), text, count=1
    )
    assert moved != text
    return content.replace(text, text + b"\n" + moved, 1)


def with_glyphs_over_glyphs(content: bytes) -> bytes:
    """Each glyph of a text is drawn at the place of the one before."""
    text = last_amount(content)[0]
    return content.replace(text, re.sub(rb">-?[\d.]+<", b">900<", text), 1)


def with_another_font_restored(content: bytes) -> bytes:
    """A program that reads commands one by one finds another font than a viewer uses."""
    fonts = sorted(set(re.findall(rb"(/\w+) [\d.]+ Tf", content)))
    text = last_amount(content)[0]
    used = re.search(rb"(/\w+) ([\d.]+) Tf", text)
    assert used is not None
    other = next(font for font in fonts if font != used[1])
    new = text.replace(used[0], other + b" " + used[2] + b" Tf\nq\n" + used[0] + b"\nQ", 1)
    return content.replace(text, new, 1)


def a_picture_over_the_page(pdf: pikepdf.Pdf) -> None:
    picture = pdf.make_stream(
        b"\xff", Type=Name.XObject, Subtype=Name.Image, Width=1, Height=1, BitsPerComponent=8
    )
    picture.ColorSpace = Name.DeviceGray
    page_of(pdf).Resources.XObject = Dictionary(Forged=picture)
    edited(after(b"q 200 0 0 300 300 300 cm /Forged Do Q"))(pdf)


def a_form_over_the_page(pdf: pikepdf.Pdf) -> None:
    form = pdf.make_stream(
        b"1 1 1 rg 0 0 300 300 re f",
        Type=Name.XObject,
        Subtype=Name.Form,
        BBox=Array([0, 0, 300, 300]),
        Resources=Dictionary(),
    )
    page_of(pdf).Resources.XObject = Dictionary(Forged=form)
    edited(after(b"q 1 0 0 1 300 300 cm /Forged Do Q"))(pdf)


def a_shading_over_the_page(pdf: pikepdf.Pdf) -> None:
    page_of(pdf).Resources.Shading = Dictionary(
        Forged=Dictionary(ShadingType=2, ColorSpace=Name.DeviceGray)
    )
    edited(after(b"q 300 300 200 300 re W n /Forged sh Q"))(pdf)


def with_state(state: Dictionary) -> Change:
    """Draw the page with these parameters of the graphics state."""

    def change(pdf: pikepdf.Pdf) -> None:
        page_of(pdf).Resources.ExtGState.Forged = state
        edited(lambda content: content.replace(b"BT\n", b"BT\n/Forged gs\n"))(pdf)

    return change


def a_layer(pdf: pikepdf.Pdf) -> None:
    page_of(pdf).Resources.Properties = Dictionary(Forged=Dictionary(Type=Name.OCG))
    edited(lambda content: b"/OC /Forged BDC\n" + content + b"\nEMC")(pdf)


STRIPS = b"".join(b"0 %.1f 596 1.9 re f\n" % (2.0 * line) for line in range(421))
FORGERIES: dict[str, Change] = {
    "a white area": edited(after(b"1 1 1 rg 300 300 200 300 re f")),
    "a white area that is stroked too": edited(after(b"1 1 1 rg 300 300 200 300 re B")),
    "a white triangle": edited(after(b"1 1 1 rg 300 300 m 500 300 l 400 700 l f")),
    "a white circle": edited(
        after(b"1 1 1 rg 250 400 m 250 700 550 700 550 400 c 550 100 250 100 250 400 c f")
    ),
    "thin white strips": edited(after(b"1 1 1 rg\n" + STRIPS)),
    "a broad white line": edited(after(b"1 1 1 RG 60 w 300 400 m 500 400 l S")),
    "a broad white curve": edited(after(b"1 1 1 RG 60 w 100 400 m 100 500 500 300 500 400 c S")),
    "a picture": a_picture_over_the_page,
    "a form": a_form_over_the_page,
    "a shading": a_shading_over_the_page,
    "a picture in the content": edited(
        after(b"q 200 0 0 300 300 300 cm BI /W 1 /H 1 /CS /G /BPC 8 ID \xff EI Q")
    ),
    "a text over a text": edited(with_text_again),
    "glyphs over glyphs": edited(with_glyphs_over_glyphs),
    "white text": edited(lambda content: re.sub(rb"[\d.]+ [\d.]+ [\d.]+ rg", b"1 1 1 rg", content)),
    "white text by another space": edited(
        lambda content: content.replace(b"BT\n", b"BT\n/DeviceGray cs 1 sc\n")
    ),
    "text of a pattern": edited(
        lambda content: content.replace(b"BT\n", b"BT\n/Pattern cs /P1 scn\n")
    ),
    "a dark area below": edited(before(b"0.086275 0.14902 0.227451 rg " + EVERYWHERE + b" f")),
    "text that is not drawn": edited(before(b"3 Tr")),
    "text that only clips": edited(before(b"7 Tr")),
    "outlines of text": edited(before(b"1 Tr")),
    "transparent text": with_state(Dictionary(ca=0)),
    "text in another blend mode": with_state(Dictionary(BM=Name.Screen)),
    "text behind a mask": with_state(Dictionary(SMask=Dictionary(S=Name.Luminosity))),
    "text in a font of the state": with_state(Dictionary(Font=Array([Name.F1, 8]))),
    "text beside the page": edited(before(b"1 0 0 1 2000 0 cm")),
    "text below the page": edited(before(b"1 0 0 1 0 -2000 cm")),
    "text that is clipped": edited(before(b"0 0 10 10 re W n")),
    "text clipped by two corners": edited(before(b"0 0 1 1 re 595 841 1 1 re W n")),
    "text clipped by a hole": edited(before(EVERYWHERE + b" 9 9 570 820 re W* n")),
    "tiny text": edited(before(b"0.1 0 0 0.1 100 100 cm")),
    "flat text": edited(before(b"1 0 0 0.1 0 400 cm")),
    "mirrored text": edited(before(b"-1 0 0 1 596 0 cm")),
    "turned text": edited(before(b"0 1 -1 0 596 100 cm")),
    "squeezed text": edited(before(b"10 Tz")),
    "a layer in the content": a_layer,
    "another font than is read": edited(with_another_font_restored),
    "a comment": edited(after(b"% <</MCID 5>> BDC")),
    "a text that is no array of glyphs": edited(after(b"BT (EUR 999) Tj ET")),
    "glyphs with a blank between": edited(
        lambda content: re.sub(rb"\[<(\w\w)(\w\w)>", rb"[<\1 \2>", content)
    ),
}


@pytest.mark.parametrize("change", FORGERIES.values(), ids=FORGERIES.keys())
def test_text_that_is_not_seen_as_it_is_read_is_refused_though_a_manifest_lists_the_file(
    change: Change,
) -> None:
    content = changed(FEW, change)
    report = verify(content, VerifyInputs(manifest=manifest((FEW, content))))
    assert failed(report)["page"].startswith("a page "), failed(report)


@pytest.mark.parametrize(
    "edit",
    [
        before(b"0.9 0.95 1 rg " + EVERYWHERE + b" f"),
        before(b"q 0 0 0 rg " + EVERYWHERE + b" 20 20 550 800 re f* Q"),
        after(b"0 0 0 RG 1 w 4 4 588 834 re S"),
        after(b"0 0 0 rg " + EVERYWHERE + b" 20 20 550 800 re f*"),
        after(b"1 1 1 rg 3 3 10 10 re f"),
        before(EVERYWHERE + b" W n"),
    ],
    ids=["paper", "frame before", "line around", "frame after", "in a corner", "page as a clip"],
)
def test_what_is_drawn_beside_and_below_the_text_is_accepted(edit: Edit) -> None:
    refuse_hidden_text(UntrustedPdf.open(changed(FEW, edited(edit))))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["no movements", "overdrawn", "long amounts", "right to left"])
def test_no_text_of_a_brand_is_hidden(name: str, kind: str) -> None:
    pdf = branded(kinds()[kind], BRANDS / name).pdf
    assert not refuse_hidden_text(UntrustedPdf.open(pdf))


def test_text_on_a_brands_picture_is_accepted_and_the_report_says_so(tmp_path: Path) -> None:
    picture = BytesIO()
    Image.new("RGB", (60, 80), (250, 248, 240)).save(picture, "PNG")
    style = 'body { background: url("asset:brand/assets/paper.png") }'
    files: dict[str, str | bytes] = {"assets/paper.png": picture.getvalue(), "style.css": style}
    folder = write_brand(tmp_path / "brand", files=files)

    report = verify(branded(kinds()["overdrawn"], folder).pdf, VerifyInputs())

    assert failed(report) == {}
    assert "some text stands on a picture" in report.text


def test_a_page_of_many_shapes_and_texts_is_read_in_linear_time() -> None:
    def seconds(count: int) -> float:
        shapes = b"".join(b"%d 1 2 2 re f\n" % (place % 500) for place in range(count))
        pdf = UntrustedPdf.open(changed(FEW, edited(before(b"0.9 g\n" + shapes))))
        begun = process_time()
        refuse_hidden_text(pdf)
        return process_time() - begun

    few, many = seconds(20_000), seconds(80_000)
    assert many < 8 * few


def test_a_page_that_compares_too_much_is_refused() -> None:
    around = b"".join(b"%d %d l\n" % (n % 596, 841 + n % 2) for n in range(40_000))
    path = b"0.9 g 0 0 m\n" + around + b"596 0 l f\n"
    with pytest.raises(CheckFailed, match="draws more than"):
        refuse_hidden_text(UntrustedPdf.open(changed(FEW, edited(before(path)))))


def test_genuine_pages_pass_with_their_page_check() -> None:
    report = verify(rendered(FEW).pdf, VerifyInputs())
    assert outcomes(report)["page"].name == "OK"
