"""The operators: each changes a marked place so that its guard has no effect."""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, TypeVar

from tests.mutants.markers import NoLongerApplies, Place

MAX_TOKEN_LENGTH = 40

Node = TypeVar("Node", bound=ast.stmt | ast.expr)

_COMPOUND = (
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.If, ast.For, ast.While),
    *(ast.With, ast.Try, ast.Match, ast.AsyncFor, ast.AsyncWith),
)
# `where x`, `and x,`, `having x`, `join y on x`, `if x then`, `x as name,`; or the line is x alone.
_LINE_CONDITION = re.compile(
    r"(?P<before>\s*(?:(?:[\w. ]*\bjoin\b.*?\bon|where|and|or|having|if|on|when)\b\s+)?)"
    r"(?P<condition>.+?)"
    r"(?P<after>\s+then|\s+as\s+\w+,?|,|;)?\s*",
    re.IGNORECASE,
)


class Operator(Protocol):
    """Takes a guard out."""

    def without(self, place: Place) -> str:
        """Return the place's file without the guard. Raises NoLongerApplies."""
        ...


@dataclass(frozen=True)
class Condition:
    """The condition of the marked line becomes true or false.

    In Python that of an `if`, a `while`, a conditional expression or a comprehension; in SQL and
    Lua what stands on the line after `where`, `and`, `on`, `having`, `if`, or alone.
    """

    value: bool

    def without(self, place: Place) -> str:
        """Return the file with the condition's value in the condition's place."""
        if place.is_python:
            condition = _only_one(place, "condition", _conditions(place))
            return _replaced(place.text, _span(place.text, condition), str(self.value))
        found = _LINE_CONDITION.fullmatch(place.code)
        if found is None or found["condition"].count("(") != found["condition"].count(")"):
            raise NoLongerApplies(f"{place}: no whole condition on the line {place.code!r}")
        value = str(self.value).lower()
        return _with_code(place, f"{found['before']}{value}{found['after'] or ''}")


@dataclass(frozen=True)
class Removed:
    """The marked statement is not there: in Python `pass` stands for it; in SQL the line goes."""

    def without(self, place: Place) -> str:
        """Return the file without the statement."""
        if place.is_python:
            statement = _only_one(place, "statement", _simple_statements(place))
            return _replaced(place.text, _span(place.text, statement), "pass")
        lines = place.text.split("\n")
        del lines[place.line_number - 1]
        return "\n".join(lines)


@dataclass(frozen=True)
class Value:
    """What the marked statement returns or assigns becomes another expression. Python only."""

    new: str

    def without(self, place: Place) -> str:
        """Return the file with the new expression."""
        _refuse_unless_python(place, self)
        values = [
            statement.value
            for statement in _simple_statements(place)
            if isinstance(statement, ast.Return | ast.Assign | ast.AnnAssign) and statement.value
        ]
        value = _only_one(place, "returned or assigned value", values)
        return _replaced(place.text, _span(place.text, value), self.new)


@dataclass(frozen=True)
class Unwrapped:
    """The marked `with` enters nothing: its block runs as it is. Python only."""

    def without(self, place: Place) -> str:
        """Return the file with `if True:` in the place of the `with`."""
        _refuse_unless_python(place, self)
        block = _only_one(place, "with", _with_blocks(place))
        start, _ = _span(place.text, block)
        _, end = _span(place.text, _end_of_header(block))
        to_block = re.match(rb"(?:#[^\n]*|[^:])*:", place.text.encode()[end:])
        if to_block is None:
            raise NoLongerApplies(f"{place}: the with has no block")
        return _replaced(place.text, (start, end + to_block.end()), "if True:")


@dataclass(frozen=True)
class Token:
    """A token of the marked line becomes another one."""

    old: str
    new: str

    def without(self, place: Place) -> str:
        """Return the file with the new token; the old one is found once in the line."""
        if len(self.old) > MAX_TOKEN_LENGTH:
            raise NoLongerApplies(f"{place}: {self.old!r} is a copy of the line, not a token of it")
        before, after = _boundary(self.old[0], "<!"), _boundary(self.old[-1], "!")
        pattern = re.compile(f"{before}{re.escape(self.old)}{after}")
        found = pattern.findall(place.code)
        if len(found) != 1:
            raise NoLongerApplies(
                f"{place}: {self.old!r} is there {len(found)} times in {place.code.strip()!r}"
            )
        return _with_code(place, pattern.sub(lambda _: self.new, place.code))


def _boundary(character: str, looking: str) -> str:
    """A pattern that forbids the token to be a part of a longer word or sign."""
    if re.match(r"\w", character):
        return rf"(?{looking}\w)"
    return rf"(?{looking}[<>=!])" if character in "<>=!" else ""


def _with_code(place: Place, code: str) -> str:
    """The file with another text in the place of the marked line's code; its comment stays."""
    lines = place.text.split("\n")
    lines[place.line_number - 1] = code + place.line[len(place.code) :]
    return "\n".join(lines)


def _refuse_unless_python(place: Place, operator: Operator) -> None:
    if not place.is_python:
        raise NoLongerApplies(f"{place}: {type(operator).__name__} is for Python only")


def _only_one(place: Place, what: str, found: Iterable[Node]) -> Node:
    nodes = list(found)
    if len(nodes) != 1:
        raise NoLongerApplies(f"{place}: the line has {len(nodes)} of a {what}, not one")
    return nodes[0]


@lru_cache(maxsize=64)
def _nodes(text: str) -> list[ast.AST]:
    """Return the nodes of a file's code: most files have several guards."""
    return [*ast.walk(ast.parse(text))]


def _conditions(place: Place) -> Iterator[ast.expr]:
    for node in _nodes(place.text):
        if isinstance(node, ast.If | ast.While):
            if node.lineno <= place.line_number <= _last_line(node.test):
                yield node.test
        elif isinstance(node, ast.IfExp | ast.comprehension):
            conditions = [node.test] if isinstance(node, ast.IfExp) else node.ifs
            yield from (each for each in conditions if _covers(each, place.line_number))


def _simple_statements(place: Place) -> Iterator[ast.stmt]:
    for node in _nodes(place.text):
        if not isinstance(node, ast.stmt) or isinstance(node, _COMPOUND):
            continue
        if _covers(node, place.line_number):
            yield node


def _with_blocks(place: Place) -> Iterator[ast.With]:
    for node in _nodes(place.text):
        if not isinstance(node, ast.With):
            continue
        if node.lineno <= place.line_number <= _last_line(_end_of_header(node)):
            yield node


def _end_of_header(block: ast.With) -> ast.expr:
    last = block.items[-1]
    return last.optional_vars or last.context_expr


def _covers(node: ast.stmt | ast.expr, line_number: int) -> bool:
    return node.lineno <= line_number <= _last_line(node)


def _last_line(node: ast.stmt | ast.expr) -> int:
    return node.end_lineno or node.lineno


def _span(text: str, node: ast.stmt | ast.expr) -> tuple[int, int]:
    """Where a node begins and ends, in bytes of the text in UTF-8."""
    starts = [0]
    for line in text.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    end_column = node.end_col_offset or 0
    return starts[node.lineno - 1] + node.col_offset, starts[_last_line(node) - 1] + end_column


def _replaced(text: str, span: tuple[int, int], new: str) -> str:
    data = text.encode()
    return (data[: span[0]] + new.encode() + data[span[1] :]).decode()
