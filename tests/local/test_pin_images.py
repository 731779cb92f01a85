"""`make pin-images` with Debian's docker-registry, which wants a token as Docker Hub does."""

import json
import re
import subprocess
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from local import REPOSITORY
from local.pin_images import FILES, Image, images_in, main, pinned
from local.ports import LOOPBACK, choose
from local.processes import find
from tests.compose_file import SERVICES, TEXT, new_secrets, rendered

SERVICE = "a registry of the tests"
ISSUER = "the tests"
OCI = "application/vnd.oci.image"
OLD = "0" * 64


class Tokens:
    """Gives tokens to whoever asks, signed by a key that the registry knows."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, ISSUER)])
        now = datetime.now(UTC)
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.key.public_key())
            .serial_number(1)
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self.key, hashes.SHA256())
        )

    def token(self, scope: str) -> str:
        kind, name, actions = scope.split(":")
        now = int(time.time())
        return jwt.encode(
            {
                "iss": ISSUER,
                "aud": SERVICE,
                "sub": "anybody",
                "jti": "1",
                "iat": now - 10,
                "nbf": now - 10,
                "exp": now + 60,
                "access": [{"type": kind, "name": name, "actions": actions.split(",")}],
            },
            self.key,
            "ES256",
            {
                "x5c": [
                    b64encode(self.certificate.public_bytes(serialization.Encoding.DER)).decode()
                ]
            },
        )

    @contextmanager
    def served(self) -> Iterator[str]:
        tokens = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                (scope,) = parse_qs(urlsplit(self.path).query)["scope"]
                body = json.dumps({"token": tokens.token(scope)}).encode()
                self.send_response(200)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: object) -> None:
                pass

        server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://{LOOPBACK}:{server.server_port}/token"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


@dataclass(frozen=True)
class Registry:
    url: str
    tokens: Tokens

    def push(self, name: str, tag: str, text: str = "a layer") -> str:
        """Store an image of one platform below an index; return the digest of the index."""
        config = self._blob(name, b"{}")
        layer = self._blob(name, text.encode())
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{OCI}.manifest.v1+json",
            "config": {"mediaType": f"{OCI}.config.v1+json", **config},
            "layers": [{"mediaType": f"{OCI}.layer.v1.tar", **layer}],
        }
        platform = {"architecture": "amd64", "os": "linux"}
        below = self._manifest(name, "below", manifest)
        index = {
            "schemaVersion": 2,
            "mediaType": f"{OCI}.index.v1+json",
            "manifests": [{"mediaType": manifest["mediaType"], "platform": platform, **below}],
        }
        return str(self._manifest(name, tag, index)["digest"])

    def _client(self, name: str) -> httpx.Client:
        token = self.tokens.token(f"repository:{name}:pull,push")
        return httpx.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {token}"}, trust_env=False
        )

    def _blob(self, name: str, content: bytes) -> dict[str, object]:
        digest = f"sha256:{sha256(content).hexdigest()}"
        with self._client(name) as client:
            place = client.post(f"/v2/{name}/blobs/uploads/").headers["Location"]
            url = httpx.URL(place).copy_add_param("digest", digest)
            headers = {"Content-Type": "application/octet-stream"}
            client.put(url, content=content, headers=headers).raise_for_status()
        return {"digest": digest, "size": len(content)}

    def _manifest(self, name: str, tag: str, manifest: dict[str, object]) -> dict[str, object]:
        content = json.dumps(manifest).encode()
        with self._client(name) as client:
            client.put(
                f"/v2/{name}/manifests/{tag}",
                content=content,
                headers={"Content-Type": str(manifest["mediaType"])},
            ).raise_for_status()
        return {"digest": f"sha256:{sha256(content).hexdigest()}", "size": len(content)}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    folder, tokens = tmp_path_factory.mktemp("registry"), Tokens()
    address = f"{LOOPBACK}:{choose(['registry'])['registry']}"
    pem = tokens.certificate.public_bytes(serialization.Encoding.PEM)
    (folder / "tokens.crt").write_bytes(pem)
    with tokens.served() as realm:
        (folder / "config.yml").write_text(
            yaml.safe_dump(
                {
                    "version": 0.1,
                    "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
                    "http": {"addr": address},
                    "auth": {
                        "token": {
                            "realm": realm,
                            "service": SERVICE,
                            "issuer": ISSUER,
                            "rootcertbundle": str(folder / "tokens.crt"),
                        }
                    },
                }
            )
        )
        with (
            (folder / "registry.log").open("wb") as log,
            subprocess.Popen(
                [find("docker-registry"), "serve", folder / "config.yml"], stdout=log, stderr=log
            ) as process,
        ):
            try:
                found = Registry(f"http://{address}", tokens)
                wait_for(found, folder / "registry.log")
                yield found
            finally:
                process.terminate()


def wait_for(registry: Registry, log: Path) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            answer = httpx.get(f"{registry.url}/v2/", trust_env=False)
        except httpx.TransportError:
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        else:
            assert answer.status_code == 401
            return


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Given the project's own files, whose images have other digests than in the registry."""
    monkeypatch.setenv("NO_PROXY", LOOPBACK)
    for name in FILES:
        text = (REPOSITORY / name).read_text("utf-8")
        (tmp_path / name).write_text(re.sub("@sha256:[0-9a-f]{64}", f"@sha256:{OLD}", text))
    return tmp_path


