"""Numbered steps with their seconds, for commands that take a while."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO

from rich.console import Console


@dataclass
class Steps:
    """Prints `[2/8] streaming replicas … 3.1 s` for each step and keeps the seconds.

    On a terminal the running step spins; elsewhere (a log of CI) each step is one plain line.
    """

    total: int
    file: TextIO | None = None
    quiet: bool = False
    seconds: dict[str, float] = field(default_factory=dict)
    taken: int = 0

    def __post_init__(self) -> None:
        self.console = Console(file=self.file, quiet=self.quiet, highlight=False)

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Count one step; nothing is recorded for a step that raised."""
        self.taken += 1
        label = f"[dim]\\[{self.taken}/{self.total}][/dim] {title}"
        began = time.monotonic()
        try:
            with self.console.status(label):
                yield
        except BaseException:
            self.console.print(f"{label} [red]failed[/red]")
            raise
        self.seconds[title] = round(time.monotonic() - began, 2)
        self.console.print(f"{label} [dim]{self.seconds[title]:.1f} s[/dim]")

    def skip(self, title: str) -> None:
        """Count a step that had nothing to do."""
        self.taken += 1
        self.console.print(f"[dim]\\[{self.taken}/{self.total}] {title}: nothing to do[/dim]")
