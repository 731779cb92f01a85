"""A month of 10,000 to 1,000,000 accounts with 5 lines each, from the freeze to the audit.

Each stage runs in a process of its own, whose seconds and peak of memory are measured. Most
documents are made by a stand-in that only this benchmark has: it draws no page, and each of its
documents says so. All else is as in a run: each document is registered, stored, listed and read.
"""

import multiprocessing
import resource
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.connection import Connection
from typing import Any
from unittest.mock import patch

import psycopg
from psycopg.rows import dict_row
from rich.table import Table

from benchmarks.platform import Stage
from benchmarks.timing import Results, console
from closebook.audit.register_audit import audit
from closebook.closes.month import close_month
from closebook.desk.found_statements import find_statements
from closebook.desk.search import Search
from closebook.desk.statement_archives import MonthZip
from closebook.periods import Period
from closebook.settings import Replica, Run, Settings
from closebook.settings.desk_settings import DeskSettings
from closebook.sql import query
from closebook.statements import issue, release
from closebook.statements.bounded_process import BoundedTask
from closebook.statements.manifest import write_manifest
from closebook.statements.part_listing import write_parts
from closebook.statements.pdf.attachment import Attachment
from closebook.statements.release import Person, RunAct
from closebook.statements.render.document import RenderedStatement
from closebook.statements.render.fingerprint import RendererFingerprint
from closebook.statements.stamp.shard_renderer import RowAndStatement, ShardRenderer

COUNTS = (10_000, 100_000, 1_000_000)
LINES = 5
ZIPPED = 1_000
NAME = "scale"
SAMPLE_SHARE, LARGEST_SAMPLE = 20, 50_000
STAND_IN = b"a stand-in of `python -m benchmarks scale`: no statement"
RUN = Run("benchmark", requested_by="ada")

_FILL = """
insert into platform.users (user_id, full_name, address, country, locale_code)
select
    10000000 + g,
    (array['Ada', 'Émile', 'Grace', 'Mary', 'Noah', 'Zoë'])[1 + g %% 6] || ' ' || md5(g::text),
    g || ' Street', 'US', 'en_US'
from generate_series(1, %(count)s) as g;

insert into platform.wallets (wallet_id, account_number, user_id, currency, balance_minor)
select g, 'ACC-' || lpad(g::text, 10, '0'), 10000000 + g, 'USD', 0
from generate_series(1, %(count)s) as g;

insert into platform.ledger_entries (
    entry_id, wallet_id, posted_at, amount_minor, currency, kind, description, counterparty
)
select
    %(lines)s * g + line, g, %(start)s + line * interval '5 days', 100 * line + 1, 'USD', 'payment',
    'Payment ' || g, 'Merchant ' || g %% 1000
from generate_series(1, %(count)s) as g
cross join generate_series(0, %(lines)s - 1) as line;
"""
_SIZES = """
select relname as name, pg_relation_size(c.oid) as bytes, relkind = 'i' as is_index
from pg_class as c
join pg_namespace as n on n.oid = relnamespace
where nspname = 'reporting' and relkind in ('r', 'i', 't') and pg_relation_size(c.oid) > 1000000
order by bytes desc
"""


@dataclass(frozen=True)
class Scale:
    """A platform and a store with ``count`` accounts, and the settings of their closes."""

    stage: Stage
    count: int
    settings: Settings

    @property
    def desk(self) -> DeskSettings:
        """The settings of the desk on this store."""
        return DeskSettings(
            self.stage.stack.desk(NAME),
            self.settings.redis_url,
            self.settings.documents_url,
            self.settings.time_zone,
        )

    @property
    def month(self) -> Period:
        """The month that is closed."""
        return self.stage.month


class StandIn(ShardRenderer):
    """Stamps the statements of the first accounts, and makes stand-ins of all others."""

    def __init__(self, sample: int, *, stamps: bool) -> None:
        super().__init__(stamps=True)
        self._sample = sample

    def tasks(self, statements: Sequence[RowAndStatement]) -> list[BoundedTask[RenderedStatement]]:
        """Return the tasks that make some documents."""
        sample = [each for each in statements if int(each[1].account_id) <= self._sample]
        others = [each for each in statements if int(each[1].account_id) > self._sample]
        return [
            *super().tasks(sample),
            *(
                BoundedTask("a stand-in", partial(_stand_in, int(each.account_id)))
                for _, each in others
            ),
        ]

    def count(self, made: RenderedStatement) -> None:
        """Count a document that was filed, unless it is a stand-in."""
        if made.renderer != _FINGERPRINT:
            super().count(made)


