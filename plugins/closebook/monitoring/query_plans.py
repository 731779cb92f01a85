"""How a replica would run the queries of the closes, held against the index that each is meant for.

A plan is asked for with EXPLAIN, which runs nothing. It is as meant when it scans the index that
sql/platform/indexes.sql made for the query, or when another scan is no worse: of a small table, or
of a whole one of which the period holds much.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import DictRow

from closebook.periods import Grain, Period
from closebook.sql import query

TRANSACTIONS = "transactions_settled_hour"
LEDGER_ENTRIES = "ledger_entries_posted_at"
SMALL_TABLE_ROWS = 10_000
MUCH_OF_A_TABLE = 0.05


@dataclass(frozen=True)
class Meant:
    """A query by its path below sql/, the grain of its period, and the index that it should use.

    Without an index_name the query reads a whole table.
    """

    query_name: str
    grain: Grain
    index_name: str | None


MEANT: Sequence[Meant] = (
    Meant("hourly_volume/read", Grain.HOUR, TRANSACTIONS),
    Meant("daily_volume/read", Grain.DAY, TRANSACTIONS),
    Meant("close_totals/read_volume", Grain.DAY, TRANSACTIONS),
    Meant("close_totals/read_other_status", Grain.DAY, TRANSACTIONS),
    Meant("daily_account_movement/read", Grain.DAY, LEDGER_ENTRIES),
    Meant("close_totals/read_ledger", Grain.DAY, LEDGER_ENTRIES),
    Meant("statement_lines/read", Grain.MONTH, LEDGER_ENTRIES),
    # From the first entry on, and every account there is: no index makes that less.
    Meant("statement_balances/read", Grain.MONTH, None),
    Meant("statement_accounts/read", Grain.MONTH, None),
)


@dataclass(frozen=True)
class Plan:
    """A query's plan in short: its scans, outermost first, and whether they are as meant."""

    query_name: str
    meant_index: str | None
    scans: tuple[str, ...]
    is_as_meant: bool


def plans(
    connection: psycopg.Connection[DictRow],
    last_closed: Mapping[Grain, Period],
    index_names: Mapping[str, str],
) -> tuple[Plan, ...]:
    """Ask a replica, as its reader, for the plan of each query of a grain that was ever closed.

    The bounds are those of the period that was closed last. ``index_names`` has an adopter's own
    names, in which * stands for anything: each partition's index has another one.
    """
    return tuple(
        _plan(connection, meant, last_closed[meant.grain], index_names)
        for meant in MEANT
        if meant.grain in last_closed
    )


def _plan(
    connection: psycopg.Connection[DictRow],
    meant: Meant,
    period: Period,
    index_names: Mapping[str, str],
) -> Plan:
    explaining = sql.SQL("explain (format json, verbose) {}").format(
        sql.SQL(query(meant.query_name))
    )
    row = connection.execute(explaining, period.bounds).fetchone()
    assert row is not None  # noqa: S101  # explain has one row
    scans = [node for node in _nodes(row["QUERY PLAN"][0]["Plan"]) if _is_scan(node)]
    index_name = meant.index_name
    if index_name is not None:
        index_name = index_names.get(index_name, index_name)
    return Plan(
        meant.query_name,
        index_name,
        tuple(map(_described, scans)),
        index_name is None
        or any(fnmatchcase(node.get("Index Name", ""), index_name) for node in scans)
        or all(_is_no_worse(connection, node) for node in scans if "Relation Name" in node),
    )


def _nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)


def _is_scan(node: Mapping[str, Any]) -> bool:
    return "Relation Name" in node or "Index Name" in node


def _described(node: Mapping[str, Any]) -> str:
    index = f" by {node['Index Name']}" if "Index Name" in node else ""
    relation = f" of {node['Relation Name']}" if "Relation Name" in node else ""
    return f"{node['Node Type']}{relation}{index}"


def _is_no_worse(connection: psycopg.Connection[DictRow], node: Mapping[str, Any]) -> bool:
    """Whether a scan reads a small table, or much of its table on purpose."""
    relation = {"schema_name": node["Schema"], "relation_name": node["Relation Name"]}
    row = connection.execute(query("replica/relation_rows"), relation).fetchone()
    if row is None:
        return False
    row_count: float = row["row_count"]
    wanted_count: float = node["Plan Rows"]
    is_whole = node["Node Type"] == "Seq Scan"
    return row_count <= SMALL_TABLE_ROWS or (  # guard: health.large-scan
        is_whole and wanted_count >= MUCH_OF_A_TABLE * row_count
    )
