"""What a stack keeps in its folder from one command to the next, and its lock."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.errors import StackError
from local.folders import write_private
from local.processes import Running


@dataclass(frozen=True)
class State:
    """The settings, ports, secrets and started processes of a stack."""

    fast: bool
    ports: dict[str, int]
    secrets: dict[str, str]
    airflow_fingerprint: str
    running: dict[str, Running]

    @staticmethod
    def read(root: Path) -> "State | None":
        """What the folder holds; None if no stack was made there. Raises StackError if damaged."""
        try:
            state = json.loads(_state_file(root).read_text())
            return State(
                fast=state["fast"],
                ports=state["ports"],
                secrets=json.loads(_secrets_file(root).read_text()),
                airflow_fingerprint=state["airflow_fingerprint"],
                running={
                    name: Running.from_json(found) for name, found in state["running"].items()
                },
            )
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            raise StackError(
                "CB-STACK-STATE-DAMAGED",
                f"{_state_file(root)} or {_secrets_file(root).name} beside it is damaged:"
                f" end what still runs of the stack, remove {root}, and start again",
            ) from None

    def write(self, root: Path) -> None:
        """Replace what the folder holds; a secret is written once and never changes.

        An older stack gets the secrets that were not there yet.
        """
        file = _secrets_file(root)
        if not file.exists() or self.secrets.keys() - json.loads(file.read_text()).keys():
            write_private(file, json.dumps(self.secrets, indent=2), None)
        state = {
            "fast": self.fast,
            "ports": self.ports,
            "airflow_fingerprint": self.airflow_fingerprint,
            "running": {name: running.as_json() for name, running in self.running.items()},
        }
        write_private(_state_file(root), json.dumps(state, indent=2), None)


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Lock a stack, so that no other command starts or stops it meanwhile. Raises StackError."""
    with (root / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackError(
                "CB-STACK-COMMAND-AT-WORK",
                f"another command is at work on the stack in {root}: wait for its end",
            ) from None
        yield


def _state_file(root: Path) -> Path:
    return root / "stack.json"


def _secrets_file(root: Path) -> Path:
    return root / "secrets.json"
