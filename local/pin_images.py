"""`make pin-images`: write the digest of each image's tag into docker-compose.yml and Dockerfile.

The digest is the sha256 of what the registry sends for the tag. All are asked for first: if one
cannot be had, no file is changed.
"""

import argparse
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path

import httpx

from local import REPOSITORY
from local.errors import StackError

FILES = ("docker-compose.yml", "Dockerfile")
DOCKER_HUB = "https://registry-1.docker.io"
TIMEOUT_SECONDS = 20.0

# An image of several platforms is an index; its digest is the one to pin.
_MANIFESTS = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
_REFERENCE = re.compile(
    r"^(?P<before>\s*image: |FROM )"
    r"(?P<image>[a-z0-9][\w./-]*(?::[0-9]+/[\w./-]+)?):(?P<tag>\w[\w.-]*)"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?(?P<after>(?: AS \w+)?)$",
    re.MULTILINE,
)
_OURS = "closebook/"
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True)
class Image:
    """A name and a tag, such as postgres:15.19-bookworm."""

    name: str
    tag: str

    def __str__(self) -> str:
        return f"{self.name}:{self.tag}"

    def place(self, hub: str) -> tuple[str, str]:
        """Return the registry's URL and the name there. `hub` stands for Docker Hub."""
        first, _, rest = self.name.partition("/")
        if rest and ("." in first or ":" in first):
            return f"https://{first}", rest
        return hub, self.name if rest else f"library/{self.name}"


def main(arguments: list[str] | None = None) -> int:
    """Pin the images; the exit status is 1 for an error that the printed line explains."""
    parser = argparse.ArgumentParser(prog="python -m local.pin_images", description=__doc__)
    parser.add_argument("--folder", type=Path, default=REPOSITORY, help="where the files are")
    parser.add_argument("--hub", default=DOCKER_HUB, help="the URL of a mirror of Docker Hub")
    chosen = parser.parse_args(arguments)
    texts = {chosen.folder / name: (chosen.folder / name).read_text("utf-8") for name in FILES}
    try:
        digests = _digests(images_in("\n".join(texts.values())), chosen.hub.rstrip("/"))
    except StackError as error:
        sys.stderr.write(f"pin-images failed, and changed nothing: {error}\n")
        return 1
    for file, text in texts.items():
        file.write_text(pinned(text, digests), encoding="utf-8")
    return 0


def images_in(text: str) -> dict[Image, str | None]:
    """Return the images that are not ours, each with the digest that is written after it."""
    return {
        Image(found["image"], found["tag"]): found["digest"]
        for found in _REFERENCE.finditer(text)
        if not found["image"].startswith(_OURS)
    }


def pinned(text: str, digests: Mapping[Image, str]) -> str:
    """Return the text with these digests."""

    def with_digest(found: re.Match[str]) -> str:
        image = Image(found["image"], found["tag"])
        if image not in digests:
            return found[0]
        return f"{found['before']}{image}@{digests[image]}{found['after']}"

    return _REFERENCE.sub(with_digest, text)


def _digests(images: Mapping[Image, str | None], hub: str) -> dict[Image, str]:
    digests = {}
    with httpx.Client(timeout=TIMEOUT_SECONDS, follow_redirects=True) as client:
        for image in images:
            registry, name = image.place(hub)
            digests[image] = _digest(client, registry, name, image)
    for image, digest in digests.items():
        before = images[image]
        change = "unchanged" if digest == before else f"was {before or 'not pinned'}"
        sys.stdout.write(f"{image} {digest} ({change})\n")
    return digests


def _digest(client: httpx.Client, registry: str, name: str, image: Image) -> str:
    """Ask a registry for a tag, as anybody may. Raises StackError."""
    url = f"{registry}/v2/{name}/manifests/{image.tag}"
    headers = {"Accept": _MANIFESTS}
    try:
        answer = client.get(url, headers=headers)
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            headers["Authorization"] = f"Bearer {_token(client, answer, image)}"
            answer = client.get(url, headers=headers)
    except httpx.TransportError as error:
        raise StackError(
            "CB-STACK-REGISTRY-NOT-REACHED",
            f"the registry {registry}, which has {image}, cannot be reached ({error}): run it where"
            " it can be, or name a mirror: make pin-images HUB=https://…",
        ) from error
    if answer.status_code == HTTPStatus.NOT_FOUND:
        raise StackError(
            "CB-STACK-NO-SUCH-IMAGE",
            f"{registry} has no {name}:{image.tag}: correct the tag in its file",
        )
    if answer.status_code != HTTPStatus.OK:
        raise StackError(
            "CB-STACK-REGISTRY-REFUSED",
            f"{registry} answers {answer.status_code} for {image}: try later, or name another "
            f"mirror with HUB=https://…: {answer.text[:200]}",
        )
    if answer.headers.get("Content-Type", "").split(";")[0] not in _MANIFESTS.split(", "):
        raise StackError(
            "CB-STACK-NO-MANIFEST",
            f"what {registry} has sent for {image} is no manifest of an image: name another mirror",
        )
    digest = f"sha256:{sha256(answer.content).hexdigest()}"
    said = answer.headers.get("Docker-Content-Digest", digest)
    if said != digest:  # guard: images.digest-of-what-was-sent
        raise StackError(
            "CB-STACK-OTHER-DIGEST",
            f"{registry} calls {image} {said}, and has sent {digest}: name another mirror",
        )
    return digest


def _token(client: httpx.Client, refusal: httpx.Response, image: Image) -> str:
    scheme, _, given = refusal.headers.get("WWW-Authenticate", "").partition(" ")
    challenge = dict(_CHALLENGE.findall(given))
    if scheme.lower() != "bearer" or "realm" not in challenge:
        raise StackError(
            "CB-STACK-REGISTRY-WANTS-LOG-IN",
            f"{refusal.url.host} wants a log-in for {image}: name another mirror",
        )
    parameters = {name: challenge[name] for name in ("service", "scope") if name in challenge}
    answer = client.get(challenge["realm"], params=parameters)
    if answer.status_code != HTTPStatus.OK:
        raise StackError(
            "CB-STACK-NO-REGISTRY-TOKEN",
            f"{answer.url.host} gives nobody a token for {image} ({answer.status_code}): name "
            "another mirror with HUB=https://…",
        )
    body = answer.json()
    token: str = body.get("token") or body["access_token"]
    return token


if __name__ == "__main__":
    sys.exit(main())
