"""The picture of the balances, drawn as the first renderer draws the SVG of balance_chart.py."""

import re
from collections.abc import Sequence

from closebook.statements.model import Statement
from closebook.statements.render.balance_chart import CHART_WIDTH, balance_steps, daily_balances
from closebook.statements.stamp.layout import Chart
from closebook.statements.stamp.outside_layout import OutsideLayout

_PATH = re.compile(rb"(?:-?[\d.]+ -?[\d.]+ [ml]\n)+")


def chart_of(
    first: tuple[Sequence[bytes], Statement], second: tuple[Sequence[bytes], Statement]
) -> Chart:
    """Return what two charts have in common.

    Raises OutsideLayout if `chart_commands` would not draw the same two charts.
    """
    parts = []
    for commands, statement in (first, second):
        content = b"\n".join(commands) + b"\n"
        parts.append(tuple(_PATH.split(content)))
        if tuple(_PATH.findall(content)) != chart_paths(statement):
            raise OutsideLayout("not-compiled", "the chart is drawn in another way")
    if parts[0] != parts[1]:
        raise OutsideLayout("not-compiled", "the charts of two probes differ in more than lines")
    return Chart(parts[0])


def chart_commands(chart: Chart, statement: Statement) -> bytes:
    """Return the commands that draw the balances of a statement."""
    paths = (*chart_paths(statement), b"")
    return b"".join(part + path for part, path in zip(chart.parts, paths, strict=True))


def chart_paths(statement: Statement) -> tuple[bytes, ...]:
    """Return the area, the line at zero, and the line of the balances, as commands."""
    start, zero, steps = balance_steps(daily_balances(statement))
    line, before = b"0 0 m\n0 %d m\n" % start, 0
    for x, y in steps:
        line += b"%d %d l\n%d %d l\n" % (before, y, x, y)
        before = x
    area = line + b"%d %d l\n0 %d l\n" % (CHART_WIDTH, zero, zero)
    return area, b"0 0 m\n0 %d m\n%d %d l\n" % (zero, CHART_WIDTH, zero), line
