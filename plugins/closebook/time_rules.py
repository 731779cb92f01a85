"""The version of a time zone's rules: the tzdata release, and a digest of the zone's file."""

import zoneinfo
from functools import cache
from hashlib import sha256
from importlib import resources
from pathlib import Path
from zoneinfo import ZoneInfo

from closebook.periods import zone

_DIGEST_DIGITS = 12
UNKNOWN_RELEASE = "unknown"


def rules_version(time_zone: str) -> str:
    """Return the tzdata release of a zone and a digest of its file, such as ``2025b+0f3a1c5d7e9b``.

    The release is ``unknown`` where the zone's files do not say it. The digest distinguishes rules
    in that case, and where a distribution has changed a release. Raises Misconfigured for an
    unknown zone.
    """
    return _version_of(zone(time_zone))


# Cached by the ZoneInfo object: zoneinfo makes a new one after its cache is cleared.
@cache
def _version_of(rules: ZoneInfo) -> str:
    content, release = _source_of(str(rules.key))
    return f"{release}+{sha256(content).hexdigest()[:_DIGEST_DIGITS]}"


def _source_of(key: str) -> tuple[bytes, str]:
    """The zone's file and its release, looked for where zoneinfo does, in its order."""
    for folder in map(Path, zoneinfo.TZPATH):
        path = folder / key
        if path.is_file():
            return path.read_bytes(), _release_in(folder)
    import tzdata  # type: ignore[import-untyped]  # it ships no types

    file = resources.files("tzdata").joinpath("zoneinfo", *key.split("/"))
    return file.read_bytes(), tzdata.IANA_VERSION


def _release_in(folder: Path) -> str:
    source = folder / "tzdata.zi"
    if source.is_file():
        with source.open(encoding="utf-8") as lines:
            words = next(lines, "").split()
        if words[:2] == ["#", "version"] and len(words) > 2:  # noqa: PLR2004
            return words[2]
    marker = folder / "+VERSION"
    return marker.read_text("utf-8").strip() if marker.is_file() else UNKNOWN_RELEASE
