"""The corrected statements of a month, page by page, from a store without Airflow."""

from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg.rows import DictRow, dict_row

from closebook.desk import corrections as shown
from closebook.desk.corrections import corrections
from closebook.statements.release import IssuedMonth
from local.stack import Stack
from tests.sql import runs

MARCH = {
    "grain": "month",
    "period_start": datetime(2026, 3, 1, 5, tzinfo=UTC),
    "period_end": datetime(2026, 4, 1, 4, tzinfo=UTC),
}
ISSUED = IssuedMonth(2, 6, "", 3, 0, 0, datetime(2026, 4, 3, tzinfo=UTC))
ACCOUNTS = range(1, 6)


@pytest.fixture
def store(stack: Stack, module_store_database: str) -> Iterator[psycopg.Connection[DictRow]]:
    """Close 6 corrects five statements of close 5, which was released; each has two new lines."""
    admin = stack.store_admin(module_store_database)
    with psycopg.connect(admin, row_factory=dict_row) as connection:
        closes = ({"close_id": 5, "is_current": False}, {"close_id": 6, "close_version": 2})
        runs.give(connection, "reporting.closes", [MARCH | close for close in closes])
        given = [{"close_id": close, "account_id": n} for close in (5, 6) for n in ACCOUNTS]
        runs.give(connection, "reporting.statements", given)
        second = {"statement_version": 2, "superseded_close_id": 5}
        runs.give(
            connection,
            "reporting.statement_versions",
            [
                row
                | {"issued_close_id": row["close_id"]}
                | (second if row["close_id"] == 6 else {})
                for row in given
            ],
        )
        lines = [
            {"account_id": n, "close_id": 6, "line_number": line, "entry_id": 10 * n + line}
            for n in ACCOUNTS
            for line in (1, 2)
        ]
        runs.give(connection, "reporting.statement_lines", lines)
        runs.give(connection, "reporting.statement_manifests", [{"manifest_id": 1, "close_id": 5}])
        runs.give(connection, "reporting.statement_decisions", [{"manifest_id": 1}])
        connection.execute("set local role closebook_desk")
        yield connection
        connection.rollback()


def test_every_correction_is_on_one_page_and_each_page_says_how_many_there_are(
    store: psycopg.Connection[DictRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shown, "PAGE_STATEMENTS", 2)
    seen, after, pages = [], "", []
    while True:
        page = corrections(store, ISSUED, after)
        assert page is not None
        pages.append(page)
        seen += [each.figures["account_id"] for each in page.statements]
        if page.next_after is None:
            break
        after = page.next_after
    assert seen == [*ACCOUNTS]
    assert [page.is_first for page in pages] == [True, False, False]
    assert {page.release["statement_count"] for page in pages} == {len(ACCOUNTS)}


def test_a_statement_says_how_many_lines_differ_beyond_those_that_are_shown(
    store: psycopg.Connection[DictRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = corrections(store, ISSUED)
    assert page is not None
    assert {each.hidden_line_count for each in page.statements} == {0}
    monkeypatch.setattr(shown, "MAX_LINES", 1)
    page = corrections(store, ISSUED)
    assert page is not None
    assert [len(each.lines) for each in page.statements] == [1] * len(ACCOUNTS)
    assert [each.line_counts for each in page.statements] == [{"added": 2}] * len(ACCOUNTS)
    assert {each.hidden_line_count for each in page.statements} == {1}


def test_an_unreadable_key_shows_the_first_page(store: psycopg.Connection[DictRow]) -> None:
    page = corrections(store, ISSUED, "no key")
    assert page is not None
    assert page.is_first
    assert len(page.statements) == len(ACCOUNTS)
