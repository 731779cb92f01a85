"""A real Prometheus server with our rules. It scrapes the desk as deploy/prometheus.yml says."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from local import REPOSITORY
from local.ports import LOOPBACK, choose
from local.processes import find

_TIMEOUT_SECONDS = 120.0


@dataclass(frozen=True)
class Prometheus:
    """The HTTP API of the Prometheus server."""

    url: str

    def api(self, path: str, **parameters: str) -> Any:
        answer = httpx.get(
            f"{self.url}/api/v1/{path}", params=parameters, trust_env=False, timeout=30
        )
        body = answer.json()
        assert body["status"] == "success", body
        return body["data"]

    def series(self, query: str) -> list[dict[str, str]]:
        """The labels of each series that the query returns now."""
        return [one["metric"] for one in self.api("query", query=query)["result"]]

    def wait_for(self, query: str) -> list[dict[str, str]]:
        """Repeat the query until it returns a series."""
        deadline = time.monotonic() + _TIMEOUT_SECONDS
        while not (found := self.series(query)):
            targets = self.api("targets")["activeTargets"]
            assert time.monotonic() < deadline, (query, [each["lastError"] for each in targets])
            time.sleep(0.5)
        return found


@contextmanager
def prometheus_server(target: str, token: str, folder: Path) -> Iterator[Prometheus]:
    """Start Prometheus with our configuration, but with this target and a scrape every second."""
    config = yaml.safe_load((REPOSITORY / "deploy" / "prometheus.yml").read_text("utf-8"))
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(REPOSITORY / "deploy" / "prometheus-rules.yml")]
    config["scrape_configs"][0]["static_configs"] = [{"targets": [target]}]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config), "utf-8")
    token_file = folder / config["scrape_configs"][0]["authorization"]["credentials_file"]
    token_file.write_text(token, "utf-8")
    address = f"{LOOPBACK}:{choose(['prometheus'])['prometheus']}"
    with (
        (folder / "prometheus.log").open("wb") as log,
        subprocess.Popen(
            [
                find("prometheus"),
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={address}",
            ],
            stdout=log,
            stderr=log,
        ) as process,
    ):
        try:
            prometheus = Prometheus(f"http://{address}")
            wait_until_ready(prometheus, process, folder / "prometheus.log")
            yield prometheus
        finally:
            process.terminate()


def wait_until_ready(prometheus: Prometheus, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while True:
        try:
            ready = httpx.get(f"{prometheus.url}/-/ready", trust_env=False).status_code
        except httpx.TransportError:
            ready = 0
        if ready == httpx.codes.OK:
            return
        assert process.poll() is None, log.read_text("utf-8")
        assert time.monotonic() < deadline, log.read_text("utf-8")
        time.sleep(0.2)
