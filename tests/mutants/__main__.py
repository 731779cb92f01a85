"""`python -m tests.mutants [words]`: take each guard out in turn; a test must fail.

In a copy of the tree, never in place. Exit status 1 if a guard can be taken out without a test that
fails, or can no longer be taken out at all; 2 if its tests do not even pass while it is there.
Words choose the guards whose names have them.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from local import REPOSITORY
from tests.mutants.guard import Guard, Mutant
from tests.mutants.guards import GUARDS
from tests.mutants.markers import Markers, NoLongerApplies

SCRATCH = REPOSITORY / ".local" / "mutants"
MAX_SECONDS = 600


@dataclass(frozen=True)
class Verdict:
    """How a run of tests ended: the test that failed, or None; or why it says nothing."""

    caught_by: str | None
    seconds: float
    trouble: str | None = None

    @property
    def summary(self) -> str:
        """What happened, in words."""
        return self.caught_by or self.trouble or "NOTHING: it survives"


def main(words: list[str]) -> int:
    """Try the guards and print a table of them."""
    guards = [guard for guard in GUARDS if all(word in guard.name for word in words)]
    tests = tuple(dict.fromkeys(test for guard in guards for test in guard.tests))
    console = Console(soft_wrap=True, markup=False, highlight=False)
    if not guards:  # or pytest, without a test's name, runs all of them
        console.print(f"no guard has all of these words in its name: {', '.join(words)}")
        return 2
    tree = copy_tree()
    try:
        mutants, stale = take_out(tree, guards)
        if stale:
            console.print("\n".join(stale))
            console.print(
                f"{len(stale)} of {len(guards)} guards no longer apply: correct those first"
            )
            return 1
        console.print(f"with all {len(guards)} guards: {len(tests)} tests")
        before = run(tree, tests)
        if before.caught_by or before.trouble:
            console.print(f"{before.caught_by or before.trouble}: correct that first")
            return 2
        console.print(f"they pass, in {before.seconds:.0f} s; now without each")
        rows = []
        for guard, mutant in mutants.items():
            verdict = try_without(tree, guard, mutant)
            console.print(f"{guard.name}: {verdict.summary}")
            rows.append((guard, mutant, verdict))
    finally:
        shutil.rmtree(tree)
    console.print(table_of(rows))
    return 0 if all(verdict.caught_by for _, _, verdict in rows) else 1


def take_out(tree: Path, guards: list[Guard]) -> tuple[dict[Guard, Mutant], list[str]]:
    """Return the file without each guard, and what is wrong with those that no longer apply."""
    markers = Markers(tree)
    mutants: dict[Guard, Mutant] = {}
    stale = []
    for guard in guards:
        try:
            mutants[guard] = guard.taken_out(markers)
        except NoLongerApplies as error:
            stale.append(str(error))
    return mutants, stale


def copy_tree() -> Path:
    """Copy what git has, or would have, of this tree into a folder of this process."""
    tree = SCRATCH / str(os.getpid())
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(listing, cwd=REPOSITORY, check=True, capture_output=True, text=True)
    for name in filter(None, listed.stdout.split("\0")):
        source, target = REPOSITORY / name, tree / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    return tree


def try_without(tree: Path, guard: Guard, mutant: Mutant) -> Verdict:
    """Run a guard's tests without it."""
    file = tree / mutant.file
    text = file.read_text(encoding="utf-8")
    file.write_text(mutant.text, encoding="utf-8")
    try:
        return run(tree, guard.tests)
    finally:
        file.write_text(text, encoding="utf-8")


def run(tree: Path, tests: tuple[str, ...]) -> Verdict:
    """Run tests in a copy of the tree up to the first that fails."""
    report = tree / "report.xml"
    report.unlink(missing_ok=True)
    started = time.monotonic()
    running = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-x", "-q", f"--junitxml={report}", *tests],
        cwd=tree,
        # Python takes a changed file of the same size and second for the one it compiled.
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        output, _ = running.communicate(timeout=MAX_SECONDS)
    except BaseException as interruption:
        running.terminate()
        running.communicate()
        if not isinstance(interruption, subprocess.TimeoutExpired):
            raise
        return Verdict(None, MAX_SECONDS, f"no end within {MAX_SECONDS} s")
    seconds = time.monotonic() - started
    if running.returncode == 0:
        return Verdict(None, seconds)
    failed = failure_in(report)
    return Verdict(failed, seconds, None if failed else output[-2000:])


def failure_in(report: Path) -> str | None:
    """The first test of a report that failed; one that did not even begin says nothing."""
    if not report.exists():
        return None
    for case in ET.parse(report).iter("testcase"):  # noqa: S314  # pytest wrote it
        if case.find("failure") is not None:
            return f"{case.get('classname')}::{case.get('name')}"
    return None


def table_of(tried: list[tuple[Guard, Mutant, Verdict]]) -> str:
    """What was found, one row a guard, in Markdown."""
    rows = ["| guard | file | caught by | seconds |", "|---|---|---|---|"]
    for guard, mutant, verdict in tried:
        rows.append(f"| {guard.name} | {mutant.file} | {verdict.summary} | {verdict.seconds:.0f} |")
    return "\n".join(rows)


if __name__ == "__main__":
    # Else a run that is ended leaves its tests and their servers behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main(sys.argv[1:]))
