"""Each line of issue 17's table of misconfigurations is found by a finding of its own."""

from dataclasses import replace
from pathlib import Path

import pytest

from closebook.doctor.diagnosis import diagnose
from closebook.doctor.finding import Severity
from closebook.doctor.installation import Installation
from local.stack import Stack
from tests.doctor.misconfigurations import FIRST_DAY, Misconfiguration, Site
from tests.platform_rows import Platform

# They work, and are told so.
NOTES = {"pooler-session-mode", "no-ledger"}


@pytest.mark.parametrize("wrong", FIRST_DAY, ids=lambda wrong: wrong.name)
def test_what_is_wrong_is_found_by_a_finding_of_its_own(
    stack: Stack,
    platform: Platform,
    healthy: Installation,
    tmp_path: Path,
    wrong: Misconfiguration,
) -> None:
    assert healthy.api_server is not None
    site = Site(stack, platform, healthy.settings, healthy.api_server, tmp_path)
    with wrong.make(site) as changed:
        stack.replica_wait(*[r for r in ("replica_b",) if wrong.code == "hot-standby-off"])
        api_server = changed.pop("api_server", healthy.api_server)
        settings = replace(healthy.settings, **changed)
        report = diagnose(replace(healthy, settings=settings, api_server=api_server))

    found = [finding for finding in report.findings if finding.code == wrong.code]
    assert found, report.text
    assert {finding.code for finding in report.findings} - {wrong.code} <= {*wrong.beside}
    for finding in found:
        assert wrong.mend in finding.mend
        assert len(finding.why) > 20
        assert "secret" not in report.text
        assert (finding.severity is Severity.NOTE) is (wrong.code in NOTES)
    assert report.is_healthy is (wrong.code in NOTES)
