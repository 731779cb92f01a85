"""Lay out pages with WeasyPrint, which may fetch nothing but the assets that it is given."""

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from defusedxml.ElementTree import ParseError, fromstring

from closebook.errors import Misconfigured, WrongData
from closebook.statements.library_versions import WEASYPRINT
from closebook.statements.weasyprint_adapter.brand_faces import font_configuration_class
from closebook.statements.weasyprint_adapter.drawn_pages import DrawnPages
from closebook.statements.weasyprint_adapter.laid_out_pages import LaidOutPages
from closebook.statements.weasyprint_adapter.line_breaking import linear_line_breaking
from closebook.statements.weasyprint_adapter.page_files import PageFile
from closebook.statements.weasyprint_adapter.pango_texts import TextSetter
from closebook.statements.weasyprint_adapter.shaping_cache import cached_shaping
from closebook.statements.weasyprint_adapter.whole_words import set_words_whole

ELEMENTS_CSS = "elements.css"
STATEMENT_CSS = "statement.css"
PART_CSS = "part.css"
LATER_PART_CSS = "later_part.css"
PAGE_NUMBERS_CSS = "page_numbers.css"
STYLE_SHEETS = (ELEMENTS_CSS, STATEMENT_CSS, PART_CSS, LATER_PART_CSS, PAGE_NUMBERS_CSS)


class PartKind(Enum):
    """Which part of a statement is laid out: all of it, its first part, or a later part."""

    WHOLE = auto()
    FIRST = auto()
    LATER = auto()


@dataclass(frozen=True)
class BrandStyle:
    """What a brand adds to the style sheets.

    ``with_values`` puts the brand's values into a sheet, whose place it is told for errors.
    ``rules`` follow from brand.toml, and ``style`` is the brand's own sheet. ``faces`` are the
    rules of its fonts, whose files are in ``fonts``, by their addresses. ``characters`` are those
    that each family of these fonts has in all its weights.
    """

    with_values: Callable[[str, str], str]
    rules: str
    faces: str
    fonts: Mapping[str, bytes]
    characters: Mapping[str, frozenset[str]]
    style: str


class PageLayout:
    """Lays out the pages of one template. A process makes one and uses it for all statements."""

    def __init__(self, folder: Path, font_configuration: Path, brand: BrandStyle) -> None:
        """Load the style sheets, the fonts that ``font_configuration`` accepts, and the brand's.

        Raises Misconfigured when the installed WeasyPrint is not supported, or when a style sheet
        names an address.
        """
        WEASYPRINT.check_installed()
        # WeasyPrint logs many lines for each page, and fontTools the glyphs of a holder's name.
        logging.getLogger("weasyprint.progress").setLevel(logging.WARNING)
        # guard: documents.libraries-log-no-text
        logging.getLogger("fontTools").setLevel(logging.WARNING)
        logging.getLogger("weasyprint").addFilter(_is_message_to_keep)
        self._folder, self._brand = folder, brand
        self._denied: list[str] = []
        self._fonts = _with_fontconfig(font_configuration, font_configuration_class())
        if brand.faces:
            self._load_faces(brand)
            self._fonts.characters_of_families = brand.characters
            set_words_whole()
        whole, part, later_part = map(self._style, (STATEMENT_CSS, PART_CSS, LATER_PART_CSS))
        of_brand = [self._sheet(brand.rules, "brand.toml")]
        if brand.style:
            of_brand.append(self._sheet(brand.style, "style.css of the brand"))
        self._styles = {
            PartKind.WHOLE: [whole, *of_brand],
            PartKind.FIRST: [whole, *of_brand, part],
            PartKind.LATER: [whole, *of_brand, part, later_part],
        }
        self._page_number_style = self._style(PAGE_NUMBERS_CSS)
        self._html = _html_class(self._style(ELEMENTS_CSS), folder)

    @contextmanager
    def forbid_fetching(self, document_name: str) -> Iterator[None]:
        """Raise WrongData when a page inside this block asks for an address that is no asset.

        ``document_name`` is what the error calls the document.
        """
        from weasyprint.urls import FatalURLFetchingError

        self._denied.clear()
        # For a picture inside a page WeasyPrint catches even this error: the list of denied
        # addresses decides, not the error.
        with suppress(FatalURLFetchingError):
            yield
        if self._denied:
            raise WrongData(
                "CB-DATA-PAGE-ASKED-FOR-ADDRESS",
                f"{document_name} was not made: its page asked for a {self._denied[0]} address, "
                f"and only the template's own assets are allowed; look for the address in "
                f"{self._folder}",
            )

    def lay_out(
        self,
        page: str,
        kind: PartKind,
        assets: Mapping[str, PageFile],
        room_mm: tuple[float, float] = (0, 0),
    ) -> LaidOutPages:
        """Lay out a page of XHTML. ``assets`` are the pictures that it may show, by address.

        ``room_mm`` is left at the bottom of the first page, and of each other page. Raises
        Misconfigured when the page is not well-formed XML.
        """
        html = self._html(page, _fetcher(assets, self._denied))
        styles = self._styles[kind]
        if any(room_mm):
            styles = [*styles, self._with_room(*room_mm)]
        with cached_shaping(), linear_line_breaking():
            return LaidOutPages(html.render(stylesheets=styles, font_config=self._fonts))

    @cached_property
    def text_setter(self) -> TextSetter:
        """The setter of single texts in the fonts of these pages."""
        return TextSetter(self._fonts)

    def draw_page_numbers(self, page: str) -> DrawnPages:
        """Lay out and draw the page numbers of a long statement: one small page for each."""
        html = self._html(page, _fetcher({}, self._denied))
        laid_out = html.render(stylesheets=[self._page_number_style], font_config=self._fonts)
        return LaidOutPages(laid_out).draw(tags=False)

    @lru_cache(maxsize=16)  # noqa: B019  # a process has one layout
    def _with_room(self, first_mm: float, other_mm: float) -> Any:
        # The padding of a page is inside of its margins, and its corners stay where they are.
        rules = (
            f"@page {{ padding-bottom: {other_mm}mm }} "
            f"@page :first {{ padding-bottom: {first_mm}mm }}"
        )
        return self._sheet(rules, "the room for rows at the break of a page")

    def _style(self, name: str) -> Any:
        path = self._folder / name
        return self._sheet(path.read_text(encoding="utf-8"), str(path))

    def _sheet(self, content: str, place: str) -> Any:
        from weasyprint import CSS
        from weasyprint.urls import FatalURLFetchingError

        try:
            return CSS(
                string=self._brand.with_values(content, place),
                base_url="asset:",
                url_fetcher=_fetcher({}, self._denied),
                font_config=self._fonts,
            )
        except FatalURLFetchingError as error:
            raise Misconfigured(
                "CB-CONFIG-TEMPLATE-ASKS-FOR-ADDRESS",
                f"{place} asks for a {error} address, and statements are made from installed "
                "fonts, the template's own assets and those of the brand only; take the address "
                "out, and name a font's file in brand.toml",
            ) from None

    def _load_faces(self, brand: BrandStyle) -> None:
        from weasyprint import CSS

        fonts = {address: PageFile(font, "font/sfnt") for address, font in brand.fonts.items()}
        CSS(
            string=brand.faces,
            base_url="asset:",
            url_fetcher=_fetcher(fonts, self._denied),
            font_config=self._fonts,
        )
        if self._fonts.face_count != len(fonts):  # guard: brands.every-font-is-loaded
            raise Misconfigured(
                "CB-CONFIG-BRAND-FONT",
                f"of {len(fonts)} font files of the brand {self._fonts.face_count} could be "
                "loaded: export the others again as TrueType",
            )


