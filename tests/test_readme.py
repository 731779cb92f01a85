"""README.md and docs/adopt.md do what they say: a newcomer types each of their commands."""

import re
from collections.abc import Iterator
from datetime import date

import psycopg
import pytest

from closebook import periods
from deploy.airflow_defaults import POOLS
from local import REPOSITORY
from local.addresses import SERVERS
from local.stack import Stack
from tests.markdown import ADOPT, README, blocks, commands, dag_ids, section, text
from tests.newcomer import (
    AGAIN,
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


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newcomer]:
    """Given a stack that came up, went down, and was stripped: type all from top to end."""
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
        found.edit("our_contract.sql", text(REPOSITORY / "sql" / "platform" / "contract.sql"))
        found.said = follow(found)
        yield found
    finally:
        Stack.build(folder / "stack", airflow=False, fast=True).clean()


def test_every_command_of_the_readme_is_run_by_a_test() -> None:
    typed = commands(section(README, AGAIN))
    rest = [command for command in commands(text(README)) if command not in typed]
    assert typed
    assert set(re.findall(r"^```(\w+)", text(README), re.MULTILINE)) == {"sh"}
    assert set(re.findall(r"^```(\w+)", text(ADOPT), re.MULTILINE)) == {"sh", "ini", "psql"}
    assert sorted(rest) == sorted([*ELSEWHERE, *RECIPES])
    # tests/adoption/test_administrator.py executes it
    assert len(blocks(text(ADOPT), "psql")) == 1


@pytest.mark.parametrize("command", ELSEWHERE)
def test_a_command_that_is_run_elsewhere_is_run_there(command: str) -> None:
    path, how = ELSEWHERE[command]
    assert re.search(how, text(REPOSITORY / path), re.MULTILINE)


def test_make_brings_the_stack_up_tells_of_it_and_takes_it_down(newcomer: Newcomer) -> None:
    table = newcomer.recipes["make status"]
    assert all(re.search(rf"{name}\W+running", table) for name in (*SERVERS, "scheduler"))
    assert "the stack is stopped" in newcomer.recipes["make down"]


def test_the_trial_hour_prints_the_numbers_of_the_platform_and_nothing_is_closed(
    newcomer: Newcomer,
) -> None:
    said = newcomer.said["6. A trial hour"]
    assert "USD" in said
    assert said.split()[-6:] == ["USD", "payment", "1", "123.45", "0.00", "0.00"]
    with psycopg.connect(newcomer.stack.desk("closebook")) as store:
        assert store.execute("select count(*) from reporting.closes").fetchall() == [(0,)]


def test_after_the_first_steps_each_role_of_the_desk_has_a_person(newcomer: Newcomer) -> None:
    roles = newcomer.metadata(
        "select ab_user.username, ab_role.name from ab_user_role"
        " inner join ab_user on ab_user_role.user_id = ab_user.id"
        " inner join ab_role on ab_user_role.role_id = ab_role.id"
        " where ab_role.name in ('operator', 'finance_approver', 'finance')"
    )
    assert {("operator", "operator"), ("approver", "finance_approver"), ("finance", "finance")} <= {
        *roles
    }


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
    (migrating,) = [c for c in commands(text(ADOPT)) if "closebook migrate" in c]
    assert newcomer.type(migrating) == "already up to date\n"


def test_make_clean_leaves_nothing(newcomer: Newcomer) -> None:
    newcomer.make("make clean")
    assert not newcomer.stack.root.exists()
