"""The data of an account statement.

A Statement always ties out: its constructor raises WrongData for numbers that do not.

The same statement leaves Closebook in three forms: the printed pages of a PDF, and two files that
are attached to this PDF (an ISO 20022 camt.053 XML and a CSV). The database calls such an attached
file a *twin* (reporting.statement_twins); the code calls it an *attachment*.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import NoReturn

from closebook.errors import WrongData
from closebook.keys import Key, label
from closebook.money import exponent
from closebook.periods import DAY, SECOND, day_of, with_offset_of_midnight

FEE = "fee"


@dataclass(frozen=True, slots=True)
class Original:
    """The amount of an entry in the currency in which it was ordered.

    ``amount_minor`` is in minor units of ``currency``, with the sign of the entry's amount.
    ``rate`` is what one unit of ``currency`` cost in the currency of the statement.
    """

    amount_minor: int
    currency: str
    rate: Decimal


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One ledger entry as a line of a statement.

    ``line_number`` counts from 1. ``posted_on`` is the business day of the entry. ``amount_minor``
    is signed (credits positive); ``balance_minor`` is the running balance after this line.
    ``reference`` is what finance and the holder quote: the entry's own key, so no two lines of a
    statement share one. ``transaction_reference`` is that of the entry's transaction, which
    a payment shares with its fee. `closebook.keys.reference` says how a key is written.
    ``customer_reference`` is what the customer or the other side calls the payment, such as the
    number of an invoice; ``interest_rate`` is in percent of a year. The last five are None where
    the platform does not have them.
    """

    line_number: int
    entry_id: Key
    posted_on: date
    description: str = field(repr=False)
    reference: str = field(repr=False)
    counterparty: str | None = field(repr=False)
    kind: str
    amount_minor: int
    balance_minor: int
    transaction_reference: str | None = field(default=None, repr=False)
    value_date: date | None = None
    original: Original | None = None
    counterparty_account: str | None = field(default=None, repr=False)
    customer_reference: str | None = field(default=None, repr=False)
    interest_rate: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Holder:
    """The person or firm that the statement is for.

    The texts come from the platform and may be hostile; they are escaped where they are printed.
    """

    name: str = field(repr=False)
    address: str = field(repr=False)
    account_number: str = field(repr=False)
    locale: str


@dataclass(frozen=True, slots=True)
class Issuer:
    """The institution that sends the statement; ``address`` may have several lines.

    ``bic`` and ``lei`` are empty where it has none.
    """

    name: str
    address: str
    bic: str = ""
    lei: str = ""


