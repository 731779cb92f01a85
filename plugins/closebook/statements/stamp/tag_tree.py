"""Write the tag tree of a stamped statement."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from closebook.statements.pdf.object_writer import ObjectWriter, reference, text_string
from closebook.statements.pdf.page_roles import identifier_of, role_of
from closebook.statements.stamp.layout import Layout, TagNode

Content = tuple[int, int]
"""A page's index, and the number of a marked content there."""


@dataclass
class TaggedRow:
    """A row on a page: the marked contents of each text of each cell.

    A row at a page break has ``node`` in place of cells; ``contents`` has the marked contents of
    its elements.
    """

    page: int
    cells: Sequence[Sequence[Sequence[int]]]
    node: TagNode | None = None
    contents: Mapping[int, Sequence[Content]] = field(default_factory=dict)


@dataclass
class WrittenTags:
    """The elements that belong to the document and to the table of lines, as references.

    ``identified`` are the elements by their identifiers. ``owners`` has the element of each marked
    content of each page.
    """

    before: list[bytes] = field(default_factory=list)
    groups: list[bytes] = field(default_factory=list)
    after: list[bytes] = field(default_factory=list)
    identified: dict[str, bytes] = field(default_factory=dict)
    owners: list[list[int]] = field(default_factory=list)


class TagTreeWriter:
    """Writes the elements of one statement."""

    def __init__(
        self, writer: ObjectWriter, pages: Sequence[int], counts: Sequence[int], chart_text: str
    ) -> None:
        self._writer, self._pages, self._chart_text = writer, pages, chart_text
        self._tags = WrittenTags(owners=[[0] * count for count in counts])
        self._role_counts: Counter[str] = Counter()

    def write(
        self,
        layout: Layout,
        contents: Mapping[int, Sequence[Content]],
        rows: Sequence[TaggedRow],
        closing_page: int,
        document: int,
        table: int,
    ) -> WrittenTags:
        """Write all elements. ``contents`` has the place of each piece of the layout, by key."""
        tags = self._tags
        tags.before = [self._node(node, document, contents) for node in layout.before_tags]
        tags.groups = [self._node(layout.head_tags, table, contents)]
        self._row_syntax = [
            b"/A " + each.removeprefix(b"/A ") if each else b"" for each in layout.rows.attributes
        ]
        first = 0
        for page in range(closing_page + 1):
            end = first
            while end < len(rows) and rows[end].page == page:
                end += 1
            group = self._writer.reserve()
            kids = []
            if page == 0:
                kids.append(self._node(layout.opening_tags, group, contents))
            kids += [self._row(row, group) for row in rows[first:end]]
            if page == closing_page:
                kids.append(self._node(layout.closing_tags, group, contents))
            first = end
            self._writer.add(
                b"<</Type /StructElem/S /TBody/P %s/Pg %s/K [%s]>>"
                % (reference(table), reference(self._pages[page]), b" ".join(kids)),
                group,
            )
            tags.groups.append(reference(group))
        tags.after = [self._node(node, document, contents) for node in layout.after_tags]
        return tags

    def _node(self, node: TagNode, parent: int, contents: Mapping[int, Sequence[Content]]) -> bytes:
        number = self._writer.reserve()
        kids, page = [], None
        for kid in node.kids:
            if isinstance(kid, TagNode):
                kids.append(self._node(kid, number, contents))
            else:
                for page, content in contents[kid]:
                    self._tags.owners[page][content] = number
                    kids.append(b"%d" % content)
        parts = [b"<</Type /StructElem/S ", node.name, b"/P ", reference(parent)]
        if page is not None:
            parts += [b"/Pg ", reference(self._pages[page])]
        parts.append(node.attributes)
        if node.is_chart:
            parts += [b"/Alt ", text_string(self._chart_text)]
        if node.identifier is not None:
            role = role_of(node.identifier) or ""
            self._role_counts[role] += 1
            identifier = identifier_of(role, self._role_counts[role])
            parts += [b"/ID ", text_string(identifier)]
            self._tags.identified[identifier] = reference(number)
        parts += [b"/K [", b" ".join(kids), b"]>>"]
        self._writer.add(b"".join(parts), number)
        return reference(number)

    def _row(self, row: TaggedRow, group: int) -> bytes:
        if row.node is not None:
            return self._node(row.node, group, row.contents)
        writer, owners = self._writer, self._tags.owners[row.page]
        number = writer.reserve()
        page = reference(self._pages[row.page])
        kids = []
        for attributes, texts in zip(self._row_syntax, row.cells, strict=True):
            cell = writer.reserve()
            inside = b""
            if len(texts) == 1:
                inside = _contents(texts[0], cell, owners)
            elif texts:
                inside = b" ".join([self._paragraph(text, cell, page, owners) for text in texts])
            writer.add(
                b"<</Type /StructElem/S /TD/P %d 0 R/Pg %s%s/K [%s]>>"
                % (number, page, attributes, inside),
                cell,
            )
            kids.append(b"%d 0 R" % cell)
        writer.add(
            b"<</Type /StructElem/S /TR/P %d 0 R/Pg %s/K [%s]>>" % (group, page, b" ".join(kids)),
            number,
        )
        return reference(number)

    def _paragraph(
        self, contents: Sequence[int], cell: int, page: bytes, owners: list[int]
    ) -> bytes:
        number = self._writer.reserve()
        self._writer.add(
            b"<</Type /StructElem/S /P/P %d 0 R/Pg %s/K [%s]>>"
            % (cell, page, _contents(contents, number, owners)),
            number,
        )
        return reference(number)


def _contents(contents: Sequence[int], owner: int, owners: list[int]) -> bytes:
    """Note the owner of some contents, and return their numbers."""
    for content in contents:
        owners[content] = owner
    return b" ".join([b"%d" % each for each in contents])
