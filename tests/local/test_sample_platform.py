"""The sample platform: the same rows from the same seed, correct balances, and all edge cases."""

import re
import unicodedata
from datetime import UTC, date, datetime, timedelta

import psycopg
from psycopg import sql

from closebook import periods
from local.sample_people import account_number
from local.sample_plan import Plan
from local.sample_platform import (
    TABLES,
)
from local.stack import Stack
from tests.local.sample import NEW_YORK, SIZE, UNTIL, Sample, load_small


def digests(conninfo: str) -> dict[str, str]:
    """A digest of each table's rows, whatever their physical order."""
    with psycopg.connect(conninfo) as connection:
        return {
            table: connection.execute(
                sql.SQL(
                    "select md5(string_agg(r::text, '|' order by r::text)) from {} as r"
                ).format(sql.Identifier(*table.split(".")))
            ).fetchall()[0][0]
            for table in TABLES
        }


def test_the_same_seed_gives_the_same_rows_and_another_seed_others(
    sample: Sample, sample_database: str, stack: Stack, platform_database: str
) -> None:
    assert sample.facts.transactions == SIZE.transactions
    again = stack.primary_admin(platform_database)
    assert load_small(again) == sample.facts
    assert digests(again) == digests(sample_database)

    stack.create_platform("sample_other", indexes=False)
    try:
        other = stack.primary_admin("sample_other")
        load_small(other, seed=8)
        assert (
            digests(other)["platform.transactions"]
            != digests(sample_database)["platform.transactions"]
        )
    finally:
        stack.drop_platform("sample_other")


def test_each_balance_is_the_sum_of_its_entries(sample: Sample) -> None:
    differing = sample.rows("""
        select wallet_id, balance_minor, coalesce(sum(amount_minor), 0)
        from platform.wallets left join platform.ledger_entries using (wallet_id)
        group by wallet_id having balance_minor <> coalesce(sum(amount_minor), 0)
    """)
    assert differing == []


def test_entries_are_in_their_wallets_currency_and_no_row_is_an_orphan(sample: Sample) -> None:
    # Foreign keys are off during a load: here they are checked, row by row.
    keys = sample.rows("""
        select child.relname, parent.relname, a.attname, f.attname
        from pg_constraint
        join pg_class as child on child.oid = conrelid
        join pg_class as parent on parent.oid = confrelid
        join pg_attribute as a on a.attrelid = conrelid and a.attnum = conkey[1]
        join pg_attribute as f on f.attrelid = confrelid and f.attnum = confkey[1]
        where contype = 'f' and connamespace = 'platform'::regnamespace
    """)
    assert len(keys) == 7
    for table, parent, column, key in keys:
        orphans = sample.column(
            sql.SQL("""
                select count(*) from platform.{table} as child
                where {column} is not null and not exists (
                    select from platform.{parent} as parent where parent.{key} = child.{column}
                )
            """).format(
                table=sql.Identifier(table),
                parent=sql.Identifier(parent),
                column=sql.Identifier(column),
                key=sql.Identifier(key),
            )
        )
        assert orphans == [0], f"{table}.{column}"
    assert (
        sample.column("""
        select entry_id from platform.ledger_entries as e join platform.wallets as w
        using (wallet_id) where e.currency <> w.currency or e.posted_at < w.opened_at
    """)
        == []
    )


def test_settled_transactions_post_to_their_user_and_others_to_nobody(sample: Sample) -> None:
    differing = sample.rows("""
        select transaction_id
        from platform.transactions as t
        full join (select * from platform.ledger_entries where transaction_id is not null) as e
        using (transaction_id)
        where (status = 'settled') <> (entry_id is not null) or (status = 'settled' and (
            posted_at, wallet_id, e.kind, e.currency, e.amount_minor
        ) is distinct from (
            settled_at, user_id, t.kind, t.currency,
            case t.kind when 'payment' then discount_minor - t.amount_minor else t.amount_minor end
        ))
    """)
    assert differing == []
    assert (
        sample.column("select 1 from platform.transactions where discount_minor > amount_minor")
        == []
    )


