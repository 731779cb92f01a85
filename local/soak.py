"""`python -m local soak`: hours, days and a month close on a cluster whose parts are killed.

A round gives the platform late payments in periods that are closed already, lets Airflow close
these periods again, and waits for the runs. All the while parts are killed at random. Then all is
compared with a count of the platform's own rows (local/soak_proof.py).
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console

from closebook import periods
from closebook.periods import Period
from local import soak_proof
from local.airflow_api import AirflowApi
from local.cluster import Cluster, stack_in
from local.demo import DAGS
from local.errors import StackError
from local.soak_faults import Faults

ACCOUNTS, ENTRIES = 300, 12
DAYS = 4
"""The last days of the month, which are closed too. All late payments are in them."""
LATE_PAYMENTS = 40
HOURS_A_ROUND = 4
ROUND_SECONDS = 1_800.0
POLL_SECONDS = 2.0
HOURLY, DAILY, MONTHLY = DAGS

console = Console(highlight=False)

_FILL = """
insert into platform.users (user_id, full_name, address, country, locale_code)
select n, 'Holder ' || n, n || ' Road', 'US', 'en_US' from generate_series(1, %(accounts)s) as n;

insert into platform.merchants (
    merchant_id, merchant_name, category, address, country, locale_code
)
values (1, 'Shop', 'books', '2 Road', 'US', 'en_US');

insert into platform.wallets (wallet_id, account_number, user_id, currency, balance_minor)
select n, 'N' || n, n, 'USD', 0 from generate_series(1, %(accounts)s) as n;

insert into platform.ledger_entries (
    entry_id, wallet_id, posted_at, amount_minor, currency, kind, description
)
select
    n * 1000 + line, n, %(start)s::timestamptz + line * interval '1 hour', n + line, 'USD',
    'payment', 'Payment ' || line
