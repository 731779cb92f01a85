"""Charts of the desk: shapes in a box of 1000 by 100 units, which the template draws as SVG.

Labels are text of the page and not of the SVG, so they keep their size when the chart is scaled.
Coordinates are floats: a chart shows proportions, and the exact values are in a table of the page.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

WIDTH = 1000.0
HEIGHT = 100.0
_BAR_SHARE = 0.78


@dataclass(frozen=True)
class Bar:
    """A rectangle. ``x`` and ``y`` are its upper left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Step:
    """The area of a chart over one bar: its text under the pointer, and whether it has a mark."""

    x: float
    width: float
    label: str
    is_marked: bool = False


@dataclass(frozen=True)
class Line:
    """One series as the data of an SVG path. ``number`` (from 1) selects the colour."""

    number: int
    path: str


@dataclass(frozen=True)
class Chart:
    """The shapes of a chart and its texts. ``summary`` describes the chart for a screen reader."""

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
    steps: tuple[Step, ...] = ()


def steps(labels: Sequence[tuple[str, bool]]) -> tuple[Step, ...]:
    """Return an area for each label, with a mark if the label comes with true."""
    width = WIDTH / len(labels) if labels else WIDTH
    return tuple(
        Step(round(number * width, 2), round(width, 2), label, is_marked)
        for number, (label, is_marked) in enumerate(labels)
    )


def bars(values: Sequence[int]) -> tuple[Bar, ...]:
    """Return one bar for each value that is not 0. The highest bar has the height of the box."""
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
class Axes:
    """The axes of a line chart: time from ``start`` to ``end``, value from ``low`` to ``high``."""

    start: datetime
    end: datetime
    low: float
    high: float

    def y(self, value: float) -> float:
        """Return the coordinate of a value. A value outside the axes is drawn at their edge."""
        share = (value - self.low) / (self.high - self.low)
        return round(HEIGHT - HEIGHT * min(1.0, max(0.0, share)), 2)

    def lines(
        self,
        series: Mapping[int, Iterable[tuple[datetime, float | None]]],
        longest_gap_seconds: float,
    ) -> tuple[Line, ...]:
        """Return one line for each series; the key of a series is its number.

        A line has a gap where a value is None, and where two points are further apart than
        ``longest_gap_seconds``.
        """
        return tuple(
            Line(number, self._path(points, longest_gap_seconds))
            for number, points in series.items()
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
            # "h0" draws a line of length 0. Its round ends make a single point visible as a dot.
            parts.append(f"M{x} {self.y(value)}h0" if is_new else f"L{x} {self.y(value)}")
            last = at
        return "".join(parts)
