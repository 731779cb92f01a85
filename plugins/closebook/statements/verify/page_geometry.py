"""The geometry of a page's content: matrices, and the outlines of what is drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import hypot

from closebook.statements.verify.untrusted_pdf import CheckFailed

Matrix = tuple[float, float, float, float, float, float]
Point = tuple[float, float]
Outline = Sequence[Point]
Colour = tuple[float, float, float]

IDENTITY: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
_CURVE_STEPS = 6


@dataclass(frozen=True, slots=True)
class Box:
    """An upright rectangle, in points of the page."""

    left: float
    bottom: float
    right: float
    top: float

    def meets(self, other: "Box") -> bool:
        """Whether the two have a point in common."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.bottom < other.top
            and other.bottom < self.top
        )

    def holds(self, other: "Box") -> bool:
        """Whether the other one lies within."""
        return (
            self.left <= other.left
            and other.right <= self.right
            and self.bottom <= other.bottom
            and other.top <= self.top
        )

    def grown(self, width: float) -> "Box":
        """Return this box, larger by a width at each side."""
        return Box(self.left - width, self.bottom - width, self.right + width, self.top + width)


@dataclass(frozen=True, slots=True)
class DrawnShape:
    """A filled or stroked path, or a picture: its outlines, and its colour if it is one colour."""

    box: Box
    outlines: Sequence[Outline]
    colour: Colour | None
    is_even_odd: bool = False
    stroke_width: float | None = None

    def covers(self, box: Box) -> bool | None:
        """Whether it covers all of a box (true), nothing of it (false), or a part of it (None)."""
        if not self.box.meets(box):
            return False
        near = box if self.stroke_width is None else box.grown(self.stroke_width / 2)
        turns = 0
        for outline in self.outlines:
            for (x, y), (to_x, to_y) in pairwise(outline):
                if _crosses(near, x, y, to_x, to_y):
                    return None
                turns += _turn(box, x, y, to_x, to_y)
            if self.stroke_width is None and outline[0] != outline[-1]:
                (x, y), (to_x, to_y) = outline[-1], outline[0]
                if _crosses(near, x, y, to_x, to_y):
                    return None
                turns += _turn(box, x, y, to_x, to_y)
        if self.stroke_width is not None:
            return False
        return turns % 2 == 1 if self.is_even_odd else turns != 0

    @property
    def step_count(self) -> int:
        """How many edges are compared with a box."""
        return sum(map(len, self.outlines))


def times(first: Matrix, then: Matrix) -> Matrix:
    """Return the matrix of both transformations, one after the other."""
    a, b, c, d, e, f = first
    g, h, i, j, k, m = then
    return (
        a * g + b * i,
        a * h + b * j,
        c * g + d * i,
        c * h + d * j,
        e * g + f * i + k,
        e * h + f * j + m,
    )


def at(matrix: Matrix, x: float, y: float) -> Point:
    """Return the point of the page at which a matrix puts a point."""
    a, b, c, d, e, f = matrix
    return a * x + c * y + e, b * x + d * y + f


def scale_of(matrix: Matrix) -> float:
    """Return by how much a matrix makes a line longer, at most."""
    a, b, c, d, _, _ = matrix
    return max(hypot(a, b), hypot(c, d))


def curve(ends: Sequence[Point]) -> list[Point]:
    """Return points of a Bézier curve after its first one."""
    points = []
    for step in range(1, _CURVE_STEPS + 1):
        t = step / _CURVE_STEPS
        parts = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
        points.append(
            (
                sum(part * end[0] for part, end in zip(parts, ends, strict=True)),
                sum(part * end[1] for part, end in zip(parts, ends, strict=True)),
            )
        )
    return points


def _crosses(box: Box, x: float, y: float, to_x: float, to_y: float) -> bool:
    """Whether a line has a point within a box (Liang and Barsky's clipping)."""
    if (
        max(x, to_x) <= box.left
        or min(x, to_x) >= box.right
        or max(y, to_y) <= box.bottom
        or min(y, to_y) >= box.top
    ):
        return False
    begin, end = 0.0, 1.0
    for delta, low, high in (
        (to_x - x, box.left - x, box.right - x),
        (to_y - y, box.bottom - y, box.top - y),
    ):
        if delta:
            first, last = sorted((low / delta, high / delta))
            begin, end = max(begin, first), min(end, last)
    return begin < end


def _turn(box: Box, x: float, y: float, to_x: float, to_y: float) -> int:
    """Return the winding number of a line around the middle of a box: 1, -1 or 0."""
    middle_x, middle_y = (box.left + box.right) / 2, (box.bottom + box.top) / 2
    if (y <= middle_y) == (to_y <= middle_y):
        return 0
    if x + (middle_y - y) / (to_y - y) * (to_x - x) <= middle_x:
        return 0
    return 1 if to_y > y else -1


def box_of(points: Sequence[Point]) -> Box:
    """Return the box around points."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return Box(min(xs), min(ys), max(xs), max(ys))


def shape_of(
    subpaths: Sequence[Outline],
    colour: Colour | None,
    *,
    is_even_odd: bool = False,
    stroke_width: float | None = None,
) -> DrawnShape:
    """Return a path as it is drawn. Raises CheckFailed for a path without points."""
    if not subpaths:
        raise CheckFailed("a page draws in a way that no statement does")
    box = box_of([point for path in subpaths for point in path])
    box = box if stroke_width is None else box.grown(stroke_width / 2)
    return DrawnShape(box, [*subpaths], colour, is_even_odd, stroke_width)
