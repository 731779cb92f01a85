"""README.md does what it says: a newcomer types each of its commands, from top to end."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import cast

import psycopg
import pytest
import redis

from closebook import periods
from closebook.counter.publisher import COUNTER_KEY
from deploy.airflow_defaults import POOLS
from local import REPOSITORY
from local.addresses import SERVERS
from local.stack import Stack
from tests.markdown import README, commands, dag_ids, section, text
from tests.newcomer import (
    AGAIN,
    OWN_PLATFORM,
    Newcomer,
    follow,
    newcomer_on,
    take_closebook_away,
)

# Commands that something else runs: which file, and what in it does.
ELSEWHERE = {
    "make test": (".ci/run", r"make test$"),
    "make demo": ("tests/local/test_demo.py", r'"make", "demo"|main\(\[.*"demo"|\bdemo\.main\('),
    "make bench": ("tests/benchmarks/test_benchmarks.py", r'"make", "bench"|\bmain\(\['),
}
# Commands that are run here by the recipe of the Makefile, on a stack of the test's own.
RECIPES = ("make status", "make down", "make up", "make clean")

ZONE = "America/New_York"
TRIED_HOUR = datetime(2026, 11, 1, 13, tzinfo=UTC)


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newcomer]:
    """Given a stack that came up, went down, and was stripped: type the README from top to end."""
    folder = tmp_path_factory.mktemp("newcomer")
    stack = Stack.build(folder / "stack", airflow=False, fast=True)
    try:
        stack.start_servers()
        found = newcomer_on(stack, folder)
        for command in ("make up", "make status", "make down"):
            found.make(command)
        stack = found.stack = Stack.build(stack.root, airflow=False, fast=True)
        stack.start_servers()
        take_closebook_away(stack)
        follow(found)
        yield found
    finally:
        Stack.build(folder / "stack", airflow=False, fast=True).clean()


def test_every_command_of_the_readme_is_run_by_a_test() -> None:
    typed = commands(section(README, OWN_PLATFORM)) + commands(section(README, AGAIN))
    rest = [command for command in commands(text(README)) if command not in typed]
    assert typed
    assert set(re.findall(r"^```(\w+)", text(README), re.MULTILINE)) == {"sh", "ini"}
    assert sorted(rest) == sorted([*ELSEWHERE, *RECIPES])


@pytest.mark.parametrize("command", ELSEWHERE)
def test_a_command_that_is_run_elsewhere_is_run_there(command: str) -> None:
    path, how = ELSEWHERE[command]
    assert re.search(how, text(REPOSITORY / path), re.MULTILINE)


def test_make_brings_the_stack_up_tells_of_it_and_takes_it_down(newcomer: Newcomer) -> None:
    table = newcomer.recipes["make status"]
    assert all(re.search(rf"{name}\W+running", table) for name in (*SERVERS, "scheduler"))
    assert "the stack is stopped" in newcomer.recipes["make down"]


def test_after_the_readme_an_hour_of_a_platform_of_ones_own_is_closed(newcomer: Newcomer) -> None:
    with psycopg.connect(newcomer.stack.desk("closebook")) as store:
        volume = store.execute(
            "select hour_start, currency, amount_minor, reason"
            " from reporting.current_hourly_volume inner join reporting.closes using (close_id)"
        ).fetchall()
    assert volume == [(TRIED_HOUR, "USD", 12345, "first try")]
    counter = redis.Redis.from_url(newcomer.stack.redis_app).get(COUNTER_KEY)
    assert json.loads(cast("bytes", counter))["currencies"]["USD"]["gross_minor"] == "12345"


def test_after_the_readme_the_indexes_are_valid(newcomer: Newcomer) -> None:
    with psycopg.connect(newcomer.stack.primary_admin("shop")) as platform:
        valid = platform.execute(
            "select indexrelid::regclass::text from pg_index where indisvalid"
        ).fetchall()
    wanted = text(REPOSITORY / "sql/platform/indexes.sql")
    names = re.findall(r"^create index if not exists (\w+)", wanted, re.MULTILINE)
    assert {f"platform.{name}" for name in names} <= {name for (name,) in valid}
    assert len(names) == 2


def test_after_the_readme_airflow_has_the_pools_and_runs_the_dags(newcomer: Newcomer) -> None:
    pools = newcomer.metadata("select pool, slots from slot_pool where pool <> 'default_pool'")
    awake = newcomer.metadata("select dag_id from dag where not is_paused")
    assert dict(pools) == POOLS
    assert {dag_id for (dag_id,) in awake} == dag_ids()


def test_the_backfill_of_the_readme_is_for_each_day_of_the_month(newcomer: Newcomer) -> None:
    runs = newcomer.metadata(
        "select logical_date, conf from dag_run where dag_id = 'daily_rollups'"
        " and backfill_id is not null order by logical_date"
    )
    october = periods.month_of(2026, 10, ZONE)
    assert [start for start, _ in runs] == [day.start for day in october.days()]
    assert october.first_date == date(2026, 10, 1)
    assert {conf["reason"] for _, conf in runs} == {"ticket 4711: late rows"}


def test_migrating_again_as_after_an_upgrade_changes_nothing(newcomer: Newcomer) -> None:
    (migrating,) = [c for c in commands(section(README, OWN_PLATFORM)) if "migrate" in c]
    assert newcomer.type(migrating) == "already up to date\n"


def test_make_clean_leaves_nothing(newcomer: Newcomer) -> None:
    newcomer.make("make clean")
    assert not newcomer.stack.root.exists()