def texts_of(folder: Path) -> list[str]:
    return [(folder / name).read_text("utf-8") for name in FILES]


def pushed(registry: Registry, folder: Path) -> dict[str, str]:
    """Push each image of the files; return the digest by image."""
    images = images_in("\n".join(texts_of(folder)))
    return {str(each): registry.push(f"library/{each.name}", each.tag) for each in images}


# ---- pinning ---------------------------------------------------------------------------


@pytest.mark.servers
def test_each_tag_gets_the_digest_that_the_registry_has(
    registry: Registry, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = texts_of(folder)
    expected = pushed(registry, folder)
    assert {image.split(":")[0] for image in expected} == {
        *("postgres", "redis", "rabbitmq", "python")
    }

    assert main(["--folder", str(folder), "--hub", registry.url]) == 0

    after = "\0".join(before)
    for image, digest in expected.items():
        after = after.replace(f"{image}@sha256:{OLD}", f"{image}@{digest}")
    assert texts_of(folder) == after.split("\0")
    assert OLD not in after
    printed = capsys.readouterr().out
    assert all(
        f"{image} {digest} (was sha256:{OLD})" in printed for image, digest in expected.items()
    )
    assert main(["--folder", str(folder), "--hub", registry.url]) == 0
    assert capsys.readouterr().out.count("(unchanged)") == len(expected)


@pytest.mark.servers
def test_a_tag_that_moved_gets_its_new_digest(registry: Registry, folder: Path) -> None:
    pushed(registry, folder)
    main(["--folder", str(folder), "--hub", registry.url])
    (redis,) = [each for each in images_in(texts_of(folder)[0]) if each.name == "redis"]
    digest = registry.push("library/redis", redis.tag, "a patched layer")

    assert main(["--folder", str(folder), "--hub", registry.url]) == 0

    assert f"{redis}@{digest}" in texts_of(folder)[0]


@pytest.mark.servers
def test_a_tag_that_there_is_not_changes_nothing_and_is_named(
    registry: Registry, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pushed(registry, folder)
    compose = folder / "docker-compose.yml"
    compose.write_text(re.sub(r"image: redis:[\w.-]+", "image: redis:0.0.0", compose.read_text()))
    before = texts_of(folder)

    assert main(["--folder", str(folder), "--hub", registry.url]) == 1

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("pin-images failed, and changed nothing: ")
    assert "has no library/redis:0.0.0" in line
    assert texts_of(folder) == before


@pytest.mark.servers
def test_a_registry_that_sends_something_else_than_it_says_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As one whose store is damaged does, or a mirror between."""

    class Liar(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", f"{OCI}.index.v1+json")
            self.send_header("Docker-Content-Digest", f"sha256:{'1' * 64}")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_arguments: object) -> None:
            pass

    before = texts_of(folder)
    server = ThreadingHTTPServer((LOOPBACK, 0), Liar)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        hub = f"http://{LOOPBACK}:{server.server_port}"
        assert main(["--folder", str(folder), "--hub", hub]) == 1
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert f"sha256:{'1' * 64}, and has sent sha256:" in capsys.readouterr().err
    assert texts_of(folder) == before


def test_without_a_registry_it_says_so_and_changes_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = texts_of(folder)
    hub = f"http://{LOOPBACK}:{choose(['nobody'])['nobody']}"

    assert main(["--folder", str(folder), "--hub", hub]) == 1

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(
        "pin-images failed, and changed nothing: CB-STACK-REGISTRY-NOT-REACHED: the registry"
        f" {hub}, which has"
    )
    assert "cannot be reached" in line
    assert "make pin-images HUB=https://" in line
    assert texts_of(folder) == before


# ---- the files -------------------------------------------------------------------------


def test_every_image_of_the_compose_file_is_found() -> None:
    services = rendered(new_secrets())["services"]
    used = {services[name]["image"].split("@")[0] for name in SERVICES}
    assert {str(image) for image in images_in(TEXT)} == {
        image for image in used if not image.startswith("closebook/")
    }


def test_an_image_without_a_digest_gets_one_and_ours_gets_none() -> None:
    text = "    image: redis:7.2\n  image: closebook/pipeline:0.1.0\nFROM python:3.11 AS base\n"
    digest = f"sha256:{'1' * 64}"
    assert images_in(text) == {Image("redis", "7.2"): None, Image("python", "3.11"): None}
    assert pinned(text, dict.fromkeys(images_in(text), digest)) == (
        f"    image: redis:7.2@{digest}\n  image: closebook/pipeline:0.1.0\n"
        f"FROM python:3.11@{digest} AS base\n"
    )


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("redis", ("https://hub", "library/redis")),
        ("grafana/grafana", ("https://hub", "grafana/grafana")),
        ("ghcr.io/astral-sh/uv", ("https://ghcr.io", "astral-sh/uv")),
        ("registry.internal:5000/redis", ("https://registry.internal:5000", "redis")),
    ],
)
def test_the_name_says_which_registry_has_the_image(name: str, place: tuple[str, str]) -> None:
    assert Image(name, "1").place("https://hub") == place
