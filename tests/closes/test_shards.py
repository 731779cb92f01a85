"""A month is cut into shards of equal work, and each first checks its document store."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import psycopg
import pytest

from closebook.closes.month import close_month
from closebook.errors import Misconfigured, WrongData
from closebook.settings import Settings
from closebook.statements import issue
from closebook.statements.issue import Shard
from tests.books import Books
from tests.close_fixtures import RUN
from tests.closes.october import OCTOBER
from tests.platform_rows import Platform


def test_an_account_without_a_statement_cannot_be_named(settings: Settings, close_id: int) -> None:
    with pytest.raises(WrongData, match="1 of the 2 accounts"):
        issue.plan_shards(settings, close_id, [1, 77])


@pytest.mark.parametrize(
    ("statements", "sizes"),
    [
        (0, []),
        (1, [1]),
        (192, [192]),
        (193, [97, 96]),
        (6400, [100] * 64),
    ],
)
def test_a_month_is_cut_into_shards_that_are_worth_a_task(
    settings: Settings, platform: Platform, statements: int, sizes: list[int]
) -> None:
    with psycopg.connect(platform.conninfo) as connection:
        connection.execute(
            "insert into platform.wallets (wallet_id, account_number, user_id, currency,"
            " balance_minor) select 3 * n, 'N' || n, 1, 'USD', 0 from generate_series(1, %s) n",
            [statements],
        )
        connection.execute(
            "insert into platform.ledger_entries (entry_id, wallet_id, posted_at, amount_minor,"
            " currency, kind, description) select n, 3 * n, %s, n, 'USD', 'payment', ''"
            " from generate_series(1, %s) n",
            [OCTOBER.start, statements],
        )
    close_id = close_month(settings, OCTOBER, RUN).close_id

    shards = [Shard(**shard) for shard in issue.plan_shards(settings, close_id, None)]

    assert [shard.statement_count for shard in shards] == sizes
    assert all(
        int(one.last_account_id) < int(other.first_account_id) for one, other in pairwise(shards)
    )


@pytest.mark.parametrize(
    ("work", "of_a_shard"),
    [
        # A shard is worth a task,
        (issue.SMALLEST_SHARD_WORK - 1, issue.SMALLEST_SHARD_WORK - 1),
        (2 * issue.SMALLEST_SHARD_WORK - 1, 2 * issue.SMALLEST_SHARD_WORK - 1),
        # there are 64 at the most until each takes four minutes,
        (64 * 20_000, 20_000),
        (64 * issue.LARGEST_SHARD_WORK, issue.LARGEST_SHARD_WORK),
        # and then as many as it takes: here for a million statements of five lines.
        (1_000_000 * (issue.WORK_OF_A_STATEMENT + 5), issue.LARGEST_SHARD_WORK),
        # Airflow maps a task over so many values and no more.
        (100_000_000, 100_000),
    ],
)
def test_no_shard_takes_more_than_minutes_while_a_thousand_shards_suffice(
    work: int, of_a_shard: int
) -> None:
    assert issue._shard_work(work) == of_a_shard


# ---- the document store of each machine --------------------------------------------------


def test_a_shard_on_a_machine_with_a_folder_of_its_own_renders_nothing_and_says_why(
    settings: Settings, books: Books, close_id: int, tmp_path: Path
) -> None:
    # Given a month that another machine planned, whose folder of documents this one does not share,
    [shard] = issue.plan_shards(settings, close_id, None)
    elsewhere = replace(settings, documents_url=(tmp_path / "elsewhere").as_uri())

    # when its shard is rendered here,
    with pytest.raises(Misconfigured) as refused:
        issue.render_shard(elsewhere, close_id, Shard(**shard), None, RUN)

    # then it stops before it makes a document, and says what is wrong, where, and what to do.
    assert refused.value.code == "CB-CONFIG-DOCUMENTS-NOT-SHARED"
    assert elsewhere.documents_url in str(refused.value)
    assert "mount the same folder on every machine" in str(refused.value)
    assert not books.rows("select * from reporting.statement_documents")
    assert not (tmp_path / "elsewhere").exists()
    # On a machine that shares it the same shard is rendered.
    assert issue.render_shard(settings, close_id, Shard(**shard), None, RUN) == 3


def test_the_token_of_an_earlier_run_does_not_prove_that_a_machine_shares_the_documents(
    settings: Settings, close_id: int, tmp_path: Path
) -> None:
    # Given a machine that planned the month before, with a folder of its own,
    elsewhere = replace(settings, documents_url=(tmp_path / "elsewhere").as_uri())
    issue.plan_shards(elsewhere, close_id, None)
    # when the month is planned again on another machine,
    [shard] = issue.plan_shards(settings, close_id, None)
    # then the first one is found all the same.
    with pytest.raises(Misconfigured, match="CB-CONFIG-DOCUMENTS-NOT-SHARED"):
        issue.render_shard(elsewhere, close_id, Shard(**shard), None, RUN)


def test_a_shard_that_an_older_version_planned_is_rendered(
    settings: Settings, close_id: int
) -> None:
    [planned] = issue.plan_shards(settings, close_id, None)
    del planned["token"]
    assert issue.render_shard(settings, close_id, Shard(**planned), None, RUN) == 3
