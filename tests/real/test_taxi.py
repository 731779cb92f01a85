"""Real taxi fares, hour by hour and day by day, through the day that had 23 hours."""

import csv
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg import sql

from closebook.closes.day import close_day
from closebook.closes.hour import close_hour
from closebook.closes.values import Close
from closebook.periods import Period, day_of
from closebook.settings import Settings
from local.stack import Stack
from tests.books import Books
from tests.close_fixtures import RUN, settings_on

NEW_YORK = "America/New_York"
CountAndSum = tuple[int, int]


@dataclass(frozen=True)
class Taxis:
    """The fares, and what the closes of all hours and then of all days made of them."""

    fares: list[dict[str, str]]
    settings: Settings
    books: Books
    days: list[Period]
    closed_days: list[Close]


def load(conninfo: str, data: Path) -> None:
    """Copy the fares into the platform: each a payment that settled at its dropoff."""
    with psycopg.connect(conninfo) as platform, (data / "fares.csv").open("rb") as file:
        columns = file.readline().decode().strip().split(",")
        platform.execute(
            sql.SQL("create temporary table fares (ride bigserial, {})").format(
                sql.SQL(", ").join(
                    sql.SQL("{} text").format(sql.Identifier(column)) for column in columns
                )
            )
        )
        copying = sql.SQL("copy fares ({}) from stdin (format csv)").format(
            sql.SQL(", ").join(map(sql.Identifier, columns))
        )
        with platform.cursor().copy(copying) as copy:
            copy.write(file.read())
        platform.execute(
            """
            insert into platform.users
            select row_number() over (), payment, '', 'US', 'en_US'
            from (select distinct coalesce(payment, '') as payment from fares) as payments
            """
        )
        platform.execute(
            """
            insert into platform.merchants
            select row_number() over (), borough, borough, '', 'US', 'en_US'
            from (select distinct coalesce(pickup_borough, '') as borough from fares) as boroughs
            """
        )
        platform.execute(
            """
            insert into platform.transactions (
                transaction_id, user_id, user_country, merchant_id, kind, currency, amount_minor,
                status, created_at, settled_at
            )
            select
                fares.ride,
                users.user_id,
                users.country,
                merchants.merchant_id,
                'payment',
                'USD',
                fares.total::numeric * 100,
                'settled',
                fares.pickup::timestamp at time zone %(zone)s,
                fares.dropoff::timestamp at time zone %(zone)s
            from fares
            inner join platform.users on coalesce(fares.payment, '') = users.full_name
            inner join platform.merchants
                on coalesce(fares.pickup_borough, '') = merchants.category
            """,
            {"zone": NEW_YORK},
        )


@pytest.fixture(scope="module")
def taxis(
    stack: Stack,
    module_platform_database: str,
    module_store_database: str,
    taxi_data: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Taxis:
    """The fares loaded, every hour closed by itself, and after them every day."""
    with (taxi_data / "fares.csv").open(encoding="utf-8", newline="") as file:
        fares = list(csv.DictReader(file))
    load(stack.primary_admin(module_platform_database), taxi_data)
    settings = settings_on(
        stack,
        module_platform_database,
        module_store_database,
        tmp_path_factory.mktemp("documents"),
        NEW_YORK,
    )
    dates = sorted(date.fromisoformat(fare["dropoff"][:10]) for fare in fares)
    count = (dates[-1] - dates[0]).days + 1
    days = [day_of(dates[0] + timedelta(days=n), NEW_YORK) for n in range(count)]
    hours = [hour for day in days for hour in day.hours()]
    with ThreadPoolExecutor(4) as pool:
        outcomes = {
            close.outcome for close in pool.map(lambda h: close_hour(settings, h, RUN), hours)
        }
    assert outcomes == {"new"}
    closed_days = [close_day(settings, day, RUN) for day in days]
    return Taxis(fares, settings, Books(stack.store(module_store_database)), days, closed_days)


def minor(amount: str) -> int:
    """Dollars as the file writes them, in cents."""
    cents = Decimal(amount) * 100
    assert cents == int(cents)
    return int(cents)


def add_up(keyed: list[tuple[object, int]]) -> dict[object, CountAndSum]:
    amounts = defaultdict(list)
    for key, amount_minor in keyed:
        amounts[key].append(amount_minor)
    return {key: (len(found), sum(found)) for key, found in amounts.items()}


def test_every_hour_counts_and_adds_up_what_the_file_has(taxis: Taxis) -> None:
    zone = ZoneInfo(NEW_YORK)
    expected = add_up(
        [
            (
                datetime.fromisoformat(fare["dropoff"])
                .replace(tzinfo=zone)
                .astimezone(UTC)
                .replace(minute=0, second=0),
                minor(fare["total"]),
            )
            for fare in taxis.fares
        ]
    )

    rows = taxis.books.rows("select * from reporting.current_hourly_volume")

    assert {row["hour_start"]: (row["transaction_count"], row["amount_minor"]) for row in rows} == (
        expected
    )
    assert {(row["currency"], row["kind"]) for row in rows} == {("USD", "payment")}


def test_every_day_counts_and_adds_up_what_the_file_has(taxis: Taxis) -> None:
    expected = add_up(
        [
            (
                (date.fromisoformat(fare["dropoff"][:10]), fare["pickup_borough"]),
                minor(fare["total"]),
            )
            for fare in taxis.fares
        ]
    )

    rows = taxis.books.rows(
        "select business_day, merchant_category, sum(transaction_count)::bigint as n,"
        " sum(amount_minor)::bigint as amount_minor"
        " from reporting.current_daily_volume group by business_day, merchant_category"
    )

    assert {
        (row["business_day"], row["merchant_category"]): (row["n"], row["amount_minor"])
        for row in rows
    } == expected


def test_days_confirm_the_hours_that_were_closed_before(taxis: Taxis) -> None:
    assert [closed.outcome for closed in taxis.closed_days] == ["new"] * len(taxis.days)
    assert taxis.books.corrected_hours() == []
    assert taxis.books.failed_tie_outs() == []


def test_each_day_has_the_hours_that_new_york_had(
    taxis: Taxis, capsys: pytest.CaptureFixture[str]
) -> None:
    zone = ZoneInfo(NEW_YORK)

    def hours_of(day: date) -> int:
        instants = [
            datetime(d.year, d.month, d.day, tzinfo=zone).astimezone(UTC)
            for d in (day, day + timedelta(days=1))
        ]
        return int((instants[1] - instants[0]) / timedelta(hours=1))

    rows = taxis.books.rows(
        "select period_start from reporting.closes where grain = 'hour' and is_current"
    )

    counted = Counter(row["period_start"].astimezone(zone).date() for row in rows)
    assert counted == {day.first_date: hours_of(day.first_date) for day in taxis.days}
    others = [str(day) for day, count in sorted(counted.items()) if count != 24]
    with capsys.disabled():
        print(  # noqa: T201 (what this run was about)
            f"\ntaxi: {len(taxis.fares)} fares in {len(rows)} hours of {len(taxis.days)} days; "
            f"days of other than 24 hours: {', '.join(others) or 'none'}"
        )
