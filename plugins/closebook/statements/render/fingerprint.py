"""What a document's bytes depend on besides its statement, for the register."""

import json
import zlib
from dataclasses import asdict, dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from closebook.statements.weasyprint_adapter.layout import TEMPLATE_VERSION, Press


@dataclass(frozen=True, slots=True)
class Renderer:
    """A template by its files, the programs by their versions, the fonts by file and sha256."""

    template_version: str
    template_sha256: str
    renderer_version: str
    typefaces: dict[str, str]

    @property
    def sha256(self) -> str:
        """Of all of it: equal statements give equal bytes where this is equal."""
        return sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


@lru_cache(maxsize=4)
def renderer_of(press: Press) -> Renderer:
    """What this process makes documents with."""
    return Renderer(
        template_version=TEMPLATE_VERSION,
        template_sha256=_sha256_of(press.folder),
        renderer_version=renderer_version(),
        typefaces=press.typefaces.fingerprints,
    )


@lru_cache(maxsize=1)
def renderer_version() -> str:
    """The programs that set and pack a page."""
    import weasyprint
    from weasyprint.text.ffi import ffi, harfbuzz, pango

    ffi.cdef("const char *hb_version_string(void);")
    harfbuzz_version = ffi.string(harfbuzz.hb_version_string()).decode()
    number = pango.pango_version()
    pango_version = f"{number // 10000}.{number // 100 % 100}.{number % 100}"
    return (
        f"weasyprint {weasyprint.__version__}, pango {pango_version}, "
        f"harfbuzz {harfbuzz_version}, zlib {zlib.ZLIB_RUNTIME_VERSION}"
    )


def _sha256_of(folder: Path) -> str:
    digest = sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder)}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()
