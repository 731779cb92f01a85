"""Read rendered statements: their text, the places of words, and their PDF objects."""

import re
import subprocess
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path

import pikepdf
from defusedxml.ElementTree import fromstring
from pypdf import PdfReader

from closebook.money import format_minor
from closebook.statements.model import Statement
from closebook.statements.render.document import RenderedStatement, render
from tests.statements.validators import page_validation

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "templates"


@cache
def rendered(statement: Statement) -> RenderedStatement:
    """A statement's document, rendered once for all tests that only read it, and validated."""
    made = render(statement)
    assert page_validation(made.pdf) == []
    return made


def pages(statement: Statement) -> list[str]:
    """Each page's text as poppler reads it, laid out as on paper."""
    return pdftotext(statement, "-layout").split("\f")[:-1]


def pdftotext(statement: Statement, form: str) -> str:
    """The text that poppler reads in a statement's document; ``form`` is an option of pdftotext."""
    return subprocess.run(
        ["pdftotext", form, "-", "-"],
        input=rendered(statement).pdf,
        capture_output=True,
        check=True,
    ).stdout.decode()


@dataclass(frozen=True)
class Word:
    """A word of a page, and where it stands, in points from the upper left."""

    text: str
    left: float
    top: float
    right: float


def placed_words(statement: Statement) -> list[Word]:
    """The words of all pages with their places, as poppler reads them."""
    return [
        Word(
            word.text or "",
            *(float(word.attrib[edge]) for edge in ("xMin", "yMin", "xMax")),
        )
        for word in fromstring(pdftotext(statement, "-bbox")).iter(
            "{http://www.w3.org/1999/xhtml}word"
        )
    ]


def reader(statement: Statement) -> PdfReader:
    """A statement's document as pypdf reads it."""
    return PdfReader(BytesIO(rendered(statement).pdf))


@cache
def opened(statement: Statement) -> pikepdf.Pdf:
    """A statement's document as pikepdf reads it: its objects."""
    return pikepdf.open(BytesIO(rendered(statement).pdf))


def content(statement: Statement) -> str:
    """A statement's text in the order of the content streams, as pypdf reads it."""
    return "".join(page.extract_text() for page in reader(statement).pages)


def squeezed(text: str) -> str:
    """The text without white space and without spaces of no width."""
    return re.sub(r"[\s\u200b]+", "", text)


def printed_amount(amount_minor: int, locale: str = "en_GB", currency: str = "EUR") -> str:
    """An amount as a line of a statement prints it."""
    return format_minor(amount_minor, currency, locale, with_currency=False)
