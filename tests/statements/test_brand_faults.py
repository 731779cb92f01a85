"""What is wrong in a brand's folder is named, and nothing outside of it is read."""

from io import BytesIO
from pathlib import Path

import pytest

from closebook.errors import Misconfigured, WrongData
from closebook.statements.render.brand import contrast
from closebook.statements.render.brand_folder import load_brand
from tests.statements.brands import BRANDS, branded, write_brand
from tests.statements.samples import many

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10">{}</svg>'
LOGO = '[logo]\nfile = "assets/a.svg"\nalt = "A"'
FONT = BRANDS / "harbour" / "fonts" / "ibm-plex-sans-latin-400-normal.woff2"
FACE = '[fonts]\n{}\n[[fonts.faces]]\nfamily = "Plex"\nfile = "{}"\n'


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


@pytest.mark.parametrize("missing", [" ", "7"])
def test_a_font_without_a_blank_or_a_digit_is_refused(missing: str, tmp_path: Path) -> None:
    from fontTools.subset import Subsetter
    from fontTools.ttLib import TTFont

    font, output = TTFont(FONT), BytesIO()
    subsetter = Subsetter()
    subsetter.populate(unicodes={*font.getBestCmap()} - {ord(missing)})
    subsetter.subset(font)
    font.save(output)
    folder = write_brand(
        tmp_path / "brand", FACE.format("", "fonts/a.woff2"), {"fonts/a.woff2": output.getvalue()}
    )
    with pytest.raises(Misconfigured, match="read as a font with Latin digits and a blank"):
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


def test_digits_of_different_widths_give_a_warning(tmp_path: Path) -> None:
    font = (BRANDS / "lumo" / "fonts" / "figtree-latin-400-normal.woff2").read_bytes()
    folder = write_brand(
        tmp_path / "brand",
        FACE.format('figures = "Plex"', "fonts/a.woff2"),
        {"fonts/a.woff2": font},
    )
    [told] = load_brand(folder).warnings
    assert "the digits of fonts/a.woff2 have different widths" in told
