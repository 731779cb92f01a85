"""Log-ins are counted by all processes of a machine together, in a file that only they read."""

import subprocess
import sys
from pathlib import Path

import pytest
from flask_appbuilder.const import (  # type: ignore[import-untyped]
    AUTH_DB,
    AUTH_LDAP,
    AUTH_OAUTH,
    AUTH_REMOTE_USER,
)
from limits import parse

from closebook.desk.auth_manager import MAX_SESSION_MINUTES, require_bounded_sessions
from closebook.desk.log_in_limits import LogInCounts
from closebook.errors import Misconfigured
from local import REPOSITORY

FIVE = parse("5 per 40 second")
TRIES = 40
PROCESS = f"""
import sys
from pathlib import Path
from limits import parse
from closebook.desk.log_in_limits import LogInCounts
counts = LogInCounts(Path(sys.argv[1]))
sys.stdin.readline()
waits = [counts.seconds_to_wait(parse("5 per 40 second"), "192.0.2.7") for _ in range({TRIES})]
print(waits.count(0))
"""


def test_two_processes_at_once_give_one_limit(tmp_path: Path) -> None:
    started = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, str(tmp_path / "log-ins.sqlite")],
            env={"PYTHONPATH": str(REPOSITORY / "plugins")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    allowed = [int(process.communicate(timeout=60)[0]) for process in started]
    assert sum(allowed) == FIVE.amount
    # And another address has its own count
    assert LogInCounts(tmp_path / "log-ins.sqlite").seconds_to_wait(FIVE, "192.0.2.8") == 0


def test_a_window_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = LogInCounts(tmp_path / "log-ins.sqlite")
    now = 1_000_000.0
    monkeypatch.setattr("time.time", lambda: now)
    waits = [counts.seconds_to_wait(FIVE, "192.0.2.7") for _ in range(6)]
    assert waits == [0, 0, 0, 0, 0, 40]
    now += 39
    assert counts.seconds_to_wait(FIVE, "192.0.2.7") == 1
    now += 1
    assert counts.seconds_to_wait(FIVE, "192.0.2.7") == 0


def test_the_counts_are_their_owners_alone(tmp_path: Path) -> None:
    LogInCounts(tmp_path / "log-ins.sqlite")
    assert (tmp_path / "log-ins.sqlite").stat().st_mode & 0o077 == 0


def test_an_api_server_that_cannot_count_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "log-ins.sqlite").mkdir()
    with pytest.raises(Misconfigured, match="CB-CONFIG-LOG-INS-NOT-COUNTED"):
        LogInCounts(tmp_path / "log-ins.sqlite")


@pytest.mark.parametrize("auth_type", [AUTH_LDAP, AUTH_OAUTH, AUTH_REMOTE_USER])
@pytest.mark.parametrize("minutes", [0, MAX_SESSION_MINUTES + 1])
def test_with_passwords_that_are_kept_elsewhere_a_session_has_an_end(
    auth_type: int, minutes: int
) -> None:
    with pytest.raises(Misconfigured, match="CB-CONFIG-SESSIONS-WITHOUT-END"):
        require_bounded_sessions(auth_type, minutes)
    require_bounded_sessions(auth_type, MAX_SESSION_MINUTES)
    require_bounded_sessions(AUTH_DB, minutes)