_FINGERPRINT = RendererFingerprint("stand-in", "0" * 64, "stand-in of a benchmark", {})


def _stand_in(account_id: int) -> RenderedStatement:
    content = STAND_IN + b" " + str(account_id).encode()
    twins = [("statement.xml", "application/xml"), ("statement.csv", "text/csv")]
    return RenderedStatement(
        b"%PDF-1.7\n% " + content.ljust(2_000, b"."),
        tuple(
            Attachment(name, media_type, "stand-in", name.encode() + b" " + content)
            for name, media_type in twins
        ),
        _FINGERPRINT,
        "none: a stand-in",
        0,
    )


def measure(stage: Stage, results: Results, counts: Sequence[int] = COUNTS) -> None:
    """Close, issue, release, search, download and audit a month of each size."""
    found: dict[int, dict[str, Any]] = {}
    for count in counts:
        scale = _filled(stage, count)
        try:
            found[count] = _measured(scale)
        finally:
            shutil.rmtree(stage.stack.root / NAME, ignore_errors=True)
            stage.stack.drop_platform(NAME)
            stage.stack.drop_store(NAME)
        _show(found)
        results.write("Scale", {"lines_per_account": LINES, "accounts": found})


def _filled(stage: Stage, count: int) -> Scale:
    stack = stage.stack
    stack.drop_platform(NAME)
    stack.drop_store(NAME)
    stack.create_platform(NAME, indexes=False)
    stack.create_store(NAME)
    parameters = {"count": count, "lines": LINES, "start": stage.month.start}
    with psycopg.connect(stack.primary_admin(NAME)) as platform:
        psycopg.ClientCursor(platform).execute(_FILL.encode(), parameters)
    stack.create_indexes(NAME)
    with psycopg.connect(stack.primary_admin(NAME), autocommit=True) as platform:
        platform.execute("vacuum analyze")
    stack.replica_wait(seconds=3_600)
    settings = replace(
        stage.settings,
        primary=stack.fence(NAME),
        replicas=tuple(
            Replica(name, stack.reader(name, NAME)) for name in ("replica_a", "replica_b")
        ),
        store=stack.store(NAME),
        documents_url=(stack.root / NAME).as_uri(),
        issuer_name="Northgate Payments",
        statement_timeout_seconds=3_600,
    )
    return Scale(stage, count, settings)


