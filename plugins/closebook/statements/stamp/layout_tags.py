"""The tag tree of a layout: the elements that each statement has once, and their pieces."""

from collections.abc import Iterable, Sequence

from closebook.statements.stamp.layout import Block, PagePieces, TagNode
from closebook.statements.stamp.outside_layout import OutsideLayout
from closebook.statements.stamp.probe_pages import KEYS_PER_PAGE, ProbePages
from closebook.statements.stamp.row_rules import tagged_rows


class SplitTags:
    """The tag tree of a probe, split into what is before and after the lines."""

    def __init__(self, pages: ProbePages) -> None:
        kids = pages.document.kids
        at = next(
            index
            for index, kid in enumerate(kids)
            if isinstance(kid, TagNode) and kid.identifier == "closebook:lines"
        )
        nodes = [kid for kid in kids if isinstance(kid, TagNode)]
        self.before, self.after = tuple(nodes[:at]), tuple(nodes[at + 1 :])
        groups = [kid for kid in nodes[at].kids if isinstance(kid, TagNode)]
        if groups[0].name != b"/THead":
            raise OutsideLayout("not-compiled", "the lines have no heads")
        self.head = groups[0]
        rows = tagged_rows(pages)
        self.opening, self.closing = rows[0], rows[-1]

    @property
    def furniture(self) -> tuple[TagNode, ...]:
        """All elements that each statement has once."""
        return (*self.before, self.head, self.opening, self.closing, *self.after)


def keys_of(place: PagePieces | Block) -> list[int]:
    """Return the keys in the tag tree of what the pieces of a place draw."""
    pieces = place.pieces if isinstance(place, Block) else (*place.before, *place.margins)
    return [piece.key for piece in pieces if piece.key is not None]


def require_pieces(nodes: Iterable[TagNode | int], keys: set[int]) -> None:
    """Raise OutsideLayout if an element of the tag tree has a content that no piece draws."""
    for node in nodes:
        if isinstance(node, TagNode):
            require_pieces(node.kids, keys)
        elif node not in keys:  # guard: stamp.every-tag-has-its-piece
            page, content = divmod(node, KEYS_PER_PAGE)
            raise OutsideLayout(
                "not-compiled",
                f"content {content} of page {page + 1} of a probe is in the tag tree, and in no "
                "part of the page that is understood",
            )


def heading_keys(nodes: Iterable[TagNode | int]) -> list[int]:
    """Return the content of each heading, in reading order."""
    found: list[int] = []
    for node in nodes:
        if isinstance(node, TagNode):
            if node.name in (b"/H1", b"/H2", b"/H3"):
                found += [kid for kid in node.kids[:1] if isinstance(kid, int)]
            else:
                found += heading_keys(node.kids)
    return found


def block_of(key: int, tail: Sequence[Block]) -> int:
    """Return the index of the block that has a content. Raises OutsideLayout if none has it."""
    for index, block in enumerate(tail):
        if any(piece.key == key for piece in block.pieces):
            return index
    raise OutsideLayout("not-compiled", "a heading after the lines is in no block")
