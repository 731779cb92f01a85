"""`make demo`, on a small platform: from nothing to closed periods, and again on the same stack.

The other commands of the README follow on its stack. The tests run in the order of the file.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from pypdf import PdfReader

from local import REPOSITORY, demo, demo_summary
from local.__main__ import main
from local.addresses import SERVERS
from local.airflow_home import base_environment
from local.desk_release import release_month
from local.errors import StackError
from local.stack import Stack
from tests.close_fixtures import eventually
from tests.desk.conftest import logged_in


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("demo") / "stack"
    yield root
    main(["--root", str(root), "clean"])


@pytest.fixture(scope="module")
def summary(root: Path) -> dict[str, Any]:
    assert main(["--root", str(root), "demo", "--small"]) == 0
    content: dict[str, Any] = json.loads((root.parent / "demo.json").read_text())
    return content


def test_make_demo_runs_this_command() -> None:
    planned = subprocess.run(
        ["make", "--dry-run", "demo"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert "local/setup.sh" in planned.stdout
    assert "python -m local demo" in planned.stdout


def test_hours_days_and_the_month_are_closed_and_tie_out(summary: dict[str, Any]) -> None:
    assert summary["closed"]["day"] == demo.SMALL.days == 3
    assert summary["closed"]["month"] == 2
    assert summary["closed"]["hour"] >= 2 * 24 + 23
    assert summary["tie_outs"]["made"] >= 3 * 3 + summary["closed"]["hour"]
    assert summary["tie_outs"]["failed"] == 0


def test_finance_finds_an_earlier_month_released_and_one_month_waits(
    root: Path, summary: dict[str, Any]
) -> None:
    stack = Stack.build(root, airflow=True, fast=False)
    with psycopg.connect(stack.desk()) as store:
        months = store.execute(
            "select closes.first_date, manifests.document_count, manifests.missing_count,"
            " manifests.exception_count, decisions.decision"
            " from reporting.closes"
            " inner join reporting.statement_manifests as manifests using (close_id)"
            " left join reporting.statement_decisions as decisions using (manifest_id)"
            " where closes.grain = 'month' and closes.is_current order by closes.first_date"
        ).fetchall()
    earlier, waiting = months
    assert [month[4] for month in months] == ["released", None]
    assert [month[2:4] for month in months] == [(0, 0), (0, 0)]
    assert summary["statements"] == earlier[1] + waiting[1] > 2 * demo.SMALL.size.merchants
    label = f"{earlier[0]:%Y-%m}"
    client = logged_in(stack, "finance")
    page = client.get(f"/closebook/statements?month={label}").text
    assert f"{earlier[1]} documents" in page
    report = " ".join(client.get("/closebook/report").text.split())
    assert "waits for a review" in report
    # And the one that waits can be released by the approver
    release_month(stack, "approver", f"{waiting[0]:%Y-%m}")
    with psycopg.connect(stack.desk()) as store:
        decided = store.execute("select count(*) from reporting.statement_decisions").fetchone()
    assert decided == (2,)
    client.close()


def test_the_counter_is_read_back_from_redis(summary: dict[str, Any]) -> None:
    currencies = summary["counter"]["currencies"]
    assert set(currencies) == {"USD", "EUR", "GBP", "JPY", "KWD"}
    assert all(int(totals["gross_minor"]) > 0 for totals in currencies.values())


def test_the_statement_that_it_points_at_can_be_opened(summary: dict[str, Any]) -> None:
    # In whatever language its holder reads.
    page = PdfReader(summary["statement_pdf"]).pages[0].extract_text()
    assert "Closebook Sample Payments" in page


def test_the_summary_with_its_passwords_is_private(root: Path, summary: dict[str, Any]) -> None:
    assert set(summary["log_ins"]) == {
        *("admin", "finance", "approver", "operator", "auditor", "viewer")
    }
    assert (root.parent / "demo.json").stat().st_mode & 0o777 == 0o600


def test_the_servers_are_watched_from_then_on(root: Path, summary: dict[str, Any]) -> None:
    stack = Stack.build(root, airflow=True, fast=False)
    with psycopg.connect(stack.store(), autocommit=True) as store:
        watched = "select count(distinct server_name) from reporting.health_samples"
        eventually(lambda: store.execute(watched).fetchone() == (3,), seconds=60)
    answer = httpx.get(summary["desk"], follow_redirects=True, trust_env=False, timeout=30)
    assert "/auth/login" in str(answer.url)


def test_what_does_not_tie_out_fails_the_demo(
    root: Path, summary: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(*_: object) -> None: ...

    broken = {**summary, "tie_outs": {"made": 1, "failed": 1}}
    monkeypatch.setattr(demo, "_close", nothing)
    monkeypatch.setattr(demo_summary, "summary_of", lambda *_: broken)
    with pytest.raises(StackError, match="1 tie-outs failed"):
        demo.main(Stack.build(root, airflow=True, fast=False), demo.SMALL)


def make(stack: Stack, command: str) -> str:
    """Run a recipe of the Makefile on this stack in place of the checkout's own."""
    dry = ["env", "-u", "MAKEFLAGS", "make", "--dry-run", "--no-print-directory", command]
    recipe = _output(dry)
    assert recipe.count(" -m local ") == 1, recipe
    on_ours = recipe.replace(" -m local ", f" -m local --root {stack.root} ")
    return _output(["bash", "-euo", "pipefail", "-c", on_ours])


def _output(argv: list[str]) -> str:
    ran = subprocess.run(
        argv, cwd=REPOSITORY, env=base_environment(), capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, f"{argv[-1]}\n{ran.stdout[-4000:]}{ran.stderr[-4000:]}"
    return ran.stdout


def test_make_takes_the_stack_down_brings_it_up_tells_of_it_and_removes_it(
    root: Path, summary: dict[str, Any]
) -> None:
    stack = Stack.build(root, airflow=True, fast=False)
    names = (*SERVERS, "scheduler")

    def found(said: str, state: str) -> list[str]:
        return [name for name in names if re.search(rf"{name}\W+{state}", said)]

    assert "the stack is stopped" in make(stack, "down")
    assert found(make(stack, "status"), "stopped") == [*names]
    make(stack, "up")
    assert found(make(stack, "status"), "running") == [*names]
    with psycopg.connect(stack.desk()) as store:
        months = "select count(*) from reporting.closes where grain = 'month' and is_current"
        assert store.execute(months).fetchone() == (summary["closed"]["month"],)
    make(stack, "clean")
    assert not root.exists()
