"""Repair the structure tree that WeasyPrint makes, so that it conforms to PDF/UA-1."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from closebook.statements.weasyprint_adapter.drawn_pages import (
    LINES,
    DrawnPages,
    object_number,
    stream_commands,
)

_WITHOUT_MEANING = {"/Span", "/NonStruct"}
_CELLS = {"/TD", "/TH"}
_KEPT_WHEN_EMPTY = {*_CELLS, "/Figure"}
_POINTS_PER_PIXEL = 0.75
_GLYPH_MAP_ENTRY = re.compile(rb"<[0-9a-f]{4}> <[0-9a-f]*>")


@dataclass(frozen=True)
class StructureElements:
    """The elements of some pages, as references, in reading order.

    ``lines_table`` is the table of the statement's lines, and ``row_groups`` are its children
    (THead, TBody). ``content_owners`` has a list for each page: the element that owns each marked
    content of the page, or None for an artifact, which no element owns. ``roles`` are the roles of
    cells that are in the tree, each with the cell's element.
    """

    before_lines: list[bytes]
    lines_table: bytes
    row_groups: list[bytes]
    after_lines: list[bytes]
    content_owners: list[list[bytes | None]]
    roles: list[tuple[str, bytes]]


def repair_structure_tree(pages: DrawnPages, *, is_later_part: bool) -> StructureElements:
    """Repair the structure tree of these pages in place, and return its elements.

    WeasyPrint 70 differs from ISO 14289-1 (7.1, 7.3, 7.5 and 7.8) in seven ways. They are repaired:

    - header cells have no scope: they get one;
    - running heads are tagged but outside of the tree: they become artifacts;
    - a table on several pages is several tables: it becomes one, and its repeated heads become
      artifacts;
    - a row on several pages is several rows: it becomes one, and so do its cells;
    - a picture without a text, which is decoration, is a figure: it becomes an artifact;
    - a picture's box is in pixels from the top of the page: it gets PDF's units and origin;
    - each text has an element without meaning around it: the text belongs to the element above.

    ``is_later_part`` says that these pages continue a table of earlier pages: then their first
    table head is a repeated one too.
    """
    return _TreeRepair(pages).repair(is_later_part=is_later_part)


def complete_glyph_map(commands: list[bytes]) -> list[bytes]:
    """Return a font's map of glyphs to characters with a character for each glyph, in order.

    WeasyPrint gives all characters of a cluster to one of its glyphs, and none to the others.
    PDF/A-3a requires a character for each glyph (ISO 19005-3, 6.2.11.7.3): the others get a space
    of no width. In the order of the glyphs a map is compressed better.
    """
    entries = iter(sorted(filter(_GLYPH_MAP_ENTRY.fullmatch, commands)))
    return [
        next(entries).replace(b"> <>", b"> <200b>") if _GLYPH_MAP_ENTRY.fullmatch(line) else line
        for line in commands
    ]


class _TreeRepair:
    def __init__(self, drawn: DrawnPages) -> None:
        self._drawn = drawn
        root = drawn.structure_tree
        self._document = drawn.at(root["K"][0])
        self._pages = drawn.pages
        self._page_index = {page.number: index for index, page in enumerate(self._pages)}
        nums = drawn.at(root["ParentTree"])["Nums"]
        self._owners: list[list[bytes | None]] = [[None] * len(owned) for owned in nums[1::2]]
        # Elements get other parents below. A table on several pages is several tables.
        self._lines_tables = {self._table_of(cell) for role, cell in drawn.roles if role == LINES}
        self._dropped: set[bytes] = set()

    def repair(self, *, is_later_part: bool) -> StructureElements:
        top = self._repaired_children(self._document, in_head=False)
        # A brand may have tables of its own before and after the lines.
        # guard: brands.lines-are-found-by-their-role
        tables = [i for i, child in enumerate(top) if child in self._lines_tables]
        first, last = tables[0], tables[-1]
        row_groups: list[bytes] = []
        for child in top[first : last + 1]:
            table = self._drawn.at(child)
            page = self._page_index[object_number(table["Pg"])]
            continues_a_row = page in self._drawn.pages_that_continue_a_line
            for group in table["K"]:
                element = self._drawn.at(group)
                if element["S"] == "/THead" and (row_groups or is_later_part):
                    self._disown_content(element)
                    continue
                if continues_a_row:  # guard: documents.row-of-several-pages-is-one
                    self._join_rows(self._last_row(row_groups), self._drawn.at(element["K"].pop(0)))
                    continues_a_row = False
                if element["K"]:
                    element["P"] = top[first]
                    row_groups.append(group)
        for page, owners in zip(self._pages, self._owners, strict=True):
            self._mark_artifacts(page, owners)
        roles = [
            (role, cell)
            for role, cell in self._drawn.roles
            if role != LINES and cell not in self._dropped
        ]
        return StructureElements(
            top[:first], top[first], row_groups, top[last + 1 :], self._owners, roles
        )

    def _table_of(self, cell: bytes) -> bytes:
        element = cell
        while self._drawn.at(element)["S"] != "/Table":
            element = self._drawn.at(element)["P"]
        return element

    def _last_row(self, row_groups: list[bytes]) -> Any:
        return self._drawn.at(self._drawn.at(row_groups[-1])["K"][-1])

    def _join_rows(self, row: Any, continuation: Any) -> None:
        """Give the content of a row's continuation on another page to the cells of the row."""
        for reference, other in zip(row["K"], continuation["K"], strict=True):
            cell, continued = self._drawn.at(reference), self._drawn.at(other)
            page = continued["Pg"]
            for child in continued["K"]:
                if isinstance(child, int):
                    # A number alone would be that of a content of the cell's own page.
                    cell["K"].append({"Type": "/MCR", "Pg": page, "MCID": child})
                    self._own_content(child, continued, cell.reference)
                else:
                    self._drawn.at(child)["P"] = cell.reference
                    cell["K"].append(child)

    def _own_content(self, content: int, element: Any, owner: bytes | None) -> None:
        """Note the owner of a marked content that stands on the element's page."""
        self._owners[self._page_index[object_number(element["Pg"])]][content] = owner

    def _disown_content(self, element: Any) -> None:
        self._dropped.add(element.reference)
        for child in element["K"]:
            if isinstance(child, int):
                self._own_content(child, element, None)
            else:
                self._disown_content(self._drawn.at(child))

    def _repaired_children(self, element: Any, *, in_head: bool) -> list[Any]:
        """Return the element's children without those that have no meaning."""
        children: list[Any] = []
        for child in element["K"]:
            if isinstance(child, int):
                children.append(child)
                self._own_content(child, element, element.reference)
                continue
            children.extend(self._repaired(element, self._drawn.at(child), in_head=in_head))
        return children

    def _repaired(self, element: Any, child: Any, *, in_head: bool) -> Iterator[Any]:
        """Yield the child, or its own children when it has no meaning, or nothing when empty."""
        name = child["S"]
        if name == "/Figure" and "Alt" not in child:  # guard: brands.decoration-is-an-artifact
            self._disown_content(child)
            return
        in_head = in_head or name == "/THead"
        child["K"] = type(child["K"])(self._repaired_children(child, in_head=in_head))
        repeats_parent = name == element["S"] and name.startswith("/H")
        if (name in _WITHOUT_MEANING or repeats_parent) and self._fits(child, element):
            for grandchild in child["K"]:
                if isinstance(grandchild, int):
                    self._own_content(grandchild, child, element.reference)
                else:
                    self._drawn.at(grandchild)["P"] = element.reference
                yield grandchild
        elif child["K"] or name in _KEPT_WHEN_EMPTY:
            if name in _WITHOUT_MEANING:
                child["S"] = "/P"
            child["P"] = element.reference
            self._repair_attributes(child, in_head=in_head)
            yield child.reference

    def _fits(self, child: Any, element: Any) -> bool:
        """Return whether the child's content may stand in the element directly.

        Only the document's own element, which has no page, may not hold content.
        """
        return "Pg" in element or not any(isinstance(item, int) for item in child["K"])

    def _repair_attributes(self, element: Any, *, in_head: bool) -> None:
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
            height = self._drawn.at(element["Pg"])["MediaBox"][3]
            element["A"]["BBox"][:] = [left, height - bottom, right, height - top]

    def _mark_artifacts(self, page: Any, owners: list[bytes | None]) -> None:
        commands = stream_commands(self._drawn.content_of(page))
        for position, command in enumerate(commands):
            if isinstance(command, dict) and owners[command["MCID"]] is None:
                commands[position - 1] = "/Artifact"
                commands[position] = b"<</Type /Pagination>>"
