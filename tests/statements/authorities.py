"""Authorities on loopback: one that issues certificates and revocation lists, one for timestamps.

OpenSSL makes the timestamps (RFC 3161), as an authority's server does.
"""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.statements.certificates import (
    Identity,
    Key,
    certificate_builder,
    filling,
    name_of,
    usage,
)

_NOW = datetime.now(UTC)
_END = _NOW + timedelta(days=700)
_TSA_SETTINGS = """
[tsa]
default_tsa = here
[here]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
certs = {folder}/root.pem
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
accuracy = secs:1
ess_cert_id_alg = sha256
"""


@dataclass
class Authorities:
    """Their address, the root that both lead to, and what was asked of them."""

    url: str
    folder: Path
    root: x509.Certificate
    root_key: ec.EllipticCurvePrivateKey
    clock_key: ec.EllipticCurvePrivateKey
    asked: list[str] = field(default_factory=list)
    is_silent: bool = False

    @property
    def roots(self) -> Path:
        """A PEM file with the root."""
        return self.folder / "root.pem"

    @property
    def clock(self) -> Path:
        """A PEM file with the certificate of the authority for timestamps."""
        return self.folder / "tsa.pem"

    def identity(self, key: Key) -> Identity:
        """An identity of Northgate Payments whose certificate names the revocation list."""
        certificate = self.certificate("Northgate Payments", key, is_tsa=False)
        return Identity(key, certificate, self.root)

    def certificate(
        self, name: str, key: Key, *, is_tsa: bool, extra_bytes: int = 0
    ) -> x509.Certificate:
        """A certificate that names the revocation list; it is longer by ``extra_bytes``."""
        place = [x509.UniformResourceIdentifier(f"{self.url}/revoked.crl")]
        builder = (
            certificate_builder(name_of(name), self.root.subject, key, -2, _END)
            .add_extension(usage(signs=True), critical=True)
            .add_extension(
                filling(extra_bytes),
                critical=False,
            )
            .add_extension(
                x509.CRLDistributionPoints([x509.DistributionPoint(place, None, None, None)]),
                critical=False,
            )
        )
        if is_tsa:
            builder = builder.add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True
            )
        return builder.sign(self.root_key, hashes.SHA256())

    def revocation_list(self) -> bytes:
        """A list that revokes nothing."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.root.subject)
            .last_update(_NOW - timedelta(hours=1))
            .next_update(_NOW + timedelta(days=7))
        )
        return builder.sign(self.root_key, hashes.SHA256()).public_bytes(Encoding.DER)

    def timestamp(self, query: bytes) -> bytes:
        """OpenSSL's answer to a query for a timestamp."""
        (self.folder / "query.tsq").write_bytes(query)
        return subprocess.run(
            ["openssl", "ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query.tsq"],
            cwd=self.folder,
            check=True,
            capture_output=True,
        ).stdout


@contextmanager
def authorities(folder: Path) -> Iterator[Authorities]:
    """Run both on a free port of loopback within the block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    root_key = ec.generate_private_key(ec.SECP256R1())
    name = name_of("Test Root")
    root = (
        certificate_builder(name, name, root_key, -2, _END)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage(signs_certificates=True), critical=True)
        .sign(root_key, hashes.SHA256())
    )
    tsa_key = ec.generate_private_key(ec.SECP256R1())
    both = Authorities(f"http://127.0.0.1:{server.server_port}", folder, root, root_key, tsa_key)
    tsa = both.certificate("Test Clock", tsa_key, is_tsa=True)
    (folder / "root.pem").write_bytes(root.public_bytes(Encoding.PEM))
    both.clock.write_bytes(tsa.public_bytes(Encoding.PEM))
    (folder / "tsa.key").write_bytes(
        tsa_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    (folder / "tsa.cnf").write_text(_TSA_SETTINGS.format(folder=folder))
    (folder / "serial").write_text("01\n")
    server.both = both  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield both
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        both: Authorities = self.server.both  # type: ignore[attr-defined]
        both.asked.append("timestamp")
        query = self.rfile.read(int(self.headers["Content-Length"]))
        if both.is_silent:
            self.send_error(503)
            return
        self._answer("application/timestamp-reply", both.timestamp(query))

    def do_GET(self) -> None:
        both: Authorities = self.server.both  # type: ignore[attr-defined]
        both.asked.append(self.path)
        self._answer("application/pkix-crl", both.revocation_list())

    def _answer(self, media_type: str, content: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_args: object) -> None:
        """Write nothing beside the test's own output."""
