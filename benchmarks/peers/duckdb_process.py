"""DuckDB with rows that ADBC fetches from a replica: a process that computes a day at a time."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from psycopg.conninfo import conninfo_to_dict

from benchmarks.legacy.old_report import Row
from benchmarks.peers import environment
from closebook.periods import Period
from local.errors import StackError

SCRIPT = Path(__file__).with_name("duckdb_day.py")


@dataclass(frozen=True)
class DuckDb:
    """The process. It keeps no data between two days."""

    process: subprocess.Popen[str]
    uri: str

    @classmethod
    @contextmanager
    def start(cls, conninfo: str) -> Iterator["DuckDb"]:
        """Start the process; end it at the end."""
        place = {
            key: quote(str(value), safe="") for key, value in conninfo_to_dict(conninfo).items()
        }
        uri = "postgresql://{user}:{password}@{host}:{port}/{dbname}".format(**place)
        argv = [str(environment.program("python")), str(SCRIPT)]
        with subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                yield cls(process, uri)
            finally:
                process.terminate()

    def count(self, day: Period) -> int:
        """Compute the day; return how many rows it has."""
        return int(self._ask(day, wants_rows=False))

    def rows(self, day: Period) -> list[Row]:
        """Compute the day and return its rows."""
        return [tuple(row) for row in self._ask(day, wants_rows=True)]

    def _ask(self, day: Period, *, wants_rows: bool) -> Any:
        assert self.process.stdin is not None  # noqa: S101  # both are pipes
        assert self.process.stdout is not None  # noqa: S101
        bounds = [day.start.isoformat(), day.end.isoformat()]
        request = {"uri": self.uri, "bounds": bounds, "wants_rows": wants_rows}
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise StackError(
                "CB-STACK-DUCKDB-ENDED",
                "DuckDB's process ended: correct what its error above says, and run it again",
            )
        return json.loads(answer)
