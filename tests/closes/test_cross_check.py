"""A cross-check: two replicas give the same numbers for a close, or nothing of it is written."""

import logging
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from closebook.closes.day import close_day
from closebook.closes.hour import close_hour
from closebook.closes.month import close_month
from closebook.closes.register import ReplicasDisagree
from closebook.closes.values import Close
from closebook.errors import Misconfigured, NotReady, Transient
from closebook.periods import day_of, hour_of, parse_month
from closebook.settings import Settings
from local.addresses import REPLICAS
from local.stack import Stack
from tests.books import Books
from tests.close_fixtures import (
    ONE_REPLICA,
    RUN,
    hurried,
    transactions_with,
    view_of,
    with_session_setting,
)
from tests.platform_rows import Platform, utc

NEW_YORK = "America/New_York"
NINE = hour_of(utc("2026-10-15T09:00Z"))
DAY = day_of(date(2026, 10, 15), NEW_YORK)
OCTOBER = parse_month("2026-10", NEW_YORK)
CHANGED_ROWS = "closebook_test.added_minor=1"
"""In a session with this setting the views that a test bends add one minor unit."""
ADDED = "coalesce(nullif(current_setting('closebook_test.added_minor', true), ''), '0')::bigint"


def fill(platform: Platform) -> None:
    platform.settle(NINE.start, 1000, fee_minor=30)
    platform.settle(NINE.start, 2500, "EUR", promotion_id=100)
    platform.settle(DAY.start, 70, kind="refund")
    platform.open_account(1)
    platform.post(1, NINE.start, 500)
    platform.post(1, DAY.start, -20)


def hour(settings: Settings) -> Close:
    return close_hour(settings, NINE, RUN)


def day(settings: Settings) -> Close:
    return close_day(settings, DAY, RUN)


def month(settings: Settings) -> Close:
    return close_month(settings, OCTOBER, RUN)


def with_changed_rows_on(stack: Stack, settings: Settings, replica: str) -> Settings:
    """Return settings by which the sessions on one replica see changed rows."""
    return replace(
        settings,
        replicas=tuple(
            with_session_setting(stack, settings, r.name, CHANGED_ROWS) if r.name == replica else r
            for r in settings.replicas
        ),
    )


# ---- they agree -------------------------------------------------------------------------


@pytest.mark.parametrize("close", [hour, day, month])
def test_what_two_replicas_agree_on_is_written_once_and_the_agreement_is_on_record(
    settings: Settings, platform: Platform, books: Books, close: Callable[[Settings], Close]
) -> None:
    fill(platform)

    written = close(settings)

    assert (written.outcome, written.version) == ("new", 1)
    [record] = books.versions(written.period)
    assert record["confirmation_count"] == 0
    checked = books.rows(
        "select check_name, count(*) as times, sum(offending_count)::int as found"
        " from reporting.tie_outs where close_id = %s group by 1",
        written.close_id,
    )
    assert {(row["times"], row["found"]) for row in checked} == {(1, 0)}
    assert "replicas_agree" in {row["check_name"] for row in checked}


@pytest.mark.parametrize("close", [hour, day, month])
def test_a_cross_checked_period_that_is_closed_again_is_confirmed_once(
    settings: Settings, platform: Platform, books: Books, close: Callable[[Settings], Close]
) -> None:
    fill(platform)
    close(settings)
    size_before = books.size()

    assert close(settings).outcome == "confirmed"

    assert books.size() == size_before
    [record] = books.versions(close(settings).period)
    assert record["confirmation_count"] == 2


def test_days_that_a_month_closes_again_are_compared_as_well(
    settings: Settings, platform: Platform, books: Books
) -> None:
    last = list(OCTOBER.days())[-1]
    fill(platform)
    close_day(settings, last, RUN)
    platform.post(1, last.start, 7)

    month(settings)

    [_, again] = books.versions(last)
    agreed = books.rows(
        "select 1 from reporting.tie_outs where close_id = %s and check_name = 'replicas_agree'",
        again["close_id"],
    )
    assert len(agreed) == 1


# ---- they do not ------------------------------------------------------------------------


