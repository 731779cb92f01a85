"""What tests of closes share: settings on the stack, a platform of few rows, what was written.

The platform keeps a copy of each row that it inserts, so that a test can count them again in
Python and compare that with what a close made of them in SQL.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, LiteralString

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import DictRow, dict_row

from closebook.periods import Grain, Period, hour_of
from closebook.settings import Replica, Run, Settings
from closebook.sql import query
from local.addresses import REPLICAS
from local.stack import Stack

RUN = Run("test run", "because the test says so", cross_check=True)
# For what is about the one replica that is read, or has only one that is fit.
ONE_REPLICA = replace(RUN, cross_check=False)
PATIENCE_SECONDS = 10.0

Volume = dict[tuple[str, str], tuple[int, int, int, int]]


def utc(text: str) -> datetime:
    """The instant that the text names."""
    return datetime.fromisoformat(text).astimezone(UTC)


def hour_ending(end: datetime) -> Period:
    """An hour cut short at any instant, so that a test need not wait for the clock to strike."""
    return Period(Grain.HOUR, hour_of(end).start, end, "UTC")


def settings_on(
    stack: Stack,
    platform_database: str,
    store_database: str,
    documents: Path,
    time_zone: str = "America/New_York",
) -> Settings:
    """Settings for these databases of the stack, with waits short enough for tests."""
    return Settings(
        time_zone=time_zone,
        primary=make_conninfo(stack.fence(platform_database), application_name="closebook"),
        replicas=tuple(Replica(name, stack.reader(name, platform_database)) for name in REPLICAS),
        store=stack.store(store_database),
        redis_url=stack.redis_url,
        documents_url=documents.as_uri(),
        issuer_name="Northgate Payments",
        issuer_address="14 Harbour Row\nDublin 2",
        fence_grace_seconds=0.02,
        fence_wait_seconds=0.3,
        replica_wait_seconds=5.0,
        statement_timeout_seconds=30,
    )


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


class Books:
    """The reporting store as the desk may read it."""

    def __init__(self, conninfo: str) -> None:
        self.connection = psycopg.connect(conninfo, autocommit=True, row_factory=dict_row)

    def rows(self, statement: LiteralString, *parameters: object) -> list[DictRow]:
        """The rows of a query."""
        return self.connection.execute(statement, parameters or None).fetchall()

    def versions(self, period: Period) -> list[DictRow]:
        """The register's rows of a period, by version."""
        return self.rows(
            "select * from reporting.closes where grain = %s and period_start = %s"
            " order by close_version",
            period.grain,
            period.start,
        )

    def corrected_hours(self) -> list[Period]:
        """The hours that have more than one version, in order."""
        rows = self.rows(
            "select * from reporting.closes where grain = 'hour' and close_version > 1"
            " order by period_start"
        )
        return [Period.from_register(row) for row in rows]

    def hour(self, hour: Period) -> Volume:
        """The current volume of an hour."""
        rows = self.rows(
            "select * from reporting.current_hourly_volume where hour_start = %s", hour.start
        )
        return _volume(rows)

    def hour_version(self, close_id: int) -> Volume:
        """The volume of an hour as one version of it has it."""
        return _volume(
            self.rows("select * from reporting.hourly_volume where close_id = %s", close_id)
        )

    def statements(self, close_id: int) -> dict[int, tuple[int, int, int]]:
        """Opening, closing and number of lines of a month, by account."""
        return {
            row["account_id"]: (row["opening_minor"], row["closing_minor"], row["line_count"])
            for row in self.rows("select * from reporting.statements where close_id = %s", close_id)
        }

    def corrections(self, period: Period) -> list[dict[str, Any]]:
        """What each new version of a period corrected, without the currencies that stayed."""
        return self.rows(
            "select close_version, measure, currency, late_row_count, late_amount_minor"
            " from reporting.corrections where grain = %s and period_start = %s"
            " and (late_row_count, late_amount_minor) <> (0, 0)"
            " order by close_version, measure, currency",
            period.grain,
            period.start,
        )

    def failed_tie_outs(self) -> list[DictRow]:
        """The checks that found something."""
        return self.rows("select * from reporting.tie_outs where offending_count > 0")

    def size(self) -> Counter[str]:
        """How many rows each table of results has, register of closes included."""
        tables = self.rows(
            "select table_name from information_schema.tables where table_schema = 'reporting'"
            " and table_type = 'BASE TABLE' and table_name not in ('tie_outs', 'migrations')"
        )
        names = [row["table_name"] for row in tables]
        assert "closes" in names
        sizes: Counter[str] = Counter()
        for name in names:
            counting = sql.SQL("select count(*) as n from {}").format(
                sql.Identifier("reporting", name)
            )
            row = self.connection.execute(counting).fetchone()
            assert row is not None
            sizes[name] = row["n"]
        return sizes


def _volume(rows: list[DictRow]) -> Volume:
    return {
        (row["currency"], row["kind"]): (
            row["transaction_count"],
            row["amount_minor"],
            row["fee_minor"],
            row["discount_minor"],
        )
        for row in rows
    }


