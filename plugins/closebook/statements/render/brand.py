"""A brand: the look of a bank's statements. It changes parts of Closebook's template.

The default of each value is Closebook's own, so a brand has only what differs. A part that the
brand does not have changes when a new version of Closebook changes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any

from closebook.statements.render.content import NOTHING_MORE, Content
from closebook.statements.weasyprint_adapter.page_files import PageFile

ASSET_PREFIX = "asset:brand/"
"""The address of a brand's file on a page: this, and the file's path in the brand's folder."""

_WHITE = "#ffffff"
_MIN_CONTRAST = 4.5
_LINEAR = 0.03928


@dataclass(frozen=True, slots=True)
class Paper:
    """The paper's size and side margins, in millimetres."""

    size: str = "A4"
    width_mm: float = 210
    height_mm: float = 297
    left_mm: float = 25
    right_mm: float = 20

    @property
    def content_mm(self) -> float:
        """The width between the margins."""
        return self.width_mm - self.left_mm - self.right_mm


@dataclass(frozen=True, slots=True)
class Colours:
    """The colours of a page, each as ``#rrggbb``."""

    text: str = "#20262d"
    heading: str = "#16263a"
    muted: str = "#5d636b"
    notes: str = "#4b5159"
    accent: str = "#7d5f2f"
    tint: str = "#f6f3ec"
    line: str = "#d9d5cc"
    row_line: str = "#e3dfd6"
    rule: str = "#8d939b"
    band: str = _WHITE
    band_text: str = "#16263a"
    band_muted: str = "#5d636b"
    table_head: str = _WHITE
    table_head_text: str = "#5d636b"
    chart_line: str = "#1c2b3a"
    chart_area: str = "#e9e5db"
    chart_zero: str = "#b9a77f"


@dataclass(frozen=True, slots=True)
class FontFace:
    """One font file of a brand. ``content`` is the font as TrueType or OpenType, uncompressed."""

    family: str
    weight: int
    is_italic: bool
    file: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Fonts:
    """The font families of a page. A character that they lack is set in the template's fonts."""

    text: str = "Noto Sans"
    headings: str = "Noto Serif Display"
    figures: str = "Noto Sans"
    faces: tuple[FontFace, ...] = ()


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture in the letterhead. ``alt`` is what a screen reader says; empty for decoration."""

    address: str
    alt: str
    width_mm: float


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What is printed at the head of the first page, and on which side logo and name are."""

    side: str = "start"
    name: bool = True
    address: bool = True
    band: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the parts of a page are printed, and whether the chart is."""

    window: str = "start"
    summary: str = "end"
    chart: bool = True
    overview: str = "before"
    rows: str = "lines"


def _nothing() -> Any:
    return MappingProxyType({})


# Compared by identity: a process loads a brand once, and caches are kept for it.
@dataclass(frozen=True, eq=False)
class Brand:
    """A brand with all of its parts. ``sha256`` is None for Closebook's own look.

    ``warnings`` are logged when a process loads the brand.

    ``words`` has the texts of each language by their names. ``blocks`` has Jinja2's source of each
    block of the page that the brand replaces. ``assets`` are the files by their addresses.
    """

    name: str = "Closebook"
    sha256: str | None = None
    paper: Paper = Paper()
    colours: Colours = Colours()
    fonts: Fonts = Fonts()
    logo: Logo | None = None
    letterhead: Letterhead = Letterhead()
    layout: Layout = Layout()
    content: Content = NOTHING_MORE
    words: Mapping[str, Mapping[str, str]] = field(default_factory=_nothing)
    blocks: Mapping[str, str] = field(default_factory=_nothing)
    assets: Mapping[str, PageFile] = field(default_factory=_nothing)
    style: str = ""
    warnings: tuple[str, ...] = ()


OURS = Brand()


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours (WCAG 2.1): 1 for equal ones, at most 21."""
    brighter, darker = sorted(map(_luminance, (one, other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def weak_contrasts(colours: Colours) -> list[str]:
    """Return a sentence for each colour of text that is hard to read on its background."""
    backgrounds = {"band_text": "band", "band_muted": "band", "table_head_text": "table_head"}
    found = []
    for name in ("text", "heading", "muted", "notes", "accent", *backgrounds):
        behind = backgrounds.get(name)
        background = getattr(colours, behind) if behind else _WHITE
        ratio = contrast(getattr(colours, name), background)
        if ratio < _MIN_CONTRAST:
            found.append(
                f"[colours] {name} = {getattr(colours, name)!r} on {behind or 'white'} has a "
                f"contrast of {ratio:.1f} to 1, and people with weak eyes need {_MIN_CONTRAST}: "
                "choose a darker colour, or a lighter one on a dark background"
            )
    # Names of accounts stand on the tint too.
    ratio = contrast(colours.heading, colours.tint)
    if ratio < _MIN_CONTRAST:
        found.append(
            f"[colours] heading on tint has a contrast of {ratio:.1f} to 1, and people with weak "
            f"eyes need {_MIN_CONTRAST}"
        )
    return found


def colour_names() -> tuple[str, ...]:
    """Return the names of the colours."""
    return tuple(each.name for each in fields(Colours))


def _luminance(colour: str) -> float:
    # The formula of WCAG 2.1, "relative luminance".
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (
        part / 12.92 if part <= _LINEAR else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