def test_each_merchant_is_credited_each_day_and_currency_once(sample: Sample) -> None:
    differing = sample.rows(
        """
        with days as (
            select
                merchant_id, currency,
                'Settlement of ' || (settled_at at time zone %(zone)s)::date as description,
                sum(case kind when 'payment' then amount_minor else -amount_minor end) as net
            from platform.transactions
            where status = 'settled' and (settled_at at time zone %(zone)s)::date <= %(last_day)s
            group by merchant_id, currency, description
        ), entries as (
            select merchant_id, e.currency, description, amount_minor
            from platform.ledger_entries as e join platform.wallets using (wallet_id)
            where kind = 'settlement'
        )
        select * from days full join entries using (merchant_id, currency, description)
        where coalesce(net, 0) <> coalesce(amount_minor, 0)
        """,
        {"zone": NEW_YORK, "last_day": sample.facts.whole_days[-1]},
    )
    assert differing == []
    assert sample.column(
        "select sum(amount_minor) > 0 from platform.ledger_entries where kind = 'settlement'"
    ) == [True]


def test_nothing_is_at_or_after_until_and_some_rows_are_just_before(sample: Sample) -> None:
    for table, column in (
        ("transactions", "settled_at"),
        ("transactions", "created_at"),
        ("ledger_entries", "posted_at"),
        ("audit_log", "happened_at"),
        ("wallets", "opened_at"),
    ):
        (latest,) = sample.column(
            sql.SQL("select max({}) from platform.{}").format(
                sql.Identifier(column), sql.Identifier(table)
            )
        )
        assert isinstance(latest, datetime)
        assert latest < UNTIL, f"{table}.{column}"
    (settled,) = sample.column("select max(settled_at) from platform.transactions")
    assert isinstance(settled, datetime)
    assert UNTIL - settled < timedelta(milliseconds=3)


def test_every_kind_status_currency_funding_and_entry_kind_occurs(sample: Sample) -> None:
    def distinct(column: str, table: str) -> set[object]:
        query = sql.SQL("select distinct {} from platform.{}")
        return set(sample.column(query.format(sql.Identifier(column), sql.Identifier(table))))

    currencies = {"USD", "EUR", "GBP", "JPY", "KWD"}
    assert distinct("currency", "transactions") == currencies
    assert distinct("currency", "ledger_entries") == currencies
    assert distinct("kind", "transactions") == {"payment", "refund", "chargeback"}
    assert distinct("status", "transactions") == {"pending", "settled", "failed"}
    assert distinct("funding", "promotions") == {"platform", "merchant", "shared"}
    assert distinct("kind", "ledger_entries") == {
        *("payment", "refund", "chargeback", "fee", "top_up", "payout", "settlement")
    }
    assert len(distinct("actor", "audit_log")) > 1


def test_names_are_in_nine_scripts_and_locales_in_their_languages(sample: Sample) -> None:
    names = sample.column("""
        select full_name from platform.users union all select merchant_name from platform.merchants
    """)
    scripts = {unicodedata.name(letter).split()[0] for letter in "".join(map(str, names))}
    assert scripts >= {
        *("LATIN", "GREEK", "CYRILLIC", "ARABIC", "HEBREW", "DEVANAGARI", "CJK", "KATAKANA"),
        "HANGUL",
    }
    assert {"en_US", "de_DE", "el_GR", "ar_KW", "he_IL", "hi_IN", "ja_JP", "cs_CZ"} <= set(
        sample.column("select locale_code from platform.users")
    )
    assert any(re.search(r"[<&]", str(name)) for name in names), "no name needs escaping"


def test_account_numbers_have_right_check_digits(sample: Sample) -> None:
    numbers = [str(n) for n in sample.column("select account_number from platform.wallets")]
    assert len(set(numbers)) == len(numbers)
    for number in numbers:
        digits = "".join(str(int(character, 36)) for character in number[4:] + number[:4])
        assert int(digits) % 97 == 1, number
    # A number of the same form whose digits were reckoned by hand elsewhere.
    assert account_number("GB", 2) == "GB65CLBK00000000000002"


