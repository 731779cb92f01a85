"""The sample platform: made from a seed, loaded by COPY.

Everything follows from (seed, size, until, time zone), down to the byte. Two processes make and
load business days side by side; memory is bounded by the busiest day.

Money moves as on a real platform. A user's wallet is topped up, pays, is refunded and pays an
account fee. A merchant has a wallet for each currency they trade in: the morning after each
business day it is credited with that day's payments less refunds and chargebacks, debited the
fees, and for some merchants paid out. Every wallet's balance is the sum of its entries.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import LiteralString

import psycopg
from psycopg import sql

from closebook import periods
from closebook.errors import Misconfigured
from local.sample_days import NULL, Day, copy_text
from local.sample_people import (
    CURRENCIES,
    FUNDINGS,
    People,
    account_number,
    address,
    full_name,
    people_of,
)
from local.sample_plan import MILLISECOND, Plan, PlannedDay, SampleSize

__all__ = ["Progress", "SampleFacts", "SampleSize", "load", "pages_with_unseen_rows"]

Progress = Callable[[str, int, int], None]

CHUNK = 20_000  # lines to a write
AUDIT_ROWS = 2_000
VACUUM_PASSES = 20
VACUUM_PAUSE_SECONDS = 0.25


@dataclass(frozen=True)
class SampleFacts:
    """What a load made, for the code that closes or checks it."""

    whole_days: tuple[date, ...]
    """Business days with data that are over, oldest first; a thin month's among them."""
    last_full_month: periods.Period
    clock_change: periods.Period | None
    """The latest day with data on which the zone's clocks change; None where they never do."""
    transactions: int
    ledger_entries: int
    dormant_account_id: int
    """Has a balance, and no entry in the last full month."""
    untouched_account_id: int
    """Has never had an entry."""
    overdrawn_account_id: int
    """Has a negative balance."""


def load(
    conninfo: str,
    size: SampleSize,
    *,
    seed: int,
    until: datetime,
    time_zone: str,
    progress: Progress,
) -> SampleFacts:
    """Fill the sample platform's empty tables with data up to, not including, ``until``.

    The role must be a superuser: foreign keys are not checked row by row, since the rows satisfy
    them by how they are made. ``progress`` is told (step, done, total). A load that fails leaves
    rows behind: create the database again.

    Raises Misconfigured when the tables hold rows already, or ``until`` has no time zone.
    """
    if until.tzinfo is None:
        raise Misconfigured(
            "CB-CONFIG-SAMPLE-UNTIL-WITHOUT-ZONE",
            "until must be an instant with a time zone, best in UTC",
        )
    plan = Plan(size, seed, until.astimezone(UTC), time_zone)
    people = people_of(plan)
    with _loading(conninfo) as connection:
        _refuse_unless_empty(connection)
        indexes = _drop_indexes(connection)

    transactions = entries = 0
    balances = [0] * len(people.wallet_codes)
    with ProcessPoolExecutor(
        2, mp_context=get_context("spawn"), initializer=_end_with_the_loader
    ) as processes:
        try:
            days = [processes.submit(_load_day, conninfo, plan, day) for day in plan.days]
            with _loading(conninfo) as connection:
                _load_people(connection, plan, people)
                entries += _load_opening_entries(connection, plan, people, balances)
                _load_audit_log(connection, plan)
            for done, day in enumerate(as_completed(days), start=1):
                loaded = day.result()
                transactions += loaded.transactions
                entries += loaded.entries
                balances = [a + b for a, b in zip(balances, loaded.moved_minor, strict=True)]
                progress("business days", done, len(days))
            with _loading(conninfo) as connection:
                _load_wallets(connection, plan, people, balances)
            rest = [
                *(processes.submit(_create_index, conninfo, index) for index in indexes),
                *(processes.submit(_vacuum, conninfo, table) for table in TABLES),
            ]
            for done, each in enumerate(as_completed(rest), start=1):
                each.result()
                progress("indexes made and tables vacuumed", done, len(rest))
        except BaseException:
            processes.shutdown(cancel_futures=True)
            raise
    return SampleFacts(
        whole_days=plan.whole_days,
        last_full_month=plan.last_full_month,
        clock_change=plan.clock_change,
        transactions=transactions,
        ledger_entries=entries,
        dormant_account_id=people.dormant,
        untouched_account_id=people.untouched,
        overdrawn_account_id=people.overdrawn,
    )


