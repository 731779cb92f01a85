"""What a brand asks for beyond the page of every statement is printed, and verify compares it."""

import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from tempfile import mkdtemp

import pikepdf
import pytest

from closebook.errors import Misconfigured
from closebook.statements.model import Holder, Original, Statement
from closebook.statements.render.document import render
from closebook.statements.verify.report import Outcome
from closebook.statements.verify.verification import VerifyInputs, verify
from tests.statements.altered_pdf import attachments_of, reprinted
from tests.statements.brands import branded, write_brand
from tests.statements.samples import HOLDER, IN_PARTS, ISSUER, entry, of, statement
from tests.statements.validators import page_validation, verapdf
from tests.statements.verify_samples import failed, outcomes

PAPERS = {
    "A4": "",
    "Letter": '[paper]\nsize = "Letter"\nleft_mm = 25.4\nright_mm = 25.4\n',
}
ALL = """
[content]
country = "GB"
statement_number = true
bic = true
value_dates = true
original_amounts = true
customer_references = true
interest_rates = true
overdraft_limit = true
fee_summary = ["fee", "interest"]
carried_forward = true
page_totals = true
[issuer]
registration = "Companies Registration Office, 512 345"
regulator = "Central Bank of Ireland"
telephone = "+353 1 555 0100"
web = "northgate.example"
"""
NOTICES = {
    "notices/error-resolution.toml": """
countries = ["US"]
[en]
heading = "In case of errors or questions"
text = ["Telephone us or write to us.", "We must hear from you within 60 days."]
[es]
text = "Llámenos o escríbanos."
""",
    "notices/message.toml": """
place = "before"
[en]
heading = "Our branch opens at nine"
text = "You need no appointment."
[de]
text = "Unsere Filiale öffnet um neun."
""",
}
LARGEST = 10**15


@cache
def folder(paper: str = "A4", toml: str = ALL) -> Path:
    return write_brand(Path(mkdtemp()) / "brand", PAPERS[paper] + toml, NOTICES)


@cache
def made(count: int, holder: Holder = HOLDER, factor: int = 1) -> Statement:
    """A statement with all that a brand may ask for: each fourth line has a value date."""
    lines = []
    for number in range(1, count + 1):
        minor = (1 if number % 3 else -1) * (1000 + 7 * number) * factor
        day = 1 + number * 30 // count
        line = entry(minor, counterparty=f"M{number}", kind="fee" if number % 9 == 0 else "payment")
        line = replace(line, posted_on=date(2026, 10, 1) + timedelta(days=day - 1))
        if number % 4 == 0:
            line = replace(line, value_date=line.posted_on + timedelta(days=2))
        if number % 5 == 0:
            minor = -1234 if line.amount_minor < 0 else 1234
            line = replace(line, original=Original(minor, "USD", Decimal("0.92593")))
        if number % 7 == 0:
            line = replace(line, customer_reference=f"Invoice {number}")
        if number % 10 == 1:
            line = replace(line, interest_rate=Decimal("1.25"))
        lines.append(line)
    numbered = replace(statement(*lines, holder=holder), number=17, overdraft_limit_minor=543_210)
    return replace(numbered, issuer=replace(ISSUER, bic="NORTIE2D"))


@cache
def document(count: int, holder: Holder = HOLDER, paper: str = "A4", factor: int = 1) -> bytes:
    return branded(made(count, holder, factor), folder(paper)).pdf


@cache
def plain_page() -> str:
    """The words of a statement in a brand that asks for nothing."""
    return words_of(branded(made(41), write_brand(Path(mkdtemp()) / "none")).pdf)


def words_of(pdf: bytes) -> str:
    return " ".join(" ".join(pages_of(pdf, "-raw")).split())


def pages_of(pdf: bytes, form: str = "-layout") -> list[str]:
    command = ["pdftotext", form, "-", "-"]
    text = subprocess.run(command, input=pdf, capture_output=True, check=True).stdout.decode()
    return text.split("\f")[:-1]


# ---- validators: the first, since Java does not start late in a process of many fonts ---------


@pytest.mark.parametrize("paper", PAPERS)
@pytest.mark.parametrize("count", [0, 41])
def test_the_validators_accept_it(count: int, paper: str) -> None:
    pdf = document(count, paper=paper)
    assert verapdf(pdf) == []
    assert page_validation(pdf) == []


