"""The platform's views with amounts in major units, made of those with minor units."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.close_fixtures import retyped
from tests.platform_rows import Platform

# By multiplication: a division of numeric rounds.
MAJOR = (
    "{column} * case currency when 'JPY' then 1 when 'KWD' then 0.001 when 'BTC' then 0.00000001"
    " else 0.01 end"
)
TRANSACTIONS, ENTRIES = "transactions", "ledger_entries"


def major(column: str, expression: str = MAJOR) -> dict[str, str | None]:
    """What replaces a column of minor units: one of major units."""
    name = column.removesuffix("_minor")
    return {column: None, f"{name}_major": expression.format(column=column)}


@contextmanager
def platform_in_major(platform: Platform, **others: str) -> Iterator[None]:
    """Let both views have amounts in major units; ``others`` are expressions of their own."""
    transactions = {
        name: expression
        for column in ("amount_minor", "fee_minor", "discount_minor")
        for name, expression in major(column, others.get(column, MAJOR)).items()
    }
    entries = major("amount_minor", others.get("entry_amount", MAJOR))
    with ExitStack() as views:
        views.enter_context(retyped(platform, TRANSACTIONS, transactions))
        views.enter_context(retyped(platform, ENTRIES, entries))
        yield
