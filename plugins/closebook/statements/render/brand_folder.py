"""Read a brand's folder: brand.toml, and the files that it names.

The operator trusts a brand. Still no file outside of its folder is read: a brand that a designer
sent must not print a file of the server. An error is Misconfigured; its text names the file and the
key, and says what to write.
"""

from collections.abc import Mapping
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from closebook.statements.render.brand import (
    ASSET_PREFIX,
    OURS,
    Brand,
    Colours,
    FontFace,
    Fonts,
    Layout,
    Letterhead,
    Logo,
    Paper,
    colour_names,
    weak_contrasts,
)
from closebook.statements.render.brand_content import read_content
from closebook.statements.render.brand_files import BRAND_FILE, BrandFolder, Table
from closebook.statements.render.brand_fonts import read_font
from closebook.statements.render.brand_pictures import check_picture
from closebook.statements.weasyprint_adapter.page_files import PageFile

STYLE_FILE = "style.css"
_WORDS, _BLOCKS, _ASSETS = "words", "blocks", "assets"
_BLOCK_SUFFIX = ".html.j2"
_PAPERS = {"A4": (210.0, 297.0), "Letter": (215.9, 279.4)}
# The columns of the widest amounts, and a text beside them.
_MIN_CONTENT_MM, _MAX_CONTENT_MM = 160, 185
_MIN_MARGIN_MM = 10
_WEIGHTS = (400, 700)


@lru_cache(maxsize=4)
def load_brand(folder: Path | None) -> Brand:
    """Return the brand of a folder, or Closebook's own for None; a process loads it once.

    Raises Misconfigured, with the file, the key and what to write, if something in it is wrong.
    """
    return OURS if folder is None else _read_brand(BrandFolder(folder))


def _read_brand(folder: BrandFolder) -> Brand:
    top = Table(folder, "", folder.toml(BRAND_FILE))
    name = top.text("name")
    fonts, paper, layout = (top.table(each) for each in ("fonts", "paper", "layout"))
    colours, logo, letterhead = (top.table(each) for each in ("colours", "logo", "letterhead"))
    content, issuer = top.table("content"), top.table("issuer")
    top.end()
    assets = _assets(folder)
    warnings: list[str] = []
    read_colours = _read_colours(colours)
    warnings += weak_contrasts(read_colours)
    read_fonts = _read_fonts(folder, fonts, warnings)
    words = {
        Path(file).name.removesuffix(".toml"): _words(folder, file)
        for file in folder.names(_WORDS, ".toml")
    }
    blocks = {
        Path(file).name.removesuffix(_BLOCK_SUFFIX): folder.text(file)
        for file in folder.names(_BLOCKS, _BLOCK_SUFFIX)
    }
    return Brand(
        name=name,
        paper=_read_paper(paper),
        colours=read_colours,
        fonts=read_fonts,
        logo=None if logo.is_empty else _read_logo(folder, logo, assets),
        letterhead=_read_letterhead(letterhead),
        layout=_read_layout(layout),
        content=read_content(folder, content, issuer),
        words=MappingProxyType(words),
        blocks=MappingProxyType(blocks),
        style=folder.text(STYLE_FILE) if folder.has(STYLE_FILE) else "",
        warnings=tuple(warnings),
        assets=MappingProxyType(assets),
        # The last: all files are read then.
        sha256=folder.sha256,
    )


def _read_paper(table: Table) -> Paper:
    size = table.choice("size", tuple(_PAPERS), "A4")
    width, height = _PAPERS[size]
    default, widest = Paper(), width - _MIN_CONTENT_MM - _MIN_MARGIN_MM
    left = table.millimetres("left_mm", _MIN_MARGIN_MM, widest, default.left_mm)
    right = table.millimetres("right_mm", _MIN_MARGIN_MM, widest, default.right_mm)
    paper = Paper(size, width, height, left, right)
    if not _MIN_CONTENT_MM <= paper.content_mm <= _MAX_CONTENT_MM:
        raise table.wrong(
            "left_mm, right_mm",
            f"{paper.content_mm:g} mm are left between the margins: leave {_MIN_CONTENT_MM} to "
            f"{_MAX_CONTENT_MM} mm of the paper's {width:g}",
        )
    table.end()
    return paper


