"""The register names standards only for files that a validator has checked."""

from pathlib import Path

import pytest

from closebook.errors import Misconfigured, WrongData
from closebook.settings.statement_settings import DocumentValidator, document_validator
from closebook.statements.validator import SampleCheck

CLAIMED = "PDF/A-3a, PDF/UA-1"


def checking(folder: Path, program: str, every: int = 1) -> SampleCheck:
    script = folder / "validator.sh"
    script.write_text(f"#!/bin/sh\n{program}\n", encoding="utf-8")
    script.chmod(0o755)
    return SampleCheck(DocumentValidator((str(script), "{flavour}", "{file}"), every))


def test_without_a_validator_no_standard_is_named() -> None:
    assert SampleCheck(None).conformance_of(b"%PDF", CLAIMED, "a document") is None


def test_a_file_that_was_checked_for_both_standards_gets_their_names(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    check = checking(tmp_path, f'echo "$1 $(cat "$2")" >> {seen}')
    assert check.conformance_of(b"%PDF-1", CLAIMED, "a document") == CLAIMED
    assert seen.read_text("utf-8") == "3a %PDF-1\nua1 %PDF-1\n"


def test_a_file_that_does_not_conform_is_refused(tmp_path: Path) -> None:
    check = checking(tmp_path, '[ "$1" = 3a ]')
    with pytest.raises(WrongData, match="a document does not conform to ua1"):
        check.conformance_of(b"%PDF", CLAIMED, "a document")


def test_a_sample_of_the_files_is_checked_and_always_the_same(tmp_path: Path) -> None:
    check = checking(tmp_path, "exit 0", every=10)
    files = [b"%%PDF %d" % number for number in range(200)]
    checked = [file for file in files if check.conformance_of(file, CLAIMED, "it") is not None]
    assert 5 <= len(checked) <= 45
    assert checked == [file for file in files if check.conformance_of(file, CLAIMED, "it")]


@pytest.mark.parametrize("program", ["exit 2", "kill -9 $$"])
def test_a_validator_that_fails_is_a_wrong_setting(program: str, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="neither 0"):
        checking(tmp_path, program).conformance_of(b"%PDF", CLAIMED, "it")


def test_a_validator_that_is_missing_is_a_wrong_setting() -> None:
    check = SampleCheck(DocumentValidator(("/no/such/program", "{file}", "{flavour}"), 1))
    with pytest.raises(Misconfigured, match="cannot be run"):
        check.conformance_of(b"%PDF", CLAIMED, "it")


@pytest.mark.parametrize(
    ("command", "one_in"),
    [("verapdf", "1"), ("v {flavour} {file}", "0"), ("v {flavour} {file}", "x")],
)
def test_a_setting_that_cannot_be_read_is_refused(
    command: str, one_in: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOSEBOOK_VALIDATOR", command)
    monkeypatch.setenv("CLOSEBOOK_VALIDATE_ONE_IN", one_in)
    with pytest.raises(Misconfigured, match=r"must have \{flavour\} and \{file\}"):
        document_validator()


def test_a_setting_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLOSEBOOK_VALIDATOR", raising=False)
    assert document_validator() is None
    monkeypatch.setenv("CLOSEBOOK_VALIDATOR", "v --flavour {flavour} {file}")
    monkeypatch.setenv("CLOSEBOOK_VALIDATE_ONE_IN", "")
    assert document_validator() == DocumentValidator(("v", "--flavour", "{flavour}", "{file}"), 100)
