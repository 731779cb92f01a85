"""Whoever has a statement's file can verify it, and whatever was changed in it is found."""

import json
import os
import re
import subprocess
import sys
import tomllib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from closebook.errors import Misconfigured
from closebook.settings import KeyFile
from closebook.statements.model import Statement
from closebook.statements.signing.key_loader import signer_of
from closebook.statements.signing.signer import Signer
from closebook.statements.verify.report import Given, Outcome, Report, verify
from tests.markdown import VERIFY, commands, first_column
from tests.statements.altered_pdf import (
    CSV,
    XML,
    Change,
    attached,
    changed,
    counterparty_in_description,
    replaced,
    reprinted,
    twins_of,
    without_row,
)
from tests.statements.certificates import PASSPHRASE, Identity, identity
from tests.statements.rendered_pdf import ROOT, rendered
from tests.statements.samples import HOLDER, entry, kinds, many, of, statement

FINE, FAILED, UNUSABLE, NOT_COMPARED = range(4)
LOCALES = [
    *("de_CH", "fr_FR", "en_IN", "en_ZA", "pt_BR", "es_ES", "it_CH", "nl_NL", "sv_SE", "pl_PL"),
    *("ru_RU", "hi_IN", "zh_TW", "ko_KR", "ar_SA", "ar_MA", "fa_IR", "he_IL", "en_US", "tr_TR"),
]
FEW = statement(
    entry(-2350, counterparty="Alder & Finch"),
    entry(1_290_000, "Salary", day=3),
    entry(-150, "Account fee", kind="fee", day=9),
)
ANOTHER = replace(FEW, account_id=78, holder=replace(HOLDER, account_number="NG29 0001 7743 9999"))
BEFORE = replace(
    statement(opening_minor=FEW.opening_minor),
    period_start=date(2026, 9, 1),
    period_end_inclusive=date(2026, 9, 30),
)


def register(*documents: tuple[Statement, bytes], **more: object) -> bytes:
    """The manifest of October with these documents."""
    entries = [
        {
            "account_id": made.account_id,
            "currency": made.currency,
            "line_count": made.line_count,
            "opening_minor": made.opening_minor,
            "closing_minor": made.closing_minor,
            "sha256": sha256(pdf).hexdigest(),
            "object_name": f"statements/2026-10/{sha256(pdf).hexdigest()}.pdf",
        }
        | more
        for made, pdf in documents
    ]
    return json.dumps({"month": "2026-10", "close_id": 42, "statements": entries}).encode()


def outcomes(report: Report) -> dict[str, Outcome]:
    return {finding.check: finding.outcome for finding in report.findings}


def failed(report: Report) -> dict[str, str]:
    """The words of the checks that failed."""
    return {
        finding.check: finding.words
        for finding in report.findings
        if finding.outcome is Outcome.FAILED
    }


# ---- what is good -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(kinds()))
def test_every_kind_of_statement_is_verified(kind: str) -> None:
    made = kinds()[kind]
    pdf = rendered(made).pdf
    report = verify(pdf, Given(register=register((FEW, b""), (made, pdf))))
    assert failed(report) == {}
    assert report.is_registered
    checked = {check for check, outcome in outcomes(report).items() if outcome is Outcome.OK}
    assert checked == {"file", "totals", "CSV", "page", "register"}


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("currency", ["EUR", "JPY", "KWD"])
def test_amounts_and_days_are_known_as_every_locale_writes_them(locale: str, currency: str) -> None:
    made = statement(
        entry(-123_456_789),
        entry(5, day=31),
        opening_minor=-7,
        currency=currency,
        holder=of(locale),
    )
    assert failed(verify(rendered(made).pdf, Given())) == {}


@pytest.mark.parametrize(
    "text",
    [
        *("=1+1", "'=1+1", "  @cmd", "a\nb", " blanks  within ", "x" * 200, "12.34", ""),
        *("<b>&amp;", "\u202eevil", "שלום 12.34", "مرحبا ١٢", "🎁𐎠", "\0\x1b[31m"),
    ],
)
def test_no_text_of_a_stranger_makes_a_good_statement_fail(text: str) -> None:
    line = entry(-1234, text, counterparty=text, kind=text or "payment")
    holder = replace(HOLDER, name=text, account_number=text)
    made = statement(line, entry(99), holder=holder)
    made = replace(made, lines=tuple(replace(line, reference=text) for line in made.lines))
    assert failed(verify(rendered(made).pdf, Given())) == {}