def _measured(scale: Scale) -> dict[str, Any]:
    stages: dict[str, dict[str, float]] = {}

    def measured(name: str, work: Callable[[], Any]) -> Any:
        console.print(f"{scale.count:,} accounts: {name}")
        value, stages[name] = _in_a_process(work)
        return value

    close_id = measured("freeze", partial(_freeze, scale))
    sizes = _bytes_per_line(scale)
    measured("freeze again, unchanged", partial(_freeze, scale))
    shards = measured("plan", partial(issue.plan_shards, scale.settings, close_id, None))
    measured("render and register", partial(_render, scale, close_id, shards))
    measured("parts of the manifest", partial(_parts, scale, close_id, shards))
    digest = measured("manifest", partial(_manifest, scale, close_id))
    measured("release", partial(_release, scale, digest))
    with psycopg.connect(scale.stage.stack.store_admin(NAME), autocommit=True) as admin:
        admin.execute("vacuum analyze")
    measured("search", partial(_search, scale))
    measured(f"first {ZIPPED:,} of the ZIP", partial(_zip, scale))
    measured("audit", partial(_audit, scale))
    sample = min(LARGEST_SAMPLE, scale.count // SAMPLE_SHARE)
    return {
        "stages": stages,
        "bytes_per_line": sizes,
        "rendered": sample,
        "stand_ins": scale.count - sample,
        "shards": len(shards),
    }


def _in_a_process(work: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    """Run a stage in a fork; return what it returns, its seconds, its CPU time and peak of memory.

    The CPU time is that of the stage and of the processes that it started, without the servers.
    """
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(work, there))
    process.start()
    there.close()
    with closing(here):
        value, figures = here.recv()
    process.join()
    return value, figures


def _run(work: Callable[[], Any], there: Connection) -> None:
    began = time.perf_counter()
    value = work()
    seconds = time.perf_counter() - began
    # A fork begins with no CPU time.
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    figures = {
        "seconds": round(seconds, 2),
        "cpu_seconds": round(sum(each.ru_utime + each.ru_stime for each in used), 2),
        "peak_mb": round(max(each.ru_maxrss for each in used) / 1024),
    }
    there.send((value, figures))


def _freeze(scale: Scale) -> int:
    return close_month(scale.settings, scale.month, RUN).close_id


def _render(scale: Scale, close_id: int, shards: Sequence[Mapping[str, Any]]) -> None:
    sample = min(LARGEST_SAMPLE, scale.count // SAMPLE_SHARE)
    with patch.object(issue, "ShardRenderer", partial(StandIn, sample)):
        for shard in shards:
            issue.render_shard(scale.settings, close_id, issue.Shard(**shard), None, RUN)


def _parts(scale: Scale, close_id: int, shards: Sequence[Mapping[str, Any]]) -> None:
    for shard in shards:
        accounts = issue.Shard(**shard)
        first, last = accounts.first_account_id, accounts.last_account_id
        write_parts(scale.settings, close_id, first, last, RUN)


def _manifest(scale: Scale, close_id: int) -> str:
    return write_manifest(scale.settings, close_id, RUN).sha256


def _release(scale: Scale, digest: str) -> None:
    with psycopg.connect(scale.desk.store, row_factory=dict_row) as desk:
        release.release(
            desk,
            scale.stage.stack.secrets["decisions"],
            scale.month,
            digest,
            Person("2", "bob"),
            lambda _: [RunAct(RUN.run_id, "triggered", "1", "ada")],
        )


def _search(scale: Scale) -> None:
    """Look for an account, a name and an amount, as finance does."""
    asked = (
        Search(),
        Search(account=str(scale.count)),
        Search(holder="grace"),
        Search(quoted="10.05"),
    )
    with psycopg.connect(scale.desk.store, row_factory=dict_row, prepare_threshold=None) as desk:
        for search in asked:
            find_statements(desk, search, None, may_review=False)


def _zip(scale: Scale) -> None:
    with psycopg.connect(scale.desk.store, row_factory=dict_row) as desk:
        row = desk.execute(
            query("desk/month_release"), {"month_start": scale.month.start}
        ).fetchone()
    assert row is not None  # noqa: S101  # it was released
    archive = MonthZip(scale.desk, row, with_twins=False).archive()
    pdfs = 0
    for chunk in archive.chunks(0, archive.byte_count):
        pdfs += chunk.startswith(b"%PDF")
        if pdfs > ZIPPED:
            return


def _audit(scale: Scale) -> None:
    # There is no desk here which would write the decision into its log.
    others = [each for each in audit(scale.settings).findings if each.check != "decision-log"]
    assert others == [], others[:5]  # noqa: S101


def _bytes_per_line(scale: Scale) -> dict[str, float]:
    """Return the bytes that a line takes in the store, by table and index."""
    with psycopg.connect(scale.stage.stack.store_admin(NAME), row_factory=dict_row) as admin:
        rows = admin.execute(_SIZES.encode()).fetchall()
    return {row["name"]: round(row["bytes"] / (scale.count * LINES), 1) for row in rows}


def _show(found: Mapping[int, Mapping[str, Any]]) -> None:
    table = Table("stage", *(f"{count:,}" for count in found), title="seconds (of CPU; MB)")
    for name in next(iter(found.values()))["stages"]:
        figures = [each["stages"][name] for each in found.values()]
        table.add_row(
            name,
            *(
                f"{each['seconds']:,.1f} ({each['cpu_seconds']:,.1f}; {each['peak_mb']})"
                for each in figures
            ),
        )
    console.print(table)
    for count, each in found.items():
        console.print(f"  bytes a line at {count:,}: {each['bytes_per_line']}")
