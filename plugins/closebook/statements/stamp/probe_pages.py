"""Read what the compiler needs from the finished file of a probe: items, tags, fonts, resources."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any

import pikepdf

from closebook.statements.stamp.layout import FontFacts, TagNode
from closebook.statements.stamp.outside_layout import OutsideLayout
from closebook.statements.stamp.page_items import PageItem, page_items
from closebook.statements.stamp.probe_statements import Probe
from closebook.statements.weasyprint_adapter.layout_marks import PageGeometry

KEYS_PER_PAGE = 100_000
"""The key of a piece is its number on its page, plus this many for each page before it."""

_MAPPED = re.compile(rb"<([0-9a-f]{4})> <([0-9a-f]*)>")
_ATTRIBUTES = ("/A", "/Alt", "/E", "/ActualText", "/Lang")


@dataclass(frozen=True)
class ProbePages:
    """The pages of a probe, and what the file says of them."""

    probe: Probe
    pages: tuple[tuple[PageItem, ...], ...]
    document: TagNode
    glyph_texts: Mapping[str, Mapping[int, str]]
    fonts: Mapping[str, FontFacts]
    resources: bytes
    objects: tuple[tuple[int, bytes, bytes | None], ...]
    headings: tuple[tuple[str, int], ...]

    @property
    def geometry(self) -> list[PageGeometry]:
        """The boxes of each page."""
        return self.probe.marks.pages


def read_probe(probe: Probe) -> ProbePages:
    """Read the file of a probe."""
    with pikepdf.open(BytesIO(probe.pdf)) as pdf:
        texts: dict[str, dict[int, str]] = {}
        facts: dict[str, FontFacts] = {}
        for page in pdf.pages:
            for key, font in page.Resources.get("/Font", {}).items():
                name = key[1:]
                if name not in texts:
                    texts[name] = {
                        int(glyph, 16): bytes.fromhex(text.decode()).decode("utf-16-be")
                        for glyph, text in _MAPPED.findall(font.ToUnicode.read_bytes())
                    }
                    if name in probe.marks.fonts:
                        facts[name] = _font_facts(probe, name, font)
        resources, objects = _resources(pdf)
        return ProbePages(
            probe,
            tuple(tuple(_items(page, probe)) for page in pdf.pages),
            _tags(pdf, probe.view.variables["chart"]["text"]),
            texts,
            facts,
            resources,
            objects,
            tuple(_headings(pdf)),
        )


def block_tops(pages: ProbePages) -> list[tuple[int, float]]:
    """Return the page and the top of each block after the lines."""
    return [
        (page, block.top)
        for page, geometry in enumerate(pages.geometry)
        for block in geometry.blocks
    ]


def _items(page: Any, probe: Probe) -> Iterator[PageItem]:
    for item in page_items(page.Contents.read_bytes()):
        if item.mark is None:
            yield item
        else:
            yield replace(item, settings=probe.marks.settings[item.mark.setting])


def _font_facts(probe: Probe, name: str, font: Any) -> FontFacts:
    descendant = font.DescendantFonts[0]
    described = {
        key: value
        for key, value in descendant.FontDescriptor.items()
        if not key.startswith("/FontFile")
    }
    return FontFacts(
        probe.marks.fonts[name],
        bytes(str(font.BaseFont), "ascii"),
        bytes(str(descendant.Subtype), "ascii"),
        pikepdf.Dictionary(described).unparse(resolved=True),
    )


def _tags(pdf: Any, chart_text: str) -> TagNode:
    index = {page.objgen: number for number, page in enumerate(pdf.pages)}

    def node(element: Any, page: int) -> TagNode:
        if "/Pg" in element:
            page = index[element.Pg.objgen]
        found = element.get("/K", [])
        kids: list[TagNode | int] = []
        for kid in found if isinstance(found, pikepdf.Array) else [found]:
            if isinstance(kid, int):
                kids.append(page * KEYS_PER_PAGE + int(kid))
            elif kid.get("/Type") == "/MCR":
                kids.append(index[kid.Pg.objgen] * KEYS_PER_PAGE + int(kid.MCID))
            else:
                kids.append(node(kid, page))
        is_chart = str(element.get("/Alt", "")) == chart_text
        attributes = b"".join(
            name.encode() + b" " + _syntax(element[name])
            for name in _ATTRIBUTES
            if name in element and not (is_chart and name == "/Alt")
        )
        identifier = str(element.ID) if "/ID" in element else None
        return TagNode(
            bytes(str(element.S), "ascii"), attributes, identifier, is_chart, tuple(kids)
        )

    return node(pdf.Root.StructTreeRoot.K[0], 0)


def _headings(pdf: Any) -> list[tuple[str, int]]:
    index = {page.objgen: number for number, page in enumerate(pdf.pages)}
    found, item = [], pdf.Root.Outlines.First
    while item is not None:
        found.append((str(item.Title), index[item.Dest[0].objgen]))
        item = item.get("/Next")
    return found


def _syntax(value: Any) -> bytes:
    return (
        bytes(value.unparse(resolved=True))
        if isinstance(value, pikepdf.Object)
        else str(value).encode()
    )


def _resources(pdf: Any) -> tuple[bytes, tuple[tuple[int, bytes, bytes | None], ...]]:
    """Return the resources of the pages besides fonts, as one dictionary, and their objects.

    An object is a number for references, its dictionary or syntax, and the content of a stream.
    """
    merged: dict[str, dict[str, Any]] = {}
    for page in pdf.pages:
        for kind, entries in page.Resources.items():
            if kind == "/Font" or not isinstance(entries, pikepdf.Dictionary):
                continue
            known = merged.setdefault(kind, {})
            for name, value in entries.items():
                if name in known and known[name].unparse() != value.unparse():
                    raise OutsideLayout("not-compiled", f"{kind} {name} differs between pages")
                known[name] = value
    objects: dict[int, tuple[int, bytes, bytes | None]] = {}
    parts = []
    for kind in sorted(merged):
        entries = merged[kind]
        if kind in ("/XObject", "/ExtGState", "/ColorSpace", "/Pattern", "/Shading") and entries:
            inner = b"".join(
                f"{name} ".encode() + _copied(value, objects) for name, value in entries.items()
            )
            parts.append(kind.encode() + b"<<" + inner + b">>")
    return b"".join(parts), tuple(objects.values())


def _copied(value: Any, objects: dict[int, tuple[int, bytes, bytes | None]]) -> bytes:
    """Return the syntax of a value; what it refers to is added to ``objects``.

    A reference is written as ``@7@``, with the object's place in ``objects``.
    """
    if not isinstance(value, pikepdf.Object):
        return _scalar(value)
    if value.is_indirect:
        number = value.objgen[0]
        if number not in objects:
            place = len(objects)
            objects[number] = (place, b"", None)
            if isinstance(value, pikepdf.Stream):
                head = _dictionary(dict(value.stream_dict.items()), objects, without="/Length")
                objects[number] = (place, head, value.read_raw_bytes())
            else:
                objects[number] = (place, _direct(value, objects), None)
        return b"@%d@" % objects[number][0]
    return _direct(value, objects)


def _direct(value: Any, objects: dict[int, tuple[int, bytes, bytes | None]]) -> bytes:
    if isinstance(value, pikepdf.Dictionary):
        return b"<<" + _dictionary(dict(value.items()), objects) + b">>"
    if isinstance(value, pikepdf.Array):
        return b"[" + b" ".join(_copied(each, objects) for each in value) + b"]"
    return _syntax(value)


def _dictionary(
    entries: Mapping[str, Any],
    objects: dict[int, tuple[int, bytes, bytes | None]],
    without: str = "",
) -> bytes:
    return b"".join(
        name.encode() + b" " + _copied(value, objects)
        for name, value in entries.items()
        if name != without
    )


def _scalar(value: Any) -> bytes:
    if isinstance(value, bool):
        return b"true" if value else b"false"
    return str(value).encode()
