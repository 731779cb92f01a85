"""The desk's own style sheet and scripts, each at a URL that changes with its content."""

from dataclasses import dataclass
from functools import cache
from hashlib import sha256

from fastapi import APIRouter, HTTPException, Response

from closebook.settings import templates_folder

router = APIRouter()

_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_FOREVER = "private, max-age=31536000, immutable"


@dataclass(frozen=True)
class Asset:
    """A file of templates/desk/assets; ``url`` is below the desk's own."""

    name: str
    content: bytes
    media_type: str

    @property
    def digest(self) -> str:
        return sha256(self.content).hexdigest()[:16]

    @property
    def url(self) -> str:
        return f"/assets/{self.digest}/{self.name}"


@cache
def assets() -> dict[str, Asset]:
    """All assets by their name, as they were when the first page was asked for."""
    folder = templates_folder() / "desk" / "assets"
    return {
        path.name: Asset(path.name, path.read_bytes(), _TYPES[path.suffix])
        for path in sorted(folder.iterdir())
        if path.suffix in _TYPES
    }


@router.get("/assets/{digest}/{name}")
def asset(digest: str, name: str) -> Response:
    """One asset. Its name is looked up, never joined to a folder."""
    found = assets().get(name)
    if found is None or found.digest != digest:
        raise HTTPException(404)
    return Response(found.content, media_type=found.media_type, headers={"Cache-Control": _FOREVER})
