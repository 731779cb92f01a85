"""The blocks of the page that a brand replaces: templates of Jinja2 that must keep some rules.

A block cannot switch off the escaping of the platform's texts, and reads no other file. A variable
that does not exist prints nothing, and gives a warning when a process loads the brand. So a brand
still works after an upgrade that removed a variable.
"""

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from jinja2 import (
    BaseLoader,
    ChainableUndefined,
    DictLoader,
    Environment,
    Template,
    TemplateSyntaxError,
    Undefined,
    meta,
    nodes,
)
from jinja2.sandbox import SandboxedEnvironment

from closebook.errors import Misconfigured
from closebook.statements.render.brand import Brand
from closebook.statements.render.content import KIND_WORD
from closebook.statements.render.sanitize import as_markup

# The names of the variables of a page, and of what each of them has.
# tests/statements/test_brands.py compares them with those of the view model.
VARIABLES: dict[str, Collection[str]] = {
    "page": (
        "language", "direction", "title", "page_number_parts", "han", "wide", "long_holder",
        "version", "correction", "period", "title_period", "running", "account_line", "first_day",
        "last_day", "issued_on",
    ),
    "issuer": ("name", "isolated_name", "address", "sender"),
    "holder": ("name", "address", "account_number", "locale"),
    "currency": ("code", "name"),
    "totals": (
        "opening", "credit", "debit", "fee", "closing", "closing_with_currency", "credit_count",
        "debit_count",
    ),
    "chart": ("source", "range", "text"),
    "notes": ("fees", "amounts", "replaced"),
    "content": ("number", "bic", "issuer", "kind_totals", "messages", "notices"),
    "part": ("is_first", "is_last", "breakable", "breaks", "balance_before"),
    "brand": (
        "name", "sha256", "paper", "colours", "fonts", "logo", "letterhead", "layout", "content",
        "words", "blocks", "assets", "style", "warnings",
    ),
}  # fmt: skip
_OTHERS = {"catalog", "words", "lines", "self", "super", "loop", "range", "namespace", "joiner"}

# All of them return a text that is not markup, or keep markup as it was escaped. Not `map`, which
# takes the name of another filter.
_FILTERS = frozenset(
    [
        "abs",
        "capitalize",
        "default",
        "d",
        "e",
        "escape",
        "first",
        "float",
        "format",
        "int",
        "join",
        "last",
        "length",
        "count",
        "list",
        "lower",
        "replace",
        "reverse",
        "round",
        "select",
        "reject",
        "selectattr",
        "rejectattr",
        "sort",
        "string",
        "sum",
        "title",
        "trim",
        "truncate",
        "unique",
        "upper",
        "wordcount",
        "batch",
        "slice",
    ]
)
_METHODS_OF_TEXT = frozenset(
    ["isolated", "direction", "split", "strip", "startswith", "endswith", "lower", "upper", "title"]
)
_FORBIDDEN = (
    nodes.ScopedEvalContextModifier,
    nodes.EvalContextModifier,
    nodes.Include,
    nodes.Import,
    nodes.FromImport,
    nodes.Extends,
    nodes.Block,
)
_ELEMENTS = frozenset(
    [
        "section",
        "header",
        "footer",
        "div",
        "p",
        "h1",
        "h2",
        "h3",
        "span",
        "strong",
        "em",
        "br",
        "img",
        "table",
        "colgroup",
        "col",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
    ]
)
_TAG = re.compile(r"<\s*/?\s*([A-Za-z][\w:.-]*)")
_COMMENT_OR_DECLARATION = re.compile(r"<[!?]")
_PAGE = "brand.html.j2"


def branded_page(page: Path, brand: Brand) -> Template:
    """Return the template's page with the blocks of a brand.

    Raises Misconfigured, with the file and the line, for a block that breaks a rule.
    """
    ours = page.read_text(encoding="utf-8")
    pages = {page.name: ours}
    # The loader reads the dictionary when a page is asked for.
    environment = _environment(DictLoader(pages))
    known = environment.get_template(page.name).blocks
    source = f'{{% extends "{page.name}" %}}'
    for name, block in brand.blocks.items():
        _check(environment, name, block)
        if name in known:
            source += f"{{% block {name} %}}\n{block}\n{{% endblock %}}"
    pages[_PAGE] = source
    return environment.get_template(_PAGE)


