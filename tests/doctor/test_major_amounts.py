"""What the doctor finds in views that have amounts in major units."""

from tests.close_fixtures import retyped
from tests.doctor.conftest import Diagnosis, codes, only
from tests.major_amounts import ENTRIES, MAJOR, TRANSACTIONS, major, platform_in_major
from tests.platform_rows import Platform

BOTH = frozenset({TRANSACTIONS, ENTRIES})
THOUSANDTHS = f"{MAJOR} + 0.001"


def test_views_in_major_units_that_the_setting_names_are_as_they_should_be(
    diagnosis: Diagnosis, platform: Platform
) -> None:
    with platform_in_major(platform):
        report = diagnosis(major_amounts=BOTH, is_full=True)

    assert codes(report) == set(), report.text


def test_views_in_major_units_that_the_setting_does_not_name_are_found(
    diagnosis: Diagnosis, platform: Platform
) -> None:
    with retyped(platform, ENTRIES, major("amount_minor", MAJOR)):
        finding = only(diagnosis(), "column-missing")

    assert "name ledger_entries in CLOSEBOOK_MAJOR_AMOUNTS" in finding.mend


def test_amounts_that_would_have_to_be_rounded_are_found(
    diagnosis: Diagnosis, platform: Platform
) -> None:
    with platform_in_major(platform, amount_minor=THOUSANDTHS, entry_amount=THOUSANDTHS):
        report = diagnosis(major_amounts=BOTH)

    found = {each.subject: each.what for each in report.findings if each.code == "amount-refused"}
    assert codes(report) == {"amount-refused"}, report.text
    assert found.keys() == {"reporting_source.transactions", "reporting_source.ledger_entries"}
    assert found["reporting_source.transactions"].startswith("2 of 2 ")
