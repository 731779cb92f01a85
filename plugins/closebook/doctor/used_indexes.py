"""The plan of each close's query on a replica: the index that it should use, and joined tables."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from closebook.doctor.finding import Finding, Severity
from closebook.doctor.platform_session import PlatformSession
from closebook.monitoring.query_plans import query_plans
from closebook.periods import HOUR, Grain, Period, day_containing, hour_of, month_before, month_of
from closebook.settings import Settings


def plan_observations(session: PlatformSession, settings: Settings) -> Iterator[Finding]:
    """Tell of each query that would not use its index, or reads a joined table whole."""
    with session.snapshot():
        periods = _last_periods(settings.time_zone)
        plans = query_plans(
            session.connection, periods, settings.index_names, settings.major_amounts
        )
    for plan in plans:
        if not plan.is_as_expected:
            yield Finding(
                code="index-not-used",
                subject=f"{plan.query_name} on {session.server}",
                what=f"it should use the index {plan.expected_index}, and its plan is: "
                f"{'; '.join(plan.scans)}",
                why="The close reads the whole table for each period. That takes longer the more "
                "rows the platform has.",
                mend="Run sql/platform/indexes.sql on your tables (create index concurrently), "
                "then analyze; or name your index in CLOSEBOOK_INDEXES.",
                severity=Severity.WARNING,
            )
        for table in plan.whole_tables_for_few_rows:
            yield Finding(
                code="joined-table-read-whole",
                subject=f"{plan.query_name} on {session.server}",
                what=f"it reads the whole table {table}",
                why="closebook_reader has enable_nestloop = off, which is faster for a few large "
                "scans. A view that joins a large table pays for it with each close.",
                mend="alter role closebook_reader set enable_nestloop = on; then compare the "
                "plans; or leave the join out of the view.",
                severity=Severity.WARNING,
            )


def _last_periods(time_zone: str) -> Mapping[Grain, Period]:
    """The last hour, day and month that have ended."""
    now = datetime.now(UTC)
    today = day_containing(now, time_zone)
    yesterday = day_containing(today.start - timedelta(microseconds=1), time_zone)
    month = month_before(month_of(today.first_date.year, today.first_date.month, time_zone))
    return {Grain.HOUR: hour_of(now - HOUR), Grain.DAY: yesterday, Grain.MONTH: month}
