"""The clocks of the worker, the primary and the replicas, against one another."""

from collections.abc import Iterator, Mapping

from closebook.doctor.finding import Finding
from closebook.monitoring.thresholds import CLOCK_OFFSET_SECONDS_MAX, ClockOffset

_WHY = (
    "A close waits until the primary's clock has passed the end of its period. A clock that is "
    "behind makes every close wait; one that is ahead lets rows come late."
)
_MEND = "Let a time service (chrony, systemd-timesyncd) set the clock of {}."


def clock_observations(offsets: Mapping[str, ClockOffset]) -> Iterator[Finding]:
    """Tell which clock is wrong, by how far each server's is from the worker's."""
    wrong = {name: offset for name, offset in offsets.items() if offset.is_wrong}
    seconds = [offset.seconds for offset in offsets.values()]
    servers_agree = len(offsets) > 1 and max(seconds) - min(seconds) <= CLOCK_OFFSET_SECONDS_MAX
    if servers_agree and len(wrong) == len(offsets):  # guard: doctor.clock-of-the-worker
        # Where all servers agree, it is this one.
        offset = ClockOffset(-seconds[0], 0.0)
        yield Finding(
            code="worker-clock-wrong",
            subject="this worker",
            what=f"its clock is {offset} those of {', '.join(offsets)}, which agree",
            why="Airflow starts each close by the clocks of its own machines.",
            mend=_MEND.format("this machine"),
        )
        return
    for name, offset in wrong.items():
        yield Finding(
            code="clock-wrong",
            subject=name,
            what=f"its clock is {offset} this worker's",
            why=_WHY,
            mend=_MEND.format(name),
        )
