"""A month is cut into shards of accounts."""

from itertools import pairwise

import psycopg
import pytest

from closebook.closes.month import close_month
from closebook.errors import WrongData
from closebook.settings import Settings
from closebook.statements import issue
from closebook.statements.issue import Shard
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
        (99, [99]),
        (100, [50, 50]),
        (149, [75, 74]),
        (3200, [50] * 64),
        (3210, [51] * 10 + [50] * 54),
    ],
)
def test_a_month_is_cut_into_shards_of_at_least_fifty(
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
    assert len(shards) <= issue.MAX_SHARDS