def _is_message_to_keep(record: logging.LogRecord) -> bool:
    """Return whether to keep a message of WeasyPrint: all but that on a picture without a text.

    A brand's logo may be decoration, without a text. It becomes an artifact (structure_tree.py).
    """
    return not (record.funcName == "_build_box_tree" and record.levelno == logging.ERROR)


def _with_fontconfig(configuration: Path, make: Callable[[], Any]) -> Any:
    """Call ``make`` while fontconfig reads this file instead of the machine's own configuration."""
    before = os.environ.get("FONTCONFIG_FILE")
    os.environ["FONTCONFIG_FILE"] = str(configuration)
    try:
        return make()
    finally:
        if before is None:
            del os.environ["FONTCONFIG_FILE"]
        else:
            os.environ["FONTCONFIG_FILE"] = before


def _html_class(element_styles: Any, folder: Path) -> Any:
    """Return a subclass of WeasyPrint's HTML that reads XML and has these styles for elements.

    The template's pages are well-formed XML. WeasyPrint's own parser, which accepts any HTML, takes
    6 % of a document's time; an XML parser takes almost none.
    """
    from cssselect2 import ElementWrapper
    from weasyprint import HTML

    class XmlPage(HTML):  # type: ignore[misc]
        def __init__(self, page: str, url_fetcher: Any) -> None:
            self.base_url, self.url_fetcher, self.media_type = "asset:", url_fetcher, "print"
            root = _parse(page, folder)
            self.wrapper_element = ElementWrapper.from_html_root(root, content_language=None)
            self.etree_element = self.wrapper_element.etree_element

        def _ua_stylesheets(self, forms: bool = False) -> list[Any]:
            return [element_styles]

    return XmlPage


def _parse(page: str, folder: Path) -> Any:
    try:
        return fromstring(page)
    except ParseError as error:  # guard: documents.page-is-xml
        raise Misconfigured(
            "CB-CONFIG-TEMPLATE-NOT-XML",
            f"a page of {folder} is no well-formed XML ({error}): close each of its elements, and "
            "let Jinja2 escape whatever it prints",
        ) from None


def _fetcher(assets: Mapping[str, PageFile], denied: list[str]) -> Any:
    """Return a URL fetcher that serves these assets.

    For any other URL it adds the scheme to ``denied`` and ends the document with an error.
    """
    from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

    class AssetFetcher(URLFetcher):  # type: ignore[misc]
        def fetch(self, url: str, headers: object = None) -> URLFetcherResponse:
            if url in assets:
                asset = assets[url]
                return URLFetcherResponse(url, asset.content, {"Content-Type": asset.media_type})
            # WeasyPrint would catch an ordinary exception and go on without the asset. Only the
            # scheme is kept, since the rest of the address may hold what a stranger wrote.
            denied.append(url.partition(":")[0])
            raise FatalURLFetchingError(denied[-1])

    return AssetFetcher()
