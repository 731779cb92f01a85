"""The timetables of days and months: each data interval is one business day or business month.

Airflow's cron timetable begins a day at the second of two midnights, and gives a run by hand on the
day after a missing midnight an interval of no length. These timetables ask ``periods`` instead.
Airflow finds them through plugins/closebook_plugin.py.

Imported while DAG files are parsed: it reads no settings and opens no connection.
"""

from datetime import UTC, datetime
from typing import Any

import pendulum
from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction, Timetable

from closebook import periods
from closebook.errors import Misconfigured
from closebook.periods import MICROSECOND, Period


class _BusinessTimetable(Timetable):
    """Runs once each business period has ended, for that period."""

    unit = ""

    def __init__(self, time_zone: str) -> None:
        periods.zone(time_zone)
        self.time_zone = time_zone
        self.description = f"Each business {self.unit} of {time_zone}, once it has ended"

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> Timetable:
        """Return the timetable that ``serialize`` wrote. Raises Misconfigured for its zone."""
        return cls(data["time_zone"])

    def serialize(self) -> dict[str, Any]:
        """Return what Airflow keeps of it."""
        return {"time_zone": self.time_zone}

    @property
    def summary(self) -> str:
        """What the list of DAGs shows."""
        return f"business {self.unit}, {self.time_zone}"

    def infer_manual_data_interval(self, *, run_after: pendulum.DateTime) -> DataInterval:
        """Return the last business period that had ended at the instant.

        Raises ValueError, which Airflow's API answers with 400, beyond the calendar.
        """
        try:
            # guard: schedule.manual-period
            return _interval(self._before(self._containing(run_after)))
        except (OverflowError, Misconfigured) as error:
            raise ValueError(
                f"no business {self.unit} of {self.time_zone} ended before {run_after}"
            ) from error

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """Return the run after the last one: no period is left out, and none comes twice."""
        period = self._earliest(restriction)
        if last_automated_data_interval is not None:
            # By where it begins: a run of a cron timetable may end within the period after it.
            last = self._containing(last_automated_data_interval.start)
            following = self._containing(last.end)
            period = following if period is None else max(period, following, key=_start)
        if period is None or (restriction.latest and period.start > restriction.latest):
            return None
        return DagRunInfo.interval(*_interval(period))

    def _earliest(self, restriction: TimeRestriction) -> Period | None:
        """The first period that may have a run: the last one that has ended, without catch-up."""
        begun = None if restriction.earliest is None else self._from(restriction.earliest)
        if restriction.catchup:
            return begun
        ended = self._before(self._containing(datetime.now(UTC)))
        return ended if begun is None else max(ended, begun, key=_start)

    def _from(self, instant: datetime) -> Period:
        """The first period that begins at the instant or later.

        Where its first date has two midnights, each of them counts as its beginning.
        """
        period = self._containing(instant)
        return period if periods.begins_at(period, instant) else self._containing(period.end)

    def _before(self, period: Period) -> Period:
        return self._containing(period.start - MICROSECOND)

    def _containing(self, instant: datetime) -> Period:
        raise NotImplementedError


class BusinessDayTimetable(_BusinessTimetable):
    """Runs once each business day has ended, for that day."""

    unit = "day"

    def _containing(self, instant: datetime) -> Period:
        return periods.day_containing(instant, self.time_zone)


class BusinessMonthTimetable(_BusinessTimetable):
    """Runs once each business month has ended, for that month."""

    unit = "month"

    def _containing(self, instant: datetime) -> Period:
        return periods.month_containing(instant, self.time_zone)


def _start(period: Period) -> datetime:
    return period.start


def _interval(period: Period) -> DataInterval:
    return DataInterval(pendulum.instance(period.start), pendulum.instance(period.end))