def test_a_page_from_before_the_counterparty_had_a_column_is_verified() -> None:
    report = verify(changed(FEW, counterparty_in_description()), Given())

    assert failed(report) == {}
    assert outcomes(report)["page"] is Outcome.OK


def test_a_statement_that_goes_on_from_the_one_before_is_verified() -> None:
    report = verify(rendered(FEW).pdf, Given(previous=rendered(BEFORE).pdf))
    assert outcomes(report)["previous"] is Outcome.OK
    assert failed(report) == {}


def test_the_version_is_named_where_the_register_has_it() -> None:
    pdf = rendered(FEW).pdf
    report = verify(pdf, Given(register=register((FEW, pdf), statement_version=2)))
    assert "as version 2 of the statement" in report.text


# ---- what was changed ---------------------------------------------------------------------

XML_LINE = re.compile(r"<Ntry><NtryRef>2</NtryRef>.*?</Ntry>\n", re.DOTALL)
SHORTER = statement(FEW.lines[0], FEW.lines[2])


def without_line_of_xml(pdf: Any) -> None:
    attached(XML, XML_LINE.sub("", rendered(FEW).twins[1].content.decode()).encode())(pdf)


def without_line_of_csv(pdf: Any) -> None:
    rows = rendered(FEW).twins[0].content.splitlines(keepends=True)
    attached(CSV, b"".join(rows[:3] + rows[4:]))(pdf)


@dataclass(frozen=True)
class Case:
    """Changes to a file, and what of it is found by itself, without the register."""

    changes: Sequence[Change]
    found: dict[str, str]


CASES = {
    "a digit of a line on the page": Case(
        [reprinted("23.50", "28.50")],
        {"page": "the amount of line 1 is printed as '28.50' on the page, and is EUR 23.50"},
    ),
    "a digit of a balance on the page": Case(
        [reprinted("976.50", "976.58")], {"page": "the balance of line 1 is printed as '976.58'"}
    ),
    "the decimal sign of an amount on the page": Case(
        [reprinted("13,876.50", "138,76.50")], {"page": "the balance of line 2 is printed as"}
    ),
    "a digit of a reference on the page": Case(
        [reprinted("T480002", "T480003")], {"page": "line 2 of the page has another reference"}
    ),
    "a digit of a day on the page": Case(
        [reprinted("9 Oct 2026", "3 Oct 2026")], {"page": "line 3 is of another day on the page"}
    ),
    "a digit of the account number on the page": Case(
        [reprinted("NG29 0001 7743 2210", "NG29 0001 7743 2211")],
        {"page": "the page does not print the account number that the XML has"},
    ),
    "a digit in the XML": Case(
        [replaced(XML, '<Amt Ccy="EUR">23.50<', '<Amt Ccy="EUR">28.50<')],
        {"totals": "make EUR 13,870.00, and its closing is EUR 13,875.00"},
    ),
    "a digit of a total in the XML": Case(
        [replaced(XML, "<Sum>12900.00<", "<Sum>12900.01<")],
        {"totals": "the credits of the XML are EUR 12,900.01, and its lines make EUR 12,900.00"},
    ),
    "a reference in the XML": Case(
        [replaced(XML, "T480002", "T480009")],
        {
            "CSV": "line 2 is not the same in the XML and in the CSV",
            "page": "line 2 of the page has another reference",
        },
    ),
    "a digit in the CSV": Case(
        [replaced(CSV, "-23.50,976.50", "-23.58,976.50")],
        {"CSV": "line 1 of the CSV has the balance EUR 976.50, and the lines so far make EUR 97"},
    ),
    "a description in the CSV": Case(
        [replaced(CSV, "Salary", "Gift")], {"CSV": "line 2 is not the same in the XML and in the"}
    ),
    "a line less in the XML": Case(
        [without_line_of_xml], {"totals": "line 3 of the XML stands where line 2 belongs"}
    ),
    "a line less in the CSV": Case(
        [without_line_of_csv], {"CSV": "line 3 of the CSV stands where line 2 belongs"}
    ),
    "a line less in both": Case(
        twins_of(SHORTER), {"page": "the page prints 3 lines, and the XML has 2"}
    ),
    "a line less on the page": Case(
        [without_row(2)], {"page": "the page prints 2 lines, and the XML has 3"}
    ),
    "an amount in both, everything else with it": Case(
        twins_of(statement(FEW.lines[0], replace(FEW.lines[1], amount_minor=1), FEW.lines[2])),
        {"page": "the closing below the lines is printed as '13,875.00' on the page"},
    ),
    "the XML of another account": Case(
        [twins_of(replace(ANOTHER, opening_minor=0, closing_minor=0, lines=()))[0]],
        {"CSV": "the opening is 0 in the XML and 100000 in the CSV", "page": "prints 3 lines"},
    ),
    "both twins of another account with the same movements": Case(
        twins_of(ANOTHER), {"page": "the page does not print the account number that the XML has"}
    ),
    "both twins of another month": Case(
        twins_of(
            replace(
                FEW,
                period_start=date(2026, 12, 1),
                period_end_inclusive=date(2026, 12, 31),
                lines=tuple(
                    replace(line, posted_on=line.posted_on.replace(month=12)) for line in FEW.lines
                ),
            )
        ),
        {"page": "the opening is of another day on the page than in the XML (2026-12-01)"},
    ),
}


