"""Somebody new to Closebook, with servers of their own, who types what the documents say."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, LiteralString
from urllib.parse import urlsplit

import psycopg

from local import REPOSITORY
from local.addresses import POOLERS, PRIMARY, REDIS, STORE
from local.airflow_home import Airflow, base_environment
from local.ports import LOOPBACK
from local.postgres import SUPERUSER
from local.stack import Stack
from tests.markdown import ADOPT, blocks, text

DOCTOR = "python3 -m closebook doctor"
# Writes what the test has for a file of this name, and leaves others as they are.
EDITOR = """#!/bin/sh
if test -e "{edits}/$(basename "$1")"; then cp "{edits}/$(basename "$1")" "$1"; fi
"""


@dataclass
class Newcomer:
    """Somebody with servers of their own, who types what docs/adopt.md and the README say."""

    stack: Stack
    folder: Path
    airflow: Airflow
    environment: dict[str, str]

    def edit(self, name: str, content: str) -> None:
        """Let the editor write this when it opens a file of this name."""
        (self.folder / "edits" / name).write_text(content)

    def type(self, block: str, answers: str = "", *, errors: bool = True) -> str:
        """Run a block in one shell; what it exports stays for the next one.

        Without ``errors`` only its standard output is returned.
        """
        kept = self.folder / "environment"
        script = f"{block}\nenv -0 > {kept}\n"
        shell = ["bash", "-euo", "pipefail", "-c", script]
        output = self._output(shell, self.folder, answers, errors=errors)
        exported = kept.read_text().rstrip("\0").split("\0")
        self.environment = dict(variable.split("=", 1) for variable in exported)
        return output

    def _output(
        self, argv: list[str], folder: Path, answers: str = "", *, errors: bool = True
    ) -> str:
        # Without a terminal psql asks for passwords on standard input.
        done = subprocess.run(
            argv,
            cwd=folder,
            env=self.environment,
            input=answers,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if errors else subprocess.DEVNULL,
            text=True,
            start_new_session=True,
            check=False,
        )
        assert done.returncode == 0, f"{argv[-1]}\n{done.stdout[-4000:]}"
        return done.stdout

    def metadata(self, query: LiteralString) -> list[tuple[Any, ...]]:
        """Ask Airflow's metadata database."""
        with psycopg.connect(self.airflow.metadata_url.replace("+psycopg", "")) as connection:
            return connection.execute(query).fetchall()


def newcomer_on(stack: Stack, folder: Path) -> Newcomer:
    """A checkout beside servers, with ~/.pgpass and Airflow's home, and nothing of Closebook."""
    for name in ("dags", "plugins", "sql", "templates"):
        (folder / name).symlink_to(REPOSITORY / name)
    (folder / "edits").mkdir()
    editor = folder / "editor"
    editor.write_text(EDITOR.format(edits=folder / "edits"))
    editor.chmod(0o700)
    passwords = folder / "pgpass"
    passwords.touch(mode=0o600)
    passwords.write_text(
        "".join(
            f"{LOOPBACK}:{stack.ports[server]}:*:{user}:{stack.secrets[user]}\n"
            for server, user in (
                (PRIMARY, SUPERUSER),
                (STORE, SUPERUSER),
                (STORE, "closebook_owner"),
            )
        )
    )
    airflow = replace(Airflow.of(stack), home=folder / "airflow", logs=folder, environment={})
    airflow.configure()
    on_primary = f"postgresql://{SUPERUSER}@{LOOPBACK}:{stack.ports[PRIMARY]}"
    on_store = f"@{LOOPBACK}:{stack.ports[STORE]}"
    environment = {
        **base_environment(),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "AIRFLOW_HOME": str(airflow.home),
        "PGPASSFILE": str(passwords),
        "EDITOR": str(editor),
        "PLATFORM_URL": f"{on_primary}/shop",
        "STORE_URL": f"postgresql://{SUPERUSER}{on_store}/postgres",
        "OWNER_URL": f"postgresql://closebook_owner{on_store}/closebook",
    }
    return Newcomer(stack, folder, airflow, environment)


