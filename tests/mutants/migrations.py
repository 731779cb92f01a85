"""Which functions, views and triggers an SQL script creates or drops, and on which lines."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_KINDS = "function|procedure|view|materialized view|trigger"
_STATEMENT = re.compile(
    rf"\s*(?P<verb>create|drop)\s+(?:or\s+replace\s+)?(?:constraint\s+)?(?P<kind>{_KINDS})\s+"
    r"(?:if\s+(?:not\s+)?exists\s+)?(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
# Comments, string literals and bodies of functions: a semicolon in them ends no statement.
_OPAQUE = re.compile(
    r"--[^\n]*"
    r"|/\*.*?\*/"
    r"|'(?:[^']|'')*'"
    r"|(?P<quote>\$\w*\$).*?(?P=quote)"
    r"|\bbegin\s+atomic\b.*?^\s*end(?=\s*;)",
    re.IGNORECASE | re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Definition:
    """A statement that creates or drops something that a later migration can create again."""

    file: str
    key: str
    """Its kind and its name without the schema: overloads of a function count as one."""
    is_dropped: bool
    first_line: int
    last_line: int

    @property
    def lines(self) -> range:
        """The numbers of the statement's lines, from 1."""
        return range(self.first_line, self.last_line + 1)


def definitions_in(file: str, text: str) -> Iterator[Definition]:
    """Yield what a script creates or drops, in its order."""
    masked = _OPAQUE.sub(lambda opaque: re.sub(r"[^\n]", " ", opaque[0]), text)
    start = 0
    for end in [found.start() for found in re.finditer(";", masked)]:
        statement = _STATEMENT.match(masked, start, end)
        if statement is not None:
            is_dropped = statement["verb"].lower() == "drop"
            first_line = text.count("\n", 0, statement.start("verb")) + 1
            last_line = text.count("\n", 0, end) + 1
            kind = " ".join(statement["kind"].lower().split())
            for name in _names(statement["rest"], is_dropped=is_dropped):
                yield Definition(file, f"{kind} {name}", is_dropped, first_line, last_line)
        start = end + 1


def _names(rest: str, *, is_dropped: bool) -> Iterator[str]:
    """The names after a statement's kind; only a drop has several of them."""
    listed = re.sub(r"\([^)]*\)", "", rest).split(",") if is_dropped else [rest]
    for each in listed:
        name = re.match(r'\s*([\w".]+)', each)
        if name is not None:
            yield name[1].replace('"', "").rpartition(".")[2].lower()