@pytest.mark.parametrize("name", list(CASES))
def test_a_change_is_found_in_the_file_itself_and_by_its_hash(name: str) -> None:
    case = CASES[name]
    pdf = changed(FEW, *case.changes)
    # Given no register, then the parts of the file disagree
    report = verify(pdf, Given())
    words = failed(report)
    assert set(words) == set(case.found)
    for check, said in case.found.items():
        assert said in words[check]
    assert "do not rely on this file" in report.text
    # And given the register, then its hash is not there
    report = verify(pdf, Given(register=register((FEW, rendered(FEW).pdf))))
    assert "is not in the register of 2026-10" in failed(report)["register"]


def test_a_file_written_anew_is_sound_in_itself_and_not_the_one_that_was_issued() -> None:
    pdf = changed(FEW)
    assert failed(verify(pdf, Given())) == {}
    report = verify(pdf, Given(register=register((FEW, rendered(FEW).pdf))))
    assert failed(report).keys() == {"register"}
    assert (
        "which has another document for this account: opening EUR 1,000.00, 3 lines"
        in (failed(report)["register"])
    )


@pytest.mark.parametrize("kept", [0, 5, 9, 1000, -1000, -40, -7, -3])
def test_a_file_cut_short_is_found(kept: int) -> None:
    pdf = rendered(FEW).pdf
    report = verify(pdf[:kept], Given(register=register((FEW, pdf))))
    assert {"file", "register"} <= set(failed(report))


def test_a_file_with_something_after_its_end_is_found() -> None:
    report = verify(rendered(FEW).pdf + b"%more\n", Given())
    assert "its end is missing: it was cut short, or something was added" in failed(report)["file"]


@pytest.mark.parametrize("place", range(1, 10))
def test_any_changed_byte_is_found(place: int) -> None:
    pdf = rendered(FEW).pdf
    at = len(pdf) * place // 10
    other = pdf[:at] + bytes((pdf[at] ^ 1,)) + pdf[at + 1 :]
    assert "register" in failed(verify(other, Given(register=register((FEW, pdf)))))


def test_the_register_of_other_accounts_does_not_have_the_file() -> None:
    report = verify(rendered(FEW).pdf, Given(register=register((ANOTHER, rendered(ANOTHER).pdf))))
    assert "neither is any document of this account" in failed(report)["register"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("account_id", 78), ("currency", "USD"), ("line_count", 4)),
        *(("opening_minor", 100_001), ("closing_minor", 0)),
    ],
)
def test_a_register_that_says_otherwise_of_the_file_is_found(name: str, value: object) -> None:
    pdf = rendered(FEW).pdf
    report = verify(pdf, Given(register=register((FEW, pdf), **{name: value})))
    assert f"the register has {name} {value} for this file" in failed(report)["register"]


