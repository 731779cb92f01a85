"""The rows of the views: keys, amounts, kinds, times, currencies, and entries without account.

A bounded sample of them, or all.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from psycopg.rows import DictRow

from closebook.closes import exceptions
from closebook.doctor.finding import Finding, Observation, Severity
from closebook.doctor.platform_session import PlatformSession
from closebook.keys import label

SAMPLE_ROWS = 20_000
_EXCEPTION = (
    "A close leaves the currency or the account of such a row out, names it, and its task fails: "
    "the numbers of the rest are right and not complete."
)
_CONTRACT = "Correct the rows, or the view that selects them (docs/contract.md)."


@dataclass(frozen=True)
class _Fault:
    """A count of sql/doctor/*_rows.sql: what it counts, why that matters, what mends it."""

    count: str
    code: str
    what: str
    why: str
    mend: str = _CONTRACT


_NO_KEY = _Fault(
    "keyless_count",
    "key-null",
    "rows have no key",
    "A row without a key cannot be told from another one, or found again.",
)


def _repeated(key: str) -> _Fault:
    return _Fault(
        "repeated_count",
        "key-repeated",
        f"rows have the same {key} as another row",
        "A row that comes twice is counted twice, on the statement too.",
        "Most often a join of the view finds more than one row: join by a unique key.",
    )


def _listed_twice(key: str, text: str) -> _Fault:
    return _Fault(
        "repeated_count",
        "key-repeated",
        f"rows have a {key} that another row has too",
        "A day counts it once and names it as an exception; where these rows differ, its "
        f"{text} is unknown.",
        "Most often a join of the view finds more than one row: join by a unique key.",
    )


_IN_FUTURE = _Fault(
    "future_count",
    "time-in-future",
    "rows have a time that is yet to come",
    "A time that is read in the wrong zone, or from a clock that is ahead, puts rows into an hour "
    "that is closed before they are seen, or long after.",
    "Write … at time zone '…' in the view, with the zone in which your application writes it; or "
    "correct the application's clock.",
)
_REFUSED_AMOUNT = _Fault(
    "refused_amount_count",
    "amount-refused",
    "rows have an amount in major units that is no whole number of minor units of its currency, or "
    "is beyond bigint",
    f"Closebook rounds no amount. {_EXCEPTION}",
    "Correct these amounts in the platform's tables: EUR has two decimal places, JPY none, KWD "
    "three. If the platform keeps more places on purpose, decide there how it rounds, and select "
    "the rounded amount that it paid.",
)
_FAULTS: dict[str, tuple[_Fault, ...]] = {
    "transactions": (
        _NO_KEY,
        _repeated("transaction_id"),
        _Fault(
            "timeless_count",
            "settled-without-time",
            "transactions are settled and have no settled_at",
            "A transaction counts in the hour of settled_at. Without one it is in no close, and "
            "nothing tells of it.",
            "Select the time at which it settled: a column of the status' history, or of the "
            "update.",
        ),
        _Fault(
            "other_status_count",
            "time-without-settled",
            "transactions have settled_at and a status that is not settled",
            _EXCEPTION,
            "Select settled_at as null for those that did not settle; write 'settled' as status "
            "for those that did.",
        ),
        _Fault(
            "unknown_kind_count",
            "kind-unknown",
            "settled transactions have a kind that is not payment, refund or chargeback",
            _EXCEPTION,
            "Write the kinds as payment, refund or chargeback in the view, and leave out what is "
            "none of these.",
        ),
        _Fault(
            "incomplete_count",
            "amount-null",
            "settled transactions lack an amount, a fee or a discount",
            _EXCEPTION,
            "Write coalesce(…, 0) in the view where none means nothing.",
        ),
        _Fault(
            "negative_count",
            "amount-negative",
            "settled transactions have an amount below zero",
            _EXCEPTION,
            "Amounts are positive, and the kind says which way the money went: write abs(…).",
        ),
        _REFUSED_AMOUNT,
        _IN_FUTURE,
    ),
    "ledger_entries": (
        _NO_KEY,
        _repeated("entry_id"),
        _Fault(
            "incomplete_count",
            "entry-incomplete",
            "entries lack account_id, an amount, posted_at or currency",
            _EXCEPTION,
        ),
        _REFUSED_AMOUNT,
        _IN_FUTURE,
    ),
    "accounts": (
        _NO_KEY,
        _repeated("account_id and currency"),
        _Fault(
            "incomplete_count",
            "account-incomplete",
            "accounts lack a number, currency, holder, address or locale",
            "Such an account gets no statement: it is an exception of its month.",
            "Write coalesce(…, '…') in the view for what the platform may not know.",
        ),
    ),
    "merchants": (_NO_KEY, _listed_twice("merchant_id", "category")),
    "promotions": (_NO_KEY, _listed_twice("promotion_id", "funding")),
}
_FILES = {
    "transactions": "doctor/transaction_rows",
    "ledger_entries": "doctor/ledger_rows",
    "accounts": "doctor/account_rows",
    "merchants": "doctor/merchant_rows",
    "promotions": "doctor/promotion_rows",
}
VIEWS = tuple(_FILES)
_EMPTY = {
    "transactions": (
        "no-transactions",
        "The closes run, and are empty. The doctor cannot look at rows.",
        "Nothing, if the platform is new; else compare the view's conditions.",
    ),
    "ledger_entries": (
        "no-ledger",
        "Hours, days and months close; a month has no statements.",
        "Nothing, if the platform has no ledger; else compare the view's conditions.",
    ),
}


def row_counts(session: PlatformSession, view: str, row_limit: int | None) -> DictRow:
    """Return the row of sql/doctor/<view>_rows.sql: how many rows are not as they must be."""
    [counts] = session.rows(_FILES[view], {"row_limit": row_limit})
    return counts


def row_observations(view: str, counts: DictRow) -> Iterator[Finding]:
    """Tell of each kind of row of a view that is not as the contract says."""
    if not counts["row_count"] and view in _EMPTY:
        code, why, mend = _EMPTY[view]
        what = f"the view {view} has no rows"
        yield Finding(code, f"reporting_source.{view}", what, why, mend, Severity.NOTE)
    for fault in _FAULTS[view]:
        if number := counts[fault.count]:
            yield Finding(
                code=fault.code,
                subject=f"reporting_source.{view}",
                what=f"{number} of {counts['row_count']} {fault.what}",
                why=fault.why,
                mend=fault.mend,
            )


def account_observations(session: PlatformSession, row_limit: int | None) -> Iterator[Finding]:
    """Tell of entries whose account is not listed."""
    [row] = session.rows("doctor/entries_without_account", {"row_limit": row_limit})
    if row["entry_count"]:
        yield Finding(
            code="entry-without-account",
            subject="reporting_source.ledger_entries",
            what=f"{row['entry_count']} entries are of accounts that the view accounts does not "
            f"list, such as {label(row['account_id'])}",
            why="Such an account gets no statement: it is an exception of its month.",
            mend="Select these accounts in the view accounts, closed ones too; or leave out their "
            "entries.",
        )


def currency_observations(session: PlatformSession, row_limit: int | None) -> Iterator[Observation]:
    """Tell of currencies that ISO 4217 does not know."""
    for row in session.rows("doctor/currencies", {"row_limit": row_limit}):
        currency = row["currency"] or ""
        if not exceptions.is_known(currency):
            yield Finding(
                code="currency-unknown",
                subject=f"reporting_source.{row['view_name']}.currency",
                what=f"{row['row_count']} rows have the currency {currency!r}",
                why="ISO 4217 has no currency with a minor unit by this code, so nobody knows how "
                "many decimal places an amount has. Each close leaves it out.",
                mend="Leave these rows out of the view, write the code as ISO 4217 does (USD), or "
                "name a currency of your own in CLOSEBOOK_CURRENCIES (BTC=8).",
            )
