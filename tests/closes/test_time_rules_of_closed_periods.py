"""What was closed stays as it was closed when the rules of its time zone change.

tests/closes/almaty.py has the rules.
"""

from dataclasses import replace
from datetime import date
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest

from closebook.closes import boundaries
from closebook.closes.day import close_day
from closebook.closes.day_range import close_days
from closebook.closes.month import close_month
from closebook.desk.months import month_from_url, month_label
from closebook.errors import Misconfigured
from closebook.orchestration.task_context import TaskContext
from closebook.periods import Grain, day_of, parse_month
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
from tests.closes.almaty import (
    ACCOUNT,
    ALMATY,
    FIRST_OF_MARCH,
    LEAP_DAY,
    MIDNIGHT_BY_UTC_PLUS_6,
    SECOND_OF_MARCH,
    change_register,
    entries_of,
    tzdata_from,
)

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
            issued = release.latest_issued_month(store, month_from_url(store, "2024-03", ALMATY))

    assert path.read_bytes() == content
    assert again == manifest
    assert issued.sha256 == manifest.sha256
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
            {"close_id": month.close_id, "account_id": ACCOUNT, "currency": "USD"},
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
