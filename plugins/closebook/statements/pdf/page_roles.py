"""The roles of cells, such as that of the closing balance: identifiers in a file's structure tree.

Programs find a value by its role, wherever a brand has put it. Each identifier begins with
ROLE_PREFIX. If several cells have one role, the identifiers of the second and later ones end with
their number, such as ``closebook:account:2``.
"""

from collections.abc import Mapping
from types import MappingProxyType

ROLE_PREFIX = "closebook:"

LINES = "lines"
"""The table of the statement's lines."""

ACCOUNT = "account"
SUMMARY = ("opening", "credits", "debits", "fees", "closing")
DATE, DATES = "date", "dates"
"""The column of the days, or of the days with value dates."""
REFERENCE, REFERENCES = "reference", "references"
"""The column of the references, or of these with the customer's own."""
ORIGINAL, INTEREST, ORIGINAL_INTEREST = "original", "interest", "original-interest"
"""The column of texts with original amounts, with rates of interest, or with both."""

FULLER_ROLES: Mapping[str, str] = MappingProxyType({DATES: DATE, REFERENCES: REFERENCE})
"""The role of a column in which some brands print more, and the role that it has in the others."""

COLUMNS = (DATE, REFERENCE, "debit", "credit", "balance")
EDGES = ("first-day", "first-balance", "last-day", "last-balance")

CELL_ROLES = (ACCOUNT, *SUMMARY, *COLUMNS, *EDGES)
"""What `closebook verify` compares: values, and columns, first row and last row of the lines."""


NUMBER, BIC, OVERDRAFT_LIMIT = "number", "bic", "overdraft-limit"
PAGE_DEBITS, PAGE_CREDITS, CARRIED, BROUGHT = "page-debits", "page-credits", "carried", "brought"
DEBITS_OF_KIND, CREDITS_OF_KIND = "debits-", "credits-"
"""Roles of what only some brands print. The last two are followed by the kind of entries."""


def identifier_of(role: str, count: int) -> str:
    """Return the identifier of the first, second or later element of a role."""
    return f"{ROLE_PREFIX}{role}" + (f":{count}" if count > 1 else "")


def role_of(identifier: str) -> str | None:
    """Return the role that an identifier names, or None."""
    if not identifier.startswith(ROLE_PREFIX):
        return None
    return identifier.removeprefix(ROLE_PREFIX).partition(":")[0]
