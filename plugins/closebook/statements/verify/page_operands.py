"""The operands of a page's commands: numbers, matrices and colours."""

from math import isfinite

from closebook.statements.verify.page_geometry import Colour, Matrix
from closebook.statements.verify.untrusted_pdf import CheckFailed


def unlike_a_statement() -> CheckFailed:
    """Return the error for a content that no statement of Closebook has."""
    return CheckFailed("a page draws in a way that no statement does")


def numbers_of(written: bytes, count: int) -> list[float]:
    """Return as many numbers as a command has. Raises CheckFailed for others."""
    numbers = [float(each) for each in written.split()]
    if len(numbers) != count or not all(map(isfinite, numbers)):
        raise unlike_a_statement()
    return numbers


def matrix_of(written: bytes) -> Matrix:
    """Return the six numbers of a matrix."""
    a, b, c, d, e, f = numbers_of(written, 6)
    return a, b, c, d, e, f


def colour_of(written: bytes) -> Colour | None:
    """Return a colour as red, green and blue; None for a pattern."""
    try:
        values = [float(each) for each in written.split()]
    except ValueError:
        return None
    if len(values) == 1:
        return values[0], values[0], values[0]
    if len(values) == 3:  # noqa: PLR2004
        return values[0], values[1], values[2]
    if len(values) == 4:  # noqa: PLR2004
        cyan, magenta, yellow, black = values
        return (1 - cyan) * (1 - black), (1 - magenta) * (1 - black), (1 - yellow) * (1 - black)
    return None


def faded(colour: Colour | None, alpha: float) -> Colour | None:
    """Return a colour as it looks on white."""
    if colour is None or alpha == 1:
        return colour
    red, green, blue = (alpha * part + (1 - alpha) for part in colour)
    return red, green, blue
