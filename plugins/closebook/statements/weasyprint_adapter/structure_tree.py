"""The tree of tags as PDF/UA wants it, from the one that WeasyPrint makes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from closebook.statements.pdf.object_writer import number_of

_WITHOUT_MEANING = {"/Span", "/NonStruct"}
_CELLS = {"/TD", "/TH"}
_KEPT_WHEN_EMPTY = {*_CELLS, "/Figure"}
_POINTS_PER_PIXEL = 0.75


@dataclass(frozen=True)
class Tagged:
    """A part's elements in reading order, and each page's elements by the number of their content.

    ``table`` is the element of the table of lines, whose rows are ``groups``.
    """

    before: list[bytes]
    table: bytes
    groups: list[bytes]
    after: list[bytes]
    owners: list[list[bytes | None]]


def tidy(part: Any, *, continued: bool) -> Tagged:
    """Mend a part's tags in place, and return what its pages need in the whole document's tree.

    WeasyPrint 70 leaves header cells without a scope, running heads tagged but outside of the
    tree, a table on several pages as several tables, a picture's box in pixels from the top, and
    an element of no meaning around each text. Here header cells get a scope, running heads and
    repeated heads of the table become artifacts, the table is one, boxes are right, and texts
    belong to the element that they are part of (ISO 14289-1, 7.1, 7.3, 7.5 and 7.8). Where the
    part is ``continued``, its first table head is a repeated one too.
    """
    return _Tree(part).tidy(continued=continued)


def named(commands: list[bytes]) -> list[bytes]:
    """A font's map of glyphs to characters, without glyphs that stand for none.

    In a cluster of glyphs WeasyPrint gives all characters to one of them. PDF/A-3a wants a
    character for each (ISO 19005-3, 6.2.11.7.3): the others stand for a space of no width.
    """
    return [
        line.replace(b"> <>", b"> <200b>") if isinstance(line, bytes) else line for line in commands
    ]


class _Tree:
    def __init__(self, part: Any) -> None:
        self._objects = part.objects
        root = self._at(part.catalog["StructTreeRoot"])
        self._document = self._at(root["K"][0])
        self._pages = [self._objects[number] for number in part.pages["Kids"][::3]]
        self._index = {page.number: index for index, page in enumerate(self._pages)}
        nums = self._at(root["ParentTree"])["Nums"]
        self._owners: list[list[bytes | None]] = [[None] * len(owned) for owned in nums[1::2]]

    def tidy(self, *, continued: bool) -> Tagged:
        top = self._kids(self._document, in_head=False)
        tables = [index for index, kid in enumerate(top) if self._at(kid)["S"] == "/Table"]
        first, last = tables[0], tables[-1]
        groups: list[bytes] = []
        for kid in top[first : last + 1]:
            for group in self._at(kid)["K"]:
                if self._at(group)["S"] == "/THead" and (groups or continued):
                    self._disown(self._at(group))
                else:
                    self._at(group)["P"] = top[first]
                    groups.append(group)
        for page, owners in zip(self._pages, self._owners, strict=True):
            self._make_artifacts(page, owners)
        return Tagged(top[:first], top[first], groups, top[last + 1 :], self._owners)

    def _disown(self, element: Any) -> None:
        for kid in element["K"]:
            if isinstance(kid, int):
                self._owners[self._index[number_of(element["Pg"])]][kid] = None
            else:
                self._disown(self._at(kid))

    def _at(self, reference: bytes) -> Any:
        return self._objects[number_of(reference)]

    def _kids(self, element: Any, *, in_head: bool) -> list[Any]:
        """The element's kids without those that mean nothing; contents are noted as its own."""
        kids: list[Any] = []
        for kid in element["K"]:
            if isinstance(kid, int):
                kids.append(kid)
                self._owners[self._index[number_of(element["Pg"])]][kid] = element.reference
                continue
            kids.extend(self._kid(element, self._at(kid), in_head=in_head))
        return kids

    def _kid(self, element: Any, kid: Any, *, in_head: bool) -> Iterator[Any]:
        name = kid["S"]
        kid["K"] = type(kid["K"])(self._kids(kid, in_head=in_head or name == "/THead"))
        repeats = name == element["S"] and name.startswith("/H")
        if (name in _WITHOUT_MEANING or repeats) and self._fits(kid, element):
            for grandkid in kid["K"]:
                if isinstance(grandkid, int):
                    page = self._index[number_of(kid["Pg"])]
                    self._owners[page][grandkid] = element.reference
                else:
                    self._at(grandkid)["P"] = element.reference
                yield grandkid
        elif kid["K"] or name in _KEPT_WHEN_EMPTY:
            if name in _WITHOUT_MEANING:
                kid["S"] = "/P"
            kid["P"] = element.reference
            self._mend(kid, in_head=in_head)
            yield kid.reference

    def _fits(self, kid: Any, element: Any) -> bool:
        """Whether the kid's contents can stand in the element: the document itself holds none."""
        return "Pg" in element or not any(isinstance(grandkid, int) for grandkid in kid["K"])

    def _mend(self, element: Any, *, in_head: bool) -> None:
        name = element["S"]
        if name in _CELLS:
            element.pop("ID", None)
            attributes = element.pop("A")
            attributes.pop("Headers", None)
            if name == "/TH":
                attributes["Scope"] = "/Column" if in_head else "/Row"
            if len(attributes) > 1:
                element["A"] = attributes
        elif name == "/Figure":
            left, top, right, bottom = (edge * _POINTS_PER_PIXEL for edge in element["A"]["BBox"])
            height = self._at(element["Pg"])["MediaBox"][3]
            element["A"]["BBox"][:] = [left, height - bottom, right, height - top]

    def _make_artifacts(self, page: Any, owners: list[bytes | None]) -> None:
        commands = self._at(page["Contents"]).stream
        for position, command in enumerate(commands):
            if isinstance(command, dict) and owners[command["MCID"]] is None:
                commands[position - 1] = "/Artifact"
                commands[position] = b"<</Type /Pagination>>"
