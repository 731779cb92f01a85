"""CONTRIBUTING.md and the files of hosts and editors agree with the Makefile and pyproject.toml."""

import re
import subprocess
import sys
import tomllib
from configparser import ConfigParser
from typing import Any

import pytest
import yaml

from local import REPOSITORY
from tests.markdown import first_column, section, text

MAKEFILE = REPOSITORY / "Makefile"
CONTRIBUTING = REPOSITORY / "CONTRIBUTING.md"
WORKFLOWS = REPOSITORY / ".github" / "workflows"
PROJECT: dict[str, Any] = tomllib.loads(text(REPOSITORY / "pyproject.toml"))
WORKFLOW: dict[str, Any] = yaml.safe_load(text(WORKFLOWS / "test.yml"))
# These are steps of the other targets.
STEPS = {"setup", "setup-dev", "setup-test", "lint-types", "lint-sql"}


def recipe(target: str) -> list[str]:
    """The commands of a target of the Makefile, without their @."""
    found = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", text(MAKEFILE), re.MULTILINE)
    assert found, target
    return [line.strip().removeprefix("@") for line in found[1].splitlines()]


def targets() -> list[str]:
    return re.findall(r"^([a-z-]+):", text(MAKEFILE), re.MULTILINE)


def shown_by_make(*arguments: str) -> list[str]:
    shown = subprocess.run(
        ["env", "-u", "MAKEFLAGS", "make", "--no-print-directory", *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    return [line.split()[1] for line in shown.stdout.splitlines()]


def test_make_without_a_target_lists_every_target_demo_and_test_first() -> None:
    shown = shown_by_make()
    assert shown == shown_by_make("help")
    assert shown[:2] == ["demo", "test"]
    assert set(shown) == set(targets()) - STEPS


def test_contributing_lists_every_target() -> None:
    listed = {
        command.removeprefix("make ").split()[0]
        for command in first_column(section(CONTRIBUTING, "The commands"))
    }
    assert listed == set(targets()) - STEPS


def test_the_hooks_of_pre_commit_are_the_commands_of_make_lint() -> None:
    config = yaml.safe_load(text(REPOSITORY / ".pre-commit-config.yaml"))
    hooks = [hook for repository in config["repos"] for hook in repository["hooks"]]
    *first, both_at_once = recipe("lint")
    assert both_at_once.endswith(" lint-types lint-sql")
    linters = [*first, *recipe("lint-types"), *recipe("lint-sql")]
    assert [hook["entry"] for hook in hooks] == linters
    assert all(hook["language"] == "system" and not hook["pass_filenames"] for hook in hooks)


@pytest.mark.parametrize(
    ("file", "schema"),
    [("workflows/test.yml", "github-workflows"), ("dependabot.yml", "dependabot")],
)
def test_a_file_for_the_host_is_of_its_schema(file: str, schema: str) -> None:
    checked = subprocess.run(
        [
            *(sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}"),
            str(REPOSITORY / ".github" / file),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout


def test_the_workflow_runs_make_test_and_may_only_read() -> None:
    steps = [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]
    assert "make test" in [step.get("run") for step in steps]
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert not any("permissions" in job for job in WORKFLOW["jobs"].values())


def test_every_action_of_a_workflow_is_pinned_by_its_commit() -> None:
    used = [
        action
        for path in sorted(WORKFLOWS.glob("*.yml"))
        for action in re.findall(r"uses: (\S+)", text(path))
    ]
    assert used
    assert [action for action in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", action)] == []


def test_the_license_of_the_package_is_the_one_of_the_repository() -> None:
    project = PROJECT["project"]
    assert project["license"] == "Apache-2.0"
    assert project["license-files"] == ["LICENSE"]
    assert "Apache License\n                           Version 2.0" in text(REPOSITORY / "LICENSE")


def test_the_changelog_has_the_version_of_the_package_below_what_is_unreleased() -> None:
    titles = re.findall(r"^## \[([^\]]+)\]", text(REPOSITORY / "CHANGELOG.md"), re.MULTILINE)
    assert titles[:2] == ["Unreleased", PROJECT["project"]["version"]]


def test_editors_break_lines_where_ruff_does() -> None:
    editor = ConfigParser()
    editor.read_string("[top]\n" + text(REPOSITORY / ".editorconfig"))
    assert editor.getint("*", "max_line_length") == PROJECT["tool"]["ruff"]["line-length"]
