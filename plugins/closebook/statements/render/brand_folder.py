"""Read a brand's folder: brand.toml, and the files that it names.

The operator trusts a brand. Still no file outside of its folder is read: a brand that a designer
sent must not print a file of the server. An error is Misconfigured; its text names the file and the
key, and says what to write.
"""

import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import fields
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any

from closebook.errors import Misconfigured
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
from closebook.statements.render.brand_fonts import read_font
from closebook.statements.render.brand_pictures import check_picture
from closebook.statements.weasyprint_adapter.page_assets import Asset

BRAND_FILE, STYLE_FILE = "brand.toml", "style.css"
_WORDS, _BLOCKS, _ASSETS = "words", "blocks", "assets"
_BLOCK_SUFFIX = ".html.j2"
_MAX_BYTES = 8 * 1024**2
_PAPERS = {"A4": (210.0, 297.0), "Letter": (215.9, 279.4)}
# The columns of the widest amounts, and a text beside them.
_MIN_CONTENT_MM, _MAX_CONTENT_MM = 160, 185
_MIN_MARGIN_MM = 10
_WEIGHTS = (400, 700)
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


class BrandFolder:
    """The files of a brand."""

    def __init__(self, folder: Path) -> None:
        """Open the folder. Raises Misconfigured if there is none."""
        try:
            self._folder = folder.resolve(strict=True)
        except OSError as error:
            raise Misconfigured(
                "CB-CONFIG-BRAND-MISSING",
                f"the brand's folder {folder} cannot be read ({error.strerror}): set "
                "CLOSEBOOK_BRAND to a folder that has a brand.toml, or unset it",
            ) from None
        self._read: dict[str, bytes] = {}

    @property
    def sha256(self) -> str:
        """The sha256 of the names and contents of all files that were read."""
        digest = sha256()
        for name, content in sorted(self._read.items()):
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()

    def names(self, folder: str, suffix: str = "") -> list[str]:
        """Return the names of the files of a folder of the brand, such as ``words/de.toml``."""
        found = self._folder / folder
        if not found.is_dir():
            return []
        return sorted(
            path.relative_to(self._folder).as_posix()
            for path in found.rglob("*")
            if path.name.endswith(suffix) and not path.name.startswith(".") and not path.is_dir()
        )

    def has(self, name: str) -> bool:
        """Return whether there is a file of this name."""
        return (self._folder / name).exists()

    def read(self, name: str, asked_by: str = "") -> bytes:
        """Return the content of a file. ``asked_by`` is the file and key that name it."""
        if name not in self._read:
            self._read[name] = self._read_inside(name, asked_by)
        return self._read[name]

    def text(self, name: str) -> str:
        """Return the content of a file as text."""
        try:
            return self.read(name).decode("utf-8")
        except UnicodeDecodeError:
            raise self.wrong(name, "it is not UTF-8: save it as UTF-8") from None

    def wrong(self, name: str, what: str) -> Misconfigured:
        """Return the error for a file of the brand."""
        return Misconfigured("CB-CONFIG-BRAND", f"{self._folder / name}: {what}")

    def _read_inside(self, name: str, asked_by: str) -> bytes:
        where = asked_by or name
        try:
            path = (self._folder / name).resolve(strict=True)
            # guard: brands.no-file-outside-of-the-folder
            if not path.is_relative_to(self._folder):
                raise self.wrong(
                    where,
                    f"{name!r} leads out of the brand's folder: copy the file into the folder, and "
                    "write its path in the folder",
                )
            content = path.read_bytes()
        except (OSError, ValueError):
            raise self.wrong(
                where, f"there is no file {name!r}: write the path of a file of the brand's folder"
            ) from None
        if len(content) > _MAX_BYTES:
            raise self.wrong(where, f"{name!r} has more than {_MAX_BYTES // 1024**2} MB")
        return content


