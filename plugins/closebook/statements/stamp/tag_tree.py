"""Write the tag tree of a stamped statement."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from closebook.statements.pdf.object_writer import ObjectWriter, reference, text_string
from closebook.statements.pdf.page_roles import identifier_of, role_of
from closebook.statements.stamp.layout import Layout, TagNode

Content = tuple[int, int]
"""A page's index, and the number of a marked content there."""

RowShape = tuple[tuple[int, int], ...]
"""The texts of a row in the order of drawing: the index of the cell, and how many lines."""


@dataclass
class TaggedRow:
    """A row on a page: its first marked content, and which contents its cells have.

    A row at a page break has ``node`` in place of these; ``contents`` has the marked contents of
    its elements.
    """

    page: int
    first: int
    shape: RowShape
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
    """Writes the elements of one statement. ``templates`` are those of its layout so far."""

    def __init__(
        self,
        writer: ObjectWriter,
        pages: Sequence[int],
        counts: Sequence[int],
        chart_text: str,
        templates: "dict[RowShape, RowTemplate]",
    ) -> None:
        self._templates = templates
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
        owners, kids, page = self._tags.owners, [], None
        for kid in node.kids:
            if isinstance(kid, TagNode):
                kids.append(self._node(kid, number, contents))
            else:
                for page, content in contents[kid]:
                    owners[page][content] = number
                    kids.append(b"%d" % content)
        own = b"%d 0 R" % number
        after = b"/Alt " + text_string(self._chart_text) if node.is_chart else b""
        if node.identifier is not None:
            role = role_of(node.identifier) or ""
            self._role_counts[role] += 1
            identifier, syntax = _identifier(role, self._role_counts[role])
            after += syntax
            self._tags.identified[identifier] = own
        self._writer.add(
            b"<</Type /StructElem/S %s/P %d 0 R%s%s%s/K [%s]>>"
            % (
                node.name,
                parent,
                b"" if page is None else b"/Pg %d 0 R" % self._pages[page],
                node.attributes,
                after,
                b" ".join(kids),
            ),
            number,
        )
        return own

    def _row(self, row: TaggedRow, group: int) -> bytes:
        if row.node is not None:
            return self._node(row.node, group, row.contents)
        template = self._templates.get(row.shape)
        if template is None:
            if len(self._templates) > _KEPT_TEMPLATES:
                self._templates.clear()
            template = self._templates[row.shape] = RowTemplate(self._row_syntax, row.shape)
        number = self._writer.reserve(template.count)
        self._writer.add_all(template.objects(number, group, self._pages[row.page], row.first))
        owners = [number + each for each in template.owners]
        self._tags.owners[row.page][row.first : row.first + len(owners)] = owners
        return b"%d 0 R" % number


class RowTemplate:
    """The syntax of the elements of a row whose texts have a certain number of lines.

    The objects have ``count`` numbers that follow each other, the row has the first one.
    ``owners`` say which of them has each content of the row.
    """

    def __init__(self, attributes: Sequence[bytes], shape: RowShape) -> None:
        self.count = 1
        self.owners: list[int] = []
        self._numbers: list[int] = []
        self._syntax: list[bytes] = []
        # What fills the places in the syntax: the row's number, or another one, and an offset.
        self._places: list[tuple[int, int]] = []
        cells = []
        for index, syntax in enumerate(attributes):
            texts = [at for at, (column, _) in enumerate(shape) if column == index]
            cells.append(self._cell(syntax, shape, texts))
        self._add(b"TR", b"", 0, (_GROUP, 0), [(_ROW, cell) for cell in cells])
        self._whole = _BETWEEN.join(self._syntax)

    def objects(
        self, number: int, group: int, page: int, first: int
    ) -> Iterator[tuple[int, bytes]]:
        """Return the objects of a row, each with its number. ``first`` is its first content."""
        known = number, group, page, first
        syntax = self._whole % tuple([known[of] + offset for of, offset in self._places])
        return zip([number + each for each in self._numbers], syntax.split(_BETWEEN), strict=True)

    def _cell(self, attributes: bytes, shape: RowShape, texts: Sequence[int]) -> int:
        """Add a cell with some texts of the row, and return its number from that of the row."""
        cell = self._next()
        kids = []
        for at in texts:
            owner = cell if len(texts) == 1 else self._next()
            first = sum(count for _, count in shape[:at])
            contents = [(_CONTENT, first + each) for each in range(shape[at][1])]
            self.owners += [owner] * (first + len(contents) - len(self.owners))
            self.owners[first : first + len(contents)] = [owner] * len(contents)
            if owner == cell:
                kids = contents
            else:
                self._add(b"P", b"", owner, (_ROW, cell), contents)
                kids.append((_ROW, owner))
        self._add(b"TD", attributes, cell, (_ROW, 0), kids)
        return cell

    def _next(self) -> int:
        self.count += 1
        return self.count - 1

    def _add(
        self,
        name: bytes,
        attributes: bytes,
        number: int,
        parent: tuple[int, int],
        kids: Sequence[tuple[int, int]],
    ) -> None:
        syntax = b" ".join([b"%d" if of == _CONTENT else b"%d 0 R" for of, _ in kids])
        self._numbers.append(number)
        self._syntax.append(
            b"<</Type /StructElem/S /%s/P %%d 0 R/Pg %%d 0 R%s/K [%s]>>"
            % (name, attributes.replace(b"%", b"%%"), syntax)
        )
        self._places += [parent, (_PAGE, 0), *kids]


@lru_cache(maxsize=1_000)
def _identifier(role: str, count: int) -> tuple[str, bytes]:
    """Return the identifier of an element of a role, and its entry."""
    identifier = identifier_of(role, count)
    return identifier, b"/ID " + text_string(identifier)


_KEPT_TEMPLATES = 1_000
_ROW, _GROUP, _PAGE, _CONTENT = range(4)
_BETWEEN = b"\0"
