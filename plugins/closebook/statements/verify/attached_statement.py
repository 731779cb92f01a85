"""A statement as an attachment of a received PDF states it, and the check that it adds up."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from closebook.money import format_minor
from closebook.statements.model import Original
from closebook.statements.verify.untrusted_pdf import CheckFailed


@dataclass(frozen=True, slots=True)
class AttachedLine:
    """A line as an attachment states it; ``balance_minor`` is the balance after this line.

    Each text is on one line, and is cut to the length that the XML allows.
    """

    number: int
    day: date
    amount_minor: int
    balance_minor: int
    kind: str
    reference: str = field(repr=False)
    counterparty: str = field(repr=False)
    description: str = field(repr=False)
    value_date: date | None = None
    original: Original | None = None
    counterparty_account: str = field(default="", repr=False)
    customer_reference: str = field(default="", repr=False)
    interest_rate: Decimal | None = None


@dataclass(frozen=True, slots=True)
class AttachedStatement:
    """A statement as the XML or the CSV attachment states it.

    A field is None when the attachment does not have it. ``account_reference`` is what
    `closebook.keys.short_reference` gives for the account.
    """

    currency: str
    first_day: date
    last_day: date
    opening_minor: int
    closing_minor: int
    credit_minor: int
    debit_minor: int
    lines: tuple[AttachedLine, ...] = field(repr=False)
    account_reference: str | None = None
    account_number: str | None = field(default=None, repr=False)
    fee_minor: int | None = None
    number: str | None = None
    bic: str | None = None
    overdraft_limit_minor: int | None = None

    def money(self, amount_minor: int) -> str:
        """Return an amount as text with its currency, for the report."""
        return format_minor(amount_minor, self.currency, "en", with_currency=True)


def refuse_wrong_totals(attached: AttachedStatement, name: str) -> None:
    """Raise CheckFailed if lines, balances and totals of an attachment do not add up."""
    balance_minor, day = attached.opening_minor, attached.first_day
    for place, line in enumerate(attached.lines, start=1):
        if line.number != place:
            raise CheckFailed(f"line {place} of {name} has the number {line.number}")
        if not day <= line.day <= attached.last_day:
            raise CheckFailed(
                f"line {place} of {name} has the day {line.day}, which is out of order or outside "
                "the period"
            )
        day = line.day
        balance_minor += line.amount_minor
        if line.balance_minor != balance_minor:
            raise CheckFailed(
                f"line {place} of {name} has the balance {attached.money(line.balance_minor)}, and "
                f"the lines so far make {attached.money(balance_minor)}"
            )
    if attached.closing_minor != balance_minor:
        raise CheckFailed(
            f"opening {attached.money(attached.opening_minor)} and the {len(attached.lines)} lines "
            f"of {name} make {attached.money(balance_minor)}, and its closing is "
            f"{attached.money(attached.closing_minor)}"
        )
    credit_minor = sum(line.amount_minor for line in attached.lines if line.amount_minor > 0)
    debit_minor = -sum(line.amount_minor for line in attached.lines if line.amount_minor < 0)
    for total, stated_minor, computed_minor in (
        ("credits", attached.credit_minor, credit_minor),
        ("debits", attached.debit_minor, debit_minor),
    ):
        if stated_minor != computed_minor:
            raise CheckFailed(
                f"the {total} of {name} are {attached.money(stated_minor)}, and its lines make "
                f"{attached.money(computed_minor)}"
            )
