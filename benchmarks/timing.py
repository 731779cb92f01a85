"""Times several ways in turns, within one run, and compares their medians."""

import json
import os
import platform
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from types import MappingProxyType
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

ROUNDS = 7

console = Console(highlight=False)


@dataclass(frozen=True)
class Timed:
    """The seconds of one way, for each round."""

    name: str
    seconds: tuple[float, ...]

    @property
    def median_seconds(self) -> float:
        """The median of the rounds."""
        return median(self.seconds)


def alternate(
    contestants: Mapping[str, Callable[[], object]],
    rounds: int,
    warmed: Collection[str] = (),
    within: Mapping[str, Callable[[], AbstractContextManager[object]]] = MappingProxyType({}),
) -> dict[str, Timed]:
    """Run every contestant once to warm up, then all of them in turn, round after round.

    Those of ``warmed`` run once more, untimed, before each of their turns: for short ones that
    would else find the server's memory full of what a long one has left there. What a contestant
    needs about it for its turn, and is not to be timed, is given by ``within``.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("measuring", total=(rounds + 1) * len(contestants))
        for number in range(rounds + 1):
            for name, run in contestants.items():
                bar.update(task, description=name)
                with within.get(name, nullcontext)():
                    if name in warmed:
                        run()
                    began = time.perf_counter()
                    run()
                    taken = time.perf_counter() - began
                if number:
                    seconds[name].append(taken)
                bar.advance(task)
    return {name: Timed(name, tuple(each)) for name, each in seconds.items()}


def side_by_side(title: str, ways: Mapping[str, Mapping[str, str]]) -> Table:
    """Return a table with a column for each way and a row for each measure."""
    table = Table("", *ways, title=title)
    measures = next(iter(ways.values()))
    for measure in measures:
        table.add_row(measure, *(way[measure] for way in ways.values()))
    return table


@dataclass(frozen=True)
class Results:
    """The folder of the results, and whether each way is timed only once, as a trial."""

    folder: Path
    is_tried_out: bool = False

    def rounds(self, usual: int = ROUNDS) -> int:
        """How many rounds to measure."""
        return 1 if self.is_tried_out else usual

    def report(self, title: str, timed: Mapping[str, Timed], reference: str, **facts: Any) -> None:
        """Print the medians and their ratios to the reference, and write them as JSON."""
        table = Table("what", "median ms", "min ms", "max ms", f"× {reference}", title=title)
        base = timed[reference].median_seconds
        for one in timed.values():
            table.add_row(
                one.name,
                f"{one.median_seconds * 1000:,.1f}",
                f"{min(one.seconds) * 1000:,.1f}",
                f"{max(one.seconds) * 1000:,.1f}",
                f"{one.median_seconds / base:,.2f}",
            )
        console.print(table)
        for name, fact in facts.items():
            console.print(f"  {name}: {fact}")
        self.write(title, {"reference": reference, "rounds": _rounds(timed), "facts": facts})

    def write(self, title: str, content: Mapping[str, Any]) -> None:
        """Keep a result with when and where it was measured."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{title.lower().replace(' ', '_')}.json"
        machine = {
            "python": platform.python_version(),
            "cores": os.cpu_count(),
            "load": os.getloadavg(),
        }
        measured = {"measured_at": datetime.now(UTC).isoformat(), "machine": machine, **content}
        path.write_text(json.dumps(measured, indent=1, default=str) + "\n")
        console.print(f"  written to {path}", soft_wrap=True)


def _rounds(timed: Mapping[str, Timed]) -> dict[str, Any]:
    return {
        one.name: {"median_seconds": one.median_seconds, "seconds": one.seconds}
        for one in timed.values()
    }
