"""The stack that the tests run on: real servers, made once a session, databases cloned."""

import fcntl
import gc
import itertools
import json
import os
import signal
from collections.abc import Generator, Iterator
from contextlib import nullcontext
from types import FrameType
from typing import TYPE_CHECKING
from uuid import uuid4

import psutil
import pytest
from hypothesis import settings as hypothesis_settings

from local import REPOSITORY
from local.airflow_api import AirflowApi
from local.s3_server import S3
from local.stack import Stack
from tests.airflow_runs import ROLE_SECONDS
from tests.decisions import DECISION_KEY
from tests.mail_server import POLICY
from tests.message_connections import (
    BROKER_CONNECTION,
    MAIL_CONNECTION,
    WEBHOOK_CONNECTION,
    add_message_connections,
)
from tests.s3_server import s3_server_in
from tests.tiers import is_fast, neither_server_nor_renderer
from tests.xdist_scheduler import LONGEST, ON_AIRFLOW, ByStack

if TYPE_CHECKING:
    from xdist.remote import Producer

ROOTS = REPOSITORY / ".local" / "test-stacks"
PLATFORM_TEMPLATE = "platform_template"
STORE_TEMPLATE = "closebook_template"

# On a machine with other work one example can take any time, which is no fault of the code.
hypothesis_settings.register_profile("closebook", deadline=None)
hypothesis_settings.load_profile("closebook")

# Set before Airflow is imported: otherwise Airflow makes its folder in the user's home.
os.environ["AIRFLOW_HOME"] = str(
    REPOSITORY / ".local" / "test-airflow-home" / os.environ.get("PYTEST_XDIST_WORKER", "alone")
)

# Where Airflow finds the timetables of days and months.
os.environ["AIRFLOW__CORE__PLUGINS_FOLDER"] = str(REPOSITORY / "plugins")
# Without it the DAGs of days and months have an import error.
os.environ["CLOSEBOOK_TIME_ZONE"] = "America/New_York"

# The tests log in from one address, more often than a person may. tests/desk/test_proxy.py has an
# API server with the limit as it is shipped. A user's new role counts after `cache_ttl`.
AIRFLOW_OF_TESTS = {
    "AIRFLOW__FAB__AUTH_RATE_LIMIT": "1000 per 1 second",
    "AIRFLOW__FAB__CACHE_TTL": str(ROLE_SECONDS),
    # Each day of a range is closed by a task of its own.
    "CLOSEBOOK_RANGE_TASK_SECONDS": "0",
    # No test changes a DAG file: to parse all of them each minute takes a quarter of a core.
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "300",
    # Whom the tests' Airflow tells what happened, by connections that `airflow_stack` makes.
    "CLOSEBOOK_MAIL_CONNECTION": MAIL_CONNECTION,
    "CLOSEBOOK_MAIL_FINANCE": "finance@bank.invalid",
    "CLOSEBOOK_MAIL_OPERATORS": "operators@bank.invalid",
    "CLOSEBOOK_WEBHOOK_CONNECTION": WEBHOOK_CONNECTION,
    "CLOSEBOOK_BROKER_CONNECTION": BROKER_CONNECTION,
    # Beside our DAGs one of another team, which Closebook's assets start.
    "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(
        [
            {
                "name": name,
                "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
                "kwargs": {"path": str(folder)},
            }
            for name, folder in (
                ("dags-folder", REPOSITORY / "dags"),
                ("another-team", REPOSITORY / "tests" / "airflow" / "another_team"),
            )
        ]
    ),
}
_ON_AIRFLOW = pytest.StashKey[Stack]()
_numbers = itertools.count(1)