def _before(**other: Any) -> bytes:
    return rendered(replace(BEFORE, **other)).pdf


@pytest.mark.parametrize(
    ("previous", "said"),
    [
        (lambda: _before(account_id=78), "is of another account"),
        (lambda: _before(holder=ANOTHER.holder), "is of another account"),
        (lambda: _before(currency="USD"), "is in USD"),
        (
            lambda: _before(period_end_inclusive=date(2026, 9, 29)),
            "ends on 2026-09-29, and this one begins on 2026-10-01",
        ),
        (
            lambda: _before(opening_minor=1, closing_minor=1),
            "closes with EUR 0.01, and this one opens with EUR 1,000.00",
        ),
        (lambda: rendered(FEW).pdf, "ends on 2026-10-31, and this one begins on 2026-10-01"),
        (lambda: rendered(BEFORE).pdf[:-100], "is no whole one: its end is missing"),
    ],
)
def test_a_wrong_previous_statement_is_found(previous: Any, said: str) -> None:
    report = verify(rendered(FEW).pdf, Given(previous=previous()))
    assert said in failed(report)["previous"]


# ---- who signed it ------------------------------------------------------------------------


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    return signer_with(identity(), tmp_path)


def signer_with(who: Identity, folder: Path) -> Signer:
    path = folder / "signing.p12"
    path.write_bytes(who.pkcs12)
    signer = signer_of(KeyFile(path, PASSPHRASE))
    assert signer is not None
    return signer


@pytest.mark.parametrize("kind", ["one line", "right to left", "in parts"])
def test_a_signed_statement_is_verified_and_its_signer_trusted(kind: str, signer: Signer) -> None:
    made = kinds()[kind]
    signed = signer.sign(rendered(made).pdf)
    listed = register((made, signed.pdf), unsigned_sha256=signed.unsigned_sha256)
    report = verify(signed.pdf, Given(register=listed, trust=identity().authority_pem))
    assert failed(report) == {}
    words = next(it.words for it in report.findings if it.check == "signature")
    assert "intact, of the whole file, by Northgate Payments" in words
    assert signed.certificate_sha256[:16] in words
    assert words.endswith("trusted")


def test_the_signers_own_certificate_can_be_trusted_as_well(signer: Signer) -> None:
    signed = signer.sign(rendered(FEW).pdf).pdf
    assert failed(verify(signed, Given(trust=identity().certificate_der))) == {}


def test_a_signer_is_named_when_nobody_is_trusted(signer: Signer) -> None:
    report = verify(signer.sign(rendered(FEW).pdf).pdf, Given())
    assert failed(report) == {}
    assert "whether to trust its certificate was not asked" in report.text


def test_a_signer_nobody_trusts_is_found(tmp_path: Path) -> None:
    signer = signer_with(identity(authority="Somebody Else"), tmp_path)
    report = verify(signer.sign(rendered(FEW).pdf).pdf, Given(trust=identity().authority_pem))
    assert "by Northgate Payments, and nobody who is trusted vouches" in failed(report)["signature"]


def test_an_unsigned_file_is_not_what_somebody_who_is_trusted_signed() -> None:
    report = verify(rendered(FEW).pdf, Given(trust=identity().authority_pem))
    assert "the file is not signed" in failed(report)["signature"]


def test_a_change_to_a_signed_file_breaks_its_signature(signer: Signer) -> None:
    signed = signer.sign(rendered(FEW).pdf).pdf
    # Given another digit in the identifier of the file, which changes nothing else
    at = signed.index(b"%\xe2\xe3\xcf\xd3") + 1
    report = verify(signed[:at] + b"\xe3" + signed[at + 1 :], Given())
    assert failed(report).keys() == {"signature"}
    assert "it was changed afterwards" in failed(report)["signature"]


def test_an_update_after_the_signature_is_found(signer: Signer) -> None:
    update = IncrementalPdfFileWriter(BytesIO(signer.sign(rendered(FEW).pdf).pdf))
    update.update_root()
    output = BytesIO()
    update.write(output)
    report = verify(output.getvalue(), Given())
    assert "does not cover the whole file" in failed(report)["signature"]


