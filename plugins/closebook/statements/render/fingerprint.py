"""The fingerprint of the renderer: all that a document's bytes depend on besides its statement."""

import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from closebook.statements.render.brand import Brand
from closebook.statements.render.catalog import TEMPLATE_VERSION
from closebook.statements.render.template import StatementTemplate
from closebook.statements.weasyprint_adapter.versions import renderer_version


@dataclass(frozen=True, slots=True)
class RendererFingerprint:
    """The template's version and sha256, the programs' versions, and the sha256 of each font file.

    With a brand, the template's sha256 is that of the files of both. The fields are the columns of
    reporting.renderers.
    """

    template_version: str
    template_sha256: str
    renderer_version: str
    typefaces: dict[str, str]

    @property
    def sha256(self) -> str:
        """The sha256 of all fields. Where it is equal, equal statements give equal bytes."""
        return sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


@lru_cache(maxsize=4)
def fingerprint_of(template: StatementTemplate) -> RendererFingerprint:
    """Return the fingerprint of what this process renders with."""
    return RendererFingerprint(
        template_version=TEMPLATE_VERSION,
        template_sha256=_sha256_of(template.folder, template.brand),
        renderer_version=renderer_version(),
        typefaces=template.fonts.sha256_by_name,
    )


def _sha256_of(folder: Path, brand: Brand) -> str:
    digest = sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder)}\0{len(content)}\0".encode() + content)
    if brand.sha256:  # guard: brands.another-brand-is-another-renderer
        digest.update(f"brand\0{brand.sha256}\0".encode())
    return digest.hexdigest()
