"""Change one part of a statement's PDF, as a forger would, and leave the rest as it is."""

import re
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import pikepdf

from closebook.statements.formats.camt053 import camt053
from closebook.statements.formats.statement_csv import statement_csv
from closebook.statements.model import Statement
from tests.statements.rendered_pdf import rendered

CSV, XML = "statement.csv", "statement.xml"

Change = Callable[[pikepdf.Pdf], None]


COLUMNS = 7


def changed(made: Statement, *changes: Change) -> bytes:
    """A statement's PDF after these changes, written as a new file."""
    with pikepdf.open(BytesIO(rendered(made).pdf)) as pdf:
        for change in changes:
            change(pdf)
        output = BytesIO()
        pdf.save(output, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return output.getvalue()


def replaced(name: str, old: str, new: str) -> Change:
    """Replace a text that is once in an attachment."""

    def change(pdf: pikepdf.Pdf) -> None:
        content = attachment(pdf, name).read_bytes().decode()
        assert content.count(old) == 1, f"{old} stands {content.count(old)} times in {name}"
        attachment(pdf, name).write(content.replace(old, new).encode())

    return change


def attached(name: str, content: bytes) -> Change:
    """Replace the content of an attachment."""
    return lambda pdf: attachment(pdf, name).write(content)


def attachments_of(other: Statement) -> tuple[Change, Change]:
    """Replace both attachments by those of another statement."""
    return attached(XML, camt053(other)), attached(CSV, statement_csv(other))


def reprinted(old: str, new: str) -> Change:
    """Replace a text on the page, with glyphs of the same font, wherever it stands alone."""

    def change(pdf: pikepdf.Pdf) -> None:
        count = 0
        for page in pdf.pages:
            for name, font in page.Resources.Font.items():
                # A blank is written by several glyphs; the plain one has the lowest number.
                pairs = sorted(_characters(font), reverse=True)
                glyph_of = {character: glyph for glyph, character in pairs}
                if set(old + new) <= set(glyph_of):
                    count += _reprint(
                        page, name, [glyph_of[c] for c in old], [glyph_of[c] for c in new]
                    )
        assert count, f"{old} does not stand on the page, or {new} cannot be printed in its font"

    return change


def without_row(number: int) -> Change:
    """Remove a row of the table of lines from the structure tree: a screen reader skips it."""

    def change(pdf: pikepdf.Pdf) -> None:
        table = next(element for element in _elements(pdf) if _has_head(element))
        (body, *_) = [group for group in table.K if group.S == "/TBody"]
        del body.K[number]

    return change


def without_roles(*roles: str) -> Change:
    """Take the identifiers of these roles out of the tags; without roles, all of them.

    Statements that were issued before December 2026 have none.
    """

    def change(pdf: pikepdf.Pdf) -> None:
        for element in _elements(pdf):
            identifier = str(element.get("/ID", ""))
            if identifier.startswith("closebook:") and (
                not roles or identifier.split(":")[1] in roles
            ):
                del element["/ID"]

    return change


def counterparty_in_description() -> Change:
    """Move the counterparty into the description, as in statements before it had its own cell."""

    def change(pdf: pikepdf.Pdf) -> None:
        table = next(element for element in _elements(pdf) if _has_head(element))
        lines = [row for group in table.K if group.S == "/TBody" for row in group.K]
        lines = [row for row in lines if len(row.K) == COLUMNS]
        assert lines, "no row has a counterparty's cell"
        for row in lines:
            _, description, counterparty, *_ = row.K
            description.K = pikepdf.Array([*_kids(description), *_kids(counterparty)])
            del row.K[2]

    return change


def _kids(element: Any) -> list[Any]:
    kids = element.get("/K", [])
    return list(kids) if isinstance(kids, pikepdf.Array | list) else [kids]


def attachment(pdf: pikepdf.Pdf, name: str) -> Any:
    """The stream of an attached file."""
    names = pdf.Root.Names.EmbeddedFiles.Names
    place = next(i for i in range(0, len(names), 2) if str(names[i]) == name)
    return names[place + 1].EF.F


def _characters(font: Any) -> Iterator[tuple[str, str]]:
    for glyph, text in re.findall(r"<(\w{4})> <(\w*)>", font.ToUnicode.read_bytes().decode()):
        yield glyph, bytes.fromhex(text).decode("utf-16-be")


def _reprint(page: Any, font: str, old: list[str], new: list[str]) -> int:
    # An array of glyphs with exactly this text, after the command that selects its font.
    text = r"-?\d*".join(f"<{glyph}>" for glyph in old)
    array = re.compile(rf"({re.escape(font)} [\d.]+ Tf\s+)\[{text}-?\d*\] TJ".encode())
    glyphs = "".join(f"<{glyph}>0" for glyph in new)
    stream = page.Contents
    content, count = array.subn(rf"\g<1>[{glyphs}] TJ".encode(), stream.read_bytes())
    stream.write(content)
    return count


def _has_head(element: Any) -> bool:
    return element.S == "/Table" and any(group.S == "/THead" for group in element.K)


def _elements(pdf: pikepdf.Pdf) -> Iterator[Any]:
    left = list(pdf.Root.StructTreeRoot.K)
    while left:
        element = left.pop()
        yield element
        left += [kid for kid in element.get("/K", []) if isinstance(kid, pikepdf.Dictionary)]
