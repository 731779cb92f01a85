"""Statements for the tests: one of each kind, and statements with any number of lines."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache

from closebook.statements.model import Correction, Holder, Issuer, Statement, StatementLine

HOLDER = Holder(
    name="Eleanor Whitfield",
    address="27 Lansdowne Crescent\nBath BA1 5EX\nUnited Kingdom",
    account_number="NG29 0001 7743 2210",
    locale="en_GB",
)
ISSUER = Issuer(name="Northgate Payments", address="14 Harbour Row\nDublin 2\nIreland")
# In the tests of this folder a statement with more lines is laid out in parts of so many lines.
# They are a third of the real numbers, and such a statement takes a third of the time.
MOST_LINES_AT_ONCE, LINES_OF_A_PART = 200, 75
IN_PARTS = 225
FIRST_DAY, LAST_DAY = date(2026, 10, 1), date(2026, 10, 31)


def entry(
    amount_minor: int,
    description: str = "Card payment",
    *,
    counterparty: str | None = None,
    kind: str = "payment",
    day: int = 1,
) -> StatementLine:
    """A ledger entry; ``statement`` gives it its number and running balance."""
    return StatementLine(
        line_number=0,
        entry_id=0,
        posted_on=FIRST_DAY + timedelta(days=day - 1),
        description=description,
        reference="",
        counterparty=counterparty,
        kind=kind,
        amount_minor=amount_minor,
        balance_minor=0,
    )


def statement(
    *entries: StatementLine,
    opening_minor: int = 100_000,
    currency: str = "EUR",
    holder: Holder = HOLDER,
) -> Statement:
    """A statement of October 2026 that ties out."""
    lines = []
    balance_minor = opening_minor
    for number, made in enumerate(entries, start=1):
        balance_minor += made.amount_minor
        lines.append(
            replace(
                made,
                line_number=number,
                entry_id=5000 + number,
                reference=f"T{480000 + number}",
                balance_minor=balance_minor,
            )
        )
    return Statement(
        close_id=42,
        account_id=77,
        version=1,
        currency=currency,
        period_start=FIRST_DAY,
        period_end_inclusive=LAST_DAY,
        time_zone="America/New_York",
        holder=holder,
        issuer=ISSUER,
        opening_minor=opening_minor,
        closing_minor=balance_minor,
        lines=tuple(lines),
        issued_on=date(2026, 11, 2),
        issued_at=datetime(2026, 11, 2, 6, 12, 45, 678_901, UTC),
    )


def of(locale: str) -> Holder:
    """The holder with another locale."""
    return replace(HOLDER, locale=locale)


def corrected(
    made: Statement,
    text: str | None = "Two entries came <late> & were added",
    reason: str | None = None,
) -> Statement:
    """The second version of a statement."""
    return replace(made, version=2, corrects=Correction(1, date(2026, 11, 2), reason, text))


@cache
def kinds() -> dict[str, Statement]:
    """One statement of each kind that is printed differently."""
    few = (
        entry(-2350, counterparty="Alder & Finch"),
        entry(90_000, "Salary", day=3),
        entry(-150, "Account fee", kind="fee", day=9),
        entry(-120_000, "Rent, October", counterparty="Harbour Homes", day=12),
    )
    arabic = replace(of("ar_EG"), name="فاطمة الزهراء حسن", address="١٢ شارع النيل\nالقاهرة")
    hebrew = replace(of("he_IL"), name="רחל כהן", address="רחוב הרצל 5\nתל אביב")
    japanese = replace(of("ja_JP"), name="佐藤花子", address="東京都千代田区1-1")
    return {
        "one line": statement(few[0]),
        "no movements": statement(opening_minor=12_345),
        "overdrawn": statement(*few, opening_minor=-5_000),
        "yen": statement(*few, currency="JPY", holder=japanese),
        "dinar of three decimals": statement(*few, currency="KWD", holder=arabic),
        "right to left": statement(*few, currency="ILS", holder=hebrew),
        "German": statement(*few, holder=of("de_DE")),
        "long amounts": statement(entry(3 * 10**17), entry(-6 * 10**17), opening_minor=0),
        "corrected": corrected(statement(*few)),
        "corrected, right to left": corrected(statement(*few, holder=arabic)),
        "emoji and a lack": statement(entry(-500, "Gift 🎁 for 😀 \U00010570")),
        "some pages": many(70),
        "in parts": many(IN_PARTS),
    }


def many(count: int) -> Statement:
    """A statement with this many plain lines, each with a different amount."""
    return statement(
        *(
            entry(
                (1 if number % 3 else -1) * (1000 + 7 * number),
                counterparty=f"Merchant {number}",
                day=1 + number * 30 // count,
            )
            for number in range(1, count + 1)
        )
    )
