"""The rules of a time zone change between two closes: nothing falls between them, nothing moves.

The zone is Asia/Almaty by made-up rules, compiled as a release of tzdata is: six hours ahead of UTC
all along, or five from 1 March 2024 on, when its clocks went back from one in the morning.
"""

import subprocess
import zoneinfo
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import LiteralString
from urllib.parse import unquote, urlparse
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from closebook.closes import boundaries
from closebook.closes.boundaries import BoundaryMoved
from closebook.closes.day import close_day
from closebook.closes.day_range import close_days
from closebook.closes.month import close_month
from closebook.desk.months import month_from_url, month_label
from closebook.errors import Misconfigured, NotReady
from closebook.orchestration.task_context import TaskContext
from closebook.periods import HOUR, Grain, day_of, parse_month
from closebook.settings import Run, Settings
from closebook.sql import query
from closebook.statements import issue, release, statement_reader
from closebook.statements.issue import Shard
from closebook.statements.manifest import write_manifest
from closebook.store.session import on_store
from closebook.time_rules import rules_version
from local.stack import Stack
from tests.books import Books
from tests.close_fixtures import RUN
from tests.platform_rows import Platform

ALMATY = "Asia/Almaty"
UTC_PLUS_6 = "Zone Asia/Almaty 6:00 - +06\n"
UTC_PLUS_5_FROM_MARCH = "Zone Asia/Almaty 6:00 - +06 2024 Mar 1 0:00\n 5:00 - +05\n"
# Where February ends: six hours ahead of UTC, and five.
MIDNIGHT_BY_UTC_PLUS_6 = datetime(2024, 2, 29, 18, tzinfo=UTC)
MIDNIGHT_BY_UTC_PLUS_5 = datetime(2024, 2, 29, 19, tzinfo=UTC)
ACCEPTED = replace(RUN, accept_boundary=True)
WITHOUT_REASON = replace(ACCEPTED, reason=None)
LEAP_DAY, FIRST_OF_MARCH, SECOND_OF_MARCH = date(2024, 2, 29), date(2024, 3, 1), date(2024, 3, 2)
ACCOUNT = 1


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two releases of tzdata, each a folder as zoneinfo looks for it."""
    made = {}
    for name, rules in (("2024a", UTC_PLUS_6), ("2024b", UTC_PLUS_5_FROM_MARCH)):
        folder = tmp_path_factory.mktemp(name)
        source = folder / "asia"
        source.write_text(rules)
        subprocess.run(["/usr/sbin/zic", "-d", folder, source], check=True)
        (folder / "tzdata.zi").write_text(f"# version {name}\n")
        made[name] = folder
    return made


@contextmanager
def tzdata_from(folder: Path) -> Iterator[None]:
    """Let this process know the rules of a folder, as one with that release of tzdata does."""
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath([folder])
    ZoneInfo.clear_cache()
    try:
        yield
    finally:
        zoneinfo.reset_tzpath(before)
        ZoneInfo.clear_cache()


@pytest.fixture
def utc_plus_6(releases: dict[str, Path]) -> Path:
    return releases["2024a"]


@pytest.fixture
def utc_plus_5(releases: dict[str, Path]) -> Path:
    return releases["2024b"]


@pytest.fixture
def almaty(settings: Settings, platform: Platform) -> Settings:
    """An account in Almaty with an entry on each side of the hour, and 777 within it."""
    platform.open_account(ACCOUNT)
    platform.post(ACCOUNT, MIDNIGHT_BY_UTC_PLUS_6 - HOUR, 100)
    platform.post(ACCOUNT, MIDNIGHT_BY_UTC_PLUS_6 + HOUR / 2, 777)
    platform.post(ACCOUNT, MIDNIGHT_BY_UTC_PLUS_5 + HOUR, 5)
    return replace(settings, time_zone=ALMATY)


def entries_of(books: Books, close_id: int) -> list[tuple[int, date]]:
    rows = books.rows(
        "select amount_minor, posted_on from reporting.statement_lines where close_id = %s"
        " order by line_number",
        close_id,
    )
    return [(row["amount_minor"], row["posted_on"]) for row in rows]


def change_register(stack: Stack, settings: Settings, statement: LiteralString) -> None:
    """Change the register as its owner, into a state that earlier versions could write."""
    database = str(conninfo_to_dict(settings.store)["dbname"])
    with psycopg.connect(stack.store_owner(database)) as owner:
        owner.execute(statement)


# ---- a gap and an overlap stop the close --------------------------------------------------


def test_new_rules_that_leave_an_hour_between_two_months_stop_the_second(
    almaty: Settings, books: Books, utc_plus_6: Path, utc_plus_5: Path
) -> None:
    with tzdata_from(utc_plus_6):
        close_month(almaty, parse_month("2024-02", ALMATY), RUN)
    size_before = books.size()

    with tzdata_from(utc_plus_5), pytest.raises(BoundaryMoved) as stopped:
        close_month(almaty, parse_month("2024-03", ALMATY), RUN)

    text = str(stopped.value)
    assert "begins at 2024-02-29T19:00:00+00:00" in text
    assert "month 2024-02 was closed so that it ended at 2024-02-29T18:00:00+00:00" in text
    assert "tzdata 2024b+" in text
    assert "tzdata 2024a+" in text
    assert "trigger monthly_statements by hand with the month 2024-03, accept_boundary" in text
    assert books.size() == size_before


def test_new_rules_that_put_an_hour_into_two_months_stop_the_second(
    almaty: Settings, utc_plus_6: Path, utc_plus_5: Path
) -> None:
    with tzdata_from(utc_plus_5):
        close_month(almaty, parse_month("2024-02", ALMATY), RUN)

    with tzdata_from(utc_plus_6), pytest.raises(BoundaryMoved, match="on no statement, or on two"):
        close_month(almaty, parse_month("2024-03", ALMATY), RUN)


def test_a_month_before_the_first_closed_one_has_to_meet_it_as_well(
    almaty: Settings, utc_plus_6: Path, utc_plus_5: Path
) -> None:
    with tzdata_from(utc_plus_6):
        close_month(almaty, parse_month("2024-03", ALMATY), RUN)

    with (
        tzdata_from(utc_plus_5),
        pytest.raises(BoundaryMoved, match="month 2024-03 was closed so that it beg"),
    ):
        close_month(almaty, parse_month("2024-02", ALMATY), RUN)


def test_new_rules_stop_the_day_after_the_last_closed_one_and_no_other_day(
    almaty: Settings, utc_plus_6: Path, utc_plus_5: Path
) -> None:
    with tzdata_from(utc_plus_6):
        close_day(almaty, day_of(LEAP_DAY, ALMATY), RUN)

    with tzdata_from(utc_plus_5):
        with pytest.raises(BoundaryMoved, match="daily_rollups by hand with the day 2024-03-01"):
            close_day(almaty, day_of(FIRST_OF_MARCH, ALMATY), RUN)
        assert close_day(almaty, day_of(SECOND_OF_MARCH, ALMATY), RUN).outcome == "new"


def test_a_month_and_its_days_have_to_agree_about_its_edges(
    almaty: Settings, utc_plus_6: Path, utc_plus_5: Path
) -> None:
    with tzdata_from(utc_plus_6):
        close_day(almaty, day_of(LEAP_DAY, ALMATY), RUN)

    with (
        tzdata_from(utc_plus_5),
        pytest.raises(BoundaryMoved, match="day 2024-02-29 was closed so that it en"),
    ):
        close_month(almaty, parse_month("2024-02", ALMATY), RUN)


def test_the_same_rules_stop_nothing(almaty: Settings, books: Books, utc_plus_5: Path) -> None:
    with tzdata_from(utc_plus_5):
        for day in (LEAP_DAY, FIRST_OF_MARCH):
            close_day(almaty, day_of(day, ALMATY), RUN)
        close_month(almaty, parse_month("2024-02", ALMATY), RUN)
        assert day_of(LEAP_DAY, ALMATY).end == MIDNIGHT_BY_UTC_PLUS_5

    assert books.failed_tie_outs() == []


# ---- how a person goes on ------------------------------------------------------------------


def test_with_the_boundary_accepted_a_month_begins_where_the_one_before_was_closed_to(
    almaty: Settings, books: Books, utc_plus_6: Path, utc_plus_5: Path
) -> None:
    with tzdata_from(utc_plus_6):
        february = close_month(almaty, parse_month("2024-02", ALMATY), RUN)
    with tzdata_from(utc_plus_5):
        for day in (FIRST_OF_MARCH, SECOND_OF_MARCH):
            close_day(almaty, day_of(day, ALMATY), ACCEPTED)
        days = [day for day in parse_month("2024-03", ALMATY).days() if day.first_date.day > 2]
        close_days(almaty, days, RUN)

        march = close_month(almaty, parse_month("2024-03", ALMATY), ACCEPTED)

    assert march.outcome == "new"
    assert (march.period.start, march.period.label) == (MIDNIGHT_BY_UTC_PLUS_6, "2024-03")
    assert books.statements(february.close_id) == {ACCOUNT: (0, 100, 1)}
    assert books.statements(march.close_id) == {ACCOUNT: (100, 882, 2)}
    # On the statement's own first day, though clocks showed another date by the new rules.
    assert entries_of(books, march.close_id) == [(777, FIRST_OF_MARCH), (5, FIRST_OF_MARCH)]
    assert books.failed_tie_outs() == []
    [first, second] = books.rows(
        "select tzdata_version from reporting.closes where grain = 'month' order by period_start"
    )
    assert first["tzdata_version"].startswith("2024a+")
    assert second["tzdata_version"].startswith("2024b+")


def test_a_day_with_the_boundary_accepted_is_as_long_as_it_takes(
    almaty: Settings, utc_plus_6: Path, utc_plus_5: Path
) -> None:
    with tzdata_from(utc_plus_5):
        close_day(almaty, day_of(LEAP_DAY, ALMATY), RUN)
    with tzdata_from(utc_plus_6):
        first = close_day(almaty, day_of(FIRST_OF_MARCH, ALMATY), ACCEPTED)
        second = close_day(almaty, day_of(SECOND_OF_MARCH, ALMATY), RUN)

    assert first.period.start == MIDNIGHT_BY_UTC_PLUS_5
    assert first.period.end - first.period.start == 23 * HOUR
    assert second.period.start == first.period.end


def test_a_boundary_is_accepted_with_a_reason_only(
    almaty: Settings, utc_plus_6: Path, utc_plus_5: Path
) -> None:
    with tzdata_from(utc_plus_6):
        close_month(almaty, parse_month("2024-02", ALMATY), RUN)

    with tzdata_from(utc_plus_5), pytest.raises(Misconfigured, match="on record with a reason"):
        close_month(almaty, parse_month("2024-03", ALMATY), WITHOUT_REASON)


def test_a_gap_that_the_register_has_already_is_mended_by_closing_the_day_before_it_again(
    stack: Stack, almaty: Settings, books: Books, utc_plus_5: Path
) -> None:
    with tzdata_from(utc_plus_5):
        for day in list(parse_month("2024-03", ALMATY).days()):
            close_day(almaty, day, RUN)
        change_register(
            stack,
            almaty,
            "update reporting.closes set period_end = period_end - interval '1 hour'"
            " where first_date = '2024-03-01'",
        )
        march = parse_month("2024-03", ALMATY)
        with pytest.raises(BoundaryMoved, match="do not meet: 1:00:00 between them"):
            close_month(almaty, march, RUN)
        with pytest.raises(BoundaryMoved, match="the day 2024-03-01, accept_boundary"):
            close_day(almaty, day_of(SECOND_OF_MARCH, ALMATY), RUN)

        again = close_day(almaty, day_of(FIRST_OF_MARCH, ALMATY), ACCEPTED)

        assert (again.outcome, again.version) == ("changed", 2)
        assert again.period == day_of(FIRST_OF_MARCH, ALMATY)
        assert close_month(almaty, march, RUN).outcome == "new"


def test_another_business_time_zone_stops_a_new_day_and_one_that_is_closed(
    almaty: Settings, settings: Settings, utc_plus_5: Path
) -> None:
    with tzdata_from(utc_plus_5):
        close_day(almaty, day_of(LEAP_DAY, ALMATY), RUN)
    there = "America/New_York"

    with pytest.raises(BoundaryMoved, match="CLOSEBOOK_TIME_ZONE was changed by mistake, set it"):
        close_day(settings, day_of(FIRST_OF_MARCH, there), RUN)
    with pytest.raises(BoundaryMoved, match=f"closed in the time zone {ALMATY}"):
        close_day(settings, day_of(LEAP_DAY, there), RUN)
    moved = close_day(settings, day_of(FIRST_OF_MARCH, there), ACCEPTED)

    assert (moved.period.start, moved.period.time_zone) == (MIDNIGHT_BY_UTC_PLUS_5, there)
    assert moved.period.end == day_of(FIRST_OF_MARCH, there).end


# ---- months that are missing between --------------------------------------------------------


def test_a_month_waits_for_the_months_between_it_and_the_last_closed_one(
    almaty: Settings, utc_plus_5: Path
) -> None:
    with tzdata_from(utc_plus_5):
        close_month(almaty, parse_month("2024-01", ALMATY), RUN)
        with pytest.raises(NotReady, match="2 months before it are not closed, 2024-02 … 2024-03"):
            close_month(almaty, parse_month("2024-04", ALMATY), RUN)

        for label in ("2024-02", "2024-03", "2024-04"):
            assert close_month(almaty, parse_month(label, ALMATY), RUN).outcome == "new"


# ---- what is closed stays as it was closed --------------------------------------------------


def test_a_closed_month_keeps_its_bounds_its_name_and_its_days_under_new_rules(
    almaty: Settings, books: Books, utc_plus_6: Path, utc_plus_5: Path
) -> None:
    with tzdata_from(utc_plus_6):
        close_month(almaty, parse_month("2024-02", ALMATY), RUN)
        march = close_month(almaty, parse_month("2024-03", ALMATY), RUN)

    with tzdata_from(utc_plus_5):
        # By the new rules its first instant is of February.
        again = close_month(almaty, parse_month("2024-03", ALMATY), replace(RUN, reason=None))
        with on_store(almaty) as store:
            kept = statement_reader.read_closed_month(store, march.close_id)
            named = month_from_url(store, "2024-03", ALMATY)
            [row] = store.execute(query("desk/months")).fetchall()[:1]

    assert (again.outcome, again.close_id) == ("confirmed", march.close_id)
    assert (kept.label, kept.first_date) == ("2024-03", FIRST_OF_MARCH)
    assert (named.start, month_label(row)) == (MIDNIGHT_BY_UTC_PLUS_6, "2024-03")
    assert entries_of(books, march.close_id) == [(777, FIRST_OF_MARCH), (5, FIRST_OF_MARCH)]


def test_a_lost_document_is_made_again_to_the_same_bytes_and_the_month_found_by_its_name(
    almaty: Settings, books: Books, utc_plus_6: Path, utc_plus_5: Path
) -> None:
    shard = Shard(ACCOUNT, ACCOUNT, 1)
    with tzdata_from(utc_plus_6):
        month = parse_month("2024-03", ALMATY)
        close = close_month(almaty, month, RUN)
        issue.render_shard(almaty, close.close_id, shard, None, RUN)
        manifest = write_manifest(almaty, close.close_id, RUN)
    [document] = books.rows("select * from reporting.statement_documents")
    path = Path(unquote(urlparse(almaty.documents_url).path)) / document["object_name"]
    content = path.read_bytes()
    path.unlink()

    with tzdata_from(utc_plus_5):
        assert issue.render_shard(almaty, close.close_id, shard, None, RUN) == 1
        again = write_manifest(almaty, close.close_id, RUN)
        with on_store(almaty) as store:
            batch = release.latest_batch(store, month_from_url(store, "2024-03", ALMATY))

    assert path.read_bytes() == content
    assert again == manifest
    assert batch.sha256 == manifest.sha256
    assert manifest.object_name.startswith("manifests/2024-03/")


def test_a_line_without_a_day_of_its_own_has_that_of_the_day_as_it_was_closed(
    stack: Stack, almaty: Settings, utc_plus_6: Path, utc_plus_5: Path
) -> None:
    with tzdata_from(utc_plus_6):
        close_day(almaty, day_of(date(2024, 3, 31), ALMATY), RUN)
        month = close_month(almaty, parse_month("2024-03", ALMATY), RUN)
        for day in (FIRST_OF_MARCH, SECOND_OF_MARCH):
            close_day(almaty, day_of(day, ALMATY), RUN)
    change_register(stack, almaty, "update reporting.statement_lines set posted_on = null")

    with tzdata_from(utc_plus_5), on_store(almaty) as store:
        rows = store.execute(
            query("statement_lines/of_statement"),
            {"close_id": month.close_id, "account_id": ACCOUNT},
        ).fetchall()

    assert {row["posted_on"] for row in rows} == {FIRST_OF_MARCH}


def test_a_range_of_days_finds_those_that_were_closed_under_other_rules(
    almaty: Settings, books: Books, utc_plus_6: Path, utc_plus_5: Path
) -> None:
    dates = [date(2024, 3, 10), date(2024, 3, 11), date(2024, 3, 12)]
    with tzdata_from(utc_plus_6):
        close_days(almaty, [day_of(each, ALMATY) for each in dates], RUN)

    with tzdata_from(utc_plus_5):
        close_days(almaty, [day_of(each, ALMATY) for each in dates], RUN)

    rows = books.rows(
        "select close_version, confirmation_count from reporting.closes where grain = 'day'"
    )
    assert [(row["close_version"], row["confirmation_count"]) for row in rows] == [(1, 1)] * 3


def test_a_cleared_run_of_a_day_that_was_closed_under_other_rules_is_for_that_day(
    almaty: Settings, utc_plus_6: Path, utc_plus_5: Path
) -> None:
    with tzdata_from(utc_plus_6):
        closed = close_day(almaty, day_of(date(2024, 3, 10), ALMATY), RUN).period
    with tzdata_from(utc_plus_5):
        cleared = TaskContext(
            almaty,
            Run("a test"),
            {},
            closed.start,
            interval_end=closed.end,
            closed_from=lambda grain, start: boundaries.closed_from(almaty, grain, start),
        )
        assert cleared.day() == closed
        assert cleared.day().label == "2024-03-10"
        with pytest.raises(Misconfigured, match="the rules of the zone do"):
            replace(cleared, interval_start=closed.end, interval_end=None).day()


# ---- which rules they are ---------------------------------------------------------------------


def test_the_release_is_read_where_the_zone_comes_from(utc_plus_6: Path, utc_plus_5: Path) -> None:
    with tzdata_from(utc_plus_6):
        old = rules_version(ALMATY)
        import tzdata  # type: ignore[import-untyped]  # it ships no types

        assert rules_version("America/New_York").startswith(f"{tzdata.IANA_VERSION}+")
    with tzdata_from(utc_plus_5):
        new = rules_version(ALMATY)

    assert (old[:6], new[:6]) == ("2024a+", "2024b+")
    assert old[6:] != new[6:]


def test_a_folder_that_names_no_release_is_told_by_its_content(
    tmp_path: Path, utc_plus_6: Path
) -> None:
    (tmp_path / "Asia").mkdir()
    (tmp_path / ALMATY).write_bytes((utc_plus_6 / ALMATY).read_bytes())
    with tzdata_from(utc_plus_6):
        named = rules_version(ALMATY)

    with tzdata_from(tmp_path):
        assert rules_version(ALMATY) == named.replace("2024a", "unknown")


def test_an_hour_has_no_business_date(almaty: Settings, books: Books, utc_plus_5: Path) -> None:
    with tzdata_from(utc_plus_5):
        close_day(almaty, day_of(LEAP_DAY, ALMATY), RUN)

    rows = books.rows("select distinct grain, first_date, last_date from reporting.closes")
    assert sorted((row["grain"], row["first_date"], row["last_date"]) for row in rows) == [
        (Grain.DAY, LEAP_DAY, LEAP_DAY),
        (Grain.HOUR, None, None),
    ]
