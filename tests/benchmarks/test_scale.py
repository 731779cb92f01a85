"""`python -m benchmarks scale` closes, issues and audits a month of generated accounts."""

import json
from pathlib import Path

import pytest

from benchmarks import scale
from benchmarks.__main__ import main
from closebook.statements import manifest_document
from local.stack import Stack

ACCOUNTS = 600


@pytest.mark.servers
@pytest.mark.timeout(1200)
def test_each_stage_of_a_month_has_its_seconds_and_its_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a manifest of parts, as a large month has it, and a ZIP of more than its first files
    monkeypatch.setattr(manifest_document, "MOST_ENTRIES_IN_ONE", 0)
    monkeypatch.setattr(scale, "ZIPPED", 100)
    root, results = tmp_path / "stack", tmp_path / "results"
    try:
        places = ["--root", str(root), "--results", str(results)]
        assert main(["scale", "--accounts", str(ACCOUNTS), "--small", *places]) == 0
    finally:
        Stack.build(root.with_name("stack-scale"), airflow=False, fast=True).clean()

    measured = json.loads((results / "scale.json").read_text())["accounts"][str(ACCOUNTS)]
    assert (measured["rendered"], measured["stand_ins"]) == (30, 570)
    assert [*measured["stages"]] == [
        "freeze",
        "freeze again, unchanged",
        "plan",
        "render and register",
        "parts of the manifest",
        "manifest",
        "release",
        "search",
        "first 100 of the ZIP",
        "audit",
    ]
    for figures in measured["stages"].values():
        assert figures["seconds"] >= 0
        assert 0 < figures["peak_mb"] < 1_000
