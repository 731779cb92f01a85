"""The summary at the end of the demo: totals, one PDF, durations, log-ins."""

from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.rows import dict_row
from rich.console import Console
from rich.table import Table

from closebook.counter import publisher
from closebook.money import format_minor
from closebook.settings import Replica, Settings
from local.errors import StackError
from local.stack import Stack


def summary_of(stack: Stack, seconds: Mapping[str, float]) -> dict[str, Any]:
    """Return what the stack has closed, read from its store and Redis. Raises StackError."""
    with psycopg.connect(stack.store(), row_factory=dict_row) as store:
        closed = store.execute(
            "select grain, count(*) as periods from reporting.closes where is_current "
            "group by grain"
        ).fetchall()
        rows = store.execute(
            "select (select count(*) from reporting.current_hourly_volume) as hourly_volume, "
            "(select count(*) from reporting.current_daily_volume) as daily_volume, "
            "(select count(*) from reporting.current_daily_account_movement) "
            "as daily_account_movement, "
            "(select count(*) from reporting.statement_lines) as statement_lines"
        ).fetchone()
        tie_outs = store.execute(
            "select count(*) as made, count(*) filter (where offending_count > 0) as failed "
            "from reporting.tie_outs"
        ).fetchone()
        documents = store.execute(
            "select count(*) as statements, min(object_name) as object_name "
            "from reporting.statement_documents"
        ).fetchone()
    assert rows is not None  # noqa: S101  # aggregates give one row
    assert tie_outs is not None  # noqa: S101
    assert documents is not None  # noqa: S101
    counted = publisher.read(_settings(stack))
    if counted is None:
        raise StackError(
            "CB-STACK-NO-COUNTER",
            "Redis holds no counter, though the hours are closed: the log of publish_counter in"
            f" the UI ({stack.ui_url}) says why",
        )
    return {
        "counter": counted,
        "closed": {row["grain"]: row["periods"] for row in closed},
        "rollup_rows": rows,
        "statements": documents["statements"],
        "statement_pdf": str(stack.document_file(documents["object_name"])),
        "tie_outs": tie_outs,
        "seconds": dict(seconds),
        "ui": stack.ui_url,
        "desk": f"{stack.ui_url}/closebook/",
        "log_ins": stack.credentials,
    }


def _settings(stack: Stack) -> Settings:
    return Settings(
        time_zone=stack.environment["CLOSEBOOK_TIME_ZONE"],
        primary=stack.fence(),
        replicas=(Replica("replica_a", stack.reader("replica_a")),),
        store=stack.store(),
        redis_url=stack.redis_app,
        documents_url=stack.documents_url,
    )


def show(summary: Mapping[str, Any], console: Console) -> None:
    """Print it as a table, log-ins included."""
    table = Table(show_header=False, box=None, padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for currency, totals in summary["counter"]["currencies"].items():
        gross = format_minor(int(totals["gross_minor"]), currency, "en_US", with_currency=True)
        table.add_row(f"counter {currency}", f"{gross} in {totals['payment_count']:,} payments")
    table.add_row("as of", summary["counter"]["as_of"])
    for grain, count in summary["closed"].items():
        table.add_row(f"{grain}s closed", f"{count:,}")
    for name, count in summary["rollup_rows"].items():
        table.add_row(f"rows of {name}", f"{count:,}")
    table.add_row("statements", f"{summary['statements']:,}")
    tie_outs = summary["tie_outs"]
    table.add_row("tie-outs", f"{tie_outs['made']:,} made, {tie_outs['failed']} failed")
    table.add_row("seconds", f"{summary['seconds']['total']:.0f}")
    table.add_row("UI", summary["ui"])
    table.add_row("desk", summary["desk"])
    for user, password in summary["log_ins"].items():
        table.add_row(f"log-in {user}", password)
    console.print(table)
    # Not wrapped, so that a person or a script can copy it.
    console.print(f"one of the statements: {summary['statement_pdf']}", soft_wrap=True)
