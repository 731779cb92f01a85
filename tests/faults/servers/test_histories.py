"""A failover that loses a part of the log: no close mixes two histories of the platform."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from closebook.closes import failover
from closebook.closes.failover import Acknowledgement
from closebook.closes.histories import FailoverNotAcknowledged, OtherHistory
from closebook.closes.hour import close_hour
from closebook.errors import NotReady
from closebook.periods import Period, hour_of
from closebook.platform import fence
from closebook.platform.replica_status import replica_status
from closebook.settings import Run, Settings
from local.addresses import PRIMARY, REPLICAS
from local.stack import Stack
from tests.books import Books
from tests.close_fixtures import ONE_REPLICA, RUN, hurried
from tests.faults.outcome import assert_nothing_is_left, assert_nothing_written
from tests.faults.servers.promotion import (
    admin_of,
    copy_of_the_primary,
    fence_on,
    promotable,
    promote,
    put_back,
    reading,
    rebuild_from,
    rewind_to,
)
from tests.platform_rows import Platform, utc

A, B = REPLICAS
NINE = hour_of(utc("2026-10-15T09:00Z"))
TEN = hour_of(NINE.end)
ELEVEN = hour_of(TEN.end)
OPERATOR = Run("manual", reason="the primary's disk died", requested_by="olga")
KEPT_MINOR, LOST_MINOR = 1000, 66_600


@pytest.fixture
def split(stack: Stack, settings: Settings, platform: Platform) -> Iterator[Settings]:
    """B is promoted, and the old primary goes on with A: both take payments that the other lacks.

    NINE was closed before, and again after; TEN was closed after. Returns settings on B.
    """
    with promotable(stack, A, B):
        platform.settle(NINE.start, KEPT_MINOR)
        stack.replica_wait()
        close_hour(settings, NINE, RUN)
        promote(stack, B)
        platform.settle(NINE.start + timedelta(minutes=1), LOST_MINOR)
        platform.settle(TEN.start, LOST_MINOR)
        only_a = reading(settings, A)
        stack.replica_wait(A)
        assert close_hour(only_a, NINE, ONE_REPLICA).outcome == "changed"
        assert close_hour(only_a, TEN, ONE_REPLICA).outcome == "new"
        take_payment(stack, B, platform, ELEVEN)
        yield fence_on(stack, only_a, B, platform)


def take_payment(stack: Stack, server: str, platform: Platform, hour: Period) -> None:
    """A payment that only this server has."""
    with psycopg.connect(admin_of(stack, server, platform)) as connection:
        connection.execute(
            "insert into platform.transactions (transaction_id, user_id, user_country, merchant_id,"
            " kind, currency, amount_minor, status, settled_at)"
            " values (9000, 1, 'US', 10, 'payment', 'USD', %s, 'settled', %s)",
            [KEPT_MINOR, hour.start],
        )


def amount(books: Books, hour: Period) -> int:
    return sum(amount_minor for _, amount_minor, _, _ in books.hour(hour).values())


# ---- the failover -----------------------------------------------------------------------


def test_after_a_failover_nothing_is_closed_until_it_is_acknowledged_and_what_was_lost_closed_again(
    stack: Stack, settings: Settings, split: Settings, books: Books
) -> None:
    # Given a failover, after which the replica that was ahead follows the new primary by pg_rewind,
    rewind_to(stack, A, B)
    size = books.size()
    for hour in (NINE, ELEVEN):
        with pytest.raises(FailoverNotAcknowledged, match=r"writes timeline 2, .* timeline 1"):
            close_hour(split, hour, ONE_REPLICA)
    assert books.size() == size
    # when it is acknowledged, by the timeline that the new primary writes,
    assert failover.acknowledge(split, OPERATOR, Acknowledgement(2))
    assert not failover.acknowledge(split, OPERATOR, Acknowledgement(2))
    # then what was read from the lost log is closed again, and what was read before is not.
    assert failover.touched_periods(split) == [NINE, TEN]
    outcomes = [close.outcome for close in failover.close_again(split, OPERATOR)]
    assert outcomes == ["changed", "changed"]
    assert (amount(books, NINE), amount(books, TEN)) == (KEPT_MINOR, 0)
    assert close_hour(split, ELEVEN, ONE_REPLICA).outcome == "new"
    assert amount(books, ELEVEN) == KEPT_MINOR
    assert failover.close_again(split, OPERATOR) == []
    assert_nothing_is_left(books)


def test_what_was_read_before_the_switch_point_is_not_closed_again(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    platform.settle(NINE.start, KEPT_MINOR)
    close_hour(settings, NINE, RUN)
    stack.replica_wait()
    with promotable(stack, A, B):
        promote(stack, B)
        rebuild_from(stack, A, B)
        failed_over = fence_on(stack, reading(settings, A), B, platform)

        assert failover.acknowledge(failed_over, OPERATOR, Acknowledgement(2))

        assert failover.touched_periods(failed_over) == []
        assert close_hour(failed_over, NINE, ONE_REPLICA).outcome == "confirmed"


# ---- the old primary --------------------------------------------------------------------


def test_the_old_primary_that_is_back_neither_replaces_nor_confirms_a_number(
    stack: Stack, settings: Settings, split: Settings, platform: Platform, books: Books
) -> None:
    rebuild_from(stack, A, B)
    failover.acknowledge(split, OPERATOR, Acknowledgement(2))
    failover.close_again(split, OPERATOR)
    closed = books.rows("select * from reporting.closes order by close_id")

    # The old primary answers as the primary, with and without a replica of its own.
    rebuild_from(stack, A, PRIMARY)
    old = reading(settings, A)
    for hour in (NINE, TEN, ELEVEN):
        with pytest.raises(OtherHistory, match=r"writes timeline 1, .* timeline 2: it is an old"):
            close_hour(old, hour, ONE_REPLICA)

    assert books.rows("select * from reporting.closes order by close_id") == closed


def test_a_fence_on_one_side_and_a_replica_on_the_other_close_nothing(
    stack: Stack, settings: Settings, split: Settings, platform: Platform, books: Books
) -> None:
    """A follows the old primary, B is the new one: then the other way round."""
    size = books.size()
    failover.acknowledge(split, OPERATOR, Acknowledgement(2))
    with pytest.raises(
        NotReady, match=f"{A} follows timeline 1, and the primary writes timeline 2"
    ):
        close_hour(hurried(split), ELEVEN, ONE_REPLICA)
    with psycopg.connect(stack.store_admin(books.connection.info.dbname)) as owner:
        owner.execute("truncate reporting.platform_histories cascade")
    rebuild_from(stack, A, B)
    with pytest.raises(
        NotReady, match=f"{A} follows timeline 2, and the primary writes timeline 1"
    ):
        close_hour(hurried(reading(settings, A)), ELEVEN, ONE_REPLICA)
    assert {**books.size(), "platform_histories": 0} == {**size, "platform_histories": 0}


def test_a_cross_check_of_two_histories_closes_nothing(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    platform.settle(NINE.start, KEPT_MINOR)
    stack.replica_wait()
    with promotable(stack, A, B):
        promote(stack, B)
        with pytest.raises(NotReady, match=f"no second replica beside {A}: .*{B} was promoted"):
            close_hour(hurried(settings), NINE, RUN)
        assert_nothing_written(books)


# ---- two promotions, two copies ---------------------------------------------------------


def test_a_second_promotion_with_the_same_number_is_another_history(
    stack: Stack, settings: Settings, split: Settings, platform: Platform, books: Books
) -> None:
    """A was ahead of B, and is promoted too: both write a timeline 2."""
    promote(stack, A)
    failover.acknowledge(split, OPERATOR, Acknowledgement(2))
    on_a = fence_on(stack, reading(settings, B), A, platform)
    histories = [fence.end_of_log(s).history for s in (split, on_a)]
    assert [history.timeline for history in histories] == [2, 2]
    assert histories[0] != histories[1]

    with pytest.raises(OtherHistory, match="writes another timeline 2 than the closes were read"):
        close_hour(on_a, ELEVEN, ONE_REPLICA)

    # A replica of the one is none of the other, however far it is.
    rebuild_from(stack, B, A)
    status = replica_status(on_a.replicas[0])
    on_other = replace(fence.end_of_log(on_a), position=0, history=histories[0])
    assert "follows another timeline 2" in (status.unfit_reason(on_other) or "")
    assert status.unfit_reason(replace(on_other, history=histories[1])) is None

    # Whoever decides for the other one after all says so, and nothing of the first one stays.
    assert failover.acknowledge(on_a, OPERATOR, Acknowledgement(2))
    assert failover.touched_periods(on_a) == [NINE, TEN]
    assert [c.outcome for c in failover.close_again(on_a, OPERATOR)] == ["confirmed", "confirmed"]
    assert amount(books, TEN) == LOST_MINOR


def test_a_primary_that_was_restored_to_an_earlier_position_is_refused_and_then_acknowledged(
    stack: Stack, settings: Settings, platform: Platform, books: Books, tmp_path: Path
) -> None:
    """By a copy of its files: the same timeline, and another log from there on."""
    platform.settle(NINE.start, KEPT_MINOR)
    close_hour(settings, NINE, ONE_REPLICA)
    restored_at = fence.end_of_log(settings).position
    with copy_of_the_primary(stack, tmp_path) as copy:
        platform.connection = psycopg.connect(platform.conninfo, autocommit=True)
        platform.settle(TEN.start, LOST_MINOR)
        for _ in range(200):  # a log that the restored one does not outgrow by starting
            platform.connection.execute(
                "select pg_logical_emit_message(false, '', repeat('x', 9999))"
            )
        close_hour(settings, TEN, ONE_REPLICA)
        put_back(stack, copy)

        with pytest.raises(OtherHistory, match=r"it is a restored copy, or lost a part of its log"):
            close_hour(settings, TEN, ONE_REPLICA)

        assert failover.acknowledge(settings, OPERATOR, Acknowledgement(1, restored_at))
        assert failover.touched_periods(settings) == [TEN]
        for replica in REPLICAS:
            rebuild_from(stack, replica, PRIMARY)
        [close] = failover.close_again(settings, OPERATOR)
        assert close.outcome == "changed"
        assert (amount(books, NINE), amount(books, TEN)) == (KEPT_MINOR, 0)
