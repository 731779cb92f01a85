"""The files of a brand's folder, and the tables of its brand.toml.

A brand reads no file outside of its folder: a brand that a designer sent must not print a file of
the server. An error in a brand is Misconfigured, with the file, the key, and what to write.
"""

import re
import tomllib
from collections.abc import Collection, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from closebook.errors import Misconfigured
from closebook.statements.printable import printable

BRAND_FILE = "brand.toml"
_MAX_BYTES = 8 * 1024**2
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
# `printable` makes other line ends of these.
_LINE_ENDS = frozenset("\r\x0b\x0c\x85\u2028\u2029")


class BrandFolder:
    """The files of a brand. ``sha256`` is that of all files that were read."""

    def __init__(self, folder: Path) -> None:
        """Open the folder. Raises Misconfigured if there is none."""
        try:
            self._folder = folder.resolve(strict=True)
        except OSError as error:
            raise Misconfigured(
                "CB-CONFIG-BRAND-MISSING",
                f"the brand's folder {folder} cannot be read ({error.strerror}): set "
                "CLOSEBOOK_BRAND to a folder that has a brand.toml, or unset it",
            ) from None
        self._read: dict[str, bytes] = {}

    @property
    def sha256(self) -> str:
        """The sha256 of the names and contents of all files that were read."""
        digest = sha256()
        for name, content in sorted(self._read.items()):
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()

    def names(self, folder: str, suffix: str = "") -> list[str]:
        """Return the names of the files of a folder of the brand, such as ``words/de.toml``."""
        found = self._folder / folder
        if not found.is_dir():
            return []
        return sorted(
            path.relative_to(self._folder).as_posix()
            for path in found.rglob("*")
            if path.name.endswith(suffix) and not path.name.startswith(".") and not path.is_dir()
        )

    def has(self, name: str) -> bool:
        """Return whether there is a file of this name."""
        return (self._folder / name).exists()

    def read(self, name: str, asked_by: str = "") -> bytes:
        """Return the content of a file. ``asked_by`` is the file and key that name it."""
        if name not in self._read:
            self._read[name] = self._read_inside(name, asked_by)
        return self._read[name]

    def text(self, name: str) -> str:
        """Return the content of a file as text."""
        try:
            return self.read(name).decode("utf-8")
        except UnicodeDecodeError:
            raise self.wrong(name, "it is not UTF-8: save it as UTF-8") from None

    def toml(self, name: str) -> dict[str, Any]:
        """Return the values of a file of TOML."""
        try:
            values = tomllib.loads(self.text(name))
        except tomllib.TOMLDecodeError as error:
            raise self.wrong(name, f"it is no TOML: {error}") from None
        for place, text in _texts(values):
            unprintable = set(text) - set(printable(text)) - _LINE_ENDS
            if unprintable:  # guard: brands.texts-can-be-printed
                codes = ", ".join(f"U+{ord(each):04X}" for each in sorted(unprintable))
                raise self.wrong(name, f"{place}: take out {codes}, which no font can print")
        return values

    def wrong(self, name: str, what: str) -> Misconfigured:
        """Return the error for a file of the brand."""
        return Misconfigured("CB-CONFIG-BRAND", f"{self._folder / name}: {what}")

    def _read_inside(self, name: str, asked_by: str) -> bytes:
        where = asked_by or name
        try:
            path = (self._folder / name).resolve(strict=True)
            # guard: brands.no-file-outside-of-the-folder
            if not path.is_relative_to(self._folder):
                raise self.wrong(
                    where,
                    f"{name!r} leads out of the brand's folder: copy the file into the folder, and "
                    "write its path in the folder",
                )
            content = path.read_bytes()
        except (OSError, ValueError):
            raise self.wrong(
                where, f"there is no file {name!r}: write the path of a file of the brand's folder"
            ) from None
        if len(content) > _MAX_BYTES:
            raise self.wrong(where, f"{name!r} has more than {_MAX_BYTES // 1024**2} MB")
        return content


class Table:
    """A table of brand.toml, whose values are checked as they are read."""

    def __init__(self, folder: BrandFolder, name: str, values: object) -> None:
        self._folder, self._name, self._known = folder, name, list[str]()
        if not isinstance(values, dict):
            raise folder.wrong(BRAND_FILE, f"[{name}] must be a table")
        self._values: dict[str, Any] = values

    def wrong(self, key: str, what: str) -> Misconfigured:
        """Return the error for a key of the table."""
        where = f"[{self._name}] {key}" if self._name else key
        return self._folder.wrong(BRAND_FILE, f"{where}: {what}")

    def value(self, key: str, kind: type, default: Any, what: str) -> Any:
        """Return the value of a key, which must be of this type; ``what`` says what to write."""
        self._known.append(key)
        value = self._values.get(key, default)
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
            raise self.wrong(key, f"{self._values.get(key)!r} is no such value: write {what}")
        return value

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text of printable characters. Without a default the key is required."""
        value: str = self.value(key, str, default, f'a text, such as {key} = "…"')
        if not value.isprintable():
            raise self.wrong(key, "the text has a character that cannot be printed: take it out")
        return value

    def choice(self, key: str, choices: Collection[Any], default: Any) -> Any:
        """Return a value that must be one of these."""
        self._known.append(key)
        value = self._values.get(key, default)
        if value not in choices or isinstance(value, bool):
            written = ", ".join(f"{key} = {_toml(choice)}" for choice in choices)
            raise self.wrong(key, f"{value!r} is not one of its values: write one of {written}")
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        """Return true or false."""
        return bool(self.value(key, bool, default, f"{key} = true or {key} = false"))

    def millimetres(self, key: str, low: float, high: float, default: float) -> float:
        """Return a number of millimetres between two limits."""
        value = float(self.value(key, float, default, f"a number of millimetres, {key} = {low}"))
        if not low <= value <= high:
            raise self.wrong(
                key, f"{value:g} is out of range: write a number from {low:g} to {high:g}"
            )
        return value

    def colour(self, key: str, default: str) -> str:
        """Return a colour as ``#rrggbb``."""
        value: str = self.value(key, str, default, f'{key} = "#rrggbb"')
        if not _COLOUR.fullmatch(value):
            raise self.wrong(key, f'{value!r} is no colour: write {key} = "#rrggbb"')
        return value.lower()

    def table(self, key: str) -> "Table":
        """Return a table inside of this one; an empty table without the key."""
        self._known.append(key)
        name = f"{self._name}.{key}" if self._name else key
        return Table(self._folder, name, self._values.get(key, {}))

    def tables(self, key: str) -> "list[Table]":
        """Return the tables of an array of tables."""
        found: list[Any] = self.value(key, list, [], f"tables, each as [[{self._name}.{key}]]")
        return [Table(self._folder, f"[{self._name}.{key}]", each) for each in found]

    def end(self) -> None:
        """Raise Misconfigured for a key that was not read."""
        for key in self._values:
            if key not in self._known:
                known = ", ".join(self._known)
                raise self.wrong(key, f"there is no such key: write one of {known}")

    @property
    def is_empty(self) -> bool:
        """Whether the table has no key."""
        return not self._values


def _toml(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _texts(values: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Yield each text of a file of TOML, with the names of the keys that lead to it."""
    if isinstance(values, str):
        yield place, values
    elif isinstance(values, dict):
        for name, value in values.items():
            yield from _texts(value, f"{place}.{name}" if place else name)
    elif isinstance(values, list):
        for value in values:
            yield from _texts(value, place)
