"""Charts of the desk: shapes in a box of 1000 by 100, which the template draws as SVG.

Labels are text of the page, not of the drawing, so that they stay legible at every width. A chart
stands beside a table of the same numbers: here only the proportions count.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

WIDTH = 1000.0
HEIGHT = 100.0
_BAR_SHARE = 0.78


@dataclass(frozen=True)
class Bar:
    """A rectangle; ``x``, ``y`` is its upper left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Line:
    """One series as the data of an SVG path; ``number`` picks its colour, from 1."""

    name: str
    number: int
    path: str


@dataclass(frozen=True)
class Chart:
    """What is drawn, and the texts around it. ``summary`` says in words what is to be seen."""

    title: str
    summary: str
    top_label: str
    bottom_label: str
    first_label: str
    last_label: str
    bars: tuple[Bar, ...] = ()
    lines: tuple[Line, ...] = ()
    threshold_y: float | None = None
    threshold_label: str = ""


def bars(values: Sequence[int]) -> tuple[Bar, ...]:
    """One bar a value, in equal steps; the highest fills the box."""
    top = max(values, default=0)
    if not top:
        return ()
    step = WIDTH / len(values)
    width = step * _BAR_SHARE
    return tuple(
        Bar(
            round(number * step + (step - width) / 2, 2),
            round(HEIGHT - HEIGHT * value / top, 2),
            round(width, 2),
            round(HEIGHT * value / top, 2),
        )
        for number, value in enumerate(values)
        if value
    )


@dataclass(frozen=True)
class Frame:
    """What a chart of lines shows: an interval of time, and of values from low to high."""

    start: datetime
    end: datetime
    low: float
    high: float

    def y(self, value: float) -> float:
        """Where a value is; one outside of the frame is at its edge."""
        share = (value - self.low) / (self.high - self.low)
        return round(HEIGHT - HEIGHT * min(1.0, max(0.0, share)), 2)

    def lines(
        self,
        series: Mapping[tuple[int, str], Iterable[tuple[datetime, float | None]]],
        longest_gap_seconds: float,
    ) -> tuple[Line, ...]:
        """One line a series, by number and name; broken where no value is known for too long."""
        return tuple(
            Line(name, number, self._path(points, longest_gap_seconds))
            for (number, name), points in series.items()
        )

    def _path(
        self, points: Iterable[tuple[datetime, float | None]], longest_gap_seconds: float
    ) -> str:
        duration = (self.end - self.start).total_seconds()
        parts: list[str] = []
        last: datetime | None = None
        for at, value in points:
            if value is None:
                last = None
                continue
            is_new = last is None or (at - last).total_seconds() > longest_gap_seconds
            x = round(WIDTH * (at - self.start).total_seconds() / duration, 2)
            # A lone point is a line of no length, which round ends make a dot.
            parts.append(f"M{x} {self.y(value)}h0" if is_new else f"L{x} {self.y(value)}")
            last = at
        return "".join(parts)
