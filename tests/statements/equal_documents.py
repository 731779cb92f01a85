"""Compare two documents of one statement: texts, places, tags, bookmarks, metadata, pictures."""

import re
import subprocess
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pikepdf
import pypdfium2
from defusedxml.ElementTree import fromstring
from PIL import ImageChops

MOST_POINTS = 0.5
MOST_PIXELS = 0.001
_VISIBLE = 32
"""A pixel differs if its grey does by an eighth: less is the edge of a glyph, a 1000th further."""

_WORD = "{http://www.w3.org/1999/xhtml}word"
_PAGE = "{http://www.w3.org/1999/xhtml}page"


@dataclass(frozen=True)
class Word:
    """A word of a page, in points from the upper left."""

    page: int
    text: str
    box: tuple[float, float, float, float]


def differences(reference: bytes, other: bytes) -> list[str]:
    """What differs between two documents; nothing if they are equal to a reader."""
    found = _text_differences(words(reference), words(other))
    if tags(reference) != tags(other):
        found.append("the tag trees differ")
    if bookmarks(reference) != bookmarks(other):
        found.append(f"bookmarks: {bookmarks(reference)} and {bookmarks(other)}")
    if _metadata(reference) != _metadata(other):
        found.append("the metadata differ")
    return found + _picture_differences(reference, other)


def words(pdf: bytes) -> list[Word]:
    """The words in the order of the content, as poppler reads them."""
    xml = subprocess.run(
        ["pdftotext", "-bbox", "-raw", "-", "-"], input=pdf, capture_output=True, check=True
    ).stdout
    edges = ("xMin", "yMin", "xMax", "yMax")
    return [
        Word(number, word.text or "", tuple(float(word.attrib[edge]) for edge in edges))  # type: ignore[arg-type]
        for number, page in enumerate(fromstring(xml).iter(_PAGE))
        for word in page.iter(_WORD)
    ]


def _text_differences(some: list[Word], others: list[Word]) -> list[str]:
    texts = [[(word.page, word.text) for word in each] for each in (some, others)]
    if texts[0] != texts[1]:
        at = next(
            (at for at, (one, two) in enumerate(zip(*texts, strict=False)) if one != two),
            min(map(len, texts)),
        )
        return [f"texts: {texts[0][at : at + 5]} and {texts[1][at : at + 5]}"]
    farthest = [
        (max(abs(mine - yours) for mine, yours in zip(one.box, two.box, strict=True)), one)
        for one, two in zip(some, others, strict=True)
    ]
    return [
        f"{word.text!r} of page {word.page + 1} is {distance:.2f} pt away"
        for distance, word in farthest
        if distance > MOST_POINTS
    ]


def tags(pdf: bytes) -> Any:
    """The tag tree: of each element the name, the attributes, and its kids or texts."""
    with pikepdf.open(BytesIO(pdf)) as document:
        texts = [_marked_texts(page) for page in document.pages]
        index = {page.objgen: number for number, page in enumerate(document.pages)}
        return _node(document.Root.StructTreeRoot.K[0], 0, texts, index)


def _node(element: Any, page: int, texts: list[dict[int, str]], index: dict[Any, int]) -> Any:
    if "/Pg" in element:
        page = index[element.Pg.objgen]
    kids = element.get("/K", [])
    shown = []
    for kid in kids if isinstance(kids, pikepdf.Array) else [kids]:
        if isinstance(kid, int):
            shown.append((page, texts[page][int(kid)]))
        elif kid.get("/Type") == "/MCR":
            shown.append((index[kid.Pg.objgen], texts[index[kid.Pg.objgen]][int(kid.MCID)]))
        else:
            shown.append(_node(kid, page, texts, index))
    attributes = {
        name: re.sub(rb"\d+\.\d+", _rounded, bytes(_syntax(element[name])))
        for name in ("/A", "/Alt", "/ID", "/Lang", "/ActualText")
        if name in element
    }
    return (str(element.S), attributes, shown)


def _syntax(value: Any) -> bytes:
    return bytes(value.unparse(resolved=True)) if hasattr(value, "unparse") else str(value).encode()


def _rounded(found: re.Match[bytes]) -> bytes:
    return b"%.1f" % float(found[0])


def _marked_texts(page: Any) -> dict[int, str]:
    """The text of each marked content, by its number."""
    maps = {}
    for name, font in page.Resources.get("/Font", {}).items():
        pairs = re.findall(rb"<([0-9a-f]{4})> <([0-9a-f]*)>", font.ToUnicode.read_bytes())
        maps[name] = {int(a, 16): bytes.fromhex(b.decode()).decode("utf-16-be") for a, b in pairs}
    found: dict[int, str] = {}
    content, font = None, ""
    instructions: Any = pikepdf.parse_content_stream(page)
    for operands, operator in instructions:
        name = str(operator)
        if name == "BDC" and "/MCID" in operands[1]:
            content = int(operands[1].MCID)
            found[content] = ""
        elif name == "EMC":
            content = None
        elif name == "Tf":
            font = str(operands[0])
        elif name in ("TJ", "Tj") and content is not None:
            for item in operands[0] if name == "TJ" else operands:
                if isinstance(item, pikepdf.String):
                    codes = bytes(item)
                    found[content] += "".join(
                        maps[font][codes[at] << 8 | codes[at + 1]] for at in range(0, len(codes), 2)
                    )
    return found


def bookmarks(pdf: bytes) -> list[tuple[str, int]]:
    """The bookmarks, each with the index of its page."""
    with pikepdf.open(BytesIO(pdf)) as document:
        index: dict[Any, int] = {page.objgen: number for number, page in enumerate(document.pages)}
        item: Any = document.Root.Outlines.First
        found = []
        while item is not None:
            found.append((str(item.Title), index[item.Dest[0].objgen]))
            item = item.get("/Next")
        return found


def _metadata(pdf: bytes) -> tuple[bytes, list[tuple[str, bytes]], str]:
    with pikepdf.open(BytesIO(pdf)) as document:
        attached = [
            (name, document.attachments[name].get_file().read_bytes())
            for name in sorted(document.attachments)
        ]
        # The file says which of the renderers made it.
        metadata = re.sub(rb"<pdf:Producer>.*", b"", document.Root.Metadata.read_bytes())
        return metadata, attached, str(document.Root.Lang)


def _picture_differences(reference: bytes, other: bytes) -> list[str]:
    found = []
    some, others = pypdfium2.PdfDocument(reference), pypdfium2.PdfDocument(other)
    if len(some) != len(others):
        return [f"{len(some)} pages and {len(others)}"]
    for number in range(len(some)):
        one, two = (each[number].render(scale=1).to_pil().convert("L") for each in (some, others))
        if one.size != two.size:
            found.append(f"page {number + 1} has another size")
            continue
        counts = ImageChops.difference(one, two).histogram()
        share = sum(counts[_VISIBLE:]) / sum(counts)
        if share > MOST_PIXELS:
            found.append(f"{share:.3%} of the pixels of page {number + 1} differ")
    return found