from generate_series(1, %(accounts)s) as n
cross join generate_series(1, %(entries)s) as line;
"""
_PAY = """
with settled as (
    insert into platform.transactions (
        transaction_id, user_id, user_country, merchant_id, kind, currency, amount_minor, status,
        created_at, settled_at
    )
    values (
        %(number)s, %(account)s, 'US', 1, 'payment', 'USD', %(amount)s, 'settled', %(at)s, %(at)s
    )
)
insert into platform.ledger_entries (
    entry_id, wallet_id, transaction_id, posted_at, amount_minor, currency, kind, description
)
values (
    10000000 + %(number)s, %(account)s, %(number)s, %(at)s, -%(amount)s, 'USD', 'payment', 'Late'
)
"""


@dataclass
class Soak:
    """A cluster, its faults, and what was counted so far."""

    cluster: Cluster
    chance: random.Random
    faults: Faults
    month: Period
    days: list[Period]
    payments: int = 0
    counts: Counter[str] = field(default_factory=Counter)


def new_cluster(root: Path) -> Cluster:
    """Return the plan of a cluster of this soak, in the place of the one before."""
    stack_in(root).clean()
    settings = {
        "CLOSEBOOK_STAMPED_STATEMENTS": "on",
        # It logs in for each question: the API server may have been started again since.
        "AIRFLOW__FAB__AUTH_RATE_LIMIT": "1000 per 1 second",
    }
    return Cluster.build(root, airflow=True, fast=True, settings=settings)


def main(cluster: Cluster, seconds: float, seed: int) -> int:
    """Start a new cluster, close on it for so many seconds, and remove it if all is right.

    Raises StackError with the first difference; then the cluster stays, for a look at its logs.
    """
    chance = random.Random(seed)  # noqa: S311  # it chooses faults and no secrets
    zone = cluster.environment["CLOSEBOOK_TIME_ZONE"]
    month = periods.month_before(periods.month_containing(datetime.now(UTC), zone))
    days = [*month.days()][-DAYS:]
    soak = Soak(cluster, chance, Faults(cluster, chance), month, days)
    console.print(f"{month.label}, seed {seed}: the cluster is started")
    cluster.start_servers()
    with psycopg.connect(cluster.primary_admin("platform")) as platform:
        parameters = {"accounts": ACCOUNTS, "entries": ENTRIES, "start": month.start}
        psycopg.ClientCursor(platform).execute(_FILL.encode(), parameters)
    cluster.create_indexes()
    cluster.start_airflow()
    ends_at = time.monotonic() + seconds
    with _api(soak) as airflow:
        airflow.wait_for_dags(DAGS, seconds=120)
        for dag_id in DAGS:
            _keep_schedule_away(soak, airflow, dag_id)
    number = 0
    while number == 0 or time.monotonic() < ends_at:
        number += 1
        _round(soak, number)
    _say(soak, number, seed)
    cluster.clean()
    return 0


def _keep_schedule_away(soak: Soak, airflow: AirflowApi, dag_id: str) -> None:
    """Switch a DAG on, and close its last period by the schedule before anything is killed.

    For the month that is the one of the soak: it is closed for the first time, without a reason.
    """
    airflow.unpause(dag_id)
    _wait(soak, lambda: _has_no_run_at_work(airflow, dag_id), can_fail=False)


def _has_no_run_at_work(airflow: AirflowApi, dag_id: str) -> bool:
    found = airflow.get(f"dags/{dag_id}/dagRuns", limit=100)["dag_runs"]
    return bool(found) and all(run["state"] == "success" for run in found)


def _round(soak: Soak, number: int) -> None:
    """Pay late, close again what was paid in, wait for the runs, and compare."""
    hours = _pay_late(soak)
    conf = {"reason": f"round {number}"}
    first, last = (day.first_date.isoformat() for day in (soak.days[0], soak.days[-1]))
    wanted = {
        (HOURLY, f"round-{number}-{hour.label}"): {**conf, "hour": hour.start.isoformat()}
        for hour in hours
    }
    wanted[DAILY, f"round-{number}"] = {**conf, "first_day": first, "last_day": last}
    wanted[MONTHLY, f"round-{number}"] = {**conf, "month": soak.month.label}
    began = time.monotonic()
    for (dag_id, run_id), given in wanted.items():
        _start(soak, dag_id, run_id, given)
    left = set(wanted)

    def have_ended() -> bool:
        with _api(soak) as airflow:
            for dag_id, run_id in sorted(left):
                state = airflow.get(f"dags/{dag_id}/dagRuns/{run_id}")["state"]
                if state == "success":
                    left.discard((dag_id, run_id))
                elif state == "failed":
                    _clear(soak, airflow, dag_id, run_id)
        return not left

    _wait(soak, have_ended)
    soak.faults.mend()
    soak.counts["runs"] += len(wanted)
    found = soak_proof.differences(soak.cluster, soak.month, soak.days)
    console.print(
        f"round {number}: {len(wanted)} runs in {time.monotonic() - began:.0f} s, "
        f"{sum(soak.faults.counts.values())} faults so far; {len(found)} differences"
    )
    if found:
        raise StackError(
            "CB-STACK-SOAK-DIFFERS",
            f"after round {number} the store differs from the platform: {'; '.join(found[:5])}; "
            f"the cluster in {soak.cluster.root} is kept: see its logs",
        )


def _pay_late(soak: Soak) -> list[Period]:
    """Add payments in the days that are closed; return some of the hours that they are in."""
    hours: dict[Period, None] = {}
    begins, ends = soak.days[0].start, soak.days[-1].end
    length = (ends - begins).total_seconds()
    with psycopg.connect(soak.cluster.primary_admin("platform")) as platform:
        for _ in range(LATE_PAYMENTS):
            soak.payments += 1
            at = begins + timedelta(seconds=soak.chance.randrange(int(length)))
            hours[periods.hour_of(at)] = None
            platform.execute(
                _PAY.encode(),
                {
                    "number": soak.payments,
                    "account": soak.chance.randint(1, ACCOUNTS),
                    "amount": soak.chance.randint(1, 99_999),
                    "at": at,
                },
            )
    return [*hours][:HOURS_A_ROUND]


def _start(soak: Soak, dag_id: str, run_id: str, conf: dict[str, Any]) -> None:
    """Start a run. If the answer is lost, it is started again, unless it is there."""

    def is_started() -> bool:
        with _api(soak) as airflow:
            known = airflow.get(f"dags/{dag_id}/dagRuns", limit=1_000)["dag_runs"]
            if run_id not in {run["dag_run_id"] for run in known}:
                body = {"logical_date": None, "dag_run_id": run_id, "conf": conf}
                airflow.post(f"dags/{dag_id}/dagRuns", body)
        return True

    _wait(soak, is_started)


def _clear(soak: Soak, airflow: AirflowApi, dag_id: str, run_id: str) -> None:
    """Clear what failed of a run, as an operator does."""
    airflow.post(
        f"dags/{dag_id}/clearTaskInstances",
        {"dry_run": False, "dag_run_id": run_id, "only_failed": True},
    )
    soak.counts["cleared runs"] += 1
    console.print(f"  {dag_id} {run_id} failed and is cleared")


def _wait(soak: Soak, condition: Callable[[], bool], *, can_fail: bool = True) -> None:
    """Wait for a condition while parts are killed. What cannot be asked is asked again."""
    deadline = time.monotonic() + ROUND_SECONDS
    while True:
        if can_fail:
            soak.faults.step(time.monotonic())
        with suppress(StackError):
            if condition():
                return
        if time.monotonic() > deadline:
            raise StackError(
                "CB-STACK-SOAK-NOT-DONE",
                f"a round of the soak has not ended after {ROUND_SECONDS:.0f} s: see the UI at "
                f"{soak.cluster.ui_url}, and the logs in {soak.cluster.root}",
            )
        time.sleep(POLL_SECONDS)


@contextmanager
def _api(soak: Soak) -> Iterator[AirflowApi]:
    cluster = soak.cluster
    with AirflowApi.login(cluster.ui_url, "admin", cluster.credentials["admin"]) as airflow:
        yield airflow


def _say(soak: Soak, rounds: int, seed: int) -> None:
    killed = ", ".join(f"{name} {count}" for name, count in sorted(soak.faults.counts.items()))
    revived = ", ".join(f"{name} {count}" for name, count in sorted(soak.faults.revived.items()))
    console.print(
        f"seed {seed}: {rounds} rounds, {soak.counts['runs']} runs of which "
        f"{soak.counts['cleared runs']} were cleared, {soak.payments} late payments\n"
        f"killed: {killed or 'nothing'}\n"
        f"ended by themselves and were started again: {revived or 'nothing'}\n"
        "after each round every hour, day and statement was equal to the platform's rows, and each "
        "document was there once"
    )
