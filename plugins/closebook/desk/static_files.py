"""The desk's style sheet, scripts and icon. The URL of a file contains a hash of its content."""

from dataclasses import dataclass
from functools import cache
from hashlib import sha256

from fastapi import HTTPException, Response

from closebook.desk.capacity import ACCESS
from closebook.desk.desk_route import desk_router
from closebook.settings.statement_settings import templates_folder

router = desk_router(ACCESS)

_MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_CACHE_FOREVER = "private, max-age=31536000, immutable"


@dataclass(frozen=True)
class StaticFile:
    """A file of templates/desk/assets. ``url`` is relative to the root of the desk."""

    name: str
    content: bytes
    media_type: str

    @property
    def digest(self) -> str:
        """The first digits of the sha256 of the content."""
        return sha256(self.content).hexdigest()[:16]

    @property
    def url(self) -> str:
        """The address of the file, which is another one for another content."""
        return f"/assets/{self.digest}/{self.name}"


@cache
def static_files() -> dict[str, StaticFile]:
    """Return all static files by name. They are read once in the life of the process."""
    folder = templates_folder() / "desk" / "assets"
    return {
        path.name: StaticFile(path.name, path.read_bytes(), _MEDIA_TYPES[path.suffix])
        for path in sorted(folder.iterdir())
        if path.suffix in _MEDIA_TYPES
    }


@router.get("/assets/{digest}/{name}")
def static_file(digest: str, name: str) -> Response:
    """Serve one static file. The name is a key of a dictionary and never part of a path on disk."""
    file = static_files().get(name)
    if file is None or file.digest != digest:
        raise HTTPException(404)
    return Response(
        file.content, media_type=file.media_type, headers={"Cache-Control": _CACHE_FOREVER}
    )
