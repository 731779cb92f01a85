"""The statement's template: pages, style sheets, fonts and catalogs in one folder, and a brand."""

import logging
from collections.abc import Container, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError

from closebook.errors import Misconfigured
from closebook.settings.statement_settings import brand_folder, templates_folder
from closebook.statements.render.brand import Brand
from closebook.statements.render.brand_blocks import block_warnings, branded_page
from closebook.statements.render.brand_folder import load_brand
from closebook.statements.render.brand_fonts import characters_of_families, read_font
from closebook.statements.render.brand_languages import language_warnings
from closebook.statements.render.brand_style import face_rules, layout_rules, with_values
from closebook.statements.render.catalog import (
    FOLDER,
    TEMPLATE_VERSION,
    known_texts,
    load_language,
)
from closebook.statements.render.fonts import FONT_CONFIGURATION, Fonts
from closebook.statements.render.page_breaks import NO_ROWS, PageBreaks
from closebook.statements.render.sanitize import as_markup
from closebook.statements.weasyprint_adapter.page_layout import (
    STYLE_SHEETS,
    BrandStyle,
    PageLayout,
)

logger = logging.getLogger(__name__)

_STATEMENT_PAGE, _PAGE_NUMBERS_PAGE = "statement.html.j2", "page_numbers.html.j2"
_FILES = (_STATEMENT_PAGE, _PAGE_NUMBERS_PAGE, FONT_CONFIGURATION, *STYLE_SHEETS)


class StatementTemplate:
    """One version of the template, in a brand. A process loads it once for all statements.

    ``warnings`` say which parts of the brand are not used, and which are hard to read.
    """

    def __init__(self, folder: Path, brand: Brand) -> None:
        """Load the template. Raises Misconfigured when a file or a font is missing."""
        for name in _FILES:
            if not (folder / name).is_file():
                raise Misconfigured(
                    "CB-CONFIG-TEMPLATE-MISSING",
                    f"{folder / name} is missing; set CLOSEBOOK_TEMPLATES to the folder that "
                    f"holds statement/{TEMPLATE_VERSION}",
                )
        self.folder = folder
        self.brand = brand
        self.fonts = Fonts.installed(folder / FONT_CONFIGURATION).with_brand(
            {face.file: read_font(face.content) for face in brand.fonts.faces}
        )
        self.layout = PageLayout(folder, folder / FONT_CONFIGURATION, _style(brand))
        ours = _pages(folder)
        self._page_numbers_page = ours.get_template(_PAGE_NUMBERS_PAGE)
        self._statement_page = (
            branded_page(folder / _STATEMENT_PAGE, brand)
            if brand.blocks
            else ours.get_template(_STATEMENT_PAGE)
        )
        self.warnings = (*brand.warnings, *self._warnings())

    def statement_page(
        self,
        variables: dict[str, Any],
        lines: Sequence[object],
        breakable: Container[int],
        *,
        is_first: bool,
        is_last: bool,
        breaks: PageBreaks = NO_ROWS,
        balance_before: str = "",
    ) -> str:
        """Return the XHTML of some lines of a statement.

        ``breakable`` has the numbers of the lines that may continue on the next page. ``is_first``
        and ``is_last`` say whether the statement begins and ends with these lines. ``breaks`` has
        the rows at the breaks of pages, and ``balance_before`` is the balance before these lines.
        """
        part = {
            "is_first": is_first,
            "is_last": is_last,
            "breakable": breakable,
            "breaks": breaks,
            "balance_before": balance_before,
        }
        try:
            return self._statement_page.render(variables, part=part, lines=lines, brand=self.brand)
        except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
            if not self.brand.blocks:
                raise
            raise Misconfigured(
                "CB-CONFIG-BRAND-BLOCK-FAILED",
                f"a block of the brand {self.brand.name} cannot be printed: {error}",
            ) from error

    def page_numbers_page(self, texts: Sequence[str], *, language: str, direction: str) -> str:
        """Return the XHTML of the page numbers of a long statement: one text for each page."""
        return self._page_numbers_page.render(texts=texts, language=language, direction=direction)

    def _warnings(self) -> list[str]:
        tags = {path.stem for path in (self.folder / FOLDER).glob("*.toml")}
        languages = [load_language(self.folder, self.brand, tag) for tag in sorted(tags)]
        languages += [
            load_language(self.folder, self.brand, tag)
            for tag in sorted({*self.brand.words} - tags)
        ]
        found = [warning for language in languages for warning in language.warnings]
        found += language_warnings(self.brand.fonts, languages)
        return found + block_warnings(self.folder / _STATEMENT_PAGE, self.brand, known_texts())


def _style(brand: Brand) -> BrandStyle:
    fonts = {face.file: f"font:{number}" for number, face in enumerate(brand.fonts.faces)}
    return BrandStyle(
        with_values=lambda sheet, place: with_values(sheet, brand, place),
        rules=layout_rules(brand),
        faces=face_rules(brand.fonts.faces, fonts),
        fonts={fonts[face.file]: face.content for face in brand.fonts.faces},
        characters=characters_of_families(brand.fonts.faces),
        style=brand.style,
    )


def statement_template() -> StatementTemplate:
    """Return the template in the folder that CLOSEBOOK_TEMPLATES names, in the brand of
    CLOSEBOOK_BRAND, loaded once per process.
    """
    return _load(templates_folder() / "statement" / TEMPLATE_VERSION, load_brand(brand_folder()))


@lru_cache(maxsize=4)
def _pages(folder: Path) -> Environment:
    """Return the pages in a folder, which are compiled once for all brands."""
    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        finalize=as_markup,
        undefined=StrictUndefined,
        trim_blocks=True,
    )


@lru_cache(maxsize=4)
def _load(folder: Path, brand: Brand) -> StatementTemplate:
    template = StatementTemplate(folder, brand)
    for warning in template.warnings:
        logger.warning("the brand %s: %s", brand.name, warning)
    return template
