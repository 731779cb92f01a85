"""Each command of README.md is run by a test."""

import re

import pytest

from local import REPOSITORY
from tests.markdown import ADOPT, AGAIN, README, blocks, commands, section, text

# Which file runs a command, and what in it does.
RUN_BY = {
    "make test": (".ci/run", r"make test$"),
    "make demo": ("tests/local/test_demo.py", r'"make", "demo"|main\(\[.*"demo"|\bdemo\.main\('),
    "make bench": ("tests/benchmarks/test_benchmarks.py", r'"make", "bench"|\bmain\(\['),
    **{
        f"make {command}": ("tests/local/test_demo.py", rf'make\(stack, "{command}"\)')
        for command in ("status", "down", "up", "clean")
    },
}


def test_every_command_of_the_readme_is_run_by_a_test() -> None:
    # tests/adoption/test_adoptions.py types those of this section, and all of docs/adopt.md
    typed = commands(section(README, AGAIN))
    rest = [command for command in commands(text(README)) if command not in typed]
    assert typed
    assert set(re.findall(r"^```(\w+)", text(README), re.MULTILINE)) == {"sh"}
    assert set(re.findall(r"^```(\w+)", text(ADOPT), re.MULTILINE)) == {"sh", "ini", "psql"}
    assert sorted(rest) == sorted(RUN_BY)
    # tests/adoption/test_administrator.py executes it
    assert len(blocks(text(ADOPT), "psql")) == 1


@pytest.mark.parametrize("command", RUN_BY)
def test_a_command_is_run_there(command: str) -> None:
    path, how = RUN_BY[command]
    assert re.search(how, text(REPOSITORY / path), re.MULTILINE)
