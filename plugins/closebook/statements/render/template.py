"""The statement's template: pages, style sheets, fonts and catalogs in one folder."""

from collections.abc import Container, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from closebook.errors import Misconfigured
from closebook.settings import templates_folder
from closebook.statements.render.catalog import TEMPLATE_VERSION
from closebook.statements.render.fonts import FONT_CONFIGURATION, Fonts
from closebook.statements.render.sanitize import as_markup
from closebook.statements.weasyprint_adapter.page_layout import STYLE_SHEETS, PageLayout

_STATEMENT_PAGE, _PAGE_NUMBERS_PAGE = "statement.html.j2", "page_numbers.html.j2"
_FILES = (_STATEMENT_PAGE, _PAGE_NUMBERS_PAGE, FONT_CONFIGURATION, *STYLE_SHEETS)


class StatementTemplate:
    """One version of the template. A process loads it once and uses it for all statements."""

    def __init__(self, folder: Path) -> None:
        """Load the template. Raises Misconfigured when a file or a font is missing."""
        for name in _FILES:
            if not (folder / name).is_file():
                raise Misconfigured(
                    "CB-CONFIG-TEMPLATE-MISSING",
                    f"{folder / name} is missing; set CLOSEBOOK_TEMPLATES to the folder that "
                    f"holds statement/{TEMPLATE_VERSION}",
                )
        self.folder = folder
        self.fonts = Fonts.installed(folder / FONT_CONFIGURATION)
        self.layout = PageLayout(folder, folder / FONT_CONFIGURATION)
        environment = Environment(
            loader=FileSystemLoader(folder),
            autoescape=True,
            finalize=as_markup,
            undefined=StrictUndefined,
            trim_blocks=True,
        )
        self._statement_page = environment.get_template(_STATEMENT_PAGE)
        self._page_numbers_page = environment.get_template(_PAGE_NUMBERS_PAGE)

    def statement_page(
        self,
        variables: dict[str, Any],
        lines: Sequence[object],
        breakable: Container[int],
        *,
        is_first: bool,
        is_last: bool,
    ) -> str:
        """Return the XHTML of some lines of a statement.

        ``breakable`` has the numbers of the lines that may continue on the next page. ``is_first``
        and ``is_last`` say whether the statement begins and ends with these lines.
        """
        part = {"is_first": is_first, "is_last": is_last, "breakable": breakable}
        return self._statement_page.render(variables, part=part, lines=lines)

    def page_numbers_page(self, texts: Sequence[str], *, language: str, direction: str) -> str:
        """Return the XHTML of the page numbers of a long statement: one text for each page."""
        return self._page_numbers_page.render(texts=texts, language=language, direction=direction)


def statement_template() -> StatementTemplate:
    """Return the template in the folder that CLOSEBOOK_TEMPLATES names, loaded once per process."""
    return _load(templates_folder() / "statement" / TEMPLATE_VERSION)


@lru_cache(maxsize=4)
def _load(folder: Path) -> StatementTemplate:
    return StatementTemplate(folder)
