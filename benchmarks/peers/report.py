"""A day of Closebook and of other tools: they must give the same rows, then are timed in turns."""

from contextlib import ExitStack
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import psycopg

from benchmarks.peers.dbt_model import DbtModel
from benchmarks.peers.duckdb_process import DuckDb
from benchmarks.peers.materialized_view import MaterializedView
from benchmarks.platform import Stage
from benchmarks.timing import Results, alternate, console
from benchmarks.volume import copy_rows, day_cells
from closebook.closes.day import close_day
from closebook.settings import Run
from local.addresses import PLATFORM_DATABASE
from local.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Callable


def measure(stage: Stage, results: Results) -> None:
    """Assert that all peers give daily_volume.sql's rows, then time them in turns."""
    stack, day = stage.stack, stage.day
    primary = stack.primary_admin(PLATFORM_DATABASE)
    missing = "none"
    model_seconds: list[float] = []
    with ExitStack() as open_:
        reader = open_.enter_context(
            psycopg.connect(stack.reader("replica_a"), autocommit=True, prepare_threshold=None)
        )
        wanted = sorted(day_cells(reader, day.bounds))
        view = open_.enter_context(MaterializedView.make(primary, day.time_zone))
        assert sorted(view.rows(day)) == wanted, "the view and daily_volume.sql differ"  # noqa: S101
        view_days = view.day_count()
        contestants: dict[str, Callable[[], object]] = {
            "daily_volume.sql": lambda: copy_rows(reader, "daily_volume/read", day.bounds),
            "close_day, all of it": lambda: close_day(stage.settings, day, Run("benchmark")),
            "view refreshed": view.refresh,
            "view refreshed concurrently": view.refresh_concurrently,
        }
        try:
            folder = Path(open_.enter_context(TemporaryDirectory()))
            dbt = DbtModel(primary, day, folder)
            open_.callback(dbt.drop)
            # The first run makes the table; those that are timed are like the second.
            dbt.run()
            dbt.run()
            duck = open_.enter_context(
                DuckDb.start(stack.conninfo("replica_a", "closebook_reader", PLATFORM_DATABASE))
            )
        except StackError as error:
            console.print(f"[yellow]left out:[/yellow] {error}")
            missing = str(error)
        else:
            assert sorted(dbt.rows()) == wanted, "dbt and daily_volume.sql differ"  # noqa: S101
            assert sorted(duck.rows(day)) == wanted, "DuckDB and daily_volume.sql differ"  # noqa: S101

            def run_dbt() -> None:
                dbt.run()
                model_seconds.append(dbt.model_seconds())

            contestants["dbt run, incremental"] = run_dbt
            contestants["DuckDB by ADBC"] = lambda: duck.count(day)
        timed = alternate(contestants, results.rounds())
    results.report(
        "Peers",
        timed,
        "daily_volume.sql",
        day=day.label,
        rows=len(wanted),
        days_that_the_view_holds=view_days,
        dbt_model_alone_median_seconds=round(median(model_seconds), 3) if model_seconds else None,
        peers_not_installed=missing,
    )
