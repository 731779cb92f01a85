"""A store that is not migrated is named as that, by whatever asks it, and nothing is retried."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from closebook.audit.register_audit import audit
from closebook.closes import failover
from closebook.closes.day import close_day
from closebook.closes.hour import close_hour
from closebook.closes.month import close_month
from closebook.counter import publisher
from closebook.errors import Misconfigured
from closebook.monitoring import collect
from closebook.orchestration.run_start import RunStart
from closebook.periods import day_of, hour_of, parse_month
from closebook.settings import Settings
from closebook.settings.store_settings import RegisterSettings
from closebook.statements import log_anchors, manifest
from closebook.statements.issue import plan_shards
from local.stack import Stack
from tests.close_fixtures import ONE_REPLICA
from tests.platform_rows import Platform, utc

NINE = hour_of(utc("2026-10-15T09:00Z"))
NEW_YORK = "America/New_York"
EMPTY = "store_without_tables"

ASKING: dict[str, Callable[[Settings], Any]] = {
    "hour": lambda s: close_hour(s, NINE, ONE_REPLICA),
    "day": lambda s: close_day(s, day_of(NINE.start.date(), NEW_YORK), ONE_REPLICA),
    "month": lambda s: close_month(s, parse_month("2026-10", NEW_YORK), ONE_REPLICA),
    "shards": lambda s: plan_shards(s, 1, None),
    "manifest": lambda s: manifest.refuse_exceptions(s, 1),
    "counter": lambda s: publisher.publish(s, ONE_REPLICA),
    "health": collect.collect,
    "audit": lambda s: audit(RegisterSettings(s.store, s.documents_url)),
    "anchor": log_anchors.write_anchor,
    "failover": lambda s: failover.close_again(s, ONE_REPLICA),
    "run": lambda s: RunStart("dag", "run", 0, {}).record(s),
}


@pytest.fixture(scope="module")
def empty_store(stack: Stack) -> Iterator[str]:
    """A database on the store's server in which the store's role finds nothing."""
    with psycopg.connect(stack.store_admin(), autocommit=True) as admin:
        admin.execute(f"create database {EMPTY} owner closebook_owner")
    yield stack.store(EMPTY)
    stack.drop_store(EMPTY)


@pytest.mark.parametrize("asking", ASKING)
def test_whatever_asks_says_that_the_store_is_not_migrated(
    settings: Settings, platform: Platform, empty_store: str, asking: str
) -> None:
    with pytest.raises(Misconfigured) as refused:
        ASKING[asking](replace(settings, store=empty_store))

    assert refused.value.code == "CB-CONFIG-STORE-NOT-MIGRATED"
    assert "closebook migrate" in refused.value.text
