"""README.md and docs/ do what they say: their commands are run, their lists are the code's."""

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, LiteralString, cast
from urllib.parse import urlsplit

import psycopg
import pytest
import redis
from psycopg import sql

from closebook import periods
from closebook.counter import COUNTER_KEY
from local import REPOSITORY
from local.addresses import METADATA_DATABASE, POOLERS, PRIMARY, REDIS, SERVERS, STORE
from local.airflow_contents import POOLS
from local.airflow_home import Airflow, Keys, base_environment
from local.ports import LOOPBACK
from local.postgres import SUPERUSER
from local.stack import Stack

README = REPOSITORY / "README.md"
OPERATIONS = REPOSITORY / "docs" / "operations.md"
DOCUMENTS = [README, *sorted((REPOSITORY / "docs").glob("*.md"))]

# Commands that something else runs: which file, and what in it does.
ELSEWHERE = {
    "make test": (".ci/run", r"make test$"),
    "make demo": ("tests/local/test_demo.py", r'"make", "demo"|main\(\[.*"demo"|\bdemo\.main\('),
    "make bench": ("tests/benchmarks/test_benchmarks.py", r'"make", "bench"|\bmain\(\['),
}
# Commands that are run here by the recipe of the Makefile, on a stack of the test's own.
RECIPES = ("make status", "make down", "make up", "make clean")
# Sections whose commands are run here as they stand.
OWN_PLATFORM = "Point it at your own platform"
AGAIN = "Close a period again"

ZONE = "America/New_York"
TRIED_HOUR = datetime(2026, 11, 1, 13, tzinfo=UTC)
PLATFORM_ROWS = """
insert into platform.users values (1, 'Ada Lovelace', '1 Street', 'GB', 'en_GB');
insert into platform.merchants values (1, 'Shop', 'books', '2 Road', 'US', 'en_US');
insert into platform.transactions (transaction_id, user_id, merchant_id, kind, currency,
    amount_minor, status, created_at, settled_at)
values (1, 1, 1, 'payment', 'USD', 12345, 'settled', '2026-11-01 13:59Z', '2026-11-01 13:59Z'),
    (2, 1, 1, 'payment', 'USD', 1, 'settled', '2026-11-01 14:00Z', '2026-11-01 14:00Z');
"""


# ---- reading the documents ---------------------------------------------------------------


def text(document: Path) -> str:
    return document.read_text(encoding="utf-8")


def section(document: Path, title: str) -> str:
    """The text below a heading, up to the next one of its level or above."""
    found = re.search(rf"^(##+) {re.escape(title)}$", text(document), re.MULTILINE)
    assert found, f"{document.name} has no section {title!r}"
    below = text(document)[found.end() :]
    return re.split(rf"^#{{1,{len(found[1])}}} ", below, maxsplit=1, flags=re.MULTILINE)[0]