@dataclass(frozen=True, slots=True)
class Correction:
    """The version that a statement of version 2 or later replaces, and what its holder reads.

    ``holder_reason`` is the code of a sentence in the catalogs, ``holder_text`` a text of the run.
    """

    superseded_version: int
    superseded_issued_on: date
    holder_reason: str | None = None
    holder_text: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Statement:
    """The statement of one account for one period, in one currency.

    The period is business days in ``time_zone``, both ends included. Raises WrongData, naming
    the account and the line, unless opening + lines = closing, each running balance follows
    from the one before, lines are numbered 1, 2, 3 … without an entry twice, and every line
    lies in the period, in order of days. ``issued_on`` is the business day of the close that
    issued it, and ``issued_at`` the instant. ``bounds`` are the instants at which the period began
    and ended by the rules that it was closed with; without them the zone's present rules say so.
    ``is_one_of_several`` is true if the account has statements in other currencies too. ``number``
    is the statement's number among those of its account and currency, from 1; None where there is
    none, or where it is not printed. ``overdraft_limit_minor`` is by how much the account may be
    overdrawn, None where the platform does not say so.
    """

    close_id: int
    account_id: Key
    version: int
    currency: str
    period_start: date
    period_end_inclusive: date
    time_zone: str
    holder: Holder
    issuer: Issuer
    opening_minor: int
    closing_minor: int
    lines: tuple[StatementLine, ...] = field(repr=False)
    issued_on: date | None = None
    corrects: Correction | None = None
    is_one_of_several: bool = False
    issued_at: datetime | None = None
    bounds: tuple[datetime, datetime] | None = None
    number: int | None = None
    overdraft_limit_minor: int | None = None

    def __post_init__(self) -> None:
        exponent(self.currency)
        if self.period_end_inclusive < self.period_start:
            self._refuse(f"its period ends on {self.period_end_inclusive}, before it starts")
        balance_minor = self.opening_minor
        day = self.period_start
        seen: set[Key] = set()
        for expected_number, line in enumerate(self.lines, start=1):
            if line.line_number != expected_number:
                self._refuse(f"line {line.line_number} stands where line {expected_number} belongs")
            if line.entry_id in seen:
                self._refuse(f"line {line.line_number} repeats entry {label(line.entry_id)}")
            seen.add(line.entry_id)
            if not self.period_start <= line.posted_on <= self.period_end_inclusive:
                self._refuse(
                    f"line {line.line_number} (entry {label(line.entry_id)}) of {line.posted_on} is"
                    f" outside the period {self.period_start} to {self.period_end_inclusive}"
                )
            if line.posted_on < day:
                self._refuse(
                    f"line {line.line_number} (entry {label(line.entry_id)}) of {line.posted_on}"
                    f" follows a line of {day}"
                )
            day = line.posted_on
            balance_minor += line.amount_minor
            if line.balance_minor != balance_minor:
                self._refuse(
                    f"line {line.line_number} (entry {label(line.entry_id)}) has the balance"
                    f" {line.balance_minor}, but the lines so far make {balance_minor}"
                )
        if self.closing_minor != balance_minor:  # guard: documents.statement-adds-up
            self._refuse(
                f"opening {self.opening_minor} and {len(self.lines)} lines make {balance_minor},"
                f" but closing is {self.closing_minor}"
            )

    @property
    def made_at(self) -> datetime:
        """The instant that every file of the statement gives for its making, in UTC.

        It is that of the close which issued the statement: a file that is made again is the same.
        """
        return (self.issued_at or self._bounds[1]).astimezone(UTC)

    @property
    def begins_at(self) -> datetime:
        """The first instant of the period, with the offset from UTC of then."""
        begin = self._bounds[0]
        return with_offset_of_midnight(begin, begin, self.period_start)

    @property
    def last_second(self) -> datetime:
        """The last second of the period, with the offset from UTC of then."""
        end = self._bounds[1]
        return with_offset_of_midnight(end - SECOND, end, self.period_end_inclusive + DAY)

    @property
    def _bounds(self) -> tuple[datetime, datetime]:
        if self.bounds is not None:  # guard: time.statement-has-the-bounds-as-closed
            return self.bounds
        first, last = (
            day_of(day, self.time_zone) for day in (self.period_start, self.period_end_inclusive)
        )
        return first.start, last.end

    @property
    def credit_minor(self) -> int:
        """Sum of the positive amounts."""
        return sum(line.amount_minor for line in self.lines if line.amount_minor > 0)

    @property
    def debit_minor(self) -> int:
        """Sum of the negative amounts, as a positive number: opening + credit - debit = closing."""
        return -sum(line.amount_minor for line in self.lines if line.amount_minor < 0)

    @property
    def fee_minor(self) -> int:
        """Fees charged less fees returned, positive when charged; part of debits and credits."""
        return -sum(line.amount_minor for line in self.fee_lines)

    @property
    def fee_lines(self) -> tuple[StatementLine, ...]:
        """The lines that are fees."""
        return tuple(line for line in self.lines if line.kind == FEE)

    @property
    def line_count(self) -> int:
        """How many ledger entries the statement lists."""
        return len(self.lines)

    @property
    def has_details(self) -> bool:
        """Whether a line has a value that not every platform has."""
        return self.has_references_or_rates or any(
            line.value_date or line.original or line.counterparty_account for line in self.lines
        )

    @property
    def has_references_or_rates(self) -> bool:
        """Whether a line has a reference of the customer or a rate of interest."""
        return any(line.customer_reference or line.interest_rate is not None for line in self.lines)

    def _refuse(self, what: str) -> NoReturn:
        raise WrongData(
            "CB-DATA-STATEMENT-CONTRADICTS-ITSELF",
            f"statement of account {label(self.account_id)} for {self.period_start} to"
            f" {self.period_end_inclusive} ({self.currency}, minor units) does not tie out: {what}."
            " Compare the frozen lines of this account with the platform's ledger entries.",
        )
