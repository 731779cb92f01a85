"""docs/adopt.md names findings that there are, and each is made on a real stack by a test."""

import re

from closebook.doctor.finding import Severity
from tests.doctor.misconfigurations import FIRST_DAY
from tests.doctor.test_document import codes_of_page
from tests.doctor.test_misconfigurations import NOTES
from tests.markdown import ADOPT, section, text
from tests.newcomer import steps

CODE = re.compile(r"`([a-z]+(?:-[a-z]+)+)`")
WRONG = "What is wrong, and what the check says"


def test_the_findings_in_adopt_are_findings_of_the_doctor() -> None:
    named = set(CODE.findall(text(ADOPT))) & codes_of_page()
    assert set(CODE.findall(section(ADOPT, WRONG))) <= named
    assert len(named) > 30


def test_adopt_names_each_misconfiguration_of_the_first_day() -> None:
    """What is only a note is no misconfiguration."""
    made = {wrong.code for wrong in FIRST_DAY} - NOTES
    assert made - set(CODE.findall(section(ADOPT, WRONG))) == set()
    assert codes_of_page() >= NOTES
    assert Severity.NOTE.value == "note"


def test_each_step_of_adopt_up_to_the_start_has_a_check() -> None:
    numbered = {step.heading for step in steps() if step.heading[:1].isdigit()}
    checked = {title for title in numbered if "**Check.**" in section(ADOPT, title)}
    assert numbered - checked == {"3. Views"}, "its check is that of step 4"
    assert len(numbered) == 9
