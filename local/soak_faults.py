"""The faults of a soak: parts of a cluster are killed at random, and started again later."""

import random
import time
from collections import Counter
from dataclasses import dataclass, field

from rich.console import Console

from local.addresses import REPLICAS, STORE
from local.cluster import RABBITMQ, S3_SERVER, WORKER_SECONDS, WORKERS, Cluster
from local.errors import StackError

KILLED = (*WORKERS, RABBITMQ, STORE, S3_SERVER, *REPLICAS)
BETWEEN_SECONDS = (15.0, 60.0)
"""From the return of one part to the death of the next one."""
AWAY_SECONDS = (1.0, 20.0)
MEND_SECONDS = 180.0

console = Console(highlight=False)


@dataclass
class Faults:
    """Kills one part of a cluster at a time.

    A part that ends by itself, such as the scheduler when it has lost its database, is started
    again too, as Docker or systemd would do.
    """

    cluster: Cluster
    chance: random.Random
    counts: Counter[str] = field(default_factory=Counter)
    revived: Counter[str] = field(default_factory=Counter)
    _next_at: float = 0.0
    _victim: str | None = None
    _killed: set[str] = field(default_factory=set)
    _back_at: float = 0.0

    def step(self, now: float) -> None:
        """Do what is due: kill a part, or start it again, or start what has ended by itself."""
        if not self._next_at:
            self._next_at = now + self.chance.uniform(*BETWEEN_SECONDS)
        if self._victim is None and now >= self._next_at:
            self._kill(now)
        elif self._victim is not None and now >= self._back_at:
            self._victim = None
            self._next_at = now + self.chance.uniform(*BETWEEN_SECONDS)
        self._start_what_is_down()

    def mend(self) -> None:
        """Start all that is down, and kill nothing until the next step. Raises StackError."""
        self._victim, self._next_at = None, 0.0
        deadline = time.monotonic() + MEND_SECONDS
        while down := self._down():
            if time.monotonic() > deadline:
                raise StackError(
                    "CB-STACK-SOAK-NOT-MENDED",
                    f"{', '.join(down)} cannot be started again: see the logs in "
                    f"{self.cluster.root / 'logs'}",
                )
            self._start_what_is_down()
            time.sleep(1.0)

    def _kill(self, now: float) -> None:
        name = self.chance.choice(KILLED)
        away = self.chance.uniform(*AWAY_SECONDS)
        if not self.cluster.is_running(name):
            return
        self.cluster.kill(name)
        self._victim, self._back_at = name, now + away
        self._killed.add(name)
        self.counts[name] += 1
        console.print(f"  {name} is killed, for {away:.0f} s")

    def _down(self) -> list[str]:
        return [name for name in self.cluster.component_names if not self.cluster.is_running(name)]

    def _start_what_is_down(self) -> None:
        for name in self._down():
            if name == self._victim:
                continue
            seconds = WORKER_SECONDS if name in WORKERS else MEND_SECONDS
            try:
                self.cluster.start(name, seconds=seconds)
            except StackError as error:
                # What it needs may be down still: the next step tries again.
                console.print(f"  {name} is not started: {error}")
                return
            if name in self._killed:
                self._killed.discard(name)
            else:
                self.revived[name] += 1