@contextmanager
def store_held(settings: Settings, period: Period) -> Iterator[None]:
    """Hold a period's lock on the store: a close of it reads, and then waits to write."""
    with psycopg.connect(settings.store) as store:
        key = {"grain": period.grain, "period_start": period.start}
        store.execute(query("closes/lock_period"), key)
        yield


def waiting_to_write(settings: Settings) -> int:
    """How many closes wait for a period's lock on the store."""
    with psycopg.connect(settings.store) as store:
        row = store.execute(
            "select count(*) from pg_locks where locktype = 'advisory' and not granted and"
            " database = (select oid from pg_database where datname = current_database())"
        ).fetchone()
    assert row is not None
    return int(row[0])


def waiting_on_the_store(owner: str) -> int:
    """How many sessions wait for a lock in the store, of whichever kind."""
    with psycopg.connect(owner) as connection:
        row = connection.execute(
            "select count(*) from pg_locks where not granted and database ="
            " (select oid from pg_database where datname = current_database())"
        ).fetchone()
    assert row is not None
    return int(row[0])


def asking(stack: Stack, settings: Settings, replica: str, setting: str) -> Replica:
    """A replica asked in sessions that have a setting, which a view of the test may heed.

    Past PgBouncer, which refuses settings.
    """
    behind = conninfo_to_dict(next(r.conninfo for r in settings.replicas if r.name == replica))
    direct = stack.conninfo(replica, str(behind["user"]), str(behind["dbname"]))
    return Replica(replica, make_conninfo(direct, options=f"-c {setting}"))


@contextmanager
def view_of(platform: Platform, view: str, select: str) -> Iterator[None]:
    """Let a view of the contract select something else for a while."""
    name = sql.Identifier("reporting_source", view)
    [(before,)] = platform.connection.execute(
        "select pg_get_viewdef(%s::regclass)", [name.as_string()]
    )
    replacing = sql.SQL("create or replace view {} as ").format(name)
    platform.connection.execute(replacing + sql.SQL(select))
    try:
        yield
    finally:
        platform.connection.execute(replacing + sql.SQL(before))


def transactions_with(platform: Platform, **columns: str) -> AbstractContextManager[None]:
    """Let the contract's transactions give other columns for a while."""
    names = [
        *("transaction_id", "user_country", "merchant_id", "promotion_id", "kind", "currency"),
        *("amount_minor", "fee_minor", "discount_minor", "status", "created_at", "settled_at"),
    ]
    selected = ", ".join(f"{columns.get(name, name)} as {name}" for name in names)
    return view_of(platform, "transactions", f"select {selected} from platform.transactions")  # noqa: S608  # names of this file


def open_transactions(stack: Stack, replica: str, platform: Platform) -> list[str]:
    """Who has a transaction open on a replica."""
    with psycopg.connect(stack.replica_admin(replica)) as connection:
        rows = connection.execute(
            "select usename from pg_stat_activity where xact_start is not null and datname = %s",
            [platform.database],
        ).fetchall()
    return [name for (name,) in rows]


def asked_since(stack: Stack, replica: str, database: str, instant: datetime) -> bool:
    """Whether the reader has run a query on a replica after an instant."""
    with psycopg.connect(stack.replica_admin(replica)) as connection:
        row = connection.execute(
            "select coalesce(max(query_start) > %s, false) from pg_stat_activity"
            " where usename = 'closebook_reader' and datname = %s",
            [instant, database],
        ).fetchone()
    assert row is not None
    return bool(row[0])


def eventually(condition: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until a condition holds. Fails when it does not for long."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "what the test waits for did not happen"
        time.sleep(0.02)


@pytest.fixture
def settings(
    stack: Stack, module_platform_database: str, module_store_database: str, tmp_path: Path
) -> Settings:
    """Settings on databases that the tests of a module share, each test with empty ones."""
    empty(stack.primary_admin(module_platform_database), "platform")
    empty(stack.store_admin(module_store_database), "reporting")
    return settings_on(
        stack, module_platform_database, module_store_database, tmp_path / "documents"
    )


@pytest.fixture
def platform(stack: Stack, settings: Settings, module_platform_database: str) -> Iterator[Platform]:
    """The platform behind the settings. Its replicas run and replay again after the test."""
    platform = Platform(stack.primary_admin(module_platform_database))
    yield platform
    platform.connection.close()
    for replica in REPLICAS:
        stack.start(replica)
        stack.resume_replay(replica)


@pytest.fixture
def books(stack: Stack, settings: Settings, module_store_database: str) -> Iterator[Books]:
    """The reporting store behind the settings."""
    books = Books(stack.desk(module_store_database))
    yield books
    books.connection.close()


def empty(conninfo: str, schema: str) -> None:
    """Empty all tables of a schema but the register of migrations."""
    with psycopg.connect(conninfo) as connection:
        tables = connection.execute(
            "select tablename from pg_tables where schemaname = %s and tablename <> 'migrations'",
            [schema],
        ).fetchall()
        names = [sql.Identifier(schema, table) for (table,) in tables]
        assert names
        connection.execute(
            sql.SQL("truncate {} restart identity").format(sql.SQL(", ").join(names))
        )
