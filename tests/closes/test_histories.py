"""A close continues the history of the platform that the register knows, or is refused.

The histories are made by rows of the register here; tests/faults/servers makes them by promotions.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import LiteralString

import psycopg
import pytest

from closebook.closes.checks import TieOutFailed
from closebook.closes.day import close_day
from closebook.closes.histories import HistoryReplaced, OtherHistory
from closebook.closes.hour import close_hour
from closebook.errors import Transient
from closebook.periods import HOUR, Period, hour_of
from closebook.platform.history import END_OF_LOG, History, SwitchPoint, end_of_common_log
from closebook.settings import Settings
from closebook.sql import SQL_FOLDER
from local.addresses import PRIMARY
from local.stack import Stack
from tests.books import Books
from tests.close_fixtures import ONE_REPLICA, RUN, eventually, store_held, waiting_to_write
from tests.closes.business_day import DAY, contradicting
from tests.closes.register_of_histories import CLUSTER, NINE, TEN, as_superuser
from tests.platform_rows import Platform


def readings(books: Books, period: Period) -> list[dict[str, object]]:
    """The readings of all versions of a period, with the history of each."""
    return books.rows(
        "select readings.*, histories.system_identifier, histories.timeline,"
        " histories.switch_points, histories.is_adopted, closes.close_version"
        " from reporting.close_readings as readings"
        " inner join reporting.platform_histories as histories using (history_id)"
        " inner join reporting.closes using (close_id)"
        " where grain = %s and period_start = %s order by reading_id",
        period.grain,
        period.start,
    )


# ---- what is recorded -------------------------------------------------------------------


def test_each_close_and_each_confirmation_records_its_history_fence_and_reading(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    platform.settle(NINE.start, 100)
    with psycopg.connect(stack.primary_admin()) as admin:
        row = admin.execute("select system_identifier::text from pg_control_system()").fetchone()
    assert row is not None

    close_hour(settings, NINE, RUN)
    close_hour(settings, NINE, RUN)

    first, second = readings(books, NINE)
    for reading in (first, second):
        assert reading["system_identifier"] == row[0]
        assert (reading["timeline"], reading["switch_points"]) == (1, "")
        assert reading["is_adopted"]
        assert reading["close_version"] == 1
    [close] = books.versions(NINE)
    assert first["fence_lsn"] == close["fence_lsn"]
    assert close["confirmation_count"] == 1
    assert len(books.rows("select * from reporting.platform_histories")) == 1


def test_a_refused_close_adopts_no_history(
    settings: Settings, platform: Platform, books: Books
) -> None:
    platform.settle(DAY.start, 100)

    with contradicting(platform, amount_minor="99"), pytest.raises(TieOutFailed):
        close_day(settings, DAY, ONE_REPLICA)

    assert books.rows("select * from reporting.platform_histories") == []


def test_the_first_close_after_an_upgrade_adopts_the_history_and_confirms_old_closes(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    platform.settle(NINE.start, 100)
    close_hour(settings, NINE, RUN)
    with as_superuser(stack, books) as admin:
        admin.execute("truncate reporting.platform_histories cascade")
        assert admin.execute("select count(*) from reporting.closes").fetchone() == (1,)

    assert close_hour(settings, NINE, RUN).outcome == "confirmed"

    [reading] = readings(books, NINE)
    assert reading["is_adopted"]


# ---- what is refused --------------------------------------------------------------------

OLDER = "update reporting.platform_histories set timeline = 2, switch_points = '1@0/60'"
OTHER_PROMOTION = "update reporting.platform_histories set switch_points = '7@0/60'"
AHEAD = "update reporting.close_readings set read_lsn = 'F000/0'"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param(CLUSTER, "closes were read from cluster 4711", id="another cluster"),
        pytest.param(OLDER, "writes timeline 1, .* from timeline 2: it is an old", id="older"),
        pytest.param(OTHER_PROMOTION, "writes another timeline 1", id="another promotion"),
        pytest.param(AHEAD, r"read up to F000/0 of timeline 1: it is a restored", id="behind"),
    ],
)
def test_a_close_that_does_not_continue_the_history_is_refused_before_it_reads(
    stack: Stack,
    settings: Settings,
    platform: Platform,
    books: Books,
    change: LiteralString,
    reason: str,
) -> None:
    platform.settle(NINE.start, 100)
    close_hour(settings, NINE, RUN)
    with as_superuser(stack, books) as admin:
        admin.execute(change)
    size = books.size()
    no_replica = replace(settings, replica_wait_seconds=0, replicas=settings.replicas[:1])

    for period in (NINE, TEN):
        with pytest.raises(OtherHistory, match=reason):
            close_hour(no_replica, period, ONE_REPLICA)

    assert books.size() == size
    assert books.versions(NINE)[-1]["confirmation_count"] == 0


def test_a_close_whose_history_is_replaced_while_it_reads_writes_nothing(
    settings: Settings, platform: Platform, books: Books
) -> None:
    platform.settle(NINE.start, 100)
    close_hour(settings, NINE, RUN)
    with ThreadPoolExecutor() as pool, psycopg.connect(settings.store) as acknowledging:
        acknowledging.execute(
            "select pg_advisory_xact_lock(hashtextextended('closebook history', 0))"
        )
        closing = pool.submit(close_hour, settings, TEN, ONE_REPLICA)
        eventually(lambda: waiting_to_write(settings) == 1)
        acknowledging.execute(ACKNOWLEDGED, ["1", "1@0/60"])
        acknowledging.commit()

        with pytest.raises(HistoryReplaced, match="run it again"):
            closing.result(timeout=120)

    assert books.versions(TEN) == []


def test_the_first_close_of_a_register_keeps_no_other_first_close_waiting(
    settings: Settings, platform: Platform, books: Books
) -> None:
    platform.settle(NINE.start, 100)
    platform.settle(TEN.start, 200)
    with ThreadPoolExecutor() as pool:
        with store_held(settings, NINE):
            slower = pool.submit(close_hour, settings, NINE, ONE_REPLICA)
            eventually(lambda: waiting_to_write(settings) == 1)
            # In another thread, so that the test ends if it waits.
            other = pool.submit(close_hour, settings, TEN, ONE_REPLICA)
            eventually(other.done)
            assert other.result().outcome == "new"
        assert slower.result(timeout=120).outcome == "new"

    [nine], [ten] = readings(books, NINE), readings(books, TEN)
    assert nine["history_id"] == ten["history_id"]
    assert nine["is_adopted"]
    assert len(books.rows("select * from reporting.platform_histories")) == 1


def test_of_two_first_closes_of_different_platforms_only_one_is_written(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    platform.settle(NINE.start, 100)
    platform.settle(TEN.start, 200)
    with ThreadPoolExecutor() as pool:
        with store_held(settings, NINE):
            slower = pool.submit(close_hour, settings, NINE, ONE_REPLICA)
            eventually(lambda: waiting_to_write(settings) == 1)
            close_hour(settings, TEN, ONE_REPLICA)
            with as_superuser(stack, books) as admin:  # as if it had been another platform
                admin.execute(CLUSTER)
        with pytest.raises(HistoryReplaced, match="run it again"):
            slower.result(timeout=120)

    assert books.versions(NINE) == []
    assert len(books.versions(TEN)) == 1


def test_a_first_close_that_breaks_off_leaves_no_history_and_the_next_one_adopts_it(
    settings: Settings, platform: Platform, books: Books
) -> None:
    platform.settle(NINE.start, 100)
    with ThreadPoolExecutor() as pool:
        with store_held(settings, NINE):
            broken = pool.submit(close_hour, settings, NINE, ONE_REPLICA)
            eventually(lambda: waiting_to_write(settings) == 1)
            books.rows(
                "select pg_terminate_backend(pid) from pg_locks"
                " where locktype = 'advisory' and not granted and database ="
                " (select oid from pg_database where datname = current_database())"
            )
        with pytest.raises(Transient):
            broken.result(timeout=120)
    assert books.rows("select * from reporting.platform_histories") == []

    assert close_hour(settings, NINE, ONE_REPLICA).outcome == "new"
    assert len(readings(books, NINE)) == 1


ACKNOWLEDGED = (
    "insert into reporting.platform_histories"
    " (system_identifier, timeline, switch_points, acknowledged_by, reason, run_id)"
    " values (%s, 2, %s, 'olga', 'a failover', 'manual')"
)


def test_a_close_that_was_fenced_before_another_one_and_writes_after_it_is_no_other_history(
    settings: Settings, platform: Platform, books: Books
) -> None:
    close_hour(settings, hour_of(NINE.start - HOUR), ONE_REPLICA)
    platform.settle(NINE.start, 100)
    with ThreadPoolExecutor() as pool:
        with store_held(settings, NINE):
            slower = pool.submit(close_hour, settings, NINE, ONE_REPLICA)
            eventually(lambda: waiting_to_write(settings) == 1)
            platform.settle(TEN.start, 100)
            close_hour(settings, TEN, ONE_REPLICA)
        assert slower.result(timeout=120).outcome == "new"

    [nine], [ten] = readings(books, NINE), readings(books, TEN)
    assert str(nine["fence_lsn"]) < str(ten["fence_lsn"])


# ---- where two histories part -----------------------------------------------------------


def history(timeline: int, *points: tuple[int, int], cluster: str = "7") -> History:
    return History(cluster, timeline, tuple(SwitchPoint(*point) for point in points))


@pytest.mark.parametrize(
    ("old", "new", "common"),
    [
        pytest.param(history(1), history(1), END_OF_LOG, id="the same"),
        pytest.param(history(1), history(2, (1, 50)), 50, id="one promotion"),
        pytest.param(history(1), history(3, (1, 50), (2, 80)), 50, id="two promotions"),
        pytest.param(history(2, (1, 50)), history(3, (1, 50), (2, 80)), 80, id="the second"),
        pytest.param(history(2, (1, 50)), history(2, (1, 70)), 50, id="two of one number"),
        pytest.param(history(2, (1, 50)), history(3, (1, 20)), 20, id="restored to before it"),
        pytest.param(history(2, (1, 50)), history(3, (1, 70)), 50, id="promoted from its parent"),
        pytest.param(history(2, (1, 50)), history(1), 50, id="back to the old primary"),
        pytest.param(history(1), history(2, (1, 50), cluster="8"), None, id="another cluster"),
        pytest.param(history(1), History("7", 2, None), None, id="not readable"),
    ],
)
def test_two_histories_are_one_log_up_to_where_they_part(
    old: History, new: History, common: int | None
) -> None:
    assert end_of_common_log(old, new) == common


def test_the_fence_role_may_ask_for_the_history_of_a_timeline_and_read_no_other_file(
    stack: Stack, settings: Settings, platform: Platform
) -> None:
    file = stack.root / "servers" / PRIMARY / "pg_wal" / "0000000A.history"
    file.write_text("1\t0/3000148\tno recovery target specified\n\n# 8\t0/1\n9\tA/B\treason\n")
    try:
        with psycopg.connect(settings.primary, autocommit=True) as primary:
            asked = [
                primary.execute(
                    "select reporting_source.timeline_history(%s)", [timeline]
                ).fetchone()
                for timeline in (1, 10, 11)
            ]
            assert asked == [("",), ("1@0/3000148,9@A/B",), (None,)]
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                primary.execute("select pg_read_file('PG_VERSION')")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                primary.execute("table reporting_source.transactions")
    finally:
        file.unlink()


def test_where_the_functions_owner_may_not_read_the_file_the_history_is_unknown(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    """A managed PostgreSQL: closes go on, and a timeline is known by its number."""
    grants = (SQL_FOLDER / "platform" / "grants.sql").read_text(encoding="utf-8")
    name = "create or replace function reporting_source."
    definition = grants[grants.index(f"{name}timeline_history") : grants.index(f"{name}sessions")]
    execute = platform.connection.execute
    execute("create role managed_owner")
    execute("grant create, usage on schema reporting_source to managed_owner with grant option")
    execute("drop function reporting_source.timeline_history(integer)")
    try:
        execute("set role managed_owner")
        execute(definition.encode())
        execute("reset role")
        with psycopg.connect(settings.primary) as primary:
            asked = [
                primary.execute(
                    "select reporting_source.timeline_history(%s)", [timeline]
                ).fetchone()
                for timeline in (1, 10)
            ]
        assert asked == [("",), (None,)]
        assert close_hour(settings, NINE, ONE_REPLICA).outcome == "new"
    finally:
        execute("reset role")
        execute("drop function reporting_source.timeline_history(integer)")
        execute("revoke all on schema reporting_source from managed_owner")
        execute("drop role managed_owner")
        execute(definition.encode())
