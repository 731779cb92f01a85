"""A file that a page may show."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class PageFile:
    """The content of a file that a page may show, and its media type."""

    content: bytes = field(repr=False)
    media_type: str
