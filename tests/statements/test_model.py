"""A statement that does not tie out cannot be created."""

from dataclasses import replace
from datetime import date

import pytest

from closebook.errors import WrongData
from tests.statements.samples import HOLDER, entry, statement

GOOD = statement(entry(-2500), entry(90_000, day=3), entry(-150, kind="fee", day=3))


def with_line(number: int, **changes: object) -> tuple[object, ...]:
    lines = list(GOOD.lines)
    lines[number - 1] = replace(lines[number - 1], **changes)  # type: ignore[arg-type]
    return tuple(lines)


def test_opening_and_movements_make_closing() -> None:
    assert GOOD.credit_minor == 90_000
    assert GOOD.debit_minor == 2650
    assert GOOD.fee_minor == 150
    assert GOOD.line_count == 3
    assert GOOD.opening_minor + GOOD.credit_minor - GOOD.debit_minor == GOOD.closing_minor


def test_a_returned_fee_reduces_the_fees() -> None:
    made = statement(entry(-150, kind="fee"), entry(100, kind="fee"))
    assert made.fee_minor == 50


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"closing_minor": GOOD.closing_minor + 1}, "closing is 187351"),
        ({"opening_minor": GOOD.opening_minor - 1}, "line 1 .* has the balance"),
        ({"lines": with_line(2, amount_minor=90_001)}, "line 2 .* has the balance 187500"),
        ({"lines": with_line(2, balance_minor=187_499)}, "line 2 .* has the balance 187499"),
        ({"lines": with_line(3, line_number=4)}, "line 4 stands where line 3 belongs"),
        ({"lines": GOOD.lines[1:]}, "line 2 stands where line 1 belongs"),
        ({"lines": GOOD.lines[:2]}, "2 lines make 187500, but closing is 187350"),
        ({"lines": with_line(2, entry_id=5001)}, "line 2 repeats entry 5001"),
        ({"lines": with_line(1, posted_on=date(2026, 9, 30))}, "line 1 .* outside the period"),
        ({"lines": with_line(3, posted_on=date(2026, 11, 1))}, "line 3 .* outside the period"),
        ({"lines": with_line(3, posted_on=date(2026, 10, 2))}, "line 3 .* follows a line of"),
        ({"period_end_inclusive": date(2026, 9, 30)}, "before it starts"),
    ],
)
def test_a_difference_of_one_minor_unit_or_one_line_is_refused(
    changes: dict[str, object], complaint: str
) -> None:
    with pytest.raises(WrongData, match=f"account 77 .*{complaint}"):
        replace(GOOD, **changes)  # type: ignore[arg-type]


def test_an_unknown_currency_is_refused() -> None:
    with pytest.raises(WrongData, match="ISO 4217"):
        statement(currency="ZZZ")


def test_neither_errors_nor_representations_name_the_holder() -> None:
    with pytest.raises(WrongData) as refused:
        replace(GOOD, closing_minor=0)
    for text in (str(refused.value), repr(GOOD), repr(GOOD.lines[0]), repr(GOOD.holder)):
        assert HOLDER.name not in text
        assert HOLDER.account_number not in text


def test_an_account_without_movements_keeps_its_balance() -> None:
    quiet = statement(opening_minor=-500)
    assert quiet.closing_minor == -500
    assert quiet.line_count == 0
