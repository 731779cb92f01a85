"""Finds the lines of the code that a marker names as a guard: `# guard: fence.grace`.

A marker is a comment at the end of the guarded line, or alone on the line above it. Two guards of
one line are two names in one comment: `-- guard: fence.workers, fence.autovacuum`.
"""

import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.migrations import Definition, definitions_in

FOLDERS = ("plugins", "dags", "sql", "deploy", "local")
COMMENT_SIGNS = {".py": "#", ".sql": "--", ".lua": "--", ".acl": "#", ".conf": "#"}
MIGRATIONS = "sql/reporting/migrations"
# What the migrations make, written out: a test holds it equal, and nothing is made from it.
SCHEMA = "sql/reporting/schema.sql"

_NAME = r"[a-z0-9]+(?:-[a-z0-9]+)*\.[a-z0-9]+(?:-[a-z0-9]+)*"
_MARKER = re.compile(rf"guard: ({_NAME}(?:, {_NAME})*)(?=\s|$)")


class NoLongerApplies(Exception):
    """A guard cannot be taken out: its marker or the code at its marker has changed."""


@dataclass(frozen=True)
class Place:
    """A marked line of a file."""

    file: str
    """Its path below the tree."""
    text: str
    """All of the file."""
    line_number: int
    """The guarded line, from 1: not that of a marker above it."""

    @property
    def is_python(self) -> bool:
        """Whether operators may ask for a statement, not only for a line."""
        return self.file.endswith(".py")

    @property
    def line(self) -> str:
        """The guarded line with its comment."""
        return self.text.split("\n")[self.line_number - 1]

    @property
    def code(self) -> str:
        """The guarded line up to its comment."""
        sign = COMMENT_SIGNS[Path(self.file).suffix]
        marker = re.search(rf"\s*{sign} {_MARKER.pattern}", self.line)
        return self.line[: marker.start()] if marker else self.line

    def __str__(self) -> str:
        return f"{self.file}:{self.line_number}"


class Markers:
    """All markers of a tree."""

    def __init__(self, tree: Path) -> None:
        self._places: dict[str, list[Place]] = {}
        self._definitions: list[Definition] = []
        for path in _marked_files(tree):
            file, text = path.relative_to(tree).as_posix(), path.read_text(encoding="utf-8")
            if file.startswith(MIGRATIONS):
                self._definitions += definitions_in(file, text)
            for name, line_number in markers_in(file, text):
                self._places.setdefault(name, []).append(Place(file, text, line_number))

    @property
    def names(self) -> set[str]:
        """The guards that have a marker."""
        return set(self._places)

    def place(self, name: str) -> Place:
        """Return the one line of a guard; of a function in migrations, that of the last one.

        Raises NoLongerApplies when there is no marker or more than one, or when a later migration
        defines the function again without it.
        """
        places = self._places.get(name, [])
        if not places:
            raise NoLongerApplies(f"{name}: no file has the comment 'guard: {name}'")
        definitions = [self._definition_around(place) for place in places]
        if len(set(definitions)) < len(places) or (None in definitions and len(places) > 1):
            raise NoLongerApplies(f"{name}: marked {len(places)} times: {_listed(places)}")
        if definitions[0] is None:
            return places[0]
        key = definitions[0].key
        if any(found is None or found.key != key for found in definitions):
            raise NoLongerApplies(f"{name}: marked in two definitions: {_listed(places)}")
        last = next(found for found in reversed(self._definitions) if found.key == key)
        if last not in definitions:
            does = "drops" if last.is_dropped else "defines"
            raise NoLongerApplies(f"{name}: {last.file} {does} {key} again, without the marker")
        return places[definitions.index(last)]

    def _definition_around(self, place: Place) -> Definition | None:
        """What a migration defines at a place; None in other files and between definitions."""
        for found in self._definitions:
            if found.file == place.file and place.line_number in found.lines:
                return found
        return None


def markers_in(file: str, text: str) -> Iterator[tuple[str, int]]:
    """Yield each guard's name and the number of the line that its marker is about.

    Raises NoLongerApplies for a marker whose names are not of the form `group.rule-in-words`.
    """
    if "guard:" not in text:
        return
    lines = text.split("\n")
    sign = COMMENT_SIGNS[Path(file).suffix]
    for line_number, comment in _comments(text, sign, is_python=file.endswith(".py")):
        if "guard:" not in comment:
            continue
        marker = _MARKER.search(comment)
        if marker is None:
            raise NoLongerApplies(f"{file}:{line_number}: no names of guards in {comment!r}")
        guarded = line_number
        while _is_comment_or_blank(lines[guarded - 1], sign):
            guarded += 1
            if guarded > len(lines):
                raise NoLongerApplies(f"{file}:{line_number}: no line below this marker")
        for name in marker[1].split(", "):
            yield name, guarded


def _comments(text: str, sign: str, *, is_python: bool) -> Iterator[tuple[int, str]]:
    if is_python:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string
        return
    for line_number, line in enumerate(text.split("\n"), start=1):
        _, found, comment = line.partition(sign)
        if found:
            yield line_number, comment


def _is_comment_or_blank(line: str, sign: str) -> bool:
    return not line.strip() or line.lstrip().startswith(sign)


def _marked_files(tree: Path) -> Iterator[Path]:
    for folder in FOLDERS:
        for path in sorted((tree / folder).rglob("*")):
            if path.suffix in COMMENT_SIGNS and path != tree / SCHEMA:
                yield path


def _listed(places: list[Place]) -> str:
    return ", ".join(map(str, places))