def test_a_signature_that_was_taken_off_is_missed(signer: Signer) -> None:
    pdf = rendered(FEW).pdf
    signed = signer.sign(pdf)
    listed = register((FEW, signed.pdf), unsigned_sha256=signed.unsigned_sha256)
    report = verify(pdf, Given(register=listed))
    assert "before it was signed, its signature is missing" in failed(report)["register"]


# ---- what means harm ----------------------------------------------------------------------

ENTITIES = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
LAUGHS = f'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY l0 "ha">{ENTITIES}]><l>&l9;</l>'


@pytest.mark.parametrize(
    ("xml", "said"),
    [
        (LAUGHS, "declares a document type or entities"),
        (
            '<!DOCTYPE l [<!ENTITY x SYSTEM "file:///etc/passwd">]><l>&x;</l>',
            "declares a document type or entities",
        ),
        ("<a>" * 200_000 + "</a>" * 200_000, "the XML has 0 of BkToCstmrStmt/Stmt"),
        ("<a", "the XML cannot be read"),
        ("", "the XML cannot be read"),
    ],
    ids=["a billion laughs", "a file of the machine", "deep", "broken", "empty"],
)
def test_xml_that_means_harm_is_refused(xml: str, said: str) -> None:
    report = verify(changed(FEW, attached(XML, xml.encode())), Given())
    assert said in failed(report)["totals"]
    assert "root:" not in report.text


def _pdf(*objects: bytes, root: bytes = b"<</Type/Catalog/Pages 2 0 R>>") -> bytes:
    """A small file of one empty page and these objects, which have the numbers from 4 on."""
    pages = b"<</Type/Pages/Count 1/Kids[3 0 R]>>"
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>"
    content, places = b"%PDF-1.7\n", []
    for number, body in enumerate((root, pages, page, *objects), start=1):
        places.append(len(content))
        content += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n"
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(places) + 1)
    return content + head + table + end % (len(places) + 1, len(content))


PAGES_OF_THEMSELVES = b"<</Type/Pages/Count 1/Kids[4 0 R]>>"


def _stream(content: bytes, head: bytes = b"") -> bytes:
    return b"<<%s/Length %d>>\nstream\n%s\nendstream" % (head, len(content), content)


def _bomb(megabytes: int) -> bytes:
    packing = zlib.compressobj(9)
    packed = b"".join(packing.compress(bytes(1024**2)) for _ in range(megabytes))
    return packed + packing.flush()


def _with_attachment(stream: bytes) -> bytes:
    names = b"/Names<</EmbeddedFiles<</Names[(statement.csv) 4 0 R(statement.xml) 4 0 R]>>>>"
    return _pdf(
        b"<</Type/Filespec/F(a)/EF<</F 5 0 R>>>>",
        stream,
        root=b"<</Type/Catalog/Pages 2 0 R%s>>" % names,
    )


@pytest.mark.parametrize(
    ("content", "check", "said"),
    [
        (
            lambda: _with_attachment(_stream(_bomb(200), b"/Filter/FlateDecode")),
            "totals",
            "unpacks to more than a statement does",
        ),
        (
            lambda: _with_attachment(
                _stream(zlib.compress(_bomb(200)), b"/Filter[/FlateDecode/FlateDecode]")
            ),
            "totals",
            "unpacks to more than a statement does",
        ),
        (lambda: _pdf(root=b"[" * 100_000), "file", "nested deeper"),
        (lambda: _pdf(PAGES_OF_THEMSELVES, root=b"<</Pages 4 0 R>>"), "file", "cannot be read"),
        (lambda: _pdf(b"<</Kids[]/Count 0>>", root=b"<</Pages 4 0 R>>"), "file", "it has 0 pages"),
        (lambda: b"%PDF-1.7\n" + bytes(70 * 1024**2), "file", "no statement has more than 64 MB"),
        (lambda: b"%PDF-1.7\nstartxref\n9999999999\n%%EOF\n", "file", "a part of it is missing"),
        (lambda: b"%PDF-1.7\nstartxref\n0\n%%EOF\n", "file", "cannot be read"),
        (lambda: b"GIF89a", "file", "does not begin as a statement does"),
        (_pdf, "totals", "must have statement.csv and statement.xml attached"),
    ],
    ids=[
        *("a bomb", "a bomb within a bomb", "deep", "pages without end", "no pages", "large"),
        *("beyond its end", "no table of objects", "no PDF", "nothing attached"),
    ],
)
def test_a_file_that_means_harm_is_refused(content: Any, check: str, said: str) -> None:
    assert said in failed(verify(content(), Given()))[check]


