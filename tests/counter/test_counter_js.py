"""counter.js by node's own test runner: what it shows, and hours of made-up time."""

import re
import subprocess
from pathlib import Path

from local import REPOSITORY
from local.processes import find

TESTS = Path(__file__).with_name("counter.test.mjs")
MODULE = REPOSITORY / "templates/desk/assets/counter.js"


def test_the_tests_of_the_counters_javascript_pass() -> None:
    ran = subprocess.run(
        [find("node"), "--test", str(TESTS)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout
    passed = re.search(r"^# pass (\d+)$", ran.stdout, re.MULTILINE)
    assert passed
    assert int(passed[1]) > 30


def test_the_javascript_imports_nothing_fetches_nothing_and_reads_no_clock() -> None:
    source = MODULE.read_text(encoding="utf-8")
    assert not re.search(r"^\s*import\b|\bimport\(|https?://", source, re.MULTILINE)
    assert not re.search(r"\bDate\.now\b|new Date\b", source)
