"""All that depends on PostgreSQL's version, on real servers of each version that is supported."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from closebook.closes import failover
from closebook.closes.day import close_day
from closebook.closes.failover import Acknowledgement
from closebook.closes.histories import FailoverNotAcknowledged
from closebook.closes.hour import close_hour
from closebook.closes.month import close_month
from closebook.closes.trial_hour import TrialTotal, try_hour
from closebook.errors import NotReady
from closebook.monitoring import collect
from closebook.periods import hour_of
from closebook.settings import Replica, Run, Settings
from local.addresses import PRIMARY, REPLICAS, STORE
from local.postgres import make_replication_slots
from local.stack import Stack
from tests.books import Books
from tests.close_fixtures import ONE_REPLICA, RUN, hurried
from tests.closes import business_day, october
from tests.closes.business_day import DAY
from tests.closes.october import OCTOBER
from tests.doctor.conftest import Diagnosis, only
from tests.faults.server_restart import start_again
from tests.faults.servers.promotion import (
    data_of,
    fence_on,
    promotable,
    promote,
    reading,
    upstream,
)
from tests.markdown import DOCS, text
from tests.monitoring.test_query_plans import BY_TRANSACTIONS, INDEX, large_table
from tests.platform_rows import Platform, utc
from tests.sql.runs import Servers
from tests.sql.test_queries import ALL_CASES
from tests.versions.stack_of_version import IS_MADE_FOR_THIS_MACHINE

__all__ = ["large_table"]

pytestmark = pytest.mark.skipif(
    not IS_MADE_FOR_THIS_MACHINE, reason="the packages of npm have programs for x86_64 alone"
)

A, B = REPLICAS
NINE = hour_of(utc("2026-10-15T09:00Z"))
TEN = hour_of(NINE.end)
OPERATOR = Run("manual", reason="the primary's disk died", requested_by="olga")
# Whose cases expect what PostgreSQL 15 and later say: before, the first count of a database's
# counters is called their reset. The test of health below reads them on each version.
DIFFERENT = {14: {"health/read_server"}}
KEPT_MINOR, LOST_MINOR = 1000, 66_600


def test_primary_replicas_and_store_have_the_version_that_the_test_names(
    stack: Stack, version: int
) -> None:
    servers = (PRIMARY, *REPLICAS, STORE)
    found = {}
    for server in servers:
        with psycopg.connect(stack.conninfo(server, "postgres", "postgres")) as admin:
            found[server] = admin.info.server_version // 10_000
    assert found == dict.fromkeys(servers, version)


# ---- the doctor --------------------------------------------------------------------------


@pytest.mark.parametrize("is_full", [False, True], ids=["sample", "full"])
def test_the_doctor_finds_nothing(diagnosis: Diagnosis, is_full: bool) -> None:
    report = diagnosis(is_full=is_full)

    assert report.text == "0 errors, 0 warnings, 0 notes; 0 things were not looked at\n"


def test_the_doctor_tells_primary_and_replica_apart(
    stack: Stack, diagnosis: Diagnosis, platform: Platform
) -> None:
    replica = stack.conninfo(A, "closebook_fence", platform.database)
    primary = stack.conninfo(PRIMARY, "closebook_reader", platform.database)

    assert only(diagnosis(primary=replica), "primary-is-replica").subject == "primary"
    swapped = diagnosis(replicas=(Replica(A, primary),))
    assert only(swapped, "replica-is-primary").subject == A


# ---- the closes --------------------------------------------------------------------------


def test_an_hour_and_its_trial_equal_a_recount(
    settings: Settings, platform: Platform, books: Books
) -> None:
    business_day.fill(platform)
    hour = hour_of(DAY.start)
    size = books.size()

    tried = try_hour(settings, hour)

    assert books.size() == size
    assert close_hour(settings, hour, RUN).outcome == "new"
    assert books.hour(hour) == platform.volume(hour)
    assert len(books.hour(hour)) == 2
    assert set(tried.totals) == {
        TrialTotal(currency, kind, *numbers)
        for (currency, kind), numbers in platform.volume(hour).items()
    }
    assert close_hour(settings, hour, RUN).outcome == "confirmed"


def test_a_day_and_its_hours_equal_a_recount(
    settings: Settings, platform: Platform, books: Books
) -> None:
    business_day.fill(platform)

    assert close_day(settings, DAY, RUN).outcome == "new"

    volume = business_day.daily_volume(books, DAY)
    assert volume == business_day.recount(platform, DAY)
    assert len(volume) == 4
    hours = list(DAY.hours())
    assert [books.hour(hour) for hour in hours] == [platform.volume(hour) for hour in hours]
    platform.settle(DAY.start, 333)
    assert close_day(settings, DAY, RUN).outcome == "changed"
    assert business_day.daily_volume(books, DAY) == business_day.recount(platform, DAY)


def test_the_statements_of_a_month_equal_a_recount(
    settings: Settings, platform: Platform, books: Books
) -> None:
    october.fill(platform)

    close = close_month(settings, OCTOBER, RUN)

    assert books.statements(close.close_id) == october.recount(platform, OCTOBER)
    assert october.lines_of(books, close.close_id, october.BUSY) == [
        (1, 300, 7_800),
        (2, -40, 7_760),
        (3, 5, 7_765),
    ]
    assert close_month(settings, OCTOBER, RUN).outcome == "confirmed"


# ---- the queries -------------------------------------------------------------------------


def test_every_case_of_every_query_holds(
    version: int,
    stack: Stack,
    settings: Settings,
    module_platform_database: str,
    module_store_database: str,
) -> None:
    failed = {}
    with Servers.connected(stack, module_platform_database, module_store_database) as servers:
        for case in ALL_CASES:
            try:
                servers.run(case)
            except (AssertionError, psycopg.Error, pytest.fail.Exception) as difference:
                failed[case.query_name] = f"{case.name}: {difference}"
    assert failed.keys() == DIFFERENT.get(version, set()), failed


@pytest.mark.parametrize(
    ("row", "oldest"), [("PostgreSQL 14 or 15", 14), ("PostgreSQL 16 or later", 16)]
)
def test_the_expression_of_the_contract_gives_null_for_a_text_that_is_no_number(
    stack: Stack, version: int, row: str, oldest: int
) -> None:
    [line] = [each for each in text(DOCS / "contract.md").splitlines() if f"{row} |" in each]
    expression = line.split("`")[-2]
    given = "(values (1, '-5'), (2, 'x'), (3, ''), (4, '5.0')) as given (number, amount)"
    with psycopg.connect(stack.primary_admin()) as primary:
        try:
            found = primary.execute(
                f"select {expression} from {given} order by number".encode()  # noqa: S608  # of the document
            ).fetchall()
        except psycopg.errors.UndefinedFunction:
            assert version < oldest
        else:
            assert version >= oldest
            assert found == [(-5,), (None,), (None,), (None,)]


# ---- a failover --------------------------------------------------------------------------


@contextmanager
def copy_of_a_replica(stack: Stack, replica: str, folder: Path) -> Iterator[Path]:
    """A copy of a replica's data as they are now. Afterwards both replicas are new ones."""
    stack.stop(replica)
    copy = folder / "copy"
    subprocess.run(["cp", "--archive", data_of(stack, replica), copy], check=True)
    start_again(stack, replica)
    with promotable(stack, *REPLICAS):
        yield copy