def test_what_a_stranger_wrote_does_not_reach_the_terminal() -> None:
    number = "\x1b[2J\x1b[31mOK"
    made = statement(entry(5), holder=replace(HOLDER, account_number=number))
    text = verify(rendered(made).pdf, Given()).text
    assert "\x1b" not in text
    assert "�[2J�[31mOK" in text


# ---- the command --------------------------------------------------------------------------


@dataclass(frozen=True)
class Files:
    folder: Path

    def put(self, name: str, content: bytes) -> str:
        (self.folder / name).write_bytes(content)
        return str(self.folder / name)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def run(*arguments: str, program: Sequence[str] = ("-m", "closebook")) -> tuple[int, str, str]:
    ran = subprocess.run(
        [sys.executable, *program, "verify", *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT / "plugins")},
        check=False,
        capture_output=True,
        text=True,
    )
    return ran.returncode, ran.stdout, ran.stderr


def test_the_command_says_what_it_found_and_ends_with_a_code_of_its_own(files: Files) -> None:
    pdf = rendered(FEW).pdf
    good = files.put("good.pdf", pdf)
    cut = files.put("cut.pdf", pdf[:-1000])
    listed = files.put("manifest.json", register((FEW, pdf)))
    before = files.put("before.pdf", rendered(BEFORE).pdf)
    code, said, complaint = run(good, "--register", listed, "--previous", before)
    assert (code, complaint) == (FINE, "")
    assert said.splitlines()[0] == (
        "the statement of account NG29 0001 7743 2210 in EUR, 2026-10-01 to 2026-10-31"
    )
    assert said.splitlines()[-1] == "Verified: this is the file that was issued."
    code, said, _ = run(good)
    assert code == NOT_COMPARED
    assert "NOT CHECKED  register" in said
    code, said, _ = run(cut, "--register", listed)
    assert code == FAILED
    assert "FAILED       file" in said


def test_the_example_of_the_document_runs(files: Files, signer: Signer) -> None:
    signed = signer.sign(rendered(FEW).pdf).pdf
    for name, content in {
        "statement.pdf": signed,
        "manifest.json": register((FEW, signed)),
        "september.pdf": rendered(BEFORE).pdf,
        "authority.pem": identity().authority_pem,
    }.items():
        files.put(name, content)
    below = VERIFY.read_text(encoding="utf-8")
    (command,) = commands(below)
    given = command.removeprefix("closebook verify ").split()
    code, said, _ = run(*(it if it.startswith("--") else str(files.folder / it) for it in given))
    assert code == FINE, said
    assert first_column(below) == [str(code) for code in range(4)]
    checks = re.findall(r"^OK +(\w+)", said, re.MULTILINE)
    assert re.findall(r"^\| (\w+) \| [A-Z]", below, re.MULTILINE) == checks


@pytest.mark.parametrize(
    "arguments",
    [
        ["nowhere.pdf"],
        ["good.pdf", "--register", "nowhere.json"],
        ["good.pdf", "--register", "good.pdf"],
        ["good.pdf", "--register", "empty.json"],
        ["good.pdf", "--register", "deep.json"],
        ["good.pdf", "--previous", "nowhere.pdf"],
        ["good.pdf", "--trust", "empty.json"],
        ["good.pdf", "--nonsense"],
        [],
    ],
)
def test_what_cannot_be_used_is_named(arguments: list[str], files: Files) -> None:
    files.put("good.pdf", rendered(FEW).pdf)
    files.put("empty.json", b"{}")
    files.put("deep.json", b"[" * 1_000_000)
    code, said, complaint = run(
        *(str(files.folder / it) if it.endswith((".pdf", ".json")) else it for it in arguments)
    )
    assert (code, said) == (UNUSABLE, "")
    assert "closebook" in complaint
    assert "Traceback" not in complaint