class _Table:
    """A table of brand.toml, whose values are checked as they are read."""

    def __init__(self, folder: BrandFolder, name: str, values: object) -> None:
        self._folder, self._name, self._known = folder, name, list[str]()
        if not isinstance(values, dict):
            raise folder.wrong(BRAND_FILE, f"[{name}] must be a table")
        self._values: dict[str, Any] = values

    def wrong(self, key: str, what: str) -> Misconfigured:
        where = f"[{self._name}] {key}" if self._name else key
        return self._folder.wrong(BRAND_FILE, f"{where}: {what}")

    def value(self, key: str, kind: type, default: Any, what: str) -> Any:
        self._known.append(key)
        value = self._values.get(key, default)
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
            raise self.wrong(key, f"{self._values.get(key)!r} is no such value: write {what}")
        return value

    def text(self, key: str, default: str | None = None) -> str:
        value: str = self.value(key, str, default, f'a text, such as {key} = "…"')
        if not value.isprintable():
            raise self.wrong(key, "the text has a character that cannot be printed: take it out")
        return value

    def choice(self, key: str, choices: Collection[Any], default: Any) -> Any:
        self._known.append(key)
        value = self._values.get(key, default)
        if value not in choices or isinstance(value, bool):
            written = ", ".join(f"{key} = {_toml(choice)}" for choice in choices)
            raise self.wrong(key, f"{value!r} is not one of its values: write one of {written}")
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        return bool(self.value(key, bool, default, f"{key} = true or {key} = false"))

    def millimetres(self, key: str, low: float, high: float, default: float) -> float:
        value = float(self.value(key, float, default, f"a number of millimetres, {key} = {low}"))
        if not low <= value <= high:
            raise self.wrong(
                key, f"{value:g} is out of range: write a number from {low:g} to {high:g}"
            )
        return value

    def colour(self, key: str, default: str) -> str:
        value: str = self.value(key, str, default, f'{key} = "#rrggbb"')
        if not _COLOUR.fullmatch(value):
            raise self.wrong(key, f'{value!r} is no colour: write {key} = "#rrggbb"')
        return value.lower()

    def table(self, key: str) -> "_Table":
        self._known.append(key)
        name = f"{self._name}.{key}" if self._name else key
        return _Table(self._folder, name, self._values.get(key, {}))

    def tables(self, key: str) -> "list[_Table]":
        found: list[Any] = self.value(key, list, [], f"tables, each as [[{self._name}.{key}]]")
        return [_Table(self._folder, f"[{self._name}.{key}]", each) for each in found]

    def end(self) -> None:
        """Raise Misconfigured for a key that was not read."""
        for key in self._values:
            if key not in self._known:
                known = ", ".join(self._known)
                raise self.wrong(key, f"there is no such key: write one of {known}")

    @property
    def is_empty(self) -> bool:
        return not self._values


@lru_cache(maxsize=4)
def load_brand(folder: Path | None) -> Brand:
    """Return the brand of a folder, or Closebook's own for None; a process loads it once.

    Raises Misconfigured, with the file, the key and what to write, if something in it is wrong.
    """
    return OURS if folder is None else _read_brand(BrandFolder(folder))


def _read_brand(folder: BrandFolder) -> Brand:
    top = _Table(folder, "", _toml_of(folder, BRAND_FILE))
    name = top.text("name")
    fonts, paper, layout = (top.table(each) for each in ("fonts", "paper", "layout"))
    colours, logo, letterhead = (top.table(each) for each in ("colours", "logo", "letterhead"))
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
        words=MappingProxyType(words),
        blocks=MappingProxyType(blocks),
        style=folder.text(STYLE_FILE) if folder.has(STYLE_FILE) else "",
        warnings=tuple(warnings),
        assets=MappingProxyType(assets),
        # The last: all files are read then.
        sha256=folder.sha256,
    )


def _read_paper(table: _Table) -> Paper:
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


def _read_colours(table: _Table) -> Colours:
    default = Colours()
    read = Colours(**{key: table.colour(key, getattr(default, key)) for key in colour_names()})
    table.end()
    return read


def _read_fonts(folder: BrandFolder, table: _Table, warnings: list[str]) -> Fonts:
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


def _family(table: _Table, key: str, default: str, faces: tuple[FontFace, ...]) -> str:
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


def _read_face(folder: BrandFolder, table: _Table) -> FontFace:
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


def _read_logo(folder: BrandFolder, table: _Table, assets: dict[str, Asset]) -> Logo:
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


def _read_letterhead(table: _Table) -> Letterhead:
    read = Letterhead(
        side=table.choice("side", ("start", "end", "centre"), "start"),
        name=table.flag("name", default=True),
        address=table.flag("address", default=True),
        band=table.flag("band", default=False),
    )
    table.end()
    return read


def _read_layout(table: _Table) -> Layout:
    read = Layout(
        window=table.choice("window", ("start", "end"), "start"),
        summary=table.choice("summary", ("start", "end"), "end"),
        chart=table.flag("chart", default=True),
        overview=table.choice("overview", ("before", "after"), "before"),
        rows=table.choice("rows", ("lines", "bands"), "lines"),
    )
    table.end()
    return read


def _assets(folder: BrandFolder) -> dict[str, Asset]:
    return {ASSET_PREFIX + file: _asset(folder, file) for file in folder.names(_ASSETS)}


def _asset(folder: BrandFolder, file: str) -> Asset:
    content = folder.read(file, BRAND_FILE)
    try:
        return Asset(content, check_picture(file, content))
    except ValueError as error:
        raise folder.wrong(file, str(error)) from None


def _words(folder: BrandFolder, file: str) -> Mapping[str, str]:
    words = _toml_of(folder, file)
    for name, text in words.items():
        if not isinstance(text, str) or not name.isidentifier():
            raise folder.wrong(file, f'{name}: write a text, such as account = "Account"')
    return MappingProxyType(words)


def _toml_of(folder: BrandFolder, file: str) -> dict[str, Any]:
    try:
        return tomllib.loads(folder.text(file))
    except tomllib.TOMLDecodeError as error:
        raise folder.wrong(file, f"it is no TOML: {error}") from None


def _toml(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)