def follow(stack: Stack, replica: str, copy: Path, server: str) -> None:
    """Put a replica back to a copy of its data, from where it follows another primary."""
    stack.stop(replica)
    shutil.rmtree(data_of(stack, replica))
    copy.rename(data_of(stack, replica))
    make_replication_slots(stack.replica_admin(server), [replica])
    with upstream(stack, server):
        start_again(stack, replica)


def test_a_promoted_replica_is_refused_and_the_lost_log_is_closed_again_once_it_is_acknowledged(
    stack: Stack, settings: Settings, platform: Platform, books: Books, tmp_path: Path
) -> None:
    # Given an hour that was closed before a promotion, and another one that was closed after it
    # from a replica of the old primary,
    platform.settle(NINE.start, KEPT_MINOR)
    assert close_hour(settings, NINE, RUN).outcome == "new"
    stack.replica_wait()
    with copy_of_a_replica(stack, A, tmp_path) as copy:
        promote(stack, B)
        with pytest.raises(NotReady, match=f"{B} was promoted"):
            close_hour(hurried(reading(settings, B)), TEN, ONE_REPLICA)
        platform.settle(TEN.start, LOST_MINOR)
        assert close_hour(reading(settings, A), TEN, ONE_REPLICA).outcome == "new"
        # when the promoted one is the primary, nothing is closed
        failed_over = fence_on(stack, reading(settings, A), B, platform)
        size = books.size()
        for hour in (NINE, TEN):
            with pytest.raises(FailoverNotAcknowledged, match=r"writes timeline 2, .* timeline 1"):
                close_hour(failed_over, hour, ONE_REPLICA)
        assert books.size() == size
        # until that is acknowledged and a replica follows it;
        assert failover.acknowledge(failed_over, OPERATOR, Acknowledgement(2))
        with pytest.raises(NotReady, match=f"{A} follows timeline 1, and the primary writes"):
            close_hour(hurried(failed_over), TEN, ONE_REPLICA)
        follow(stack, A, copy, B)
        # then what was read from the lost log is closed again, and nothing else changes.
        assert failover.touched_periods(failed_over) == [TEN]
        assert [c.outcome for c in failover.close_again(failed_over, OPERATOR)] == ["changed"]
        assert books.hour(TEN) == {}
        assert close_hour(failed_over, NINE, ONE_REPLICA).outcome == "confirmed"
        assert books.hour(NINE) == {("USD", "payment"): (1, KEPT_MINOR, 0, 0)}


# ---- health ------------------------------------------------------------------------------


def test_health_has_the_state_the_load_and_the_plans_of_each_server(
    settings: Settings, large_table: Platform, books: Books
) -> None:
    collect.collect(settings)
    collect.collect(settings)

    samples = books.rows("select * from reporting.health_samples")
    assert [(row["server_name"], row["problem"]) for row in samples] == [
        (server, None) for server in (PRIMARY, *REPLICAS)
    ] * 2
    assert all(row["lag_bytes"] is not None for row in samples if row["server_name"] != PRIMARY)
    loads = books.rows(
        "select * from reporting.health_intervals where previous_sample_id is not null"
    )
    assert len(loads) == 3
    assert all(row["load_call_count"] > 0 for row in loads)
    plans = books.rows("select query_name, scans, is_as_meant from reporting.health_plans")
    assert {row["query_name"] for row in plans} >= BY_TRANSACTIONS
    assert all(row["is_as_meant"] for row in plans)
    assert all(INDEX in row["scans"] for row in plans if row["query_name"] in BY_TRANSACTIONS)
