"""Close a month: read the balances and lines of all statements from a replica, once."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from closebook.closes import (
    boundaries,
    day,
    exceptions,
    execute,
    missing_values,
    refused_amounts,
    staging,
)
from closebook.closes.measures import ControlTotal
from closebook.closes.refused_amounts import ReasonsOfAccounts
from closebook.closes.values import Close, Content, Draft, Plan, Reading
from closebook.errors import NotReady
from closebook.periods import Grain, Period
from closebook.platform.contract import detail_parameters, key_parameters, optional_of
from closebook.settings import Run, Settings
from closebook.sql import query
from closebook.store.session import Store, on_store

log = logging.getLogger(__name__)

STAGED = ("statement_balances", "statement_accounts", "statement_lines")
DETAILS, LINES_VIEW = "statement_line_details", "ledger_entries"


def close_month(settings: Settings, month: Period, run: Run) -> Close:
    """Freeze the month's lines and balances, by account and currency that has any of these.

    What cannot be a statement is left out, with the reason, and no other account.
    Each balance is the sum of all entries from the first one on, in the snapshot of the lines.
    A day of the month that has late rows is closed again from the same snapshot. A month that is
    closed already changes only in a run with a reason: statements that differ are issued again,
    and the others keep their version. Raises NotReady, Transient, or WrongData with the accounts
    that do not tie out or that would change without a reason.
    """
    with on_store(settings) as store:
        month = boundaries.with_closing_bounds(store, month, run)
        boundaries.refuse_missing_months(store, month)
        before, days = boundaries.previous_month(store, month), boundaries.days_of(store, month)
    hours = [hour for day in days for hour in day.hours()]

    def work(store: Store, reading: Reading) -> Plan:
        _refuse_missing_days(store, reading, month, days)
        for name in STAGED:
            staging.stage(store, reading.source, name, month)
        source = reading.source
        if optional_of(
            LINES_VIEW, source.optional, source.in_major
        ):  # guard: details.only-where-the-view-has-them
            staging.stage(store, reading.source, DETAILS, month)
        else:
            staging.make_staged_table(store, DETAILS)
        totals = staging.ledger_totals(reading.source, month).totals
        refused = _refused_amounts(store, reading, month)
        not_computable = missing_values.reasons_of_accounts(reading.source)
        stale = day.stale_days(store, reading, days)

        def drafts() -> Iterator[Draft]:
            again = replace(run, reason=f"closed again with {month}")
            for each in stale:
                yield from day.staged_day(store, reading, each, again)
            # Writing and checking a month takes longer than reading it.
            reading.source.close()  # guard: store.no-snapshot-while-writing
            store.execute(query("session/expect_many_rows"))  # guard: store.expects-many-rows
            parameters = {
                **key_parameters(reading.source.keys),
                **detail_parameters(reading.source.in_major),
            }
            content = _content(store, totals, month, days, refused, not_computable, parameters)
            yield Draft(month, run, content)

        return Plan(drafts(), locked=[before, month, *days])

    compared = [before, month, *days, *hours]
    with on_store(settings) as store:
        return execute.close(settings, store, month, run, compared, work)[-1]


def _refused_amounts(store: Store, reading: Reading, month: Period) -> ReasonsOfAccounts:
    """Return the accounts whose staged balance lacks an amount that was refused, and why."""
    [row] = store.execute(query("statement_balances/count_incomplete")).fetchall()
    if not row["incomplete_balance_count"]:
        return {}
    return refused_amounts.of_balances(reading.source, month)


def _content(
    store: Store,
    totals: Sequence[ControlTotal],
    month: Period,
    days: Sequence[Period],
    refused: ReasonsOfAccounts,
    not_computable: ReasonsOfAccounts,
    parameters: Mapping[str, object],
) -> Content:
    days_of_lines = {
        # The first day begins with the month, also where an accepted boundary has moved that start.
        "day_starts": [month.start, *(day.start for day in days[1:])],
        "day_dates": [day.first_date for day in days],
    }
    currencies = store.execute(query("statement_balances/currencies")).fetchall()
    unknown = [row["currency"] for row in currencies if not exceptions.is_known(row["currency"])]
    left_out = store.execute(
        query("close_exceptions/of_staged_month"), {"unknown_currencies": unknown, **parameters}
    ).fetchall()
    of_accounts = [row for row in left_out if row["account_id"] is not None]

    written_with: Mapping[str, Mapping[str, object]] = {
        "statements": {
            "left_out_accounts": [each["account_id"] for each in of_accounts],
            "left_out_currencies": [each["currency"] for each in of_accounts],
            **parameters,
        },
        "statement_lines": days_of_lines,
        DETAILS: parameters,
    }

    def insert(close_id: int) -> None:
        for table, drafted_with in written_with.items():
            store.execute(query(f"{table}/insert"), {"close_id": close_id, **drafted_with})

    def is_unchanged(close_id: int) -> bool:
        # Each table is drafted from the rows that the close has in the one before it.
        for table, drafted_with in written_with.items():
            [row] = store.execute(
                query(f"{table}/differs"), {"close_id": close_id, **drafted_with}
            ).fetchall()
            if row["is_different"]:  # guard: month.each-table-is-compared
                return False
        return True

    def number_versions(close_id: int) -> None:
        store.execute(query("statement_versions/insert"), {"close_id": close_id})
        store.execute(query("statement_numbers/lock"))
        store.execute(query("statement_numbers/insert"), {"close_id": close_id})

    return Content(
        insert=insert,
        totals=totals,
        changes=[*written_with],
        exceptions=[
            missing_values.with_reason(refused_amounts.with_reason(found, refused), not_computable)
            for found in map(exceptions.of_account, left_out)
        ],
        tie_outs=[
            "statement_lines/check_entries_have_account",
            "statement_lines/check_lines_reach_closing",
            "statement_lines/check_running_balances_follow",
            "close_totals/check_rows_equal_source",
            "statements/check_opening_equals_previous_closing",
            "daily_account_movement/check_days_equal_statements",
        ],
        change_needs_reason=True,
        after_change=number_versions,
        is_unchanged=is_unchanged,
    )


def _refuse_missing_days(store: Store, reading: Reading, month: Period, days: list[Period]) -> None:
    """Raise NotReady if a day of the month is not closed and an earlier day is.

    The closed days must meet: no gap and no overlap between them. Days before the first closed day
    are logged: the statements are not compared with them.
    """
    closed_starts = {start for grain, start in reading.versions_before if grain is Grain.DAY}
    boundaries.refuse_gaps(days, closed_starts)
    missing = [day for day in days if day.start not in closed_starts]
    row = store.execute(query("closes/first_closed_day")).fetchone()
    first_start = None if row is None else row["period_start"]
    awaited = [day for day in missing if first_start is not None and day.start > first_start]
    if awaited:
        raise NotReady(
            "CB-WAIT-DAYS-NOT-CLOSED",
            f"{month}: {len(awaited)} of its days are not closed, {_labels(awaited)}: "
            "daily_rollups has to close them first, by its run or a backfill",
        )
    if missing:
        log.warning(
            "%s: %d of its days are not compared with the statements, since no day was closed "
            "before them: %s",
            month,
            len(missing),
            _labels(missing),
        )


def _labels(days: list[Period]) -> str:
    shown = ", ".join(day.label for day in days[:5])
    return shown if len(days) <= 5 else f"{shown} … {days[-1].label}"  # noqa: PLR2004