# ---- nothing changes for those who do not ask -----------------------------------------------


def test_a_statement_of_a_brand_that_asks_for_nothing_has_the_same_bytes(tmp_path: Path) -> None:
    plain = statement(entry(-2350), entry(90_000, kind="interest", day=3))
    numbered = replace(plain, number=17)
    assert render(numbered).pdf == render(plain).pdf
    nothing = write_brand(tmp_path / "brand", "[content]\n[issuer]\n")
    assert branded(numbered, nothing).pdf == branded(plain, nothing).pdf


@pytest.mark.parametrize(
    "asked",
    [line for line in ALL.splitlines() if " = " in line and not line.startswith("country")],
)
def test_each_content_is_printed_only_if_it_is_asked_for(asked: str, tmp_path: Path) -> None:
    table = "[issuer]" if ALL.index(asked) > ALL.index("[issuer]") else "[content]"
    one = write_brand(tmp_path / "one", f"{table}\n{asked}\n")
    page, plain = words_of(branded(made(41), one).pdf), plain_page()
    marks = {
        "statement_number": "Statement number",
        "bic": "NORTIE2D",
        "value_dates": "Value date",
        "original_amounts": "1 USD = 0.92593 EUR",
        "customer_references": "Invoice 7",
        "interest_rates": "Interest rate: 1.25%",
        "overdraft_limit": "Overdraft limit 5,432.10",
        "fee_summary": "Fees and interest by kind",
        "carried_forward": "Carried forward",
        "page_totals": "Total of this page",
        "registration": "Registration: Companies Registration Office, 512 345",
        "regulator": "Supervised by: Central Bank of Ireland",
        "telephone": "Telephone: +353 1 555 0100",
        "web": "Web: northgate.example",
    }
    name = asked.partition(" = ")[0]
    printed = {mark for mark, text in marks.items() if text in page}
    assert printed == {name}
    assert not any(text in plain for text in marks.values())


# ---- what is printed ------------------------------------------------------------------------


def test_number_value_date_and_exchange_are_on_the_page_and_in_the_xml() -> None:
    page = "\n".join(pages_of(document(41)))
    assert re.search(r"Statement\s+17", page)
    assert re.search(r"BIC\s+NORTIE2D", page)
    assert "USD 12.34" in page
    assert "1 USD = 0.92593 EUR" in page
    with pikepdf.open(BytesIO(document(41))) as pdf:
        xml = pdf.attachments["statement.xml"].get_file().read_bytes().decode()
    assert "<ElctrncSeqNb>17</ElctrncSeqNb><LglSeqNb>17</LglSeqNb>" in xml


def test_a_long_label_is_divided_as_its_language_does_and_does_not_touch_its_value() -> None:
    page = "\n".join(pages_of(document(1, of("de_DE"))))
    assert re.search(r"Auszugsnum[-\u2010]\s+17\s+mer\n", page)
    assert re.search(r"Überziehungs[-\u2010]\s+5\.432,10\s+limit\n", page)


@pytest.mark.parametrize("paper", PAPERS)
@pytest.mark.parametrize("count", [1, 40, 41, IN_PARTS])
def test_each_page_ends_with_the_balance_with_which_the_next_one_begins(
    count: int, paper: str
) -> None:
    pages = pages_of(document(count, paper=paper))
    lines = made(count).lines
    shown = [re.findall(r"\bM(\d+)\b", page) for page in pages]
    assert [int(number) for page in shown for number in page] == [*range(1, count + 1)]
    with_lines = [place for place, numbers in enumerate(shown) if numbers]
    assert len(with_lines) > 1 or count == 1
    for here, after in pairwise(with_lines):
        last = lines[int(shown[here][-1]) - 1]
        balance = f"{last.balance_minor / 100:,.2f}"
        assert re.findall(r"Carried forward\s+(\S+)", pages[here]) == [balance]
        assert re.findall(r"Brought forward\s+(\S+)", pages[after]) == [balance]
    assert "Carried forward" not in pages[with_lines[-1]]
    assert "Brought forward" not in pages[0]
    for place in with_lines:
        amounts = [lines[int(number) - 1].amount_minor for number in shown[place]]
        debits = -sum(each for each in amounts if each < 0)
        credits_ = sum(each for each in amounts if each > 0)
        total = re.findall(r"Total of this page\s+(\S+)\s+(\S+)", pages[place])
        assert total == [(f"{debits / 100:,.2f}", f"{credits_ / 100:,.2f}")]


