"""Pages that WeasyPrint has drawn: PDF objects in memory, made with the library pydyf.

The functions of this module are the only access to pydyf's objects. An object is a dictionary, a
stream, or a string; a reference to an object is bytes such as ``b"12 0 R"``.
"""

from collections.abc import Sequence
from typing import Any

LINES = "lines"
"""The role of the table of the statement's lines."""


def object_number(reference: bytes) -> int:
    """Return the number of the object that a reference such as ``b"12 0 R"`` names."""
    return int(reference.split(b" ", 1)[0])


def is_stream(value: Any) -> bool:
    """Return whether an object is a stream."""
    return hasattr(value, "stream")


def stream_dictionary(stream: Any) -> dict[str, Any]:
    """Return the entries of a stream's dictionary, to be read or changed."""
    entries: dict[str, Any] = stream.extra
    return entries


def stream_commands(stream: Any) -> list[Any]:
    """Return the commands of a stream, to be read or changed: most are bytes, a line each."""
    commands: list[Any] = stream.stream
    return commands


def string_syntax(value: Any) -> bytes | None:
    """Return a string as PDF syntax; None for a value that is not a string object."""
    syntax: bytes | None = getattr(value, "data", None)
    return syntax


class DrawnPages:
    """The objects of some pages, the catalog that leads to them, and their structure tree.

    ``pages_that_continue_a_line`` are the indexes of the pages whose first line of the statement
    begins on an earlier page. ``roles`` are the roles of cells, such as that of the opening,
    each with the reference to the cell's element. A cell of the table of lines has LINES.
    """

    def __init__(
        self,
        pdf: Any,
        pages_that_continue_a_line: frozenset[int] = frozenset(),
        roles: Sequence[tuple[str, bytes]] = (),
    ) -> None:
        self._pdf = pdf
        self.pages_that_continue_a_line = pages_that_continue_a_line
        self.roles = roles

    @property
    def objects(self) -> list[Any]:
        """All objects; an object's place in the list is its number."""
        found: list[Any] = self._pdf.objects
        return found

    def at(self, reference: bytes) -> Any:
        """Return the object that a reference names."""
        return self._pdf.objects[object_number(reference)]

    @property
    def pages(self) -> list[Any]:
        """The page dictionaries, in order."""
        # pydyf keeps a reference in this list as three items: 12, 0 and "R".
        return [self._pdf.objects[number] for number in self._pdf.pages["Kids"][::3]]

    @property
    def page_tree(self) -> Any:
        """The root of the page tree."""
        return self._pdf.pages

    @property
    def structure_tree(self) -> Any:
        """The root of the structure tree, of pages that were drawn with tags."""
        return self.at(self._pdf.catalog["StructTreeRoot"])

    def fonts_of(self, page: Any) -> Any:
        """Return the dictionary of a page's fonts: a reference for each name."""
        return self.at(self.resources_of(page)["Font"])

    def add_stream(self, commands: list[Any]) -> bytes:
        """Add a stream, and return the reference to it."""
        import pydyf

        return self._add(pydyf.Stream(commands))

    def add_copy(self, dictionary: Any, **changes: bytes) -> bytes:
        """Add a copy of a dictionary with other entries, and return the reference to it."""
        import pydyf

        return self._add(pydyf.Dictionary({**dictionary, **changes}))

    def _add(self, value: Any) -> bytes:
        self._pdf.add_object(value)
        reference: bytes = value.reference
        return reference

    def content_of(self, page: Any) -> Any:
        """Return the stream that draws a page."""
        return self.at(page["Contents"])

    def resources_of(self, page: Any) -> Any:
        """Return the dictionary of the fonts and pictures that a page uses."""
        return self.at(page["Resources"])
