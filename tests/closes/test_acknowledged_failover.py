"""A failover is acknowledged, and what the lost log may have touched is closed again.

The failovers are made by rows of the register here; tests/faults/servers makes them by promotions.
"""

from dataclasses import replace

import psycopg
import pytest

from closebook.closes import failover
from closebook.closes.day import close_day
from closebook.closes.exceptions import refuse_exceptions
from closebook.closes.failover import Acknowledgement
from closebook.closes.hour import close_hour
from closebook.closes.month import close_month
from closebook.closes.values import Close
from closebook.counter.publisher import HoursFromLostLog, publish
from closebook.errors import Misconfigured, Transient, WrongData
from closebook.periods import HOUR, Grain, Period, hour_of
from closebook.platform import fence
from closebook.settings import Run, Settings
from local.stack import Stack
from tests.books import Books
from tests.close_fixtures import ONE_REPLICA, RUN
from tests.closes.october import LAST_DAY, OCTOBER
from tests.closes.register_of_histories import CLUSTER, NINE, TEN, as_superuser
from tests.platform_rows import Platform

ACCOUNT = 1
OPERATOR = Run("manual", reason="the primary's disk died", requested_by="olga")


def lose_the_log_of_all_closes(settings: Settings) -> None:
    """Let the register say that a later history has nothing of what closes were read from."""
    with psycopg.connect(settings.store) as store:
        store.execute(
            "with acknowledged as ("
            " insert into reporting.platform_histories"
            " (system_identifier, timeline, switch_points, acknowledged_by, reason, run_id)"
            " select system_identifier, timeline, switch_points, 'olga', 'a failover', 'manual'"
            " from reporting.platform_histories returning history_id)"
            " insert into reporting.lost_logs (acknowledged_history_id, history_id, common_lsn)"
            " select acknowledged.history_id, histories.history_id, '0/60'"
            " from reporting.platform_histories as histories cross join acknowledged"
        )


def test_hours_days_and_months_are_closed_again_in_order_and_a_month_changes_for_a_reason_only(
    settings: Settings, platform: Platform, books: Books
) -> None:
    # Given a month, a day and an hour with rows that a failover takes away,
    platform.open_account(ACCOUNT)
    kept = platform.post(ACCOUNT, LAST_DAY.start, 100)
    platform.settle(LAST_DAY.start, 100)
    platform.post(ACCOUNT, LAST_DAY.start + HOUR, 66_600)
    platform.settle(LAST_DAY.start + HOUR, 66_600)
    close_day(settings, LAST_DAY, RUN)
    month_close_id = close_month(settings, OCTOBER, RUN).close_id
    lose_the_log_of_all_closes(settings)
    platform.connection.execute("delete from platform.ledger_entries where amount_minor = 66600")
    platform.connection.execute("delete from platform.transactions where amount_minor = 66600")
    hours = list(LAST_DAY.hours())
    assert failover.touched_periods(settings) == [*hours, LAST_DAY, OCTOBER]
    with pytest.raises(HoursFromLostLog, match=f"{len(hours)} hours from 2026-10-31T04:00:00Z"):
        publish(settings, RUN)

    # when they are closed again,
    with pytest.raises(WrongData, match="run monthly_statements for it with a reason") as refused:
        failover.close_again(settings, OPERATOR)

    # then the hour and the day hold what is left, and the month stands as it was issued,
    assert "25 periods are closed again, 1 are not" in str(refused.value)
    lost_hour = hour_of(LAST_DAY.start + HOUR)
    assert books.hour(lost_hour) == {}
    assert books.versions(lost_hour)[-1]["reason"] == (
        "closed again after a failover: the primary's disk died"
    )
    assert [v["close_version"] for v in books.versions(LAST_DAY)] == [1, 2]
    assert [v["close_id"] for v in books.versions(OCTOBER)] == [month_close_id]
    assert failover.touched_periods(settings) == [OCTOBER]
    # until it is closed with a reason of its own.
    changed = close_month(settings, OCTOBER, replace(OPERATOR, reason="a payment was lost"))
    assert changed.outcome == "changed"
    assert books.statements(changed.close_id) == {ACCOUNT: (0, kept.amount_minor, 1)}
    assert failover.touched_periods(settings) == []
    assert failover.close_again(settings, OPERATOR) == []


