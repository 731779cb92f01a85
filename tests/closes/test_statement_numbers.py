"""The statements of an account in a currency are numbered 1, 2, 3, one for each of its months."""

from pathlib import Path

import pytest

from closebook.closes.month import close_month
from closebook.periods import HOUR
from closebook.settings import Settings
from closebook.statements import issue
from closebook.statements.document_store import DocumentStore
from closebook.statements.issue import Shard
from tests.books import Books
from tests.close_fixtures import RUN
from tests.closes.october import OCTOBER, SEPTEMBER
from tests.closes.test_reissue import ADA, GRACE, MARY, ON_PURPOSE, text_of
from tests.platform_rows import Platform
from tests.statements.brands import write_brand


def numbers(books: Books) -> list[tuple[int, int, str]]:
    """Account, number and month of each number."""
    rows = books.rows("select * from reporting.statement_numbers order by 1, 2, 3")
    return [
        (row["account_id"], row["statement_number"], f"{row['period_start']:%Y-%m}") for row in rows
    ]


def test_a_correction_keeps_its_number_and_the_next_month_has_the_next(
    settings: Settings, platform: Platform, books: Books
) -> None:
    # Given September of Ada, and October of all
    platform.open_account(ADA, "USD", "Ada Lovelace")
    platform.post(ADA, SEPTEMBER.start + HOUR, 500)
    close_month(settings, SEPTEMBER, RUN)
    for account_id, name in ((GRACE, "Grace Hopper"), (MARY, "Mary S.")):
        platform.open_account(account_id, "USD", name)
        platform.post(account_id, OCTOBER.start + HOUR, 10_000)
    close_month(settings, OCTOBER, RUN)
    before = numbers(books)
    # When October is issued again for Grace
    platform.post(GRACE, OCTOBER.end - HOUR, -55)
    close_month(settings, OCTOBER, ON_PURPOSE)
    # Then the numbers are as before
    assert [(account, number) for account, number, _ in before] == [
        (ADA, 1),
        (ADA, 2),
        (GRACE, 1),
        (MARY, 1),
    ]
    assert numbers(books) == before


def test_the_page_prints_the_number_that_the_register_has(
    settings: Settings,
    platform: Platform,
    books: Books,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    brand = write_brand(tmp_path / "brand", "[content]\nstatement_number = true\n")
    monkeypatch.setenv("CLOSEBOOK_BRAND", str(brand))
    platform.open_account(ADA, "USD", "Ada Lovelace")
    platform.post(ADA, SEPTEMBER.start + HOUR, 500)
    close_month(settings, SEPTEMBER, RUN)
    close_id = close_month(settings, OCTOBER, RUN).close_id
    [shard] = issue.plan_shards(settings, close_id, None)
    issue.render_shard(settings, close_id, Shard(**shard), None, RUN)
    [row] = books.rows(
        "select object_name from reporting.statement_documents where close_id = %s", close_id
    )
    text = " ".join(text_of(DocumentStore(settings.documents_url).read(row["object_name"])).split())
    assert "Statement number 2" in text