def pytest_configure() -> None:
    """Stop the servers when the test run gets SIGTERM, as Ctrl-C does."""
    signal.signal(signal.SIGTERM, _interrupt)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Import the tests without the garbage collector, which takes a third of that time.

    What is imported stays until the end, so no later search for garbage looks at it either.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the fast tier; refuse a test that needs Airflow where each worker would start one.

    The modules that take longest come first.
    """
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))
    for item in items:
        if is_fast(item):
            item.add_marker("fast")
        needs_airflow = "airflow_stack" in getattr(item, "fixturenames", ())
        if needs_airflow and not item.nodeid.startswith(ON_AIRFLOW):
            raise pytest.UsageError(f"add {item.nodeid} to ON_AIRFLOW in tests/xdist_scheduler.py")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None]:
    """Let the fixtures of a fast test start no server."""
    return (yield from _in_its_tier(item))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Let a fast test start no server."""
    return (yield from _in_its_tier(item))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: "Producer") -> ByStack:
    """Which of several workers runs which test."""
    return ByStack(config, log)


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Primary, two streaming replicas, poolers, store and Redis; no Airflow yet."""
    ROOTS.mkdir(parents=True, exist_ok=True)
    with ROOTS.with_suffix(".lock").open("w") as lock:
        # Two workers that choose ports at once might choose the same.
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left_over in ROOTS.glob("*"):
            if not psutil.pid_exists(int(left_over.name)):
                Stack.build(left_over, airflow=False, fast=True).clean()
        # By process, so that two sessions in one checkout leave each other alone.
        stack = Stack.build(
            ROOTS / str(os.getpid()), airflow=False, fast=True, settings=AIRFLOW_OF_TESTS
        )
        stack.secrets["decisions"] = DECISION_KEY
        try:
            stack.up()
        except BaseException:
            stack.clean()
            raise
    try:
        yield stack
    finally:
        stack.clean()


@pytest.fixture(scope="session")
def _started_airflow(stack: Stack, pytestconfig: pytest.Config) -> Stack:
    """The same stack with Airflow running on it; it is started for the tests that need it."""
    policies = stack.airflow_home / "config"
    policies.mkdir(parents=True)
    (policies / "airflow_local_settings.py").write_text(POLICY)
    stack.start_airflow()
    with AirflowApi.login(stack.ui_url, "admin", stack.credentials["admin"]) as api:
        add_message_connections(api)
    pytestconfig.stash[_ON_AIRFLOW] = stack
    return stack


@pytest.fixture(scope="module")
def airflow_stack(_started_airflow: Stack) -> Iterator[Stack]:
    """The stack with Airflow. A DAG that a module switches on is switched off at its end.

    A scheduled run writes to the stack's Redis, which the tests of other modules read.
    """
    stack = _started_airflow
    yield stack
    with AirflowApi.login(stack.ui_url, "admin", stack.credentials["admin"]) as airflow:
        for dag in airflow.get("dags", paused="false", limit=100)["dags"]:
            airflow.pause(dag["dag_id"])


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Stop Airflow after its last test: idle, it takes a quarter of a core from the others.

    Of several workers one gets all of Airflow's tests, one after another.
    """
    stack = item.config.stash.get(_ON_AIRFLOW, None)
    is_one_of_several = hasattr(item.config, "workerinput")
    if stack is None or not is_one_of_several or nextitem is None:
        return
    if not nextitem.nodeid.startswith(ON_AIRFLOW):
        del item.config.stash[_ON_AIRFLOW]
        stack.stop_airflow()


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    """A server of S3."""
    with s3_server_in(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def bucket(s3_server: S3) -> str:
    """The name of a bucket of the test's own, from which nothing can be removed."""
    name = f"closebook-{uuid4().hex[:12]}"
    s3_server.make_bucket(name)
    return name


@pytest.fixture(scope="session")
def platform_template(stack: Stack) -> str:
    """An empty platform database with contract, grants and indexes, to be cloned."""
    stack.create_platform(PLATFORM_TEMPLATE, indexes=True)
    return PLATFORM_TEMPLATE


@pytest.fixture(scope="session")
def store_template(stack: Stack) -> str:
    """A migrated, empty reporting database, to be cloned."""
    stack.create_store(STORE_TEMPLATE)
    return STORE_TEMPLATE


@pytest.fixture
def platform_database(stack: Stack, platform_template: str) -> Iterator[str]:
    """The name of a platform database of the test's own, present on both replicas."""
    yield from _platform(stack, platform_template)


@pytest.fixture(scope="module")
def module_platform_database(stack: Stack, platform_template: str) -> Iterator[str]:
    """The same, shared by the tests of a module."""
    yield from _platform(stack, platform_template)


@pytest.fixture
def store_database(stack: Stack, store_template: str) -> Iterator[str]:
    """The name of a reporting database of the test's own."""
    yield from _store(stack, store_template)


@pytest.fixture(scope="module")
def module_store_database(stack: Stack, store_template: str) -> Iterator[str]:
    """The same, shared by the tests of a module."""
    yield from _store(stack, store_template)


def _in_its_tier(item: pytest.Item) -> Generator[None]:
    with neither_server_nor_renderer() if item.get_closest_marker("fast") else nullcontext():
        return (yield)


def _platform(stack: Stack, template: str) -> Iterator[str]:
    name = f"platform_{next(_numbers)}"
    stack.clone_platform(template, name)
    yield name
    stack.drop_platform(name)


def _store(stack: Stack, template: str) -> Iterator[str]:
    name = f"closebook_{next(_numbers)}"
    stack.clone_store(template, name)
    yield name
    stack.drop_store(name)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