def test_what_a_run_closed_again_without_is_named_though_an_earlier_try_closed_it(
    settings: Settings, platform: Platform, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given two hours of a lost log, of which the first one is closed without a currency,
    for hour in (NINE, TEN):
        platform.settle(hour.start, 100)
        close_hour(settings, hour, RUN)
    lose_the_log_of_all_closes(settings)
    platform.settle(NINE.start, 5, currency="XQQ")

    # when the try that closes them again is lost after the first one, and the next one ends,
    def lost(settings: Settings, period: Period, run: Run) -> Close:
        if period == TEN:
            raise Transient("CB-RETRY-X", "the store was lost")
        return close_hour(settings, period, run)

    with monkeypatch.context() as meanwhile:
        meanwhile.setitem(failover.CLOSE, Grain.HOUR, lost)
        with pytest.raises(Transient):
            failover.close_again(settings, OPERATOR)
    [second] = failover.close_again(settings, OPERATOR)

    # then the run has closed both, and names what is left out.
    assert second.period == TEN
    close_ids = failover.closed_again(settings, OPERATOR)
    current = [books.versions(hour)[-1]["close_id"] for hour in (TEN, NINE)]
    assert sorted(close_ids) == sorted(current)
    with pytest.raises(WrongData, match="is closed without volume of currency XQQ"):
        refuse_exceptions(settings, close_ids)
    assert failover.closed_again(settings, replace(OPERATOR, run_id="another")) == []


def test_the_counter_may_fall_once_by_what_a_failover_took_away(
    settings: Settings, platform: Platform, books: Books
) -> None:
    platform.settle(NINE.start, 100)
    platform.settle(NINE.start, 900)
    close_hour(settings, NINE, RUN)
    assert publish(settings, RUN)["currencies"]["USD"]["gross_minor"] == "1000"
    lose_the_log_of_all_closes(settings)
    platform.connection.execute("delete from platform.transactions where amount_minor = 900")
    with pytest.raises(HoursFromLostLog):
        publish(settings, RUN)
    failover.close_again(settings, OPERATOR)

    assert publish(settings, RUN)["currencies"]["USD"]["gross_minor"] == "100"

    platform.connection.execute("delete from platform.transactions")
    close_hour(settings, NINE, RUN)
    fallen = publish(settings, RUN)
    assert fallen["currencies"] == {}
    assert fallen["excluded_currencies"]["USD"]["reason"] == "would_fall"
    assert fallen["excluded_currencies"]["USD"]["last"]["gross_minor"] == "100"


def test_a_history_that_is_the_current_one_is_not_acknowledged_again(
    settings: Settings, platform: Platform, books: Books
) -> None:
    assert not failover.acknowledge(settings, OPERATOR, Acknowledgement(1))
    close_hour(settings, NINE, RUN)

    assert not failover.acknowledge(settings, OPERATOR, Acknowledgement(1))

    assert len(books.rows("select * from reporting.platform_histories")) == 1


def test_who_acknowledges_names_the_timeline_and_gives_a_reason(
    settings: Settings, platform: Platform, books: Books
) -> None:
    with pytest.raises(Misconfigured, match="writes timeline 1, and timeline 2 is to be ack"):
        failover.acknowledge(settings, OPERATOR, Acknowledgement(2))
    for nobody in (replace(OPERATOR, reason=" "), replace(OPERATOR, requested_by=None)):
        with pytest.raises(Misconfigured, match="trigger a new run with a reason"):
            failover.acknowledge(settings, nobody, Acknowledgement(1))


def test_another_cluster_is_acknowledged_with_the_last_position_that_both_share(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    """As after pg_upgrade, or a move to another server by logical replication."""
    platform.settle(NINE.start, 100)
    close_hour(settings, NINE, ONE_REPLICA)
    with as_superuser(stack, books) as admin:
        admin.execute(CLUSTER)

    with pytest.raises(Misconfigured, match=r"give the last position .* as common_lsn"):
        failover.acknowledge(settings, OPERATOR, Acknowledgement(1))

    everything = Acknowledgement.parsed("1", "FFFFFFFF/0")
    assert failover.acknowledge(settings, OPERATOR, everything)
    assert failover.touched_periods(settings) == []
    assert close_hour(settings, NINE, ONE_REPLICA).outcome == "confirmed"


def test_a_copy_that_was_restored_without_a_promotion_is_acknowledged_with_a_position(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    for hour in (NINE, TEN):
        platform.settle(hour.start, 100)
        close_hour(settings, hour, ONE_REPLICA)
    with as_superuser(stack, books) as admin:
        admin.execute(
            "update reporting.close_readings set read_lsn = 'F000/0' where close_id = ("
            "select close_id from reporting.closes where period_start = %s)",
            [TEN.start],
        )
    with pytest.raises(Misconfigured, match=r"give the last position .* as common_lsn"):
        failover.acknowledge(settings, OPERATOR, Acknowledgement(1))
    restored_at = fence.end_of_log(settings).position

    assert failover.acknowledge(settings, OPERATOR, Acknowledgement(1, restored_at))

    assert failover.touched_periods(settings) == [TEN]
    assert [close.outcome for close in failover.close_again(settings, OPERATOR)] == ["confirmed"]
    assert failover.touched_periods(settings) == []


@pytest.mark.parametrize("typed", [("two", None), (None, None), ("2", "148"), ("2", "0/XY")])
def test_what_is_no_timeline_or_position_is_refused(typed: tuple[str | None, str | None]) -> None:
    with pytest.raises(Misconfigured, match="write a timeline as 2 and a position as 0/3000148"):
        Acknowledgement.parsed(*typed)