def test_a_brand_with_tall_rows_has_its_rows_at_the_breaks(tmp_path: Path) -> None:
    tall = {"style.css": ".lines .forward td { padding: 3mm 0 }"}
    pages = pages_of(branded(made(41), write_brand(tmp_path / "brand", ALL, tall)).pdf)
    for here, after in pairwise(pages):
        carried = re.findall(r"Carried forward\s+(\S+)", here)
        assert carried == re.findall(r"Brought forward\s+(\S+)", after)
    assert "Carried forward" in pages[0]


def test_a_line_that_is_taller_than_a_page_has_no_rows_inside_of_it() -> None:
    long = entry(-500, "word " * 3000)
    several = replace(statement(entry(100), long, entry(-300)), number=1)
    pdf = branded(several, folder()).pdf
    assert failed(verify(pdf, VerifyInputs())) == {}
    text = "".join(pages_of(pdf))
    assert text.count("Carried forward") == text.count("Brought forward") >= 1


def test_kinds_have_their_totals_and_the_names_that_a_brand_gives_them(tmp_path: Path) -> None:
    words = {"words/en.toml": 'kind_interest = "Interest on your savings"'}
    lines = (
        entry(-150, kind="fee"),
        entry(-250, kind="fee"),
        entry(50, kind="fee"),
        entry(7, kind="interest"),
        entry(9_999),
    )
    brand = write_brand(tmp_path / "brand", ALL, words)
    page = "".join(pages_of(branded(statement(*lines), brand).pdf))
    assert re.search(r"Fees\s+3\s+4\.00\s+0\.50", page)
    assert re.search(r"Interest on your savings\s+1\s+0\.00\s+0\.07", page)


@pytest.mark.parametrize(
    ("holder", "there", "not_there"),
    [
        (of("en_US"), ["In case of errors", "within 60 days", "opens at nine"], []),
        (of("es_US"), ["Llámenos", "opens at nine"], ["In case of errors"]),
        (of("en_GB"), ["opens at nine"], ["In case of errors"]),
        (of("de_DE"), ["öffnet um neun"], ["In case of errors", "opens at nine"]),
        (of("fr_CA"), ["opens at nine"], ["Llámenos"]),
    ],
)
def test_notices_are_chosen_by_country_and_language(
    holder: Holder, there: list[str], not_there: list[str]
) -> None:
    page = words_of(document(1, holder))
    assert [text for text in there if text not in page] == []
    assert [text for text in not_there if text in page] == []


def test_a_holder_without_a_country_has_that_of_the_brand(tmp_path: Path) -> None:
    american = write_brand(tmp_path / "brand", '[content]\ncountry = "US"', NOTICES)
    page = "".join(pages_of(branded(made(1, of("en")), american).pdf))
    assert "In case of errors" in page


@pytest.mark.parametrize(
    ("toml", "files", "said"),
    [
        ("[content]\nbic = 1", {}, r"\[content\] bic"),
        ('[content]\nfee_summary = ["Fee!"]', {}, r"\[content\] fee_summary: 'Fee!'"),
        ('[content]\nfee_summary = ["fee", "fee"]', {}, "twice"),
        ('[content]\ncountry = "usa"', {}, r"\[content\] country"),
        ('[issuer]\nphone = "1"', {}, "phone: there is no such key"),
        ("", {"notices/a.toml": 'countries = "US"'}, "notices/a.toml: countries"),
        ("", {"notices/a.toml": 'place = "top"'}, "notices/a.toml: place"),
        ("", {"notices/a.toml": ""}, r"notices/a.toml: \[en\]"),
        ("", {"notices/a.toml": '[en]\nheading = "A"'}, "the text is missing"),
        ("", {"notices/a.toml": "[en]\ntext = [1]"}, "notices/a.toml: en"),
        ("", {"notices/a.toml": '[English]\ntext = "A"'}, "notices/a.toml: English"),
    ],
)
def test_what_cannot_be_printed_is_named_with_file_and_key(
    toml: str, files: dict[str, str], said: str, tmp_path: Path
) -> None:
    with pytest.raises(Misconfigured, match=said):
        branded(made(1), write_brand(tmp_path / "brand", toml, files))


