"""Every change of a statement is found: in the file itself, or by its hash in the manifest."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pytest

from closebook.statements.pdf.page_roles import CELL_ROLES, LINES
from closebook.statements.verify.verification import VerifyInputs, verify
from tests.statements.altered_pdf import (
    CSV,
    XML,
    Change,
    attached,
    attachments_of,
    changed,
    replaced,
    reprinted,
    without_roles,
    without_row,
)
from tests.statements.rendered_pdf import rendered
from tests.statements.samples import statement
from tests.statements.verify_samples import ANOTHER, BEFORE, FEW, failed, register

XML_LINE = re.compile(r"<Ntry><NtryRef>2</NtryRef>.*?</Ntry>\n", re.DOTALL)
SHORTER = statement(FEW.lines[0], FEW.lines[2])


def without_line_of_xml(pdf: Any) -> None:
    attached(XML, XML_LINE.sub("", rendered(FEW).attachments[1].content.decode()).encode())(pdf)


def without_line_of_csv(pdf: Any) -> None:
    rows = rendered(FEW).attachments[0].content.splitlines(keepends=True)
    attached(CSV, b"".join(rows[:3] + rows[4:]))(pdf)


@dataclass(frozen=True)
class Case:
    """Changes to a file, and what of it is found by itself, without the manifest."""

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
        [reprinted("9 Oct 2026", "3 Oct 2026")], {"page": "line 3 has another day on the page"}
    ),
    "a digit of the account number on the page": Case(
        [reprinted("NG29 0001 7743 2210", "NG29 0001 7743 2211")],
        {"page": "the page does not print the account number that the XML has"},
    ),
    "a digit in the XML": Case(
        [
            replaced(XML, '</NtryRef><Amt Ccy="EUR">23.50<', '</NtryRef><Amt Ccy="EUR">28.50<'),
            replaced(XML, '</Refs><Amt Ccy="EUR">23.50<', '</Refs><Amt Ccy="EUR">28.50<'),
        ],
        {"totals": "make EUR 13,870.00, and its closing is EUR 13,875.00"},
    ),
    "a digit in the details of the XML": Case(
        [replaced(XML, '</Refs><Amt Ccy="EUR">23.50<', '</Refs><Amt Ccy="EUR">28.50<')],
        {"totals": "line 1 of the XML has another amount in its details"},
    ),
    "a sign in the details of the XML": Case(
        [
            replaced(
                XML,
                '</Refs><Amt Ccy="EUR">23.50</Amt><CdtDbtInd>DBIT',
                '</Refs><Amt Ccy="EUR">23.50</Amt><CdtDbtInd>CRDT',
            )
        ],
        {"totals": "line 1 of the XML has another amount in its details"},
    ),
    "a reference in the details of the XML": Case(
        [replaced(XML, "<Refs><AcctSvcrRef>T480002", "<Refs><AcctSvcrRef>T480009")],
        {"totals": "line 2 of the XML has another reference in its details"},
    ),
    "a digit of a total in the XML": Case(
        [replaced(XML, "<Sum>12900.00<", "<Sum>12900.01<")],
        {"totals": "the credits of the XML are EUR 12,900.01, and its lines make EUR 12,900.00"},
    ),
    "a reference in the XML": Case(
        [
            replaced(XML, "</BookgDt><AcctSvcrRef>T480002", "</BookgDt><AcctSvcrRef>T480009"),
            replaced(XML, "<Refs><AcctSvcrRef>T480002", "<Refs><AcctSvcrRef>T480009"),
            replaced(XML, "</Tp><Ref>T480002", "</Tp><Ref>T480009"),
        ],
        {
            "CSV": "line 2 is not the same in the XML and in the CSV",
            "page": "line 2 of the page has another reference",
        },
    ),
    "a digit in the CSV": Case(
        [
            replaced(
                CSV,
                '"-23.50","976.50","EUR","-2350"',
                '"-23.58","976.50","EUR","-2358"',
            )
        ],
        {"CSV": "line 1 of the CSV has the balance EUR 976.50, and the lines so far make EUR 97"},
    ),
    "a description in the CSV": Case(
        [replaced(CSV, "Salary", "Gift")], {"CSV": "line 2 is not the same in the XML and in the"}
    ),
    "a line less in the XML": Case(
        [without_line_of_xml], {"totals": "line 2 of the XML has the number 3"}
    ),
    "a line less in the CSV": Case(
        [without_line_of_csv], {"CSV": "line 2 of the CSV has the number 3"}
    ),
    "a line less in both": Case(
        attachments_of(SHORTER), {"page": "the page prints 3 lines, and the XML has 2"}
    ),
    "a line less on the page": Case(
        [without_row(2)], {"page": "the page prints 2 lines, and the XML has 3"}
    ),
    "an amount in both, everything else with it": Case(
        attachments_of(
            statement(FEW.lines[0], replace(FEW.lines[1], amount_minor=1), FEW.lines[2])
        ),
        {"page": "the closing below the lines is printed as '13,875.00' on the page"},
    ),
    "the XML of another account": Case(
        [attachments_of(replace(ANOTHER, opening_minor=0, closing_minor=0, lines=()))[0]],
        {"CSV": "the opening is 0 in the XML and 100000 in the CSV", "page": "prints 3 lines"},
    ),
    "both attachments of another account with the same movements": Case(
        attachments_of(ANOTHER),
        {"page": "the page does not print the account number that the XML has"},
    ),
    "both attachments of another month": Case(
        attachments_of(
            replace(
                FEW,
                period_start=date(2026, 12, 1),
                period_end_inclusive=date(2026, 12, 31),
                lines=tuple(
                    replace(line, posted_on=line.posted_on.replace(month=12)) for line in FEW.lines
                ),
            )
        ),
        {"page": "the opening has another day on the page than in the XML (2026-12-01)"},
    ),
}


@pytest.mark.parametrize("name", list(CASES))
def test_a_change_is_found_in_the_file_itself_and_by_its_hash(name: str) -> None:
    case = CASES[name]
    pdf = changed(FEW, *case.changes)
    # Given no manifest, then the parts of the file disagree
    report = verify(pdf, VerifyInputs())
    details = failed(report)
    assert set(details) == set(case.found)
    for check, said in case.found.items():
        assert said in details[check]
    assert "do not rely on this file" in report.text
    # And given the manifest, then its hash is not there
    report = verify(pdf, VerifyInputs(manifest=register((FEW, rendered(FEW).pdf))))
    assert "is not in the manifest of 2026-10" in failed(report)["manifest"]


@pytest.mark.parametrize("name", [name for name in CASES if "page" in CASES[name].found])
def test_a_change_is_found_in_a_file_that_was_issued_before_there_were_roles(name: str) -> None:
    case = CASES[name]
    assert failed(verify(changed(FEW, without_roles()), VerifyInputs())) == {}
    report = verify(changed(FEW, *case.changes, without_roles()), VerifyInputs())
    assert case.found["page"] in failed(report)["page"]


@pytest.mark.parametrize("role", [LINES, *CELL_ROLES])
def test_a_page_without_one_of_the_roles_is_refused(role: str) -> None:
    report = verify(changed(FEW, without_roles(role)), VerifyInputs())
    said = failed(report)["page"]
    assert role in said or (role == LINES and "one table of lines" in said)


def test_a_file_that_was_written_again_passes_its_own_checks_and_is_not_in_the_register() -> None:
    pdf = changed(FEW)
    assert failed(verify(pdf, VerifyInputs())) == {}
    report = verify(pdf, VerifyInputs(manifest=register((FEW, rendered(FEW).pdf))))
    assert failed(report).keys() == {"manifest"}
    assert (
        "which has another document for this account: opening EUR 1,000.00, 3 lines"
        in (failed(report)["manifest"])
    )


@pytest.mark.parametrize("kept", [0, 5, 9, 1000, -1000, -40, -7, -3])
def test_a_file_that_was_cut_short_is_found(kept: int) -> None:
    pdf = rendered(FEW).pdf
    report = verify(pdf[:kept], VerifyInputs(manifest=register((FEW, pdf))))
    assert {"file", "manifest"} <= set(failed(report))


def test_a_file_with_something_after_its_end_is_found() -> None:
    report = verify(rendered(FEW).pdf + b"%more\n", VerifyInputs())
    assert (
        "its end is missing: the file was cut short, or something was added"
        in failed(report)["file"]
    )


@pytest.mark.parametrize("place", range(1, 10))
def test_any_changed_byte_is_found(place: int) -> None:
    pdf = rendered(FEW).pdf
    at = len(pdf) * place // 10
    other = pdf[:at] + bytes((pdf[at] ^ 1,)) + pdf[at + 1 :]
    assert "manifest" in failed(verify(other, VerifyInputs(manifest=register((FEW, pdf)))))


def test_the_register_of_other_accounts_does_not_have_the_file() -> None:
    report = verify(
        rendered(FEW).pdf, VerifyInputs(manifest=register((ANOTHER, rendered(ANOTHER).pdf)))
    )
    assert "which has no document of this account" in failed(report)["manifest"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("account_id", 78), ("currency", "USD"), ("line_count", 4)),
        *(("opening_minor", 100_001), ("closing_minor", 0)),
    ],
)
def test_a_difference_between_the_register_and_the_file_is_found(name: str, value: object) -> None:
    pdf = rendered(FEW).pdf
    report = verify(pdf, VerifyInputs(manifest=register((FEW, pdf), **{name: value})))
    assert f"the manifest has {name} {value} for this file" in failed(report)["manifest"]


def _before(**other: Any) -> bytes:
    return rendered(replace(BEFORE, **other)).pdf


@pytest.mark.parametrize(
    ("previous", "said"),
    [
        (lambda: _before(account_id=78), "belongs to another account"),
        (lambda: _before(holder=ANOTHER.holder), "belongs to another account"),
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
        (lambda: rendered(BEFORE).pdf[:-100], "cannot be read: its end is missing"),
    ],
)
def test_a_wrong_previous_statement_is_found(previous: Any, said: str) -> None:
    report = verify(rendered(FEW).pdf, VerifyInputs(previous=previous()))
    assert said in failed(report)["previous"]
