"""The class and the shape of a statement: which statements share a layout."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from closebook.money import MINUS
from closebook.statements.render.view_model import StatementView
from closebook.statements.stamp.line_breaker import collapsed

SLOT_VARIABLES = {
    "holder.name",
    "holder.address",
    "holder.account_number",
    "totals.opening",
    "totals.credit",
    "totals.debit",
    "totals.fee",
    "totals.closing",
    "totals.closing_with_currency",
    "totals.credit_count",
    "totals.debit_count",
    "chart.range",
    "chart.text",
    "notes.fees",
    "page.account_line",
    "content.number",
}
"""The variables of a page that a statement's own texts go into."""

WINDOW_SLOTS = ("holder.name", "holder.address")
"""The slots in the window of the address, from top to bottom."""

_OF_A_KIND = re.compile(r"content\.kind_totals\.\d+\.(count|debit|credit)")

_ONLY_IN_METADATA = {"page.title"}


@dataclass(frozen=True, slots=True)
class StatementShape:
    """How many lines the address has, and which of the slots have a minus.

    A minus may be of another font than the figures, which makes the line of text taller.
    """

    address_lines: int
    with_minus: frozenset[str]

    @property
    def has_minus(self) -> bool:
        """Whether any slot has a minus."""
        return bool(self.with_minus)


def class_of(view: StatementView, renderer_sha256: str) -> str:
    """Return the hash of all that the pages depend on besides slots and lines.

    Each variable of the page that is no slot is part of the class, so none can be forgotten.
    """
    variables = view.named_variables
    # guard: stamp.what-is-no-slot-is-of-the-class
    fixed = {name: value for name, value in variables if not _differs(name)}
    # A statement without a number has no place for one.
    fixed |= {name: None for name, value in variables if value is None}
    text = repr([renderer_sha256, view.language, view.direction, sorted(fixed.items())])
    return sha256(text.encode("utf-8", "backslashreplace")).hexdigest()


def slot_values(view: StatementView) -> dict[str, str]:
    """Return the text of each slot of the furniture; one that is not printed has an empty text."""
    return {
        # A text of the platform keeps its direction.
        name: value if isinstance(value, str) else "" if value is None else str(value)
        for name, value in view.named_variables
        if is_slot(name)
    }


def slot_text(values: Mapping[str, str], name: str, line: int) -> str:
    """Return the text of a slot from the variables of a page: of an address, one line."""
    text = values[name]
    return collapsed(text.split("\n")[line] if name == "holder.address" else text)


def is_slot(name: str) -> bool:
    """Return whether a variable of the page is a slot."""
    return name in SLOT_VARIABLES or _OF_A_KIND.fullmatch(name) is not None


def _differs(name: str) -> bool:
    return is_slot(name) or name in _ONLY_IN_METADATA


def shape_of(view: StatementView) -> StatementShape:
    """Return the shape of a statement."""
    values = slot_values(view)
    address = values["holder.address"]
    return StatementShape(
        len(address.split("\n")) if address else 0,
        frozenset(name for name, text in values.items() if MINUS in text and name != "chart.text"),
    )
