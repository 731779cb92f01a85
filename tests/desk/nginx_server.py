"""nginx of Debian with deploy/nginx.conf, before an API server of its own, both on loopback."""

import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from local import REPOSITORY
from local.airflow_home import Airflow
from local.ports import LOOPBACK, choose
from local.processes import find
from local.stack import Stack
from tests import process_group

PROXY = "127.0.0.2"
"""The address from which nginx speaks to the API server. Clients have others."""
_PATIENCE_SECONDS = 180.0


@dataclass(frozen=True)
class Site:
    """An API server behind nginx: the address of each, and the certificate to be trusted."""

    url: str
    direct_url: str
    certificate: Path
    log: Path

    def browser(self, address: str) -> httpx.Client:
        """A client at this address of loopback, outside of the proxy."""
        trusted = ssl.create_default_context(cafile=self.certificate)
        transport = httpx.HTTPTransport(verify=trusted, local_address=address)
        return httpx.Client(base_url=self.url, transport=transport, trust_env=False, timeout=30)

    def past_the_proxy(self, address: str) -> httpx.Client:
        """A client at this address that speaks to the API server itself."""
        transport = httpx.HTTPTransport(local_address=address)
        return httpx.Client(
            base_url=self.direct_url, transport=transport, trust_env=False, timeout=30
        )


@contextmanager
def site(
    stack: Stack, folder: Path, variables: Mapping[str, str], workers: int = 1
) -> Iterator[Site]:
    """Start both. The API server has the stack's configuration and these variables."""
    ports = choose(["https", "http", "api"])
    certificate, key = _certificate(folder)
    found = Site(
        f"https://{LOOPBACK}:{ports['https']}",
        f"http://{LOOPBACK}:{ports['api']}",
        certificate,
        folder / "api_server.log",
    )
    with (
        _api_server(stack, found, ports["api"], variables, workers),
        _nginx(folder, ports, certificate, key),
    ):
        _wait(found, folder)
        yield found


@contextmanager
def _api_server(
    stack: Stack, site: Site, port: int, variables: Mapping[str, str], workers: int
) -> Iterator[None]:
    airflow = Airflow.of(stack)
    limits = ("AIRFLOW__FAB__AUTH_RATE_LIMIT",)
    shipped = {name: value for name, value in airflow.environment.items() if name not in limits}
    command = [
        *(sys.executable, "-m", "airflow", "api-server"),
        *("--host", LOOPBACK, "--port", str(port), "--workers", str(workers)),
    ]
    environment = {**shipped, "AIRFLOW__API__BASE_URL": site.url, **variables}
    with process_group.running(command, environment, airflow.home, site.log):
        yield


@contextmanager
def _nginx(folder: Path, ports: Mapping[str, int], certificate: Path, key: Path) -> Iterator[None]:
    text = (REPOSITORY / "deploy" / "nginx.conf").read_text("utf-8")
    places = {
        "listen 80;": f"listen {LOOPBACK}:{ports['http']};",
        "listen 443 ssl;": f"listen {LOOPBACK}:{ports['https']} ssl;",
        "/etc/closebook/tls.crt": str(certificate),
        "/etc/closebook/tls.key": str(key),
        "/var/log/nginx/access.log": str(folder / "access.log"),
        "http://127.0.0.1:8080;": f"http://{LOOPBACK}:{ports['api']};\nproxy_bind {PROXY};",
        "http {": "http {\n"
        + "".join(
            f"{kind}_temp_path {folder / kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        ),
    }
    for place, here in places.items():
        assert text.count(place) == 1, place
        text = text.replace(place, here)
    # One process, which needs no user of its own.
    text = f"daemon off;\nmaster_process off;\npid {folder / 'nginx.pid'};\n{text}"
    (folder / "nginx.conf").write_text(text, "utf-8")
    with (
        (folder / "nginx.log").open("wb") as log,
        subprocess.Popen(
            [find("nginx"), "-e", "stderr", "-p", folder, "-c", folder / "nginx.conf"],
            stdout=log,
            stderr=log,
        ) as process,
    ):
        try:
            yield
        finally:
            process.terminate()


def _wait(site: Site, folder: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            with site.browser("127.0.0.3") as client:
                if client.get("/api/v2/monitor/health").status_code == 200:
                    return
        except httpx.TransportError:
            pass
        logs = (folder / "nginx.log", site.log)
        assert time.monotonic() < deadline, "\n".join(log.read_text()[-2000:] for log in logs)
        time.sleep(0.5)


def _certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "the proxy of a test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=2))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address(LOOPBACK))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    written = folder / "tls.crt", folder / "tls.key"
    written[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    written[1].touch(mode=0o600)
    written[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return written
