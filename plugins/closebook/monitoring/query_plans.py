"""The plan that a replica would choose for each query of the closes, and the expected index.

A plan is read with EXPLAIN, which does not run the query. A plan is as expected if it scans the
index that sql/platform/indexes.sql creates for the query. It is also as expected if each of its
scans costs no more than that index would: a scan of a small table, or a sequential scan of which
the query needs a large part.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import DictRow

from closebook.periods import Grain, Period
from closebook.platform.contract import amount_parameters
from closebook.sql import query

TRANSACTIONS = "transactions_settled_hour"
LEDGER_ENTRIES = "ledger_entries_posted_at"
SMALL_TABLE_ROWS = 10_000
LARGE_PART_OF_A_TABLE = 0.05


@dataclass(frozen=True)
class ExpectedPlan:
    """A query (its path below sql/), the grain of its period, and the index that it should use.

    ``index_name`` is None for a query that reads a whole table.
    """

    query_name: str
    grain: Grain
    index_name: str | None


EXPECTED_PLANS: Sequence[ExpectedPlan] = (
    ExpectedPlan("hourly_volume/read", Grain.HOUR, TRANSACTIONS),
    ExpectedPlan("daily_volume/read", Grain.DAY, TRANSACTIONS),
    ExpectedPlan("daily_volume/read_repeated", Grain.DAY, TRANSACTIONS),
    ExpectedPlan("daily_volume/read_named", Grain.DAY, TRANSACTIONS),
    ExpectedPlan("close_totals/read_volume", Grain.DAY, TRANSACTIONS),
    ExpectedPlan("close_totals/read_other_status", Grain.DAY, TRANSACTIONS),
    ExpectedPlan("daily_account_movement/read", Grain.DAY, LEDGER_ENTRIES),
    ExpectedPlan("daily_account_movement/read_exceptions", Grain.DAY, LEDGER_ENTRIES),
    ExpectedPlan("close_totals/read_ledger", Grain.DAY, LEDGER_ENTRIES),
    ExpectedPlan("statement_lines/read", Grain.MONTH, LEDGER_ENTRIES),
    # Where the view has no optional column, this one scans nothing, which is as expected too.
    ExpectedPlan("statement_line_details/read", Grain.MONTH, LEDGER_ENTRIES),
    # These two run only if an amount is missing. With amounts in minor units they read nothing.
    ExpectedPlan("close_totals/read_refused_amounts", Grain.DAY, None),
    ExpectedPlan("daily_account_movement/read_refused_amounts", Grain.DAY, None),
    # These two read every ledger entry since the first one, and every account: no index helps.
    ExpectedPlan("statement_balances/read", Grain.MONTH, None),
    ExpectedPlan("statement_accounts/read", Grain.MONTH, None),
)


@dataclass(frozen=True)
class QueryPlan:
    """The plan of one query: its scans, outermost first, and whether they are as expected."""

    query_name: str
    expected_index: str | None
    scans: tuple[str, ...]
    is_as_expected: bool
    whole_tables_for_few_rows: tuple[str, ...] = ()
    """What it reads whole to join it with few rows: an index and a nested loop would do."""


def query_plans(
    connection: psycopg.Connection[DictRow],
    last_closed: Mapping[Grain, Period],
    index_names: Mapping[str, str],
    in_major: frozenset[str] = frozenset(),
) -> tuple[QueryPlan, ...]:
    """Return the plan of each query in EXPECTED_PLANS, as a replica would run it now.

    A query gets the bounds of the last closed period of its grain. A query of a grain that was
    never closed is left out. ``index_names`` maps our name of an index to the adopter's name. That
    name may contain the wildcard *, since the index of each partition has a different name.
    ``in_major`` are the views of the contract with amounts in major units.
    """
    return tuple(
        _query_plan(connection, expected, last_closed[expected.grain], index_names, in_major)
        for expected in EXPECTED_PLANS
        if expected.grain in last_closed
    )


def _query_plan(
    connection: psycopg.Connection[DictRow],
    expected: ExpectedPlan,
    period: Period,
    index_names: Mapping[str, str],
    in_major: frozenset[str],
) -> QueryPlan:
    explain = sql.SQL("explain (format json, verbose) {}").format(
        sql.SQL(query(expected.query_name, in_major))
    )
    parameters = {
        **period.bounds,
        **amount_parameters(),
        "left_out_currencies": [],
        "has_text_keys": False,
        "merchants": [],
        "promotions": [],
    }
    row = connection.execute(explain, parameters).fetchone()
    assert row is not None  # noqa: S101  # explain has one row
    plan = row["QUERY PLAN"][0]["Plan"]
    scans = [node for node in _nodes(plan) if _is_scan(node)]
    index_name = expected.index_name
    if index_name is not None:
        index_name = index_names.get(index_name, index_name)
    return QueryPlan(
        expected.query_name,
        index_name,
        tuple(map(_scan_text, scans)),
        index_name is None
        or any(fnmatchcase(node.get("Index Name", ""), index_name) for node in scans)
        or all(_costs_no_more(connection, node) for node in scans if "Relation Name" in node),
        tuple(_whole_tables_for_few_rows(connection, plan)),
    )


def _whole_tables_for_few_rows(
    connection: psycopg.Connection[DictRow], plan: Mapping[str, Any]
) -> Iterator[str]:
    """Yield the large tables that a join reads whole, where its other side has few rows."""
    for join in _nodes(plan):
        sides = join.get("Plans", ())
        if "Join Type" not in join or len(sides) != 2:  # noqa: PLR2004  # two sides
            continue
        for side, other in (sides, sides[::-1]):
            scan = _only_scan(side)
            # With a condition of its own it lacks an index, which is another fault.
            if scan is None or scan["Node Type"] != "Seq Scan" or "Filter" in scan:
                continue
            row_count = _row_count(connection, scan) or 0.0
            is_large = row_count > SMALL_TABLE_ROWS
            # guard: health.joined-tables
            if is_large and other["Plan Rows"] < LARGE_PART_OF_A_TABLE * row_count:
                yield (
                    f"{scan['Relation Name']} ({row_count:.0f} rows) for {other['Plan Rows']} rows"
                )


def _only_scan(node: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the scan of a table that a side of a join is, below a hash or a sort; else None."""
    while "Relation Name" not in node:
        below = node.get("Plans", ())
        if len(below) != 1:
            return None
        [node] = below
    return node


def _row_count(connection: psycopg.Connection[DictRow], scan: Mapping[str, Any]) -> float | None:
    relation = {"schema_name": scan["Schema"], "relation_name": scan["Relation Name"]}
    row = connection.execute(query("replica/relation_rows"), relation).fetchone()
    return None if row is None else float(row["row_count"])


def _nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)


def _is_scan(node: Mapping[str, Any]) -> bool:
    return "Relation Name" in node or "Index Name" in node


def _scan_text(node: Mapping[str, Any]) -> str:
    index = f" by {node['Index Name']}" if "Index Name" in node else ""
    relation = f" of {node['Relation Name']}" if "Relation Name" in node else ""
    return f"{node['Node Type']}{relation}{index}"


def _costs_no_more(connection: psycopg.Connection[DictRow], node: Mapping[str, Any]) -> bool:
    """Whether a scan reads a small table, or is sequential and returns much of its table."""
    row_count = _row_count(connection, node)
    if row_count is None:
        return False
    returned_count: float = node["Plan Rows"]
    is_sequential = node["Node Type"] == "Seq Scan"
    return row_count <= SMALL_TABLE_ROWS or (  # guard: health.large-scan
        is_sequential and returned_count >= LARGE_PART_OF_A_TABLE * row_count
    )
