"""`closebook trial-hour`: one hour as its close reads it, its numbers, and no mark anywhere."""

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from closebook.cli import EXIT_FAILED, EXIT_OK, EXIT_UNUSABLE
from closebook.closes.hour import close_hour
from closebook.closes.trial_hour import TrialTotal, try_hour
from closebook.errors import Misconfigured, NotReady, WrongData
from closebook.periods import hour_of
from closebook.settings import Settings
from local import REPOSITORY
from local.stack import Stack
from tests.books import Books
from tests.close_fixtures import RUN, retyped, view_of
from tests.connection_variables import platform_variables
from tests.platform_rows import Platform, utc

HOUR = hour_of(utc("2026-10-31T14:00Z"))


def dump_of(stack: Stack, database: str) -> str:
    """All that a database has, as pg_dump writes it, and where its sequences are."""
    dumped = subprocess.run(
        ["pg_dump", "--dbname", stack.store_admin(database)],
        check=True,
        capture_output=True,
        text=True,
    )
    # Newer versions of pg_dump write a key of their own into each dump.
    return "".join(line for line in dumped.stdout.splitlines(True) if not line.startswith("\\"))


@pytest.fixture
def _rows(platform: Platform) -> None:
    platform.settle(HOUR.start, 1250, promotion_id=100)
    platform.settle(HOUR.start + timedelta(minutes=59), 1)
    platform.settle(HOUR.start, 250, "JPY", "refund")
    platform.settle(HOUR.start, 1005, "KWD")
    platform.settle(HOUR.end, 99_999)


@pytest.mark.usefixtures("_rows")
def test_a_trial_hour_has_the_totals_of_the_close_and_leaves_the_store_the_same_byte_for_byte(
    stack: Stack, settings: Settings, books: Books, module_store_database: str
) -> None:
    before = dump_of(stack, module_store_database)

    tried = try_hour(settings, HOUR)

    assert dump_of(stack, module_store_database) == before
    assert books.rows("select * from reporting.platform_histories") == []
    assert tried.left_out == {}
    assert tried.replica in {"replica_a", "replica_b"}
    close_hour(settings, HOUR, RUN)
    closed = books.rows(
        "select currency, kind, transaction_count, amount_minor, fee_minor, discount_minor"
        " from reporting.current_hourly_volume"
    )
    assert len(closed) == 3
    assert {TrialTotal(**row) for row in closed} == set(tried.totals)
    assert dump_of(stack, module_store_database) != before


@pytest.mark.usefixtures("_rows")
def test_the_table_of_a_trial_hour_is_in_major_units_of_each_currency(settings: Settings) -> None:
    lines = [line.split() for line in try_hour(settings, HOUR).text.splitlines()[1:]]
    shown = {(line[0], *line[2:4]) for line in lines[1:]}
    assert shown == {("USD", "2", "12.51"), ("JPY", "1", "250"), ("KWD", "1", "1.005")}


def test_a_trial_hour_without_transactions_says_so(settings: Settings, platform: Platform) -> None:
    assert "no transaction was settled" in try_hour(settings, HOUR).text


def test_a_trial_hour_names_what_its_close_would_leave_out(
    settings: Settings, platform: Platform
) -> None:
    platform.settle(HOUR.start, 9, "BTC")
    tried = try_hour(settings, HOUR)
    assert tried.left_out == {"BTC": "unknown_currency"}
    assert "left out: BTC (unknown_currency)" in tried.text
    assert "9 minor" in tried.text


def test_an_hour_that_has_not_ended_is_refused(settings: Settings, platform: Platform) -> None:
    with pytest.raises(NotReady):
        try_hour(settings, hour_of(platform.now()))


def test_a_trial_hour_of_a_view_of_another_type_is_refused_before_a_row_is_read(
    stack: Stack, settings: Settings, platform: Platform
) -> None:
    with retyped(platform, "transactions", {"amount_minor": "amount_minor::numeric"}):
        stack.replica_wait()
        with pytest.raises(Misconfigured) as refused:
            try_hour(settings, HOUR)
    assert refused.value.code == "CB-CONFIG-CONTRACT-DIFFERS"


def test_a_trial_hour_whose_second_count_differs_is_refused(
    stack: Stack, settings: Settings, platform: Platform
) -> None:
    # Given a view that gives each row another amount each time
    platform.settle(HOUR.start, 100)
    names = "transaction_id, user_country, merchant_id, promotion_id, kind, currency"
    rest = "fee_minor, discount_minor, status, created_at, settled_at"
    amount = "(random() * 1000000000000)::bigint as amount_minor"
    select = f"select {names}, {amount}, {rest} from platform.transactions"  # noqa: S608  # texts of this file
    with view_of(platform, "transactions", select):
        stack.replica_wait()
        with pytest.raises(WrongData) as refused:
            try_hour(settings, HOUR)
    assert refused.value.code == "CB-DATA-TRIAL-DIFFERS"


# ---- the command -------------------------------------------------------------------------


def run(
    stack: Stack, platform_database: str, folder: Path, *arguments: str
) -> tuple[int, str, str]:
    """Run the command with the platform's connections, and no others: there is no store yet."""
    environment = {
        **os.environ,
        **platform_variables(stack, platform_database),
        "CLOSEBOOK_REPLICAS": "closebook_replica_a,closebook_replica_b",
        "AIRFLOW_HOME": str(folder),
        "PYTHONPATH": str(REPOSITORY / "plugins"),
    }
    ran = subprocess.run(
        [sys.executable, "-m", "closebook", "trial-hour", *arguments],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    return ran.returncode, ran.stdout, ran.stderr


def test_the_command_prints_the_totals_and_how_long_it_took(
    stack: Stack, platform: Platform, tmp_path: Path
) -> None:
    platform.settle(HOUR.start + timedelta(minutes=30), 12_345, "EUR")
    platform.settle(HOUR.end + timedelta(minutes=30), 1, "BTC")
    stack.replica_wait()
    at = (stack, platform.database, tmp_path)

    code, said, complaint = run(*at, "2026-10-31T14:00Z")
    assert (code, said.split()[-6:]) == (
        EXIT_OK,
        ["EUR", "payment", "1", "123.45", "0.00", "0.00"],
    ), complaint
    assert "nothing was written" in said
    code, said, _ = run(*at, "2026-10-31T15:00Z", "--json")
    assert (code, json.loads(said)["left_out"]) == (EXIT_FAILED, {"BTC": "unknown_currency"})
    code, said, complaint = run(*at, "yesterday")
    assert (code, said) == (EXIT_UNUSABLE, "")
    assert complaint.startswith("closebook trial-hour: CB-CONFIG-NOT-AN-INSTANT: ")