def test_a_file_that_takes_too_much_is_refused_and_nothing_else_suffers(files: Files) -> None:
    # Given a limit that no statement keeps within
    program = """
import sys
from closebook.statements.verify import report
from closebook.statements.bounded_process import Limits
report.LIMITS = Limits(cpu_seconds=1, memory_bytes=1024**2)
from closebook.cli import main
sys.exit(main(sys.argv[1:]))
"""
    pdf = files.put("long.pdf", rendered(many(700)).pdf)
    code, said, _ = run(pdf, program=("-c", program))
    assert code == FAILED
    assert "reading it takes more time or memory than any statement does" in said


OFFLINE = """
import socket, sys
def no_network(event, arguments):
    is_local = event == "socket.__new__" and arguments[1] == socket.AF_UNIX
    if event.startswith("socket.") and not is_local:
        raise RuntimeError(f"{event} {arguments}")
sys.addaudithook(no_network)
"""


def test_the_command_opens_no_connection(files: Files, signer: Signer) -> None:
    signed = files.put("signed.pdf", signer.sign(rendered(FEW).pdf).pdf)
    trust = files.put("trust.pem", identity().authority_pem)
    program = OFFLINE + "from closebook.__main__ import main; sys.exit(main(sys.argv[1:]))"
    code, said, _ = run(signed, "--trust", trust, program=("-c", program))
    assert code == NOT_COMPARED, said
    # And the guard would notice: asyncio's own pair of pipes is all that it lets pass
    code, _, complaint = run(program=("-c", OFFLINE + "socket.create_connection(('127.0.0.1', 9))"))
    assert code == 1
    assert "socket.getaddrinfo" in complaint or "socket.connect" in complaint


def test_verifying_loads_neither_airflow_nor_a_driver_nor_the_renderer(files: Files) -> None:
    program = """
import sys
from pathlib import Path
from closebook.statements.verify.report import Given, verify
import closebook.cli
assert not verify(Path(sys.argv[2]).read_bytes(), Given()).has_failed
heavy = {"airflow", "psycopg", "weasyprint", "jinja2", "pyhanko", "redis", "lxml"}
print(*heavy & set(sys.modules))
"""
    pdf = files.put("good.pdf", rendered(FEW).pdf)
    assert run(pdf, program=("-c", program)) == (0, "\n", "")


def test_the_package_installs_as_a_command(files: Files) -> None:
    # Given the package, installed without what it depends on, which is here
    place = files.folder / "installed"
    subprocess.run(
        [
            *(ROOT / ".local" / "uv" / "bin" / "uv", "pip", "install", "--quiet", "--no-deps"),
            *("--offline", "--python", sys.executable, "--target", place, ROOT),
        ],
        check=True,
    )
    pdf = rendered(FEW).pdf
    good = files.put("good.pdf", pdf)
    listed = files.put("manifest.json", register((FEW, pdf)))
    # When its command is run
    ran = subprocess.run(
        [place / "bin" / "closebook", "verify", good, "--register", listed],
        env=os.environ | {"PYTHONPATH": str(place)},
        check=False,
        capture_output=True,
        text=True,
    )
    # Then it verifies
    assert ran.returncode == FINE, ran.stderr
    assert ran.stdout.endswith("Verified: this is the file that was issued.\n")


def test_what_the_package_depends_on_is_what_runs_here() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {name.partition("[")[0] for name in wanted}
    locked = set(
        re.findall(r"^([\w-]+)(?:\[\w+\])?\s", (ROOT / "requirements.in").read_text(), re.MULTILINE)
    )
    assert names <= locked


def test_a_register_that_is_none_is_a_wrong_argument() -> None:
    with pytest.raises(Misconfigured, match="the register is no manifest of a month"):
        verify(rendered(FEW).pdf, Given(register=b'{"month": "2026-10", "statements": [{}]}'))
