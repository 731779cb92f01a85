"""A zone whose rules change between two closes, and an account with entries about the change.

The zone is Asia/Almaty by made-up rules, compiled as a release of tzdata is: six hours ahead of UTC
all along, or five from 1 March 2024 on, when its clocks went back from one in the morning.
"""

import subprocess
import zoneinfo
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import LiteralString
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from closebook.periods import HOUR
from closebook.settings import Settings
from local.stack import Stack
from tests.books import Books
from tests.close_fixtures import RUN
from tests.platform_rows import Platform

ALMATY = "Asia/Almaty"
UTC_PLUS_6 = "Zone Asia/Almaty 6:00 - +06\n"
UTC_PLUS_5_FROM_MARCH = "Zone Asia/Almaty 6:00 - +06 2024 Mar 1 0:00\n 5:00 - +05\n"
# Where February ends: six hours ahead of UTC, and five.
MIDNIGHT_BY_UTC_PLUS_6 = datetime(2024, 2, 29, 18, tzinfo=UTC)
MIDNIGHT_BY_UTC_PLUS_5 = datetime(2024, 2, 29, 19, tzinfo=UTC)
ACCEPTED = replace(RUN, accept_boundary=True)
WITHOUT_REASON = replace(ACCEPTED, reason=None)
LEAP_DAY, FIRST_OF_MARCH, SECOND_OF_MARCH = date(2024, 2, 29), date(2024, 3, 1), date(2024, 3, 2)
ACCOUNT = 1


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two releases of tzdata, each a folder as zoneinfo looks for it."""
    folders = {}
    for name, rules in (("2024a", UTC_PLUS_6), ("2024b", UTC_PLUS_5_FROM_MARCH)):
        folder = tmp_path_factory.mktemp(name)
        source = folder / "asia"
        source.write_text(rules)
        subprocess.run(["/usr/sbin/zic", "-d", folder, source], check=True)
        (folder / "tzdata.zi").write_text(f"# version {name}\n")
        folders[name] = folder
    return folders


@contextmanager
def tzdata_from(folder: Path) -> Iterator[None]:
    """Let this process know the rules of a folder, as one with that release of tzdata does."""
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath([folder])
    ZoneInfo.clear_cache()
    try:
        yield
    finally:
        zoneinfo.reset_tzpath(before)
        ZoneInfo.clear_cache()


@pytest.fixture
def utc_plus_6(releases: dict[str, Path]) -> Path:
    return releases["2024a"]


@pytest.fixture
def utc_plus_5(releases: dict[str, Path]) -> Path:
    return releases["2024b"]


@pytest.fixture
def almaty(settings: Settings, platform: Platform) -> Settings:
    """An account in Almaty with an entry on each side of the hour, and 777 within it."""
    platform.open_account(ACCOUNT)
    platform.post(ACCOUNT, MIDNIGHT_BY_UTC_PLUS_6 - HOUR, 100)
    platform.post(ACCOUNT, MIDNIGHT_BY_UTC_PLUS_6 + HOUR / 2, 777)
    platform.post(ACCOUNT, MIDNIGHT_BY_UTC_PLUS_5 + HOUR, 5)
    return replace(settings, time_zone=ALMATY)


def entries_of(books: Books, close_id: int) -> list[tuple[int, date]]:
    rows = books.rows(
        "select amount_minor, posted_on from reporting.statement_lines where close_id = %s"
        " order by line_number",
        close_id,
    )
    return [(row["amount_minor"], row["posted_on"]) for row in rows]


def change_register(stack: Stack, settings: Settings, statement: LiteralString) -> None:
    """Change the register as its owner, into a state that earlier versions could write."""
    database = str(conninfo_to_dict(settings.store)["dbname"])
    with psycopg.connect(stack.store_owner(database)) as owner:
        owner.execute(statement)
