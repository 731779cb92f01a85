"""Servers that claim to be PostgreSQL or Redis: one that asks for a password, one with TLS."""

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

SSL_REQUEST = struct.pack("!ii", 8, 80877103)
GSS_REQUEST = struct.pack("!ii", 8, 80877104)
# What each way of authentication asks for, as the message of the server (PostgreSQL's protocol).
ASKS = {
    "cleartext": b"R" + struct.pack("!ii", 8, 3),
    "md5": b"R" + struct.pack("!ii", 12, 5) + b"salt",
    "nothing": b"R" + struct.pack("!ii", 8, 0),
}


@dataclass
class Rogue:
    """A server that asks for a password, and what it got."""

    port: int
    received: bytearray = field(default_factory=bytearray)


@contextmanager
def rogue_postgres(asks: str) -> Iterator[Rogue]:
    """A server without TLS that asks for a password in one of the ways of ASKS."""

    def answer(line: socket.socket, rogue: Rogue) -> None:
        first = line.recv(8)
        while first in {SSL_REQUEST, GSS_REQUEST}:
            line.sendall(b"N")
            first = line.recv(8)
        rest = struct.unpack("!i", first[:4])[0] - 8
        rogue.received += first[8:] + line.recv(rest)
        line.sendall(ASKS[asks])
        rogue.received += line.recv(4096)

    with _listening(answer) as rogue:
        yield rogue


@contextmanager
def tls_before(port: int, certificate: "Certificate", *, is_postgres: bool) -> Iterator[int]:
    """A server with TLS that passes everything on to a port of this machine. Yields its own port.

    With ``is_postgres`` TLS begins after PostgreSQL's request for it, else at once.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.chain, certificate.key)

    def answer(line: socket.socket, _: Rogue) -> None:
        if is_postgres:
            while line.recv(8) != SSL_REQUEST:
                line.sendall(b"N")
            line.sendall(b"S")
        with (
            context.wrap_socket(line, server_side=True) as secure,
            socket.create_connection(("127.0.0.1", port)) as behind,
        ):
            back = threading.Thread(target=_pass_on, args=(behind, secure), daemon=True)
            back.start()
            _pass_on(secure, behind)

    with _listening(answer) as rogue:
        yield rogue.port


@dataclass(frozen=True)
class Certificate:
    """A server's certificate with its key, and the authority that issued it, as PEM files."""

    chain: Path
    key: Path
    authority: Path


def certificate_for(name: str, folder: Path) -> Certificate:
    """A certificate for a host name, by a new authority of its own."""
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    issuer, now = _named(f"Authority of {folder.name}"), datetime.now(UTC)
    root = (
        _certificate(issuer, issuer, authority_key, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    server = (
        _certificate(_named(name), issuer, key, now)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    folder.mkdir(parents=True)
    made = Certificate(folder / "server.pem", folder / "key.pem", folder / "authority.pem")
    made.chain.write_bytes(server.public_bytes(Encoding.PEM))
    made.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    made.authority.write_bytes(root.public_bytes(Encoding.PEM))
    return made


@contextmanager
def _listening(answer: Callable[[socket.socket, Rogue], None]) -> Iterator[Rogue]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        rogue = Rogue(server.getsockname()[1])

        def serve() -> None:
            with suppress(OSError):
                while True:
                    line, _ = server.accept()
                    threading.Thread(target=_quietly, args=(answer, line, rogue)).start()

        threading.Thread(target=serve, daemon=True).start()
        yield rogue


def _quietly(
    answer: Callable[[socket.socket, Rogue], None], line: socket.socket, rogue: Rogue
) -> None:
    with suppress(OSError, struct.error), line:
        answer(line, rogue)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def _named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime
) -> x509.CertificateBuilder:
    return x509.CertificateBuilder(
        issuer,
        subject,
        key.public_key(),
        x509.random_serial_number(),
        now - timedelta(days=1),
        now + timedelta(days=30),
    )