def block_warnings(page: Path, brand: Brand, texts: Collection[str]) -> list[str]:
    """Return a sentence for each unknown name in a brand's blocks, and unused block or word."""
    environment = _environment(DictLoader({page.name: page.read_text(encoding="utf-8")}))
    known = environment.get_template(page.name).blocks
    # A name of a kind of entry is printed by our own page.
    kinds = (KIND_WORD + kind.replace("-", "_") for kind in brand.content.fee_summary)
    used, found = set(kinds), list[str]()
    added = {name for words in brand.words.values() for name in words if name not in texts}
    for name, block in brand.blocks.items():
        file = f"blocks/{name}.html.j2"
        if name not in known:
            found.append(
                f"{file} is not used: the page has no such block, but {', '.join(sorted(known))}"
            )
            continue
        tree = environment.parse(block)
        for variable in sorted(meta.find_undeclared_variables(tree) - VARIABLES.keys() - _OTHERS):
            found.append(f"{file}: there is no variable {variable}, so nothing stands there")
        for owner, attribute in _attributes(tree):
            if owner == "words":
                used.add(attribute)
                if attribute not in added:
                    found.append(f"{file}: no file of words has {attribute}")
            elif attribute not in (texts if owner == "catalog" else VARIABLES[owner]):
                found.append(
                    f"{file}: there is no {owner}.{attribute}, so nothing stands there; there is "
                    + ", ".join(sorted(texts if owner == "catalog" else VARIABLES[owner]))
                )
    for tag, words in brand.words.items():
        unused = sorted(name for name in words if name not in texts and name not in used)
        if unused:
            found.append(f"words/{tag}.toml: nothing prints {', '.join(unused)}")
    return found


class _BrandEnvironment(SandboxedEnvironment):
    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        # guard: brands.texts-have-no-way-around-escaping
        if isinstance(obj, str) and attr not in _METHODS_OF_TEXT:
            return False
        return super().is_safe_attribute(obj, attr, value)

    def unsafe_undefined(self, obj: Any, attribute: str) -> Undefined:
        raise TypeError(f"a block may not use {attribute} of a {type(obj).__name__}")


def _environment(loader: BaseLoader) -> Environment:
    return _BrandEnvironment(
        loader=loader,
        autoescape=True,
        finalize=as_markup,
        undefined=ChainableUndefined,
        trim_blocks=True,
    )


def _check(environment: Environment, name: str, block: str) -> None:
    file = f"blocks/{name}.html.j2"
    try:
        tree = environment.parse(block)
        environment.compile(block)
    except TemplateSyntaxError as error:
        raise _wrong(file, error.lineno, f"{error.message}") from None
    for node in tree.find_all(_FORBIDDEN):
        raise _wrong(
            file,
            node.lineno,
            "a brand's block may not switch the escaping off, read another file, or have a block "
            "of its own: take the tag out",
        )
    for used in tree.find_all(nodes.Filter):
        if used.name not in _FILTERS:  # guard: brands.escaping-stays-on
            raise _wrong(
                file,
                used.lineno,
                f"the filter {used.name} is not for statements: write one of "
                + ", ".join(sorted(_FILTERS)),
            )
    for data in tree.find_all(nodes.TemplateData):
        for found in _TAG.finditer(data.data):
            if found[1] not in _ELEMENTS:
                raise _wrong(
                    file,
                    data.lineno,
                    f"<{found[1]}> may not stand in a statement: write one of "
                    + ", ".join(sorted(_ELEMENTS)),
                )
        if _COMMENT_OR_DECLARATION.search(data.data):
            raise _wrong(file, data.lineno, "write comments as {# … #}, and no <! or <?")


def _attributes(tree: nodes.Template) -> Iterator[tuple[str, str]]:
    """Yield each pair of a variable of the page and an attribute of it that a block uses."""
    owners = {*VARIABLES, "catalog", "words"}
    for attribute in tree.find_all(nodes.Getattr):
        if isinstance(attribute.node, nodes.Name) and attribute.node.name in owners:
            yield attribute.node.name, attribute.attr
    for item in tree.find_all(nodes.Getitem):
        owner, name = item.node, item.arg
        if isinstance(owner, nodes.Name) and isinstance(name, nodes.Const) and owner.name in owners:
            yield owner.name, str(name.value)


def _wrong(file: str, line: int, what: str) -> Misconfigured:
    return Misconfigured("CB-CONFIG-BRAND-BLOCK", f"{file}, line {line} of the brand: {what}")
