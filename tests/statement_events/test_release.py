"""A release writes one event for each statement that it shows for the first time."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from closebook.closes.month import close_month
from closebook.periods import HOUR, Period
from closebook.settings import Settings
from closebook.statements import issue, release
from closebook.statements.manifest import write_manifest
from closebook.statements.release import DecisionRefused, Person
from closebook.store.session import Store
from local.processes import cpu_seconds
from local.stack import Stack
from tests.books import Books
from tests.close_fixtures import eventually, waiting_on_the_store
from tests.closes.october import OCTOBER, SEPTEMBER
from tests.closes.test_reissue import ADA, GRACE, MARY, ON_PURPOSE, fill, issue_month
from tests.closes.test_release import BOB, issue_without_ada, started_by_ada
from tests.decisions import DECISION_KEY
from tests.platform_rows import Platform


@pytest.fixture
def desk(stack: Stack, settings: Settings, module_store_database: str) -> Iterator[Store]:
    with psycopg.connect(stack.desk(module_store_database), row_factory=dict_row) as desk:
        yield desk


def issue_other(settings: Settings, month: Period) -> None:
    """Issue another month than October."""
    close_id = close_month(settings, month, ON_PURPOSE).close_id
    for shard in issue.plan_shards(settings, close_id, None):
        issue.render_shard(settings, close_id, issue.Shard(**shard), None, ON_PURPOSE)
    write_manifest(settings, close_id, ON_PURPOSE)


def released(desk: Store, person: Person = BOB) -> None:
    """Release the newest manifest of October, without its exceptions if it has some."""
    issued = release.latest_issued_month(desk, OCTOBER)
    without = [row["subject"] for row in release.exceptions(desk, issued)]
    reason = "without what is wrong" if without else None
    release.release(
        desk, DECISION_KEY, OCTOBER, issued.sha256, person, started_by_ada, reason, without
    )
    desk.commit()


def events(books: Books) -> list[tuple[int, int, int]]:
    """Of each event, in order: account, version, and the decision that made it."""
    rows = books.rows(
        "select events.*, documents.sha256 = events.sha256 as is_of_document"
        " from reporting.statement_events as events"
        " join reporting.statement_documents as documents using (close_id, account_id, currency)"
        " order by event_id"
    )
    assert all(row["is_of_document"] for row in rows)
    return [(row["account_id"], row["statement_version"], row["decision_id"]) for row in rows]


def test_a_release_has_an_event_for_each_statement(
    settings: Settings, platform: Platform, books: Books, desk: Store
) -> None:
    fill(platform)
    issue_month(settings, ON_PURPOSE)
    assert events(books) == []
    released(desk)
    assert events(books) == [(ADA, 1, 1), (GRACE, 1, 1), (MARY, 1, 1)]


def test_a_release_that_is_rolled_back_leaves_no_event(
    settings: Settings, platform: Platform, books: Books, desk: Store
) -> None:
    fill(platform)
    issue_month(settings, ON_PURPOSE)
    issued = release.latest_issued_month(desk, OCTOBER)
    release.release(desk, DECISION_KEY, OCTOBER, issued.sha256, BOB, started_by_ada)
    desk.rollback()
    assert events(books) == []


def test_neither_a_rejection_nor_a_refused_release_has_an_event(
    settings: Settings, platform: Platform, books: Books, desk: Store
) -> None:
    fill(platform)
    issue_month(settings, ON_PURPOSE)
    with pytest.raises(DecisionRefused):
        released(desk, Person("1", "ada"))
    desk.rollback()
    issued = release.latest_issued_month(desk, OCTOBER)
    release.reject(desk, DECISION_KEY, OCTOBER, issued.sha256, BOB, "fees")
    desk.commit()
    assert events(books) == []


def test_the_release_of_a_correction_has_an_event_of_the_new_version_alone(
    settings: Settings, platform: Platform, books: Books, desk: Store
) -> None:
    fill(platform)
    issue_month(settings, ON_PURPOSE)
    released(desk)
    platform.post(GRACE, OCTOBER.end - HOUR, -55)
    issue_month(settings, ON_PURPOSE)
    released(desk)
    assert events(books)[3:] == [(GRACE, 2, 2)]


def test_what_was_released_before_there_were_events_has_none_later(
    settings: Settings,
    platform: Platform,
    books: Books,
    desk: Store,
    stack: Stack,
    module_store_database: str,
) -> None:
    fill(platform)
    issue_month(settings, ON_PURPOSE)
    released(desk)
    with psycopg.connect(stack.store_owner(module_store_database)) as owner:
        owner.execute("delete from reporting.statement_events")
    platform.post(GRACE, OCTOBER.end - HOUR, -55)
    issue_month(settings, ON_PURPOSE)
    released(desk)
    assert events(books) == [(GRACE, 2, 2)]


def test_a_version_that_was_never_released_has_no_event(
    settings: Settings, platform: Platform, books: Books, desk: Store
) -> None:
    fill(platform)
    issue_month(settings, ON_PURPOSE)
    platform.post(GRACE, OCTOBER.end - HOUR, -55)
    issue_month(settings, ON_PURPOSE)
    released(desk)
    assert events(books) == [(ADA, 1, 1), (GRACE, 2, 1), (MARY, 1, 1)]


def test_what_a_release_leaves_out_has_its_event_once_it_is_released(
    settings: Settings, platform: Platform, books: Books, desk: Store
) -> None:
    close_id = issue_without_ada(settings, platform)
    released(desk)
    assert events(books) == [(GRACE, 1, 1), (MARY, 1, 1)]

    issue.render_shard(settings, close_id, issue.Shard(1, 9, 3), None, ON_PURPOSE)
    write_manifest(settings, close_id, ON_PURPOSE)
    released(desk)
    assert events(books)[2:] == [(ADA, 1, 2)]


def test_of_two_releases_at_once_the_later_one_has_the_higher_numbers(
    stack: Stack,
    settings: Settings,
    module_store_database: str,
    platform: Platform,
    books: Books,
    desk: Store,
) -> None:
    """Whoever reads beyond the last number that was committed misses none."""
    fill(platform)
    platform.post(ADA, SEPTEMBER.start + HOUR, 5)
    issue_other(settings, SEPTEMBER)
    issue_month(settings, ON_PURPOSE)
    months = {
        month: release.latest_issued_month(desk, month).sha256 for month in (SEPTEMBER, OCTOBER)
    }
    desk.commit()

    def release_of(connection: Store, month: Period) -> None:
        release.release(connection, DECISION_KEY, month, months[month], BOB, started_by_ada)

    with (
        psycopg.connect(stack.desk(module_store_database), row_factory=dict_row) as other,
        ThreadPoolExecutor(1) as pool,
    ):
        release_of(desk, OCTOBER)
        later = pool.submit(release_of, other, SEPTEMBER)
        owner = stack.store_owner(module_store_database)
        eventually(lambda: later.done() or waiting_on_the_store(owner) > 0)
        assert not later.done()
        desk.commit()
        later.result(20)
        other.commit()
    rows = books.rows(
        "select first_date, min(event_id) as first, max(event_id) as last"
        " from reporting.statement_events join reporting.closes using (close_id)"
        " group by first_date order by min(event_id)"
    )
    assert [row["first_date"] for row in rows] == [OCTOBER.first_date, SEPTEMBER.first_date]
    assert rows[0]["last"] < rows[1]["first"]


BIG_MONTH = """
insert into reporting.closes (
    close_id, grain, period_start, period_end, time_zone, close_version, is_current, fence_lsn,
    fenced_at, snapshot_text, replica_name, code_version, run_id, first_date, last_date
) overriding system value
values (
    1, 'month', '2026-10-01 04:00Z', '2026-11-01 04:00Z', 'America/New_York', 1, true, '0/1',
    '2026-11-01 04:00Z', '', '', '', '', '2026-10-01', '2026-10-31'
);
insert into reporting.statement_versions (
    close_id, account_id, statement_version, issued_close_id, currency
)
select 1, number, 1, 1, 'EUR' from generate_series(1, 200000) as number;
insert into reporting.statement_documents (
    close_id, account_id, sha256, byte_count, object_name, template_version, renderer_version,
    run_id, currency
)
select 1, number, repeat('a', 64), 1, '', '', '', '', 'EUR'
from generate_series(1, 200000) as number;
insert into reporting.statement_manifests (
    manifest_id, close_id, sha256, object_name, document_count, missing_count, run_id
) overriding system value
values (1, 1, repeat('b', 64), '', 200000, 0, ''), (2, 1, repeat('c', 64), '', 200000, 0, '');
"""
# The desk's session gives a statement 15 seconds.
SECONDS_OF_EVENTS = 7.0


def test_the_events_of_200_000_statements_take_a_part_of_the_time_that_a_release_has(
    stack: Stack, settings: Settings, module_store_database: str
) -> None:
    with psycopg.connect(stack.store_admin(module_store_database), autocommit=True) as admin:
        admin.execute("set session_replication_role = replica")
        admin.execute(BIG_MONTH)
        admin.execute("set session_replication_role = origin")
        admin.execute(
            "analyze reporting.statement_versions, reporting.statement_documents,"
            " reporting.statement_manifests, reporting.closes"
        )
        # Only the events are measured here.
        admin.execute("alter table reporting.statement_decisions disable trigger user")
        admin.execute(
            "alter table reporting.statement_decisions"
            " enable trigger statement_decisions_write_events"
        )
        try:
            seconds = [_released_in(admin, 1, "b"), _released_in(admin, 2, "c")]
        finally:
            admin.execute("alter table reporting.statement_decisions enable trigger user")
        [(count,)] = admin.execute("select count(*) from reporting.statement_events").fetchall()
    # The second release of the same statements writes no events, and looks for all of them
    assert count == 200_000
    assert max(seconds) < SECONDS_OF_EVENTS, seconds


def _released_in(admin: psycopg.Connection[Any], manifest_id: int, letter: str) -> float:
    # Of a processor: on a busy machine the seconds of a clock would be those of others too.
    before = cpu_seconds(admin.info.backend_pid)
    admin.execute(
        "insert into reporting.statement_decisions (manifest_id, manifest_sha256, decision,"
        " decided_by) values (%s, repeat(%s, 64), 'released', 'bob')",
        [manifest_id, letter],
    )
    seconds = cpu_seconds(admin.info.backend_pid) - before
    print(f"{seconds:.2f} s")  # noqa: T201  # shown with -s
    return seconds