def test_the_accounts_of_all_edge_cases_are_there(sample: Sample) -> None:
    def seen(account_id: int) -> tuple[int, int, int]:
        month = sample.facts.last_full_month
        [(ever, in_month, balance)] = sample.rows(
            """
            select
                count(entry_id),
                count(*) filter (where posted_at >= %(start)s and posted_at < %(end)s),
                max(balance_minor)
            from platform.wallets left join platform.ledger_entries using (wallet_id)
            where wallet_id = %(account_id)s
            """,
            {"start": month.start, "end": month.end, "account_id": account_id},
        )
        return ever, in_month, balance

    ever, in_month, balance = seen(sample.facts.dormant_account_id)
    assert (ever > 0, in_month, balance > 0) == (True, 0, True)
    assert seen(sample.facts.untouched_account_id) == (0, 0, 0)
    ever, in_month, balance = seen(sample.facts.overdrawn_account_id)
    assert (in_month > 0, balance < 0) == (True, True)
    [(share,)] = sample.rows(
        "select avg((balance_minor >= 0)::integer) from platform.wallets where user_id is not null"
    )
    assert share > 0.7


def test_the_rows_cover_the_last_month_sixty_days_and_the_days_around_a_clock_change(
    sample: Sample,
) -> None:
    facts = sample.facts
    assert facts.last_full_month == periods.month_of(2026, 7, NEW_YORK)
    assert facts.clock_change == periods.day_of(date(2026, 3, 8), NEW_YORK)
    busy = sample.column(
        """
        select distinct (settled_at at time zone %(zone)s)::date
        from platform.transactions where settled_at is not null
        """,
        {"zone": NEW_YORK},
    )
    window = [day for day in facts.whole_days if day.month > 3]
    assert len(window) == 60
    assert set(window) <= set(busy)
    assert set(facts.last_full_month.days()) <= {
        periods.day_of(day, NEW_YORK) for day in facts.whole_days
    }
    assert facts.clock_change is not None
    assert facts.clock_change.first_date in busy
    [(in_march,)] = sample.rows(
        "select count(*) from platform.transactions where created_at < '2026-05-01'"
    )
    assert in_march == SIZE.transactions // 50


def test_a_window_with_a_clock_change_needs_no_thin_month() -> None:
    plan = Plan(SIZE, 7, datetime(2026, 11, 23, 22, 40, tzinfo=UTC), NEW_YORK)
    assert plan.thin_days == ()
    assert plan.clock_change == periods.day_of(date(2026, 11, 1), NEW_YORK)
    assert len(plan.whole_days) == 60
    assert sum(day.transactions for day in plan.days) == SIZE.transactions


def test_a_zone_without_clock_changes_has_none() -> None:
    plan = Plan(SIZE, 7, UNTIL, "Asia/Tokyo")
    assert (plan.clock_change, plan.thin_days) == (None, ())


def test_some_rows_lie_exactly_on_a_days_and_on_an_hours_boundary(sample: Sample) -> None:
    days = [periods.day_of(day, NEW_YORK) for day in sample.facts.whole_days if day.month > 3]
    settled = set(sample.column("select settled_at from platform.transactions"))
    assert sum(day.start in settled for day in days) > len(days) // 2
    assert sample.column("""
        select count(*) > 0 from platform.transactions
        where settled_at = date_trunc('hour', settled_at) and created_at < settled_at
    """) == [True]


def test_settling_takes_minutes_to_hours(sample: Sample) -> None:
    [(least, median, most)] = sample.rows("""
        select min(settled_at - created_at),
            percentile_cont(0.5) within group (order by settled_at - created_at),
            max(settled_at - created_at)
        from platform.transactions
    """)
    assert timedelta(0) < least < timedelta(minutes=5)
    assert timedelta(minutes=10) < median < timedelta(hours=1)
    assert timedelta(hours=3) < most <= timedelta(hours=36, seconds=1)