# Largest first, so that the two processes end together.
TABLES: tuple[LiteralString, ...] = (
    "platform.ledger_entries",
    "platform.transactions",
    "platform.wallets",
    "platform.users",
    "platform.merchants",
    "platform.promotions",
    "platform.audit_log",
)
COPY_TRANSACTIONS: LiteralString = """
    copy platform.transactions (
        transaction_id, user_id, user_country, merchant_id, promotion_id, kind, currency,
        amount_minor, fee_minor, discount_minor, status, created_at, settled_at
    ) from stdin
"""
COPY_LEDGER_ENTRIES: LiteralString = """
    copy platform.ledger_entries (
        entry_id, wallet_id, transaction_id, posted_at, amount_minor, currency, kind,
        description, counterparty
    ) from stdin
"""
COPY_USERS: LiteralString = """
    copy platform.users (user_id, full_name, address, country, locale_code, created_at)
    from stdin
"""
COPY_MERCHANTS: LiteralString = """
    copy platform.merchants (
        merchant_id, merchant_name, category, address, country, locale_code, created_at
    ) from stdin
"""
COPY_PROMOTIONS: LiteralString = """
    copy platform.promotions (promotion_id, promotion_name, funding) from stdin
"""
COPY_WALLETS: LiteralString = """
    copy platform.wallets (
        wallet_id, account_number, user_id, merchant_id, currency, balance_minor, opened_at
    ) from stdin
"""
COPY_AUDIT_LOG: LiteralString = """
    copy platform.audit_log (happened_at, actor, activity, transaction_id) from stdin
"""


@dataclass(frozen=True)
class LoadedDay:
    """How many rows a business day brought, and by how much each wallet moved."""

    transactions: int
    entries: int
    moved_minor: list[int]


def _load_day(conninfo: str, plan: Plan, planned: PlannedDay) -> LoadedDay:
    day = Day(plan, planned)
    with _loading(conninfo) as connection:
        _copy(connection, COPY_TRANSACTIONS, day.transactions)
        _copy(connection, COPY_LEDGER_ENTRIES, day.entries)
    return LoadedDay(len(day.transactions), len(day.entries), day.moved_minor)


def _end_with_the_loader() -> None:
    """End this worker when the process that started it is killed."""
    loader = parent_process()
    assert loader is not None  # noqa: S101  # it runs in workers only

    def wait() -> None:
        loader.join()
        os._exit(1)

    Thread(target=wait, daemon=True).start()


@contextmanager
def _loading(conninfo: str) -> Iterator[psycopg.Connection]:
    """Connect for a load: one transaction, without a check of foreign keys."""
    with psycopg.connect(conninfo, application_name="closebook sample platform") as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute("set synchronous_commit = off")
        yield connection


def _refuse_unless_empty(connection: psycopg.Connection) -> None:
    for table in TABLES:
        if connection.execute(b"select 1 from " + table.encode() + b" limit 1").fetchone():
            raise Misconfigured(
                "CB-CONFIG-SAMPLE-NOT-EMPTY",
                f"{table} in database {connection.info.dbname} holds rows already: load the "
                "sample platform into a new database, never over somebody's data",
            )


def _drop_indexes(connection: psycopg.Connection) -> list[bytes]:
    """Drop the two big tables' indexes that are no constraint's; return how to make them.

    Made once from all rows, they take a fifth of what keeping them up row by row takes.
    """
    rows = connection.execute(
        """
        select
            pg_get_indexdef(indexrelid) as definition,
            format('drop index %s', indexrelid::regclass) as removal
        from pg_index
        where
            indrelid in ('platform.transactions'::regclass, 'platform.ledger_entries'::regclass)
            and not exists (select from pg_constraint where conindid = indexrelid)
        order by indexrelid
        """
    ).fetchall()
    for _, removal in rows:
        connection.execute(removal.encode())
    return [definition.encode() for definition, _ in rows]


def _create_index(conninfo: str, definition: bytes) -> None:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("set maintenance_work_mem = '256MB'")
        connection.execute(definition)


def _copy(connection: psycopg.Connection, statement: LiteralString, lines: Iterable[str]) -> None:
    remaining = iter(lines)
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        while block := "".join(islice(remaining, CHUNK)):
            copy.write(block)


def _vacuum(conninfo: str, table: LiteralString) -> None:
    """Mark all rows visible and frozen, for index-only scans, and count them for the planner.

    A page that somebody else has in hand is passed over, and so are rows that autovacuum, counting
    them at the same time, could still see as new: so it may take more than one pass.
    """
    with psycopg.connect(conninfo, autocommit=True) as connection:
        for _ in range(VACUUM_PASSES):
            connection.execute(b"vacuum (freeze, analyze) " + table.encode())
            if not pages_with_unseen_rows(connection, table):
                return
            time.sleep(VACUUM_PAUSE_SECONDS)


