"""`closebook verify` finds what it compares on the page of every brand, by roles."""

from io import BytesIO
from pathlib import Path

import outloud
import pikepdf
import pytest

from closebook.statements.verify.report import Outcome
from closebook.statements.verify.verification import VerifyInputs, verify
from tests.statements.altered_pdf import attachments_of
from tests.statements.brands import NAMES, branded, in_the_brand, write_brand
from tests.statements.samples import kinds, statement
from tests.statements.verify_samples import failed, outcomes


@pytest.mark.parametrize(
    "kind", ["no movements", "overdrawn", "dinar of three decimals", "long amounts", "in parts"]
)
@pytest.mark.parametrize("name", NAMES)
def test_a_statement_of_each_brand_is_verified(name: str, kind: str) -> None:
    report = verify(in_the_brand(name, kind), VerifyInputs())
    assert failed(report) == {}
    assert outcomes(report)["page"] is Outcome.OK


OTHER_TABLES = {
    "a table with a head before the lines": {
        "blocks/before_lines.html.j2": '<table><thead><tr><th scope="col">Points</th></tr></thead>'
        "<tbody><tr><td>1</td></tr></tbody></table>"
    },
    "tables around the lines": {
        "blocks/before_lines.html.j2": "<table><tbody><tr><td>1</td><td>2</td></tr></tbody>"
        "</table>",
        "blocks/after_lines.html.j2": "<table><thead><tr><th>A</th></tr></thead><tbody><tr><td>1"
        "</td></tr></tbody></table>",
    },
    "the facts and the totals elsewhere": {
        "blocks/facts.html.j2": "<p></p>",
        "blocks/after_lines.html.j2": '<table><tbody><tr><td data-role="account">'
        '{{ holder.account_number }}</td></tr><tr><td data-role="account">'
        "{{ holder.account_number }}</td></tr></tbody></table>",
        "blocks/overview.html.j2": '<table><tbody><tr><td data-role="closing">'
        '{{ totals.closing_with_currency }}</td><td data-role="fees">{{ totals.fee }}</td></tr>'
        '<tr><td data-role="debits">{{ totals.debit }}</td><td data-role="credits">'
        '{{ totals.credit }}</td></tr><tr><td data-role="opening">{{ totals.opening }}</td>'
        "<td></td></tr></tbody>"
        "</table>",
    },
}


@pytest.mark.parametrize("kind", ["no movements", "overdrawn", "some pages", "in parts"])
@pytest.mark.parametrize("tables", OTHER_TABLES)
def test_a_brand_with_other_tables_is_verified_by_roles(
    tables: str, kind: str, tmp_path: Path
) -> None:
    folder = write_brand(tmp_path / "brand", files=OTHER_TABLES[tables])
    pdf = branded(kinds()[kind], folder).pdf
    assert failed(verify(pdf, VerifyInputs())) == {}
    path = tmp_path / "statement.pdf"
    path.write_bytes(pdf)
    if "a head" in tables:
        result = outloud.check(str(path))
        assert [finding.message for finding in result.sorted_findings()] == []


@pytest.mark.parametrize("name", NAMES)
def test_other_numbers_on_the_page_of_a_brand_are_found(name: str) -> None:
    # Given a page of a brand, and attachments that add up to something else
    made = kinds()["overdrawn"]
    other = statement(*made.lines, opening_minor=-5_001)
    with pikepdf.open(BytesIO(in_the_brand(name, "overdrawn"))) as pdf:
        for change in attachments_of(other):
            change(pdf)
        output = BytesIO()
        pdf.save(output, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    said = failed(verify(output.getvalue(), VerifyInputs()))
    assert said["page"].startswith("the opening above the lines is printed as '-50.00'")
