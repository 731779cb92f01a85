"""`python -m benchmarks [NAME ...]`: all of the benchmarks, or those that are named.

With --large, growth, volume and closes.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks import (
    closes,
    desk_load,
    desk_searches,
    growth,
    index_cost,
    latency,
    platform,
    scale,
    statements,
    volume,
    year,
)
from benchmarks.offload import report as offload
from benchmarks.peers import report as peers
from benchmarks.platform import Stage
from benchmarks.timing import Results, console
from closebook.errors import ClosebookError
from local import REPOSITORY
from local.errors import FOR_EXPLANATION, explained
from local.sample_plan import SampleSize

NAMES = (
    *("volume", "closes", "peers", "index_cost", "statements", "latency", "offload"),
    *("searches", "desk", "year"),
)
# In this order: year forgets what was closed before.
WITH_AIRFLOW = ("latency", "desk", "year")
# These run only if they are named: a million accounts take hours, and 30 GB of disk.
NAMED = ("scale",)
# The others copy or fill a platform, or do not depend on its size.
LARGE_NAMES = ("growth", "volume", "closes")
SMALL = SampleSize(transactions=20_000, users=500, merchants=60, promotions=20, days=5)
SMALL_WITH_AIRFLOW = SampleSize(
    transactions=1_000, users=100, merchants=50, promotions=6, days=3, account_holders=5
)
"""Few statements, which the desk's month has to render, and two days for a year."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks and stop the stack; its data stay for the next time."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join((*NAMES, *NAMED)))
    parser.add_argument("--small", action="store_true", help="try it out: figures mean nothing")
    parser.add_argument(
        "--large",
        action="store_true",
        help=f"50,000,000 transactions, 300 days: {', '.join(LARGE_NAMES)}",
    )
    parser.add_argument(
        "--accounts", type=int, nargs="+", default=scale.COUNTS, help="of each month of scale"
    )
    parser.add_argument("--hour-end", action="store_true", help="time a scheduled run too")
    parser.add_argument("--phase-seconds", type=int, default=300, help="of each way of offload")
    parser.add_argument("--root", type=Path, help="the stack's folder")
    parser.add_argument(
        "--beside",
        type=Path,
        default=REPOSITORY / ".local" / "bench-stack",
        help="the folder of the smaller stack, for growth",
    )
    parser.add_argument("--results", type=Path, default=REPOSITORY / "benchmarks" / "results")
    chosen = parser.parse_args(arguments)
    known = LARGE_NAMES if chosen.large else (*NAMES, *NAMED)
    names = chosen.names or [*(LARGE_NAMES if chosen.large else NAMES)]
    if unknown := set(names).difference(known):
        large = " of the large ones" * chosen.large
        parser.error(f"no benchmark{large} is called {', '.join(sorted(unknown))}")
    folder = chosen.results / "large" if chosen.large else chosen.results
    results = Results(folder, is_tried_out=chosen.small)
    size = SMALL if chosen.small else platform.LARGE if chosen.large else platform.SIZE
    name = "bench-stack-large" if chosen.large else "bench-stack"
    root = chosen.root or REPOSITORY / ".local" / name
    try:
        _beside_airflow(root, size, names, results, hour_end=chosen.hour_end)
        if not {*WITH_AIRFLOW, "scale"}.issuperset(names):
            with _stage(root, size, airflow=False) as stage:
                _without_airflow(stage, names, results, chosen)
        if "scale" in names:
            with _stage(root.with_name(f"{root.name}-scale"), SMALL, airflow=False) as stage:
                scale.measure(stage, results, chosen.accounts)
    except (ClosebookError, *FOR_EXPLANATION) as raised:
        error = raised if isinstance(raised, ClosebookError) else explained(raised, root / "logs")
        console.print(f"[red]benchmark failed:[/red] {error}")
        return 1
    return 0


def _beside_airflow(
    root: Path, size: SampleSize, names: Sequence[str], results: Results, *, hour_end: bool
) -> None:
    """Measure what runs through Airflow: each on its own stack, or all on a small one to try it.

    First and alone: Airflow would take CPU from the others, and after offload the stack of latency
    has to be made again.
    """
    ways: dict[str, tuple[Path, SampleSize, Callable[[Stage], None]]] = {
        "latency": (
            root,
            size,
            lambda stage: latency.measure(stage, results, hour_end=hour_end),
        ),
        "desk": (
            root.with_name(f"{root.name}-desk"),
            desk_load.SIZE,
            lambda stage: desk_load.measure(stage, results),
        ),
        "year": (
            root.with_name(f"{root.name}-year"),
            year.YEAR,
            lambda stage: year.measure(stage, results, year.last_days(stage, stage.size.days - 1)),
        ),
    }
    wanted = [ways[name] for name in WITH_AIRFLOW if name in names]
    if results.is_tried_out and wanted:
        shared = root.with_name(f"{root.name}-airflow")
        with _stage(shared, SMALL_WITH_AIRFLOW, airflow=True) as stage:
            for _, _, measure in wanted:
                measure(stage)
        return
    for place, its_size, measure in wanted:
        with _stage(place, its_size, airflow=True) as stage:
            measure(stage)


def _without_airflow(
    stage: Stage, names: Sequence[str], results: Results, chosen: argparse.Namespace
) -> None:
    if "growth" in names:
        smaller = SMALL if chosen.small else platform.SIZE
        with _stage(chosen.beside, smaller, airflow=False) as beside:
            growth.measure(beside, stage, results)
    if "volume" in names:
        volume.measure(stage, results)
    if "closes" in names:
        closes.measure(stage, results)
    if "peers" in names:
        peers.measure(stage, results)
    if "index_cost" in names:
        index_cost.measure(stage, results, seconds=1 if chosen.small else 10)
    if "statements" in names:
        statements.measure(
            results,
            document_count=2 if chosen.small else 10,
            long_count=1_000 if chosen.small else 20_000,
        )
    if "offload" in names:
        offload.measure(stage, results, chosen.phase_seconds)
    if "searches" in names:
        desk_searches.measure(stage, results, account_count=400 if chosen.small else 40_000)


@contextmanager
def _stage(root: Path, size: SampleSize, *, airflow: bool) -> Iterator[Stage]:
    stage = platform.set_up(root, size, airflow=airflow)
    try:
        yield stage
    finally:
        stage.stack.down()


if __name__ == "__main__":
    sys.exit(main())