# ---- verify ------------------------------------------------------------------------------------


@pytest.mark.parametrize("locale", ["en_US", "ar_EG", "he_IL", "pt_PT", "ja_JP", "th_TH", "hi_IN"])
@pytest.mark.parametrize("count", [0, 41])
def test_verify_accepts_it_in_every_direction_and_script(count: int, locale: str) -> None:
    report = verify(document(count, of(locale)), VerifyInputs())
    assert failed(report) == {}
    assert outcomes(report)["page"] is Outcome.OK


def test_verify_accepts_a_statement_in_parts_and_very_long_amounts() -> None:
    assert failed(verify(document(IN_PARTS), VerifyInputs())) == {}
    assert failed(verify(document(41, factor=LARGEST // 10_000), VerifyInputs())) == {}


def _without_value_dates(of_statement: Statement) -> Statement:
    lines = tuple(replace(line, value_date=None) for line in of_statement.lines)
    return replace(of_statement, lines=lines)


def _with_other_rates(of_statement: Statement) -> Statement:
    lines = tuple(
        replace(line, original=line.original and replace(line.original, rate=Decimal("0.92594")))
        for line in of_statement.lines
    )
    return replace(of_statement, lines=lines)


def _with_other_interest(of_statement: Statement) -> Statement:
    lines = tuple(
        replace(line, interest_rate=line.interest_rate and Decimal("1.26"))
        for line in of_statement.lines
    )
    return replace(of_statement, lines=lines)


def _with_other_customer_references(of_statement: Statement) -> Statement:
    lines = tuple(
        replace(line, customer_reference="Invoice 9" if line.customer_reference else None)
        for line in of_statement.lines
    )
    return replace(of_statement, lines=lines)


def _with_other_kinds(of_statement: Statement) -> Statement:
    lines = tuple(
        replace(line, kind="interest" if line.line_number == 1 else line.kind)
        for line in of_statement.lines
    )
    return replace(of_statement, lines=lines)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda it: replace(it, number=18), "the statement number on the page"),
        (lambda it: replace(it, issuer=replace(ISSUER, bic="OTHRIE2D")), "the BIC on the page"),
        (_without_value_dates, "line 4 has another day on the page"),
        (_with_other_rates, "the original amount of line 5"),
        (_with_other_interest, "the rate of interest of line 1"),
        (_with_other_customer_references, "line 7 of the page has another reference"),
        (lambda it: replace(it, overdraft_limit_minor=543_211), "the overdraft limit is printed"),
        (lambda it: replace(it, overdraft_limit_minor=None), "has an overdraft limit, and the XML"),
        (_with_other_kinds, "the total of credits-interest"),
    ],
)
def test_what_the_xml_does_not_say_is_found_on_the_page(
    change: Callable[[Statement], Statement], said: str
) -> None:
    with pikepdf.open(BytesIO(document(41))) as pdf:
        for each in attachments_of(change(made(41))):
            each(pdf)
        output = BytesIO()
        pdf.save(output, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    assert said in failed(verify(output.getvalue(), VerifyInputs()))["page"]


@pytest.mark.parametrize("role", ["carried", "brought", "page-debits", "page-credits"])
def test_another_amount_at_a_page_break_is_found(role: str) -> None:
    pages = pages_of(document(41))
    patterns = {
        "carried": r"Carried forward\s+(\S+)",
        "brought": r"Brought forward\s+(\S+)",
        "page-debits": r"Total of this page\s+(\S+)",
        "page-credits": r"Total of this page\s+\S+\s+(\S+)",
    }
    old = re.findall(patterns[role], "".join(pages))[0]
    new = old[:-1] + str((int(old[-1]) + 1) % 10)
    with pikepdf.open(BytesIO(document(41))) as pdf:
        reprinted(old, new)(pdf)
        output = BytesIO()
        pdf.save(output, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    assert "page" in failed(verify(output.getvalue(), VerifyInputs()))