def own_connections(stack: Stack) -> str:
    """The connections.env of the first steps with the test's hosts and passwords in it."""
    (written,) = blocks(text(ADOPT), "ini")
    servers = {
        "closebook_primary": PRIMARY,
        **{f"closebook_{replica}": pooler for pooler, replica in POOLERS.items()},
        "closebook_store": STORE,
        "closebook_desk": STORE,
        "closebook_redis": REDIS,
        "closebook_redis_app": REDIS,
    }
    lines = dict(line.split("=", 1) for line in written.splitlines())
    assert lines.keys() == servers.keys()
    edited = ""
    for conn_id, uri in lines.items():
        parts, server = urlsplit(uri), servers[conn_id]
        assert parts.password == "PASSWORD"  # noqa: S105  # what stands in the document
        password = stack.secrets[parts.username or ""]
        host = f"{parts.username}:{password}@{LOOPBACK}:{stack.ports[server]}"
        # The stack's Redis is on loopback, and has no TLS.
        moved = parts._replace(netloc=host, query=parts.query.replace("&ssl=true", ""))
        edited += f"{conn_id}={moved.geturl()}\n"
    return edited


@dataclass(frozen=True)
class Step:
    """A block of commands of docs/adopt.md, below which heading, and what its check may find.

    Without ``found`` it is no check of the doctor. With ``at_most`` it need not find it.
    """

    heading: str
    block: str
    found: frozenset[str] | None = None
    at_most: bool = False


def steps() -> list[Step]:
    """The blocks of docs/adopt.md from top to end, as a reader types them."""
    made: list[Step] = []
    heading = ""
    parts = re.split(r"^(```sh\n.*?^```$)", text(ADOPT), flags=re.MULTILINE | re.DOTALL)
    for before, fenced in zip(parts[::2], parts[1::2], strict=False):
        heading = ([heading, *re.findall(r"^## (.+)$", before, re.MULTILINE)])[-1]
        block = fenced.removeprefix("```sh\n").removesuffix("```")
        said = before.rstrip().rpartition("\n\n")[2]
        is_check = said.startswith("**Check.**") and block.startswith(DOCTOR)
        codes = frozenset(re.findall(r"`([a-z]+(?:-[a-z]+)+)`", said)) if is_check else None
        made.append(Step(heading, block, codes, "at most" in said))
    return made


def take_step(newcomer: Newcomer, step: Step) -> str:
    """Type a block with the answers and the files that it asks for; compare what a check finds."""
    stack, block = newcomer.stack, step.block
    if step.found is not None:
        report = json.loads(newcomer.type(f"{block.rstrip()} --json || true", errors=False))
        found = {each["code"] for each in report["findings"] if each["severity"] != "note"}
        expected = found & step.found if step.at_most else step.found
        assert found == expected, (step, report)
        return ""
    if "connections import" in block:
        connections = newcomer.folder / "connections.env"
        connections.touch(mode=0o600)
        connections.write_text(own_connections(stack))
    if "trial-hour" in block:
        stack.replica_wait()
    block = block.replace("/var/lib/closebook/documents", f"{newcomer.folder}/documents")
    said = ""
    # A command that asks takes all of its input at once, so each one is typed alone.
    for command in re.split(r"(?<!\\)\n", block.rstrip("\n")):
        said = newcomer.type(command, answers(stack, command))
    if "closebook_reader'" in block:
        stack.replica_wait()
        stack.renew_pool_users()
    return said


def answers(stack: Stack, command: str) -> str:
    """The passwords that a command asks for, each of them twice."""
    roles = re.findall(r"\\password (\w+)", command)
    users = re.findall(r"users create --username (\w+)", command)
    passwords = [stack.secrets[role] for role in roles]
    passwords += [stack.credentials[user] for user in users]
    return "".join(f"{password}\n" * 2 for password in passwords)
