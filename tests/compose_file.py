"""docker-compose.yml as it is written, and as Docker Compose renders it with new secrets."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from local import REPOSITORY

FILE = REPOSITORY / "docker-compose.yml"
TEXT = FILE.read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: tuple[str, ...] = tuple(COMPOSE["services"])
AIRFLOW_SERVICES = (
    *("init", "api-server", "execution-api", "scheduler", "dag-processor", "triggerer"),
    *("closes-worker", "documents-worker"),
)

each_service = pytest.mark.parametrize("service", SERVICES)
each_airflow_service = pytest.mark.parametrize("service", AIRFLOW_SERVICES)


@cache
def new_secrets() -> Mapping[str, str]:
    """The secrets, by variable, that the commands at the head of the file make.

    The last of these commands, which starts the containers, is left out.
    """
    head = TEXT.partition("\nname:")[0]
    commands = [line.removeprefix("#   ") for line in head.splitlines() if line.startswith("#   ")]
    assert commands[-1].startswith("docker compose --env-file ~/.closebook.env up ")
    with tempfile.TemporaryDirectory() as home:
        subprocess.run(
            ["bash", "-e"],
            input="\n".join(commands[:-1]),
            env={"PATH": os.defpath, "HOME": home},
            text=True,
            check=True,
        )
        file = Path(home) / ".closebook.env"
        assert file.stat().st_mode & 0o077 == 0
        return dict(line.split("=", 1) for line in file.read_text("utf-8").splitlines())


def rendered(secrets: Mapping[str, str]) -> dict[str, Any]:
    """The file as Docker Compose reads it: anchors merged, variables replaced, paths whole."""
    return rendered_text(TEXT, secrets)


def rendered_text(text: str, secrets: Mapping[str, str]) -> dict[str, Any]:
    """A text as Docker Compose reads it, in the place of the file."""
    with tempfile.NamedTemporaryFile("w", suffix=".env") as file:
        file.writelines(f"{name}={value}\n" for name, value in secrets.items())
        file.flush()
        ran = subprocess.run(
            [
                *(Path(sys.executable).with_name("docker-compose"), "--env-file", file.name),
                *("--project-directory", REPOSITORY, "--file", "-", "config", "--format", "json"),
            ],
            input=text,
            env={"PATH": os.defpath, "HOME": tempfile.gettempdir()},
            capture_output=True,
            text=True,
            check=False,
        )
    assert (ran.returncode, ran.stderr) == (0, "")
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


@cache
def configuration() -> dict[str, Any]:
    """The file, rendered with new secrets."""
    return rendered(new_secrets())


def service_of(name: str) -> dict[str, Any]:
    """A service as Docker Compose renders it."""
    found: dict[str, Any] = configuration()["services"][name]
    return found


def environment(name: str) -> dict[str, str]:
    """A service's variables of the environment."""
    found: dict[str, str] = service_of(name).get("environment") or {}
    return found


def mounts(name: str) -> dict[str, tuple[str, bool]]:
    """A service's mounts, by place in the container: from what, and whether it may write there."""
    return {
        volume["target"]: (volume["source"], not volume.get("read_only", False))
        for volume in service_of(name).get("volumes", [])
    }


def networks(name: str) -> set[str]:
    """The names of a service's networks."""
    return set(service_of(name)["networks"])


def connections(name: str) -> dict[str, str]:
    """The Airflow connections of a service's environment, by id."""
    return {
        variable.removeprefix("AIRFLOW_CONN_").lower(): value
        for variable, value in environment(name).items()
        if variable.startswith("AIRFLOW_CONN_")
    }
