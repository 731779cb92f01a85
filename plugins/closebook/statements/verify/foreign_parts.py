"""Refuse the parts of a PDF that no statement has and that change what a reader of it sees.

The other checks read the content of the pages. An annotation lies over it, a layer hides some of
it, a crop box or a rotation shows it otherwise, and an action runs a program. So what the catalog
and the pages may have is listed, and everything else is refused.
"""

from collections.abc import Collection
from typing import Any

from closebook.statements.verify.untrusted_pdf import CheckFailed, UntrustedPdf, bounded_reading

_CATALOG = frozenset(
    {
        *("/Type", "/Pages", "/Lang", "/MarkInfo", "/Metadata", "/Names", "/Outlines"),
        *("/OutputIntents", "/StructTreeRoot", "/ViewerPreferences", "/AF"),
        # Of a signed statement.
        *("/AcroForm", "/DSS", "/Extensions", "/Perms"),
    }
)
_NAMES = frozenset({"/EmbeddedFiles"})
_FORM = frozenset({"/Fields", "/SigFlags"})
_PAGE_TREE = frozenset({"/Type", "/Kids", "/Count", "/Parent"})
_PAGE = frozenset(
    {
        *("/Type", "/Parent", "/Resources", "/Contents", "/StructParents", "/Tabs", "/Annots"),
        *("/MediaBox", "/BleedBox", "/TrimBox"),
    }
)
_SIGNATURE_FIELD = frozenset(
    {
        *("/Type", "/Subtype", "/FT", "/T", "/TU", "/F", "/P", "/Rect", "/StructParent", "/V"),
        "/Lock",
    }
)


def refuse_foreign_parts(pdf: UntrustedPdf) -> None:
    """Raise CheckFailed if the catalog or a page has something that no statement has."""
    with bounded_reading():
        catalog = pdf.reader.root_object
        _refuse_others("catalog", catalog, _CATALOG)
        _refuse_others("names", catalog.get("/Names", {}).get_object(), _NAMES)
        if pdf.is_signed:
            _refuse_others("form", catalog["/AcroForm"].get_object(), _FORM)
        seen: set[int] = set()
        for page in pdf.reader.pages:
            _refuse_others("page", page, _PAGE)
            node = page.get("/Parent")
            while node is not None and id(node.get_object()) not in seen:
                tree = node.get_object()
                seen.add(id(tree))
                _refuse_others("page tree", tree, _PAGE_TREE)
                node = tree.get("/Parent")
            for annotation in page.get("/Annots", ()):
                field = annotation.get_object()
                _refuse_others("annotation", field, _SIGNATURE_FIELD)
                if (field.get("/Subtype"), field.get("/FT")) != ("/Widget", "/Sig"):
                    raise CheckFailed("a page has an annotation, which no statement has")


def _refuse_others(place: str, found: Any, allowed: Collection[str]) -> None:
    others = sorted(str(key) for key in found if key not in allowed)
    if others:  # guard: verify.no-foreign-parts
        name = "".join(c for c in others[0] if c.isascii() and c.isprintable())[:40]
        raise CheckFailed(f"its {place} has {name}, and that of no statement has")