def blocks(body: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", body, re.MULTILINE | re.DOTALL)


def commands(body: str) -> list[str]:
    """The commands of the sh blocks, one string each."""
    joined = "".join(blocks(body, "sh")).replace("\\\n", " ")
    return [" ".join(line.split()) for line in joined.splitlines() if line]


def first_column(body: str) -> list[str]:
    """The code in the first column of the tables."""
    return re.findall(r"^\| `([^`]+)` \|", body, re.MULTILINE)


# ---- following the README ----------------------------------------------------------------


@dataclass
class Newcomer:
    """Somebody with servers of their own, who types what the README says."""

    stack: Stack
    folder: Path
    airflow: Airflow
    environment: dict[str, str]
    recipes: dict[str, str] = field(default_factory=dict)

    def make(self, command: str) -> None:
        """Run the Makefile's recipe on this stack in place of the checkout's own."""
        dry = ["make", "--dry-run", "--no-print-directory", command.removeprefix("make ")]
        recipe = self._output(["env", "-u", "MAKEFLAGS", *dry], REPOSITORY)
        assert recipe.count(" -m local ") == 1, recipe
        on_ours = recipe.replace(" -m local ", f" -m local --root {self.stack.root} ")
        self.recipes[command] = self._output(
            ["bash", "-euo", "pipefail", "-c", on_ours], REPOSITORY
        )

    def type(self, block: str, answers: str = "") -> str:
        """Run a block in one shell; what it exports stays for the next one."""
        kept = self.folder / "environment"
        script = f"{block}\nenv -0 > {kept}\n"
        output = self._output(["bash", "-euo", "pipefail", "-c", script], self.folder, answers)
        exported = kept.read_text().rstrip("\0").split("\0")
        self.environment = dict(variable.split("=", 1) for variable in exported)
        return output

    def _output(self, argv: list[str], folder: Path, answers: str = "") -> str:
        # Without a terminal psql asks for passwords on standard input.
        done = subprocess.run(
            argv,
            cwd=folder,
            env=self.environment,
            input=answers,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            check=False,
        )
        assert done.returncode == 0, f"{argv[-1]}\n{done.stdout[-4000:]}"
        return done.stdout

    def metadata(self, query: LiteralString) -> list[tuple[Any, ...]]:
        """Ask Airflow's metadata database."""
        with psycopg.connect(self.airflow.metadata_url.replace("+psycopg", "")) as connection:
            return connection.execute(query).fetchall()


def newcomer_on(stack: Stack, folder: Path) -> Newcomer:
    """A checkout beside servers, with ~/.pgpass and Airflow's home, and nothing of Closebook."""
    for name in ("dags", "plugins", "sql", "templates"):
        (folder / name).symlink_to(REPOSITORY / name)
    passwords = folder / "pgpass"
    passwords.touch(mode=0o600)
    passwords.write_text(
        "".join(
            f"{LOOPBACK}:{stack.ports[server]}:*:{user}:{stack.secrets[user]}\n"
            for server, user in (
                (PRIMARY, SUPERUSER),
                (STORE, SUPERUSER),
                (STORE, "closebook_owner"),
            )
        )
    )
    airflow = Airflow(
        home=folder / "airflow",
        logs=folder,
        port=stack.ports["api_server"],
        metadata_url=(
            f"postgresql+psycopg://airflow:{stack.secrets['airflow']}"
            f"@{LOOPBACK}:{stack.ports[STORE]}/{METADATA_DATABASE}"
        ),
        keys=Keys(stack.secrets["fernet"], stack.secrets["jwt"], stack.secrets["api"]),
        environment={},
    )
    airflow.configure()
    on_primary = f"postgresql://{SUPERUSER}@{LOOPBACK}:{stack.ports[PRIMARY]}"
    on_store = f"@{LOOPBACK}:{stack.ports[STORE]}"
    environment = {
        **base_environment(),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "AIRFLOW_HOME": str(airflow.home),
        "PGPASSFILE": str(passwords),
        "EDITOR": "true",
        "PLATFORM_URL": f"{on_primary}/shop",
        "STORE_URL": f"postgresql://{SUPERUSER}{on_store}/postgres",
        "OWNER_URL": f"postgresql://closebook_owner{on_store}/closebook",
    }
    return Newcomer(stack, folder, airflow, environment)


def take_closebook_away(stack: Stack) -> None:
    """Leave servers as somebody has them who never heard of Closebook, and a platform, `shop`."""
    stack.drop_platform("platform")
    stack.drop_store("closebook")
    for admin, roles in (
        (stack.primary_admin(), ("closebook_fence", "closebook_reader")),
        (stack.store_admin(), ("closebook_owner", "closebook_store", "closebook_desk")),
    ):
        with psycopg.connect(admin, autocommit=True) as connection:
            for role in roles:
                connection.execute(sql.SQL("drop role {}").format(sql.Identifier(role)))
    with psycopg.connect(stack.primary_admin(), autocommit=True) as connection:
        connection.execute("create database shop")
    with psycopg.connect(stack.primary_admin("shop")) as connection:
        connection.execute((REPOSITORY / "sql/platform/sample_platform.sql").read_bytes())
        connection.execute(PLATFORM_ROWS)
    with psycopg.connect(stack.store_admin(METADATA_DATABASE)) as connection:
        connection.execute("delete from connection where conn_id like 'closebook%'")
        connection.execute("delete from slot_pool where pool in ('replica_reads', 'rendering')")


def own_connections(stack: Stack) -> str:
    """The README's connections.env with the test's hosts and passwords in it."""
    (written,) = blocks(section(README, OWN_PLATFORM), "ini")
    servers = {
        "closebook_primary": PRIMARY,
        **{f"closebook_{replica}": pooler for pooler, replica in POOLERS.items()},
        "closebook_store": STORE,
        "closebook_redis": REDIS,
    }
    lines = dict(line.split("=", 1) for line in written.splitlines())
    assert lines.keys() == servers.keys()
    edited = ""
    for conn_id, uri in lines.items():
        parts, server = urlsplit(uri), servers[conn_id]
        assert parts.password == "PASSWORD"  # noqa: S105  # what stands in the README
        password = stack.secrets[parts.username or "redis"]
        host = f"{parts.username}:{password}@{LOOPBACK}:{stack.ports[server]}"
        edited += f"{conn_id}={parts._replace(netloc=host).geturl()}\n"
    return edited


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


def follow(newcomer: Newcomer) -> None:
    """Type all blocks of the section, and the backfill."""
    secrets = newcomer.stack.secrets
    for block in blocks(section(README, OWN_PLATFORM), "sh"):
        roles = re.findall(r"\\password (\w+)", block)
        if "connections import" in block:
            connections = newcomer.folder / "connections.env"
            connections.touch(mode=0o600)
            connections.write_text(own_connections(newcomer.stack))
        if "dags unpause" in block:
            # As the DAG processor does, once Airflow runs.
            newcomer.type("airflow dags reserialize")
        if "dags test" in block:
            newcomer.stack.replica_wait()
        newcomer.type(block, "".join(f"{secrets[role]}\n" * 2 for role in roles))
    for block in blocks(section(README, AGAIN), "sh"):
        newcomer.type(block)


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
    counter = redis.Redis.from_url(newcomer.stack.redis_url).get(COUNTER_KEY)
    assert json.loads(cast("bytes", counter))["currencies"]["USD"]["gross_minor"] == "12345"


def test_after_the_readme_the_indexes_are_valid(newcomer: Newcomer) -> None:
    with psycopg.connect(newcomer.stack.primary_admin("shop")) as platform:
        valid = platform.execute(
            "select indexrelid::regclass::text from pg_index where indisvalid"
        ).fetchall()
    wanted = text(REPOSITORY / "sql/platform/indexes.sql")
    names = re.findall(r"^create index (\w+)", wanted, re.MULTILINE)
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


# ---- lists in the documents --------------------------------------------------------------


def dag_ids() -> set[str]:
    return {path.stem for path in (REPOSITORY / "dags").glob("*.py")}


def sources() -> list[ast.Module]:
    paths = sorted((REPOSITORY / "plugins").rglob("*.py"))
    return [ast.parse(text(path)) for path in paths]


def test_the_readme_tells_of_each_dag() -> None:
    assert set(first_column(section(README, "What it does"))) == dag_ids()


def test_the_readme_explains_each_variable_that_its_commands_use() -> None:
    used = set(re.findall(r'"\$([A-Z_]+)"', "".join(commands(text(README)))))
    assert set(first_column(section(README, OWN_PLATFORM))) == used


def test_the_settings_are_those_that_the_source_reads() -> None:
    read = {
        node.value
        for module in sources()
        for node in ast.walk(module)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(r"CLOSEBOOK_[A-Z_]+", node.value)
    }
    assert len(read) > 4
    assert set(first_column(section(OPERATIONS, "Settings"))) == read


def test_the_pools_are_those_that_the_stack_makes() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \|", section(OPERATIONS, "Pools"), re.MULTILINE)
    assert {pool: int(slots) for pool, slots in rows} == POOLS


def test_the_checks_are_those_of_the_folder() -> None:
    files = {path.stem for path in (REPOSITORY / "sql" / "checks").glob("*.sql")}
    assert set(first_column(section(OPERATIONS, "The checks"))) == files


def test_the_error_texts_are_those_of_the_source() -> None:
    raised = [raised_text(node) for module in sources() for node in ast.walk(module)]
    documented = first_column(section(OPERATIONS, "Errors"))
    assert len(documented) > 30
    assert [t for t in documented if not any(t in template for template in raised)] == []


def raised_text(node: ast.AST) -> str:
    """A string of the source, with … for what is put in at run time."""
    if isinstance(node, ast.JoinedStr):
        parts = (value.value if isinstance(value, ast.Constant) else "…" for value in node.values)
        return "".join(map(str, parts))
    return str(node.value) if isinstance(node, ast.Constant) else ""


def test_the_parameters_of_triggered_runs_are_accepted_by_their_dags() -> None:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk.definitions.param import ParamsDict

    dags = DagBag(REPOSITORY / "dags").dags
    triggers = [c for c in commands(text(OPERATIONS)) if c.startswith("airflow dags trigger ")]
    assert len(triggers) == len(dags)
    for command in triggers:
        found = re.fullmatch(r"airflow dags trigger (\w+) --conf '(.+)'", command)
        assert found, command
        params, conf = dags[found[1]].params, json.loads(found[2])
        assert set(conf) <= set(params)
        ParamsDict({**params.dump(), **conf}).validate()
        for name, value in conf.items():
            params.get_param(name).resolve(value=value)


@pytest.mark.parametrize("number", range(3))
def test_the_queries_for_finance_run_as_the_desk(
    stack: Stack, module_store_database: str, number: int
) -> None:
    queries = blocks(text(OPERATIONS), "sql")
    assert len(queries) == 3
    with psycopg.connect(stack.desk(module_store_database)) as desk:
        assert desk.execute(queries[number].encode()).fetchall() == []


# ---- links -------------------------------------------------------------------------------


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_and_picture_leads_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)|<img src=\"([^\"]+)\"", text(document))
    for target in (link or picture for link, picture in targets):
        path, _, anchor = target.partition("#")
        found = (document.parent / path).resolve() if path else document
        assert found.is_file(), target
        if anchor:
            assert anchor in anchors(found), target


def anchors(document: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", text(document), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_that_is_named_exists(document: Path) -> None:
    named = re.findall(
        r"(?<![\w/])(?:sql|plugins|dags|local|tests)/[\w/.]+\.(?:sql|py|sh)", text(document)
    )
    assert [path for path in named if not (REPOSITORY / path).is_file()] == []
