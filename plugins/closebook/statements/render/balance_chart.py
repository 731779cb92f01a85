"""The small chart of a statement: the balance at the end of each day, as a step line."""

from datetime import timedelta

from closebook.statements.model import Statement

_WIDTH, _HEIGHT, _MARGIN = 8400, 2500, 60
_INK, _AREA, _ZERO = "#1c2b3a", "#e9e5db", "#b9a77f"


def daily_balances(statement: Statement) -> list[int]:
    """The balance at the end of each business day of the period, in minor units."""
    closing_of = {line.posted_on: line.balance_minor for line in statement.lines}
    balance_minor = statement.opening_minor
    balances = []
    day = statement.period_start
    while day <= statement.period_end_inclusive:
        balance_minor = closing_of.get(day, balance_minor)
        balances.append(balance_minor)
        day += timedelta(days=1)
    return balances


def draw(balances: list[int]) -> bytes:
    """The balances as an SVG picture, one step a day, with the line of zero.

    Only integers are used, so that the same balances give the same bytes everywhere.
    """
    low, high = min(0, *balances), max(0, *balances)
    span = max(high - low, 1)
    room = _HEIGHT - 2 * _MARGIN

    def height(balance: int) -> int:
        return _HEIGHT - _MARGIN - (balance - low) * room // span

    zero = height(0)
    line = f"M0 {height(balances[0])}"
    for day, balance in enumerate(balances, start=1):
        line += f"V{height(balance)}H{day * _WIDTH // len(balances)}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}">'
        f'<path d="{line}V{zero}H0Z" fill="{_AREA}"/>'
        f'<path d="M0 {zero}H{_WIDTH}" stroke="{_ZERO}" stroke-width="18" fill="none"/>'
        f'<path d="{line}" stroke="{_INK}" stroke-width="44" stroke-linejoin="round" fill="none"/>'
        "</svg>"
    ).encode()