def _read_colours(table: Table) -> Colours:
    default = Colours()
    read = Colours(**{key: table.colour(key, getattr(default, key)) for key in colour_names()})
    table.end()
    return read


def _read_fonts(folder: BrandFolder, table: Table, warnings: list[str]) -> Fonts:
    default = Fonts()
    faces = tuple(_read_face(folder, each) for each in table.tables("faces"))
    families = {
        key: _family(table, key, getattr(default, key), faces)
        for key in ("text", "headings", "figures")
    }
    table.end()
    for face in faces:
        if face.family == families["figures"] and not read_font(face.content).digits_are_equal:
            warnings.append(
                f"[fonts] figures = {face.family!r}: the digits of {face.file} have different "
                "widths, so amounts do not stand below one another digit by digit"
            )
    return Fonts(**families, faces=faces)


def _family(table: Table, key: str, default: str, faces: tuple[FontFace, ...]) -> str:
    family = table.text(key, default)
    known = {face.family for face in faces} | {each.default for each in fields(Fonts)[:3]}
    if family not in known:
        names = ", ".join(sorted(map(str, known)))
        raise table.wrong(
            key,
            f"there is no font of the family {family!r}: name its files by [[fonts.faces]], or "
            f"write one of {names}",
        )
    return family


def _read_face(folder: BrandFolder, table: Table) -> FontFace:
    family, file = table.text("family"), table.text("file")
    weight = table.choice("weight", _WEIGHTS, _WEIGHTS[0])
    is_italic = table.flag("italic", default=False)
    table.end()
    if not family.replace(" ", "").replace("-", "").isalnum() or not family.isascii():
        raise table.wrong("family", f"{family!r} may have Latin letters, digits and blanks only")
    content = folder.read(file, BRAND_FILE)
    try:
        font = read_font(content)
    except ValueError as error:
        raise table.wrong("file", f"{file!r} cannot be used: {error}") from None
    return FontFace(family, weight, is_italic, file, font.content)


def _read_logo(folder: BrandFolder, table: Table, assets: dict[str, PageFile]) -> Logo:
    file = table.text("file")
    decorative = table.flag("decorative", default=False)
    alt = table.text("alt", "").strip()
    width = table.millimetres("width_mm", 5, 120, 40)
    table.end()
    if bool(alt) == decorative:
        raise table.wrong(
            "alt",
            'write what a screen reader says for the logo, such as alt = "The bank\'s name"; or '
            "decorative = true, and no alt, if the name stands beside it",
        )
    address = ASSET_PREFIX + file
    if address not in assets:
        assets[address] = _asset(folder, file)
    return Logo(address, alt, width)


def _read_letterhead(table: Table) -> Letterhead:
    read = Letterhead(
        side=table.choice("side", ("start", "end", "centre"), "start"),
        name=table.flag("name", default=True),
        address=table.flag("address", default=True),
        band=table.flag("band", default=False),
    )
    table.end()
    return read


def _read_layout(table: Table) -> Layout:
    read = Layout(
        window=table.choice("window", ("start", "end"), "start"),
        summary=table.choice("summary", ("start", "end"), "end"),
        chart=table.flag("chart", default=True),
        overview=table.choice("overview", ("before", "after"), "before"),
        rows=table.choice("rows", ("lines", "bands"), "lines"),
    )
    table.end()
    return read


def _assets(folder: BrandFolder) -> dict[str, PageFile]:
    return {ASSET_PREFIX + file: _asset(folder, file) for file in folder.names(_ASSETS)}


def _asset(folder: BrandFolder, file: str) -> PageFile:
    content = folder.read(file, BRAND_FILE)
    try:
        return PageFile(content, check_picture(file, content))
    except ValueError as error:
        raise folder.wrong(file, str(error)) from None


def _words(folder: BrandFolder, file: str) -> Mapping[str, str]:
    words = folder.toml(file)
    for name, text in words.items():
        if not isinstance(text, str) or not name.isidentifier():
            raise folder.wrong(file, f'{name}: write a text, such as account = "Account"')
    return MappingProxyType(words)
