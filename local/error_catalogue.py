"""docs/errors.md, made from the source: every error that Closebook raises, by class and code.

`make docs` writes the page. What an error's text leaves open is in local/error_advice.py.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path

from closebook import errors
from closebook.errors import ClosebookError, Misconfigured, NotReady, Transient, WrongData
from local import REPOSITORY
from local.error_advice import ADVICE
from local.errors import StackError

PAGE = REPOSITORY / "docs" / "errors.md"
STORE_SCHEMA = REPOSITORY / "sql" / "reporting" / "schema.sql"
FOLDERS = ("plugins", "dags", "local", "benchmarks")
VALUE = "…"

_PREAMBLE = """\
# Errors

Made from the source by `make docs`; do not edit. Each error that Closebook raises on purpose is
here. Its text begins with its code, which never changes. The second word of the code is the class,
and the class says what to do: [Errors](operations.md#errors) in operations.md explains the classes.
In a text below, … stands for a name or a number.
"""
_CLASSES: Mapping[type[ClosebookError], tuple[str, str]] = {
    NotReady: ("NotReady: wait", "The period cannot be proved complete yet. Airflow tries again."),
    Transient: (
        "Transient: a server was lost",
        "A server failed or was lost. Airflow tries again.",
    ),
    WrongData: (
        "WrongData: stop, and find the cause",
        "Numbers do not add up, or somebody would read a wrong number. No retry helps.",
    ),
    Misconfigured: (
        "Misconfigured: correct it",
        "A setting, a connection or a parameter is wrong. No retry helps until it is corrected.",
    ),
    StackError: (
        "StackError: the stack on one machine",
        "A command of the stack on one machine, or a benchmark, cannot do what was asked.",
    ),
}


@dataclass(frozen=True)
class RaisedError:
    """An error as a place of the source makes it: code and text, with … for values.

    ``code`` is None where the first argument is no literal.
    """

    place: str
    kind: type[ClosebookError]
    code: str | None
    text: str


@cache
def raised_errors() -> Sequence[RaisedError]:
    """Return every place of the source where an error of Closebook is made, in the source's order.

    A class whose constructor takes no code has it in its own call of the base's constructor: that
    call is the place.
    """
    modules = {path: ast.parse(path.read_text(encoding="utf-8")) for path in _paths()}
    classes = _error_classes(modules.values())
    return [
        raised
        for path, module in modules.items()
        for raised in _of_module(path.relative_to(REPOSITORY), module, classes)
    ]


def errors_of_triggers() -> list[RaisedError]:
    """Return what the triggers and functions of the reporting store raise."""
    schema = STORE_SCHEMA.read_text(encoding="utf-8")
    messages = re.findall(r"raise exception using.*?message = (.*?)(?:;|,\n)", schema, re.DOTALL)
    texts = [
        "".join(
            part[1:-1] if part.startswith("'") else VALUE
            for part in re.split(r"\s*\|\|\s*", message)
        )
        for message in messages
    ]
    name = str(STORE_SCHEMA.relative_to(REPOSITORY))
    return [RaisedError(name, _kind_of(text), *text.split(": ", 1)) for text in texts]


def _kind_of(text: str) -> type[ClosebookError]:
    return Misconfigured if text.startswith("CB-CONFIG-") else WrongData


def page() -> str:
    """Return the text of docs/errors.md."""
    all_errors = [*errors_of_triggers(), *raised_errors()]
    by_code = {error.code: error for error in all_errors if error.code is not None}
    order = [*_CLASSES]
    entries = sorted(
        by_code.values(), key=lambda error: (order.index(error.kind), error.code or "")
    )
    sections = [_PREAMBLE]
    for kind, of_kind in groupby(entries, key=lambda error: error.kind):
        title, meaning = _CLASSES[kind]
        rows = "\n".join(_row(error) for error in of_kind)
        head = "| code | text | what to do |\n|---|---|---|"
        sections.append(f"## {title}\n\n{meaning}\n\n{head}\n{rows}\n")
    return "\n".join(sections)


def _row(error: RaisedError) -> str:
    text = error.text.replace("|", "\\|")
    advice = ADVICE.get(error.code or "", "As the text says.")
    # A text with backticks is quoted by two of them (CommonMark, code spans).
    quoted = f"`` {text} ``" if "`" in text else f"`{text}`"
    return f"| `{error.code}` | {quoted} | {advice} |"


def _paths() -> list[Path]:
    return sorted(path for folder in FOLDERS for path in (REPOSITORY / folder).rglob("*.py"))


@dataclass(frozen=True)
class _ErrorClass:
    """One class of the tree: under which of the four, and what its own constructor passes on."""

    kind: type[ClosebookError]
    passed_on: ast.Call | None = None

    @property
    def takes_code(self) -> bool:
        return self.passed_on is None or not isinstance(self.passed_on.args[0], ast.Constant)


def _error_classes(modules: Iterable[ast.Module]) -> dict[str, _ErrorClass]:
    known = {kind.__name__: _ErrorClass(kind) for kind in _CLASSES}
    defined = [
        node for module in modules for node in ast.walk(module) if isinstance(node, ast.ClassDef)
    ]
    while found := [
        (node, base)
        for node in defined
        if node.name not in known
        for base in map(_name, node.bases)
        if base in known
    ]:
        for node, base in found:
            parent = known[base]
            known[node.name] = _ErrorClass(parent.kind, _passed_on(node) or parent.passed_on)
    return known


def _passed_on(defined: ast.ClassDef) -> ast.Call | None:
    """The call of the base's constructor in a class's own constructor."""
    for node in ast.walk(defined):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "super().__init__":
            return node
    return None


def _of_module(
    path: Path, module: ast.Module, classes: Mapping[str, _ErrorClass]
) -> Iterator[RaisedError]:
    if path.name == Path(errors.__file__).name and path.parent.name == "closebook":
        return
    scopes = _Scopes.of(module)
    for node in ast.walk(module):
        if isinstance(node, ast.ClassDef) and node.name in classes:
            own = classes[node.name]
            call = _passed_on(node)
            if call is not None and not own.takes_code:
                yield _raised_error(path, own.kind, call, scopes.text(call.args[1], node))
        if isinstance(node, ast.Call) and _name(node.func) in classes:
            used = classes[_name(node.func)]
            if not used.takes_code:
                continue
            if used.passed_on is not None:
                text = scopes.text(used.passed_on.args[1], node)
            else:
                text = scopes.text(node.args[1], node) if len(node.args) > 1 else VALUE
            yield _raised_error(path, used.kind, node, text)


def _raised_error(path: Path, kind: type[ClosebookError], call: ast.Call, text: str) -> RaisedError:
    first = call.args[0] if call.args else None
    code = first.value if isinstance(first, ast.Constant) else None
    return RaisedError(f"{path}:{call.lineno}", kind, code if isinstance(code, str) else None, text)


@dataclass(frozen=True)
class _Scopes:
    """The functions of a module, in which the parts of a text are looked up."""

    functions: Mapping[str, ast.FunctionDef]

    @classmethod
    def of(cls, module: ast.Module) -> "_Scopes":
        found = [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)]
        return cls({function.name: function for function in found})

    def text(self, node: ast.expr, user: ast.AST) -> str:
        """The text that an expression makes, with … for what is not known before it runs."""
        if isinstance(node, ast.Constant):
            return str(node.value)
        if isinstance(node, ast.JoinedStr):
            return "".join(self.text(part, user) for part in node.values)
        if isinstance(node, ast.Name):
            assigned = self._assigned(node.id, user)
            return VALUE if assigned is None else self.text(assigned, user)
        if isinstance(node, ast.Call) and _name(node.func) in self.functions:
            called = self.functions[_name(node.func)]
            last = called.body[-1]
            if len(called.body) == 1 and isinstance(last, ast.Return) and last.value is not None:
                return self.text(last.value, called)
        return VALUE

    def _assigned(self, name: str, user: ast.AST) -> ast.expr | None:
        """The text that a variable of the same function was given."""
        for function in self.functions.values():
            if user in ast.walk(function):
                for node in ast.walk(function):
                    if (
                        isinstance(node, ast.Assign)
                        and [name] == [_name(target) for target in node.targets]
                        and isinstance(node.value, ast.JoinedStr)
                    ):
                        return node.value
        return None


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