@pytest.mark.parametrize("replica", REPLICAS)
@pytest.mark.parametrize("close", [hour, day])
def test_one_minor_unit_between_two_replicas_stops_the_close(
    stack: Stack,
    settings: Settings,
    platform: Platform,
    books: Books,
    close: Callable[[Settings], Close],
    replica: str,
) -> None:
    fill(platform)
    with (
        transactions_with(platform, amount_minor=f"amount_minor + {ADDED}"),
        pytest.raises(ReplicasDisagree) as failed,
    ):
        close(with_changed_rows_on(stack, settings, replica))

    assert all(name in str(failed.value) for name in REPLICAS)
    amounts = re.findall(r"(?:old|new)_amount_minor=(\d+)", str(failed.value))
    assert abs(int(amounts[0]) - int(amounts[1])) == 1
    assert sum(books.size().values()) == 0
    [record] = books.failed_tie_outs()
    assert (record["check_name"], record["close_id"]) == ("replicas_agree", None)


@pytest.mark.parametrize(
    ("column", "bent"),
    [
        ("amount_minor", f"amount_minor + {ADDED}"),
        ("description", f"'Paid to Zdeňka Tajná' || {ADDED}"),
        ("counterparty", f"'Zdeňka Tajná' || {ADDED}"),
    ],
)
def test_a_line_that_differs_between_two_replicas_stops_the_month_and_names_nobody(
    stack: Stack, settings: Settings, platform: Platform, books: Books, column: str, bent: str
) -> None:
    fill(platform)
    names = [
        *("entry_id", "account_id", "transaction_id", "posted_at", "amount_minor", "currency"),
        *("kind", "description", "counterparty"),
    ]
    table = {"account_id": "wallet_id", column: bent}
    selected = ", ".join(f"{table.get(name, name)} as {name}" for name in names)
    with (
        view_of(platform, "ledger_entries", f"select {selected} from platform.ledger_entries"),  # noqa: S608  # names of this file
        pytest.raises(ReplicasDisagree) as failed,
    ):
        month(with_changed_rows_on(stack, settings, "replica_b"))

    assert "entry_id=" in str(failed.value) or "account_id=" in str(failed.value)
    assert "Tajná" not in str(failed.value)
    assert "Tajná" not in str(books.failed_tie_outs())
    assert sum(books.size().values()) == 0


def test_without_a_cross_check_the_other_replica_is_not_read(
    stack: Stack, settings: Settings, platform: Platform
) -> None:
    fill(platform)
    with transactions_with(platform, amount_minor=f"amount_minor + {ADDED}"):
        assert (
            close_hour(
                with_changed_rows_on(stack, settings, "replica_b"), NINE, ONE_REPLICA
            ).outcome
            == "new"
        )


def test_replicas_that_disagree_for_a_moment_are_read_again(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    """A late row can be in the one snapshot and not yet in the other."""
    fill(platform)

    class Repair(logging.Handler):
        """Makes both replicas agree again after the close has seen that they disagree."""

        def emit(self, record: logging.LogRecord) -> None:
            if "replicas_agree found" in record.getMessage():
                bent.__exit__(None, None, None)
                stack.replica_wait()
                watched.removeHandler(self)

    watched = logging.getLogger("closebook.closes.execute")
    watched.setLevel(logging.INFO)
    bent = transactions_with(platform, amount_minor=f"amount_minor + {ADDED}")
    bent.__enter__()
    watched.addHandler(Repair())
    close = hour(with_changed_rows_on(stack, settings, "replica_b"))

    assert close.outcome == "new"
    assert books.hour(NINE) == platform.volume(NINE)
    assert books.failed_tie_outs() == []


# ---- one is missing ---------------------------------------------------------------------


@pytest.mark.parametrize("behind", REPLICAS)
def test_a_cross_check_with_one_replica_behind_is_not_ready(
    stack: Stack, settings: Settings, platform: Platform, books: Books, behind: str
) -> None:
    stack.pause_replay(behind)
    fill(platform)

    [sound] = {*REPLICAS} - {behind}
    with pytest.raises(NotReady, match=f"no second replica beside {sound}: .*{behind} is .* bytes"):
        hour(hurried(settings))

    assert books.versions(NINE) == []


def test_a_cross_check_waits_for_a_replica_that_is_down(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    stack.kill("replica_a")

    with pytest.raises((NotReady, Transient), match="replica_a"):
        hour(hurried(settings))

    stack.start("replica_a")
    assert hour(settings).outcome == "new"
    assert books.hour(NINE) == platform.volume(NINE)


def test_a_cross_check_with_one_configured_replica_is_misconfigured(
    settings: Settings, platform: Platform
) -> None:
    with pytest.raises(Misconfigured, match="a cross-check needs two replicas"):
        hour(replace(settings, replicas=settings.replicas[:1]))
