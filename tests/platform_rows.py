"""A platform of few rows: each row that a test inserts is kept, to be counted again in Python."""

from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

import psycopg

from closebook.periods import Period

Volume = dict[tuple[str, str], tuple[int, int, int, int]]


def utc(text: str) -> datetime:
    """The instant that the text names."""
    return datetime.fromisoformat(text).astimezone(UTC)


@dataclass(frozen=True)
class Transaction:
    """A transaction as the platform has it."""

    transaction_id: int
    settled_at: datetime
    currency: str
    kind: str
    amount_minor: int
    fee_minor: int
    discount_minor: int
    user_id: int
    merchant_id: int
    promotion_id: int | None


@dataclass(frozen=True)
class Entry:
    """A ledger entry as the platform has it."""

    entry_id: int
    account_id: int
    posted_at: datetime
    amount_minor: int
    currency: str


class Platform:
    """A platform with two users, two merchants and a promotion; a test adds the rest."""

    COUNTRIES: ClassVar = {1: "US", 2: "DE"}
    CATEGORIES: ClassVar = {10: "books", 11: "travel"}
    FUNDING: ClassVar = {None: "none", 100: "merchant"}

    def __init__(self, conninfo: str) -> None:
        self.conninfo = conninfo
        self.connection = psycopg.connect(conninfo, autocommit=True)
        self.database = self.connection.info.dbname
        self.transactions: list[Transaction] = []
        self.entries: list[Entry] = []
        execute = self.connection.execute
        for user_id, country in self.COUNTRIES.items():
            execute(
                "insert into platform.users values (%s, %s, 'a street', %s, 'en_US')",
                [user_id, f"User {user_id}", country],
            )
        for merchant_id, category in self.CATEGORIES.items():
            execute(
                "insert into platform.merchants values (%s, %s, %s, 'a mall', 'US', 'en_US')",
                [merchant_id, f"Merchant {merchant_id}", category],
            )
        execute("insert into platform.promotions values (100, 'Ten off', 'merchant')")

    def on_copy(self, conninfo: str) -> "Platform":
        """The same platform, on a copy of its database."""
        copied = copy(self)
        copied.conninfo, copied.connection = conninfo, psycopg.connect(conninfo, autocommit=True)
        copied.database = copied.connection.info.dbname
        copied.transactions, copied.entries = [*self.transactions], [*self.entries]
        return copied

    def now(self) -> datetime:
        """The primary's clock."""
        row = self.connection.execute("select clock_timestamp()").fetchone()
        assert row is not None
        instant: datetime = row[0]
        return instant.astimezone(UTC)

    def settle(
        self,
        settled_at: datetime | str,
        amount_minor: int,
        currency: str = "USD",
        kind: str = "payment",
        *,
        fee_minor: int = 0,
        discount_minor: int = 0,
        user_id: int = 1,
        merchant_id: int = 10,
        promotion_id: int | None = None,
        within: psycopg.Connection[Any] | None = None,
    ) -> Transaction:
        """Add a settled transaction, in a transaction of its own or within another one."""
        settled = Transaction(
            transaction_id=1000 + len(self.transactions),
            settled_at=utc(settled_at) if isinstance(settled_at, str) else settled_at,
            currency=currency,
            kind=kind,
            amount_minor=amount_minor,
            fee_minor=fee_minor,
            discount_minor=discount_minor,
            user_id=user_id,
            merchant_id=merchant_id,
            promotion_id=promotion_id,
        )
        (within or self.connection).execute(
            """
            insert into platform.transactions (
                transaction_id, settled_at, currency, kind, amount_minor, fee_minor,
                discount_minor, user_id, user_country, merchant_id, promotion_id, status
            ) values (
                %(transaction_id)s, %(settled_at)s, %(currency)s, %(kind)s, %(amount_minor)s,
                %(fee_minor)s, %(discount_minor)s, %(user_id)s, %(user_country)s,
                %(merchant_id)s, %(promotion_id)s, 'settled'
            )
            """,
            {**vars(settled), "user_country": self.COUNTRIES[user_id]},
        )
        self.transactions.append(settled)
        return settled

    def open_account(
        self, account_id: int, currency: str = "USD", holder_name: str = "Ada Lovelace"
    ) -> None:
        """Add a wallet, and the user who holds it."""
        user_id = 1_000_000 + account_id
        self.connection.execute(
            "insert into platform.users values (%s, %s, 'a street', 'US', 'en_US')",
            [user_id, holder_name],
        )
        self.connection.execute(
            "insert into platform.wallets (wallet_id, account_number, user_id, currency,"
            " balance_minor) values (%s, %s, %s, %s, 0)",
            [account_id, f"ACC-{account_id}", user_id, currency],
        )

    def post(
        self,
        account_id: int,
        posted_at: datetime | str,
        amount_minor: int,
        currency: str = "USD",
        kind: str = "payment",
    ) -> Entry:
        """Add a ledger entry."""
        entry = Entry(
            entry_id=1 + len(self.entries),
            account_id=account_id,
            posted_at=utc(posted_at) if isinstance(posted_at, str) else posted_at,
            amount_minor=amount_minor,
            currency=currency,
        )
        self.connection.execute(
            """
            insert into platform.ledger_entries (
                entry_id, wallet_id, posted_at, amount_minor, currency, kind, description
            ) values (
                %(entry_id)s, %(account_id)s, %(posted_at)s, %(amount_minor)s, %(currency)s,
                %(kind)s, 'An entry'
            )
            """,
            {**vars(entry), "kind": kind},
        )
        self.entries.append(entry)
        return entry

    def settled_in(self, period: Period) -> list[Transaction]:
        """The transactions of a period, counted again in Python."""
        return [t for t in self.transactions if period.start <= t.settled_at < period.end]

    def posted_in(self, period: Period) -> list[Entry]:
        """The ledger entries of a period, counted again in Python."""
        return [e for e in self.entries if period.start <= e.posted_at < period.end]

    def volume(self, period: Period) -> Volume:
        """Count, amount, fee and discount of a period by currency and kind."""
        return volume_of(self.settled_in(period))

    def balance(self, account_id: int, before: datetime) -> int:
        """An account's balance at an instant, from its first entry on."""
        return sum(
            e.amount_minor
            for e in self.entries
            if e.account_id == account_id and e.posted_at < before
        )


def volume_of(transactions: list[Transaction]) -> Volume:
    """Count, amount, fee and discount by currency and kind."""
    volume: Volume = {}
    for t in transactions:
        key = (t.currency, t.kind)
        count, amount, fee, discount = volume.get(key, (0, 0, 0, 0))
        volume[key] = (
            count + 1,
            amount + t.amount_minor,
            fee + t.fee_minor,
            discount + t.discount_minor,
        )
    return volume
