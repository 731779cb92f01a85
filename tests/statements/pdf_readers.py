"""A file's text as the readers of PDF find it: those in browsers, on desktops and in scripts."""

import re
import subprocess
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unicodedata import normalize

import pypdfium2
from playwright.sync_api import Route, sync_playwright

from local import REPOSITORY
from local.processes import find

_PDF_JS = REPOSITORY / ".local" / "npm" / "node_modules" / "pdfjs-dist" / "legacy" / "build"
_ADDRESS = "http://pdfjs.test/"
# The viewer searches the texts of a page one behind the other.
_READ = """async (encoded) => {
    const pdfjs = await import("/pdf.mjs");
    globalThis.pdfjsWorker = await import("/pdf.worker.mjs");
    const data = Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0));
    const pdf = await pdfjs.getDocument({data, useSystemFonts: false}).promise;
    let text = "";
    for (let number = 1; number <= pdf.numPages; number++) {
        const content = await (await pdf.getPage(number)).getTextContent();
        text += content.items.map((item) => item.str + (item.hasEOL ? "\\n" : "")).join("");
    }
    return text;
}"""

Reader = Callable[[bytes], str]


def poppler(pdf: bytes) -> str:
    """The text that Evince and Okular search."""
    return _output(["pdftotext", "-", "-"], pdf)


def mupdf(pdf: bytes, folder: Path) -> str:
    """The text that MuPDF searches."""
    path = folder / "statement.pdf"
    path.write_bytes(pdf)
    return _output(["mutool", "draw", "-q", "-F", "text", str(path)])


def pdfium(pdf: bytes) -> str:
    """The text that Chrome searches."""
    document = pypdfium2.PdfDocument(pdf)
    return "\n".join(page.get_textpage().get_text_range() for page in document)


@contextmanager
def pdf_js() -> Iterator[Reader]:
    """A function that returns the text that Firefox searches."""

    def serve(route: Route) -> None:
        name = route.request.url.removeprefix(_ADDRESS)
        if name:
            route.fulfill(path=_PDF_JS / name, content_type="text/javascript")
        else:
            route.fulfill(body="", content_type="text/html")

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page()
        page.route("**", serve)
        page.goto(_ADDRESS)
        yield lambda pdf: str(page.evaluate(_READ, b64encode(pdf).decode()))
        browser.close()


def plain(text: str) -> str:
    """A text on one line, without the marks of direction that poppler prints.

    Viewers compare texts in a normal form, and skip signs of no width.
    """
    return normalize("NFC", " ".join(re.sub("[\u200b\u202a-\u202e]", "", text).split()))


def _output(command: list[str], given: bytes = b"") -> str:
    ran = subprocess.run(command, input=given, capture_output=True, check=True)
    return ran.stdout.decode()