def pages_with_unseen_rows(connection: psycopg.Connection, table: LiteralString) -> int:
    """Count the pages of a vacuumed, append-only table that are not marked all-visible.

    Pages without a row count for nothing: writers that wait for one another grow a table by more
    pages than they fill, and no vacuum marks those.
    """
    rows = connection.execute(
        sql.SQL(
            """
            select
                case
                    when relallvisible < relpages
                        then
                            (select count(distinct (ctid::text::point)[0]) from {table})
                            - relallvisible
                    else 0
                end as unseen
            from pg_class
            where oid = {name}::regclass
            """
        ).format(table=sql.Identifier(*table.split(".")), name=table)
    ).fetchall()
    unseen: int = rows[0][0]
    return unseen


def _load_people(connection: psycopg.Connection, plan: Plan, people: People) -> None:
    random = plan.random("names")
    _copy(
        connection,
        COPY_USERS,
        (
            f"{user_id}\t{copy_text(full_name(random, region))}"
            f"\t{copy_text(address(random, region))}\t{region.country}\t{region.locale_code}"
            f"\t{opened_at.isoformat()}\n"
            for user_id, (region, opened_at) in enumerate(
                zip(people.user_regions, people.opened_at, strict=True), start=1
            )
        ),
    )
    _copy(
        connection,
        COPY_MERCHANTS,
        (
            f"{merchant.merchant_id}\t{copy_text(merchant.name)}\t{merchant.category}"
            f"\t{copy_text(address(random, merchant.region))}\t{merchant.region.country}"
            f"\t{merchant.region.locale_code}\t{_merchants_since(plan).isoformat()}\n"
            for merchant in people.merchants
        ),
    )
    _copy(
        connection,
        COPY_PROMOTIONS,
        (
            f"{promotion_id}\t{people.discount_percent[promotion_id]} % off, no. {promotion_id}"
            f"\t{FUNDINGS[promotion_id % len(FUNDINGS)]}\n"
            for promotion_id in range(1, plan.size.promotions + 1)
        ),
    )


def _load_opening_entries(
    connection: psycopg.Connection, plan: Plan, people: People, balances: list[int]
) -> int:
    """Top up each new wallet of those who pay, and the dormant one, minutes after its opening."""
    random = plan.random("opening")
    lines = []
    for user_id in (*people.holders, people.dormant):
        currency = CURRENCIES[people.user_currency[user_id]]
        amount = currency.median_minor * random.randrange(20, 61)
        posted_at = people.opened_at[user_id - 1] + timedelta(seconds=random.randrange(60, 3600))
        balances[user_id] += amount
        lines.append(
            f"{user_id}\t{user_id}\t{NULL}\t{posted_at.isoformat()}\t{amount}\t{currency.code}"
            f"\ttop_up\tFirst top-up\t{NULL}\n"
        )
    _copy(connection, COPY_LEDGER_ENTRIES, lines)
    return len(lines)


def _load_wallets(
    connection: psycopg.Connection, plan: Plan, people: People, balances: list[int]
) -> None:
    users = (
        f"{user_id}\t{account_number(region.country, user_id)}\t{user_id}\t{NULL}"
        f"\t{region.currency}\t{balances[user_id]}\t{opened_at.isoformat()}\n"
        for user_id, (region, opened_at) in enumerate(
            zip(people.user_regions, people.opened_at, strict=True), start=1
        )
        if user_id in people.holders or user_id > people.active_users[-1]
    )
    merchants = (
        f"{wallet_id}\t{account_number(merchant.region.country, wallet_id)}\t{NULL}"
        f"\t{merchant.merchant_id}\t{CURRENCIES[index].code}\t{balances[wallet_id]}"
        f"\t{_merchants_since(plan).isoformat()}\n"
        for merchant in people.merchants
        for index, wallet_id in merchant.wallets.items()
    )
    _copy(connection, COPY_WALLETS, users)
    _copy(connection, COPY_WALLETS, merchants)


def _load_audit_log(connection: psycopg.Connection, plan: Plan) -> None:
    """Log some staff at work, evenly over the days."""
    random = plan.random("audit")
    first = plan.days[0].period.start
    step = (plan.until - first - MILLISECOND) / AUDIT_ROWS
    _copy(
        connection,
        COPY_AUDIT_LOG,
        (
            f"{(first + n * step).isoformat()}\tsupport-{random.randrange(1, 13):02}"
            f"\tlooked at a transaction\t{random.randrange(1, plan.size.transactions + 1)}\n"
            for n in range(AUDIT_ROWS)
        ),
    )


def _merchants_since(plan: Plan) -> datetime:
    return plan.days[0].period.start - timedelta(days=800)
