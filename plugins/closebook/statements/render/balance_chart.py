"""The chart of a statement: the balance at the end of each day, as a stepped line."""

from datetime import timedelta

from closebook.statements.model import Statement
from closebook.statements.render.brand import Colours

CHART_WIDTH, _HEIGHT, _MARGIN = 8400, 2500, 60


def daily_balances(statement: Statement) -> list[int]:
    """Return the balance at the end of each business day of the period, in minor units."""
    last_balance_minor = {line.posted_on: line.balance_minor for line in statement.lines}
    balance_minor = statement.opening_minor
    balances = []
    day = statement.period_start
    while day <= statement.period_end_inclusive:
        balance_minor = last_balance_minor.get(day, balance_minor)
        balances.append(balance_minor)
        day += timedelta(days=1)
    return balances


def balance_steps(balances: list[int]) -> tuple[int, int, list[tuple[int, int]]]:
    """Return the height of the first balance, that of zero, and the end of each day's step.

    Heights count from the top of the chart. The last step ends at CHART_WIDTH.
    """
    low, high = min(0, *balances), max(0, *balances)
    span = max(high - low, 1)
    usable_height = _HEIGHT - 2 * _MARGIN

    def y_of(balance: int) -> int:
        return _HEIGHT - _MARGIN - (balance - low) * usable_height // span

    steps = [
        (day * CHART_WIDTH // len(balances), y_of(balance))
        for day, balance in enumerate(balances, start=1)
    ]
    return y_of(balances[0]), y_of(0), steps


def balance_chart_svg(balances: list[int], colours: Colours) -> bytes:
    """Return the chart as SVG: one step for each day, and a line at zero.

    It is computed with integers only: the same balances give the same bytes on every machine.
    """
    start, zero, steps = balance_steps(balances)
    line = f"M0 {start}" + "".join(f"V{y}H{x}" for x, y in steps)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {CHART_WIDTH} {_HEIGHT}">'
        f'<path d="{line}V{zero}H0Z" fill="{colours.chart_area}"/>'
        f'<path d="M0 {zero}H{CHART_WIDTH}" stroke="{colours.chart_zero}" stroke-width="18"'
        ' fill="none"/>'
        f'<path d="{line}" stroke="{colours.chart_line}" stroke-width="44" stroke-linejoin="round"'
        ' fill="none"/>'
        "</svg>"
    ).encode()
