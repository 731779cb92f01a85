"""A healthy installation on the stack, and what the doctor finds on it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from closebook.doctor.diagnosis import diagnose
from closebook.doctor.doctor_report import Report
from closebook.doctor.finding import Finding
from closebook.doctor.installation import AirflowState, Installation
from closebook.settings import Settings
from closebook.settings.desk_settings import ApiServerConnections, DeskSettings
from closebook.statements.render.document import warm_up
from local.stack import Stack
from tests.close_fixtures import books, platform, settings
from tests.platform_rows import Platform
from tests.redis_server import redis_server, url

__all__ = ["books", "platform", "settings"]

Diagnosis = Callable[..., Report]


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis that is as it should be, whichever users the stack's has."""
    with redis_server(tmp_path_factory.mktemp("redis") / "sound") as port:
        yield url(port)


@pytest.fixture(scope="session")
def renderer() -> None:
    """Load what the doctor's document needs once: each process that renders it is a fork."""
    warm_up()


@pytest.fixture
def healthy(
    stack: Stack,
    settings: Settings,
    module_store_database: str,
    platform: Platform,
    redis_url: str,
    renderer: None,
) -> Installation:
    """An installation without fault, with a row of each view."""
    now = platform.now()
    platform.open_account(1)
    platform.settle(now - timedelta(hours=2), 1000, promotion_id=100)
    platform.settle(now - timedelta(hours=2), 250, "JPY", "refund")
    platform.post(1, now - timedelta(hours=2), 1000)
    airflow = AirflowState("FAB's", True, ("replica_reads",), {"replica_reads": 6})
    desk = DeskSettings(stack.desk(module_store_database), redis_url, "", "UTC")
    api_server = ApiServerConnections(desk, stack.secrets["decisions"])
    return Installation(replace(settings, redis_url=redis_url), {}, airflow, api_server)


@pytest.fixture
def diagnosis(stack: Stack, healthy: Installation) -> Diagnosis:
    """A function that returns the report of the healthy installation with changed settings."""

    def look(*, is_full: bool = False, **changed: Any) -> Report:
        stack.replica_wait()
        changed_settings = replace(healthy.settings, **changed)
        return diagnose(replace(healthy, settings=changed_settings, is_full=is_full))

    return look


def codes(report: Report) -> set[str]:
    """The codes of a report's findings."""
    return {finding.code for finding in report.findings}


def only(report: Report, code: str) -> Finding:
    """The one finding of a code; or the test fails, and shows the report."""
    found = [finding for finding in report.findings if finding.code == code]
    assert len(found) == 1, report.text
    return found[0]
