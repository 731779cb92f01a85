"""The reporting store behind a PgBouncer in transaction mode.

A pooler gives each transaction a session that somebody else used before. Statements that were
prepared there, and settings of the session, are not those of the close.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row

from closebook.closes.day import close_day
from closebook.closes.hour import close_hour
from closebook.closes.month import close_month
from closebook.counter.publisher import publish
from closebook.periods import hour_of
from closebook.settings import Settings
from closebook.statements import issue, release
from closebook.statements.issue import Shard
from closebook.statements.manifest import write_manifest
from closebook.store.decision_key import set_decision_key
from closebook.store.migrations import migrate
from local.stack import Stack
from tests.books import Books
from tests.close_fixtures import RUN
from tests.closes.october import LAST_DAY, OCTOBER
from tests.closes.test_release import BOB, started_by_ada
from tests.decisions import DECISION_KEY
from tests.platform_rows import Platform
from tests.store_pooler import store_pooler

# As many in a shard as make psycopg prepare a statement by default, and one more.
IN_A_SHARD = 6
SHARDS = 3


@pytest.fixture(scope="module")
def pooler_port(stack: Stack) -> Iterator[int]:
    with store_pooler(stack) as port:
        yield port


@pytest.fixture
def pooled(settings: Settings, pooler_port: int) -> Settings:
    """Settings whose store is reached through the pooler."""
    return replace(settings, store=make_conninfo(settings.store, port=pooler_port))


def test_an_hour_a_day_and_the_shards_of_a_month_close_through_a_transaction_pooler(
    stack: Stack,
    pooled: Settings,
    platform: Platform,
    books: Books,
    module_store_database: str,
    pooler_port: int,
) -> None:
    # Given a month of accounts with movements, and a payment on its last day,
    accounts = range(1, SHARDS * IN_A_SHARD + 1)
    for account_id in accounts:
        platform.open_account(account_id)
        platform.post(account_id, OCTOBER.start, 100 * account_id)
        platform.post(account_id, OCTOBER.end - timedelta(hours=1), -account_id)
    hour = hour_of(LAST_DAY.start + timedelta(hours=3))
    platform.settle(hour.start, 1_00)

    # when an hour, a day and the month are closed, issued shard after shard, and released,
    close_hour(pooled, hour, RUN)
    close_day(pooled, LAST_DAY, RUN)
    publish(pooled, RUN)
    close_id = close_month(pooled, OCTOBER, RUN).close_id
    [planned] = issue.plan_shards(pooled, close_id, None)
    rendered = [
        issue.render_shard(
            pooled,
            close_id,
            Shard(first, first + IN_A_SHARD - 1, IN_A_SHARD, planned["token"]),
            None,
            RUN,
        )
        for first in accounts[::IN_A_SHARD]
    ]
    manifest = write_manifest(pooled, close_id, RUN)
    through_pooler = make_conninfo(stack.desk(module_store_database), port=pooler_port)
    with psycopg.connect(through_pooler, prepare_threshold=None, row_factory=dict_row) as desk:
        release.release(desk, DECISION_KEY, OCTOBER, manifest.sha256, BOB, started_by_ada)

    # then all of it is there, as a recount has it.
    assert rendered == [IN_A_SHARD] * SHARDS
    assert (manifest.document_count, manifest.missing_count) == (len(accounts), 0)
    assert books.hour(hour) == platform.volume(hour)
    assert books.statements(close_id) == {
        account_id: (0, 99 * account_id, 2) for account_id in accounts
    }
    released = books.rows("select account_id from reporting.released_statements order by 1")
    assert [row["account_id"] for row in released] == [*accounts]


def test_the_store_is_migrated_and_gets_its_key_through_a_transaction_pooler(
    stack: Stack, module_store_database: str, pooler_port: int
) -> None:
    owner = make_conninfo(stack.store_owner(module_store_database), port=pooler_port)
    for _ in range(2):
        assert migrate(owner) == []
        set_decision_key(owner, DECISION_KEY)
