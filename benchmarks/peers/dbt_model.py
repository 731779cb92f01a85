"""dbt-core with dbt-postgres: an incremental model on the primary, a run for each day."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from benchmarks.legacy.old_report import Row
from benchmarks.peers import environment
from benchmarks.peers.materialized_view import WORK_MEM, rows_of
from closebook.periods import Period
from local.errors import StackError

PROJECT = Path(__file__).with_name("dbt")
MODEL = "dbt_daily_volume"


@dataclass(frozen=True)
class DbtModel:
    """The model, whose table is in the schema `peers` of the platform's database."""

    conninfo: str
    day: Period
    folder: Path
    """The folder for dbt's own files."""

    def run(self) -> None:
        """Run dbt for the day, as a scheduler would: a process that starts and ends."""
        variables = {
            "business_day": self.day.first_date.isoformat(),
            "period_start": self.day.start.isoformat(),
            "period_end": self.day.end.isoformat(),
        }
        place = conninfo_to_dict(self.conninfo)
        done = subprocess.run(
            [
                *(str(environment.program("dbt")), "--quiet", "run"),
                *("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)),
                *("--target-path", str(self.folder / "target")),
                *("--log-path", str(self.folder / "logs")),
                *("--vars", json.dumps(variables)),
            ],
            env={
                **os.environ,
                "PGHOST": str(place["host"]),
                "PGPORT": str(place["port"]),
                "PGUSER": str(place["user"]),
                "PGPASSWORD": str(place["password"]),
                "PGDATABASE": str(place["dbname"]),
                "PGOPTIONS": f"-c work_mem={WORK_MEM}",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise StackError(
                "CB-STACK-DBT-FAILED",
                "dbt failed: correct what it says, and run the benchmark again: "
                f"{(done.stdout + done.stderr).strip()[-500:]}",
            )

    def model_seconds(self) -> float:
        """Return the seconds of the last run's model, which dbt reports without its own start."""
        results = json.loads((self.folder / "target" / "run_results.json").read_text())
        return float(results["results"][0]["execution_time"])

    def rows(self) -> list[Row]:
        """The rows of the day, in the order of COLUMNS."""
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            return rows_of(connection, MODEL, self.day)

    def drop(self) -> None:
        """Remove the model's table."""
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            connection.execute("drop table if exists peers.dbt_daily_volume")
