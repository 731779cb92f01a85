"""How a page is set: Jinja2 writes it, WeasyPrint sets it, and nothing is fetched."""

import gc
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum, auto
from functools import lru_cache
from pathlib import Path
from typing import Any

from defusedxml.ElementTree import ParseError, fromstring
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from closebook.errors import Misconfigured, WrongData
from closebook.settings import templates_folder
from closebook.statements.render.fonts import CONFIGURATION, Typefaces
from closebook.statements.weasyprint_adapter.shaping_cache import shaped_once

TEMPLATE_VERSION = "v1"

_PAGE, _STRIPS = "statement.html.j2", "folios.html.j2"
_STYLES = ("elements.css", "statement.css", "part.css", "continued.css", "folios.css")
_FILES = (_PAGE, _STRIPS, CONFIGURATION, *_STYLES)


class Place(Enum):
    """Where in a document some pages are."""

    WHOLE = auto()
    FIRST = auto()
    CONTINUED = auto()


class Press:
    """All that stays the same from document to document in one process."""

    def __init__(self, folder: Path) -> None:
        # Imported here because it takes a second, and a DAG file's parse must not pay for it.
        from weasyprint.text.fonts import FontConfiguration

        # A line for each step of each page would bury what a task's log has to say.
        logging.getLogger("weasyprint.progress").setLevel(logging.WARNING)
        for name in _FILES:
            if not (folder / name).is_file():
                raise Misconfigured(
                    "CB-CONFIG-TEMPLATE-MISSING",
                    f"{folder / name} is missing; set CLOSEBOOK_TEMPLATES to the folder that "
                    f"holds statement/{TEMPLATE_VERSION}",
                )
        self.folder = folder
        self._denied: list[str] = []
        self.typefaces = Typefaces.of(folder / CONFIGURATION)
        environment = Environment(
            loader=FileSystemLoader(folder),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
        )
        self.page: Template = environment.get_template(_PAGE)
        self._strips: Template = environment.get_template(_STRIPS)
        self._fonts = _with_fontconfig(folder / CONFIGURATION, FontConfiguration)
        elements, whole, part, continued, self._folios = map(self._style, _STYLES)
        self._styles = {
            Place.WHOLE: [whole],
            Place.FIRST: [whole, part],
            Place.CONTINUED: [whole, part, continued],
        }
        self._html = _html_with(elements)

    @contextmanager
    def only_assets(self, name: str) -> Iterator[None]:
        """Raise WrongData where a page that is laid out or drawn within asks for anything but its
        assets; ``name`` says which document."""
        from weasyprint.urls import FatalURLFetchingError

        self._denied.clear()
        # In a picture within a page WeasyPrint swallows even this error: what was denied counts.
        with suppress(FatalURLFetchingError):
            yield
        if self._denied:
            raise WrongData(
                "CB-DATA-PAGE-ASKED-FOR-ADDRESS",
                f"{name} was not made: its page asked for a {self._denied[0]} address, and only "
                "the template's own assets are allowed; look for the address in "
                f"templates/statement/{TEMPLATE_VERSION}",
            )

    def lay_out(self, page: str, place: Place, assets: dict[str, bytes]) -> Any:
        """The page as WeasyPrint's laid out document, with these assets and no others."""
        html = self._html(page, _fetcher(assets, self._denied))
        with shaped_once():
            return html.render(stylesheets=self._styles[place], font_config=self._fonts)

    def folios(self, texts: list[str], *, language: str, direction: str) -> Any:
        """A part of small pages, one text on each."""
        page = self._strips.render(texts=texts, language=language, direction=direction)
        html = self._html(page, _fetcher({}, self._denied))
        return draw(html.render(stylesheets=[self._folios], font_config=self._fonts), tags=False)

    def _style(self, name: str) -> Any:
        from weasyprint import CSS
        from weasyprint.urls import FatalURLFetchingError

        try:
            return CSS(
                string=(self.folder / name).read_text(encoding="utf-8"),
                base_url="asset:",
                url_fetcher=_fetcher({}, self._denied),
                font_config=self._fonts,
            )
        except FatalURLFetchingError as error:
            raise Misconfigured(
                "CB-CONFIG-TEMPLATE-ASKS-FOR-ADDRESS",
                f"{self.folder / name} asks for a {error} address, and statements are made "
                "from installed fonts and the template's own assets only; take the address out",
            ) from None


def press() -> Press:
    """The press of this process, for the template that CLOSEBOOK_TEMPLATES has."""
    return _press(templates_folder() / "statement" / TEMPLATE_VERSION)


def draw(document: Any, *, tags: bool) -> Any:
    """A laid out document as pydyf's objects, not yet a file: see ``binding``."""
    from weasyprint import DEFAULT_OPTIONS
    from weasyprint.pdf import generate_pdf

    return generate_pdf(
        document, None, 1, **DEFAULT_OPTIONS | {"pdf_tags": tags, "pdf_version": "1.7"}
    )


@lru_cache(maxsize=1)
def freeze_what_stays() -> None:
    """Take what the first document loaded out of every later garbage collection."""
    gc.collect()
    gc.freeze()


@lru_cache(maxsize=4)
def _press(folder: Path) -> Press:
    return Press(folder)


def _with_fontconfig(configuration: Path, made: Callable[[], Any]) -> Any:
    """What is made while fontconfig reads this file instead of the machine's own."""
    before = os.environ.get("FONTCONFIG_FILE")
    os.environ["FONTCONFIG_FILE"] = str(configuration)
    try:
        return made()
    finally:
        if before is None:
            del os.environ["FONTCONFIG_FILE"]
        else:
            os.environ["FONTCONFIG_FILE"] = before


def _html_with(elements: Any) -> Any:
    """WeasyPrint's HTML, but with this style sheet for what the elements are, and read as XML.

    The template's own pages are well-formed. Reading them as HTML, which forgives whatever a
    stranger may have written, is 6 % of a document's time; as XML it is nothing.
    """
    from cssselect2 import ElementWrapper
    from weasyprint import HTML

    class Page(HTML):  # type: ignore[misc]
        def __init__(self, page: str, url_fetcher: Any) -> None:
            self.base_url, self.url_fetcher, self.media_type = "asset:", url_fetcher, "print"
            self.wrapper_element = ElementWrapper.from_html_root(_root(page), content_language=None)
            self.etree_element = self.wrapper_element.etree_element

        def _ua_stylesheets(self, forms: bool = False) -> list[Any]:
            return [elements]

    return Page


def _root(page: str) -> Any:
    try:
        return fromstring(page)
    except ParseError as error:  # guard: documents.page-is-xml
        raise Misconfigured(
            "CB-CONFIG-TEMPLATE-NOT-XML",
            f"a page of templates/statement/{TEMPLATE_VERSION} is no well-formed XML ({error}): "
            "close each of its elements, and let Jinja2 escape whatever it prints",
        ) from None


def _fetcher(assets: dict[str, bytes], denied: list[str]) -> Any:
    """A URL fetcher that knows these assets; any other URL is denied, and ends the document."""
    from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

    class OnlyAssets(URLFetcher):  # type: ignore[misc]
        def fetch(self, url: str, headers: object = None) -> URLFetcherResponse:
            if url in assets:
                return URLFetcherResponse(url, assets[url], {"Content-Type": "image/svg+xml"})
            # An ordinary exception would be swallowed, and the page set without it. The rest
            # of the address is kept back: it may hold what a stranger wrote.
            denied.append(url.partition(":")[0])
            raise FatalURLFetchingError(denied[-1])

    return OnlyAssets()
