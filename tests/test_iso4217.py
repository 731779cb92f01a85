"""Each code of ISO 4217 has the minor unit that ISO and, where it was withdrawn, Java state."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from babel.core import get_global
from defusedxml.ElementTree import fromstring

from closebook.errors import WrongData
from closebook.iso4217 import MINOR_UNITS
from closebook.money import exponent


def _iso_list(name: str) -> Any:
    """One of ISO's own lists, as the package iso-4217 ships it."""
    return fromstring(files("iso_4217").joinpath(f"data/{name}.xml").read_text("utf-8"))


IN_USE = {
    str(entry.findtext("Ccy")): str(entry.findtext("CcyMnrUnts"))
    for entry in _iso_list("list-one").iter("CcyNtry")
    if entry.find("Ccy") is not None
}
WITHDRAWN = {
    str(entry.findtext("Ccy")) for entry in _iso_list("list-three").iter("HstrcCcyNtry")
} - IN_USE.keys()
JAVA = {
    code: int(places)
    for code, places in (
        line.split()
        for line in (Path(__file__).parent / "java_currencies.txt").read_text().splitlines()
        if not line.startswith("#")
    )
}
OF_BABEL_ALONE = {
    *("ARL", "ARM", "BAN", "BGM", "BGO", "BOL", "BRZ", "CLE", "CNH", "CNX", "KRH", "KRO", "MAF"),
    *("MCF", "MDC", "MKN", "MVP", "VNN", "YUR"),
}


def _exponents(codes: set[str]) -> dict[str, int | None]:
    found: dict[str, int | None] = {}
    for code in codes:
        try:
            found[code] = exponent(code)
        except WrongData:
            found[code] = None
    return found


def test_the_lists_that_this_module_compares_with_are_whole() -> None:
    assert len(IN_USE) > 170
    assert len(WITHDRAWN) > 120
    assert len(JAVA) > 230


def test_each_currency_in_use_has_the_minor_unit_of_isos_list() -> None:
    stated = {code: None if unit == "N.A." else int(unit) for code, unit in IN_USE.items()}

    assert _exponents(set(IN_USE)) == stated


def test_each_withdrawn_currency_has_the_minor_unit_that_java_states_or_is_refused() -> None:
    stated = {code: JAVA.get(code, -1) for code in WITHDRAWN}

    assert _exponents(WITHDRAWN) == {
        code: None if places < 0 else places for code, places in stated.items()
    }


def test_java_and_iso_agree_about_each_currency_in_use_that_both_have() -> None:
    both = JAVA.keys() & IN_USE.keys()

    assert {code: JAVA[code] for code in both if JAVA[code] >= 0} == {
        code: exponent(code) for code in both if IN_USE[code] != "N.A."
    }


@pytest.mark.parametrize("code", ["MRO", "STD", "TMM", "ZMK", "ZWD"])
def test_a_withdrawn_currency_with_a_hundredth_is_not_printed_a_hundred_times_too_large(
    code: str,
) -> None:
    assert exponent(code) == 2


def test_there_is_no_code_that_iso_does_not_list() -> None:
    assert MINOR_UNITS.keys() <= IN_USE.keys() | WITHDRAWN


def test_what_babel_lists_and_iso_does_not_is_refused() -> None:
    of_babel = set(get_global("all_currencies"))

    assert of_babel - IN_USE.keys() - WITHDRAWN == OF_BABEL_ALONE
    assert set(_exponents(OF_BABEL_ALONE).values()) == {None}
