"""LibreOffice opens the CSV in several locales and with several separators: it computes nothing."""

import subprocess
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from defusedxml.ElementTree import parse

from closebook.money import to_major
from closebook.statements.formats.statement_csv import COLUMNS, statement_csv
from closebook.statements.model import Statement
from tests.statements.samples import entry, statement

pytestmark = pytest.mark.slow

_UTF8, _QUOTATION_MARK = 76, 34
LOCALES = {"en": 1033, "de": 1031, "fr": 1036, "pl": 1045, "tr": 1055}
SEPARATORS = {"comma": 44, "semicolon": 59, "tab": 9, "bar": 124}
OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"

FORMULAS = ["=1+1", "+1+1", "-1+1", "@SUM(1;1)", "=cmd|'/C calc'!A0", "＝1+1"]
BEFORE = [
    *("", "Shoes;", "Shoes\t", "Shoes\n", "Shoes,", "Shoes|", ";", "\n\n", "a;b\t"),
    *("Shoes; ", "Shoes;\u00a0", "Shoes;\u200b", "Shoes;\ufeff", '";', 'Shoes;"', "\t\t", ";;"),
]


class Cell(NamedTuple):
    """A cell as the spreadsheet has it; ``value`` is None for text."""

    text: str
    kind: str
    value: str | None
    formula: str | None


def sheet(content: bytes, folder: Path, locale: str, separator: str) -> list[list[Cell]]:
    """The cells of a CSV as LibreOffice reads it in a locale, with one separator."""
    source = folder / "statement.csv"
    source.write_bytes(content)
    options = f"{SEPARATORS[separator]},{_QUOTATION_MARK},{_UTF8},1,,{LOCALES[locale]},false,true"
    subprocess.run(
        [
            "soffice",
            f"-env:UserInstallation=file://{folder / 'profile'}",
            *("--headless", "--convert-to", "fods", f"--infilter=CSV:{options}"),
            *("--outdir", str(folder), str(source)),
        ],
        check=True,
        capture_output=True,
        timeout=300,
    )
    return [
        [
            Cell(
                "\n".join("".join(line.itertext()) for line in cell),
                cell.get(f"{OFFICE}value-type", ""),
                cell.get(f"{OFFICE}value"),
                cell.get(f"{TABLE}formula"),
            )
            for cell in row.iter(f"{TABLE}table-cell")
            for _ in range(min(int(cell.get(f"{TABLE}number-columns-repeated", "1")), 20))
        ]
        for row in parse(folder / "statement.fods").iter(f"{TABLE}table-row")
    ]


@cache
def hostile() -> Statement:
    """A statement whose texts compute wherever a cell may begin."""
    texts = [before + formula for before in BEFORE for formula in FORMULAS]
    made = statement(
        *(entry(-1234, text, counterparty=text, kind=text) for text in texts), currency="KWD"
    )
    lines = zip(made.lines, texts, strict=True)
    return replace(made, lines=tuple(replace(line, reference=text) for line, text in lines))


@pytest.mark.parametrize("separator", list(SEPARATORS))
@pytest.mark.parametrize("locale", ["en", "de", "fr"])
def test_no_cell_is_a_formula(locale: str, separator: str, tmp_path: Path) -> None:
    cells = [
        cell for row in sheet(statement_csv(hostile()), tmp_path, locale, separator) for cell in row
    ]
    assert len(cells) > hostile().line_count
    assert [cell for cell in cells if cell.formula is not None] == []


@pytest.mark.parametrize("locale", list(LOCALES))
@pytest.mark.parametrize("currency", ["EUR", "KWD", "JPY"])
def test_no_amount_changes_its_value(locale: str, currency: str, tmp_path: Path) -> None:
    # Given amounts that some locale would read as a day, or as grouped figures
    amounts_minor = [-1234, 112, 1011, 3112, 123_456, 100, -5, 1_234_567, 1234, 500, 12_05]
    made = statement(*map(entry, amounts_minor), currency=currency, opening_minor=0)
    # When LibreOffice opens the CSV
    head, *rows = sheet(statement_csv(made), tmp_path, locale, "comma")
    assert [cell.text for cell in head[: len(COLUMNS)]] == list(COLUMNS)
    lines = [dict(zip(COLUMNS, row, strict=False)) for row in rows if row[0].text == "line"]
    # Then minor units are numbers in every locale, and major units are the same amount or text
    assert [int(line["amount_minor"].value or "") for line in lines] == amounts_minor
    for line, amount_minor in zip(lines, amounts_minor, strict=True):
        amount = line["amount"]
        assert amount.kind in ("float", "string"), amount
        assert Decimal(amount.value or amount.text) == to_major(amount_minor, currency)
        balance = line["balance"]
        assert balance.kind in ("float", "string"), balance
        assert Decimal(balance.value or balance.text).scaleb(
            int(line["currency_exponent"].text)
        ) == int(line["balance_minor"].text)
