"""The payments: pgbench at a fixed rate on the primary, and how long each payment took."""

import os
import re
import secrets
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from local.addresses import PLATFORM_DATABASE
from local.errors import StackError
from local.postgres import binary
from local.stack import Stack

FOLDER = Path(__file__).parent
PAYMENTS_ROLE = "benchmark_payments"
REPORTS_ROLE = "benchmark_reports"
CLIENTS = 8


@dataclass(frozen=True)
class Latencies:
    """How long payments took from when they were due, in milliseconds."""

    payment_count: int
    failed_count: int
    p50_ms: float
    p95_ms: float
    p99_ms: float


@dataclass(frozen=True)
class Flood:
    """How many writes were done, and how many a second."""

    count: int
    a_second: float


def prepare(stack: Stack, dbname: str = PLATFORM_DATABASE) -> dict[str, str]:
    """Make the two roles and what payments need; return each role's conninfo on the primary."""
    passwords = {role: secrets.token_urlsafe() for role in (PAYMENTS_ROLE, REPORTS_ROLE)}
    admin = stack.primary_admin(dbname)
    with psycopg.connect(admin) as primary:
        for role, password in passwords.items():
            known = primary.execute("select from pg_roles where rolname = %s", [role]).rowcount
            verb = (
                "alter role {} login password {}" if known else "create role {} login password {}"
            )
            primary.execute(sql.SQL(verb).format(sql.Identifier(role), sql.Literal(password)))
        primary.execute((FOLDER / "tills.sql").read_bytes())
    return {
        role: make_conninfo(admin, user=role, password=password, application_name=role)
        for role, password in passwords.items()
    }


def pay(conninfo: str, users: int, rate: int, seconds: int) -> Latencies:
    """Run payments at a rate per second for so many seconds."""
    with TemporaryDirectory() as folder:
        logging = ("--log", "--log-prefix", f"{folder}/payments", "--failures-detailed")
        script = FOLDER / "payment.pgbench"
        _pgbench(conninfo, script, users, seconds, "--rate", str(rate), *logging)
        logs = [path.read_text().splitlines() for path in Path(folder).iterdir()]
    return _latencies([line.split()[2] for lines in logs for line in lines])


def flood(conninfo: str, script: Path, users: int, seconds: int) -> Flood:
    """Run a script as often as the primary can, for so many seconds."""
    said = _pgbench(conninfo, script, users, seconds)
    count = re.search(r"transactions actually processed: (\d+)", said)
    a_second = re.search(r"tps = ([\d.]+)", said)
    if count is None or a_second is None:
        raise StackError(
            "CB-STACK-PGBENCH-UNREADABLE",
            f"pgbench of this version reports in words that the benchmark does not know; change "
            f"benchmarks/offload/payments.py: {said[-400:]}",
        )
    return Flood(int(count[1]), float(a_second[1]))


def _pgbench(conninfo: str, script: Path, users: int, seconds: int, *options: str) -> str:
    """Run a script by CLIENTS clients; return pgbench's report."""
    done = subprocess.run(
        [
            *(binary("pgbench"), "--no-vacuum", "--protocol", "prepared"),
            *("--file", str(script), "--define", f"users={users}"),
            *("--client", str(CLIENTS), "--jobs", "1", "--time", str(seconds)),
            *(*options, conninfo),
        ],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    if done.returncode:
        raise StackError(
            "CB-STACK-PGBENCH-FAILED",
            f"pgbench failed: correct what it says, and run it again: {done.stderr.strip()[-400:]}",
        )
    return done.stdout


def _latencies(logged: Sequence[str]) -> Latencies:
    taken_ms = [int(microseconds) / 1000 for microseconds in logged if microseconds.isdecimal()]
    hundredths = quantiles(taken_ms, n=100)
    return Latencies(
        payment_count=len(taken_ms),
        failed_count=len(logged) - len(taken_ms),
        p50_ms=round(hundredths[49], 2),
        p95_ms=round(hundredths[94], 2),
        p99_ms=round(hundredths[98], 2),
    )
