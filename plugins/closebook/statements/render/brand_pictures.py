"""The pictures of a brand: SVG without scripts and without references to other files, and PNG."""

import re
import struct
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

_SVG = "{http://www.w3.org/2000/svg}"
# What draws. No script, no text (its font would be another one on each machine), no other file.
_ELEMENTS = frozenset(
    [
        "svg",
        "g",
        "path",
        "rect",
        "circle",
        "ellipse",
        "line",
        "polyline",
        "polygon",
        "defs",
        "linearGradient",
        "radialGradient",
        "stop",
        "clipPath",
        "mask",
        "use",
        "symbol",
        "title",
        "desc",
        "metadata",
    ]
)
# What drawing programs write for themselves.
_NOTES = re.compile(
    r"\{http://(sodipodi\.sourceforge\.net|www\.inkscape\.org|creativecommons\.org|purl\.org/dc/"
    r"|www\.w3\.org/1999/02/22-rdf)"
)
_PNG = b"\x89PNG\r\n\x1a\n"
_MAX_PIXELS = 4000
_ADDRESS = re.compile(r"url\(\s*['\"]?\s*(?!#)", re.IGNORECASE)
_IN_STYLE = re.compile(r"@import|expression\s*\(|javascript:", re.IGNORECASE)


def check_picture(name: str, content: bytes) -> str:
    """Return the media type of a picture. Raises ValueError, with what to do, if it may not be."""
    suffix = name.rpartition(".")[2].lower()
    if suffix == "svg":
        _check_svg(content)
        return "image/svg+xml"
    if suffix == "png":
        _check_png(content)
        return "image/png"
    raise ValueError("it is no SVG and no PNG: save the picture as .svg or .png")


def _check_svg(content: bytes) -> None:
    try:
        root = fromstring(content, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise ValueError(
            f"it is no plain SVG ({error!r}): save it again as plain SVG, without a DOCTYPE"
        ) from None
    if root.tag != f"{_SVG}svg":
        raise ValueError("its first element is no <svg> of http://www.w3.org/2000/svg")
    for element in root.iter():
        name = str(element.tag)
        if _NOTES.match(name):
            continue
        # guard: brands.svg-draws-only
        if name.removeprefix(_SVG) not in _ELEMENTS:
            raise ValueError(
                f"it has an element <{name.removeprefix(_SVG)}>, which a logo may not have: "
                "convert letters to outlines, and take out scripts, styles, pictures and filters"
            )
        for attribute, value in element.items():
            _check_attribute(attribute.rpartition("}")[2].lower(), value)


def _check_attribute(name: str, value: str) -> None:
    is_address = name in ("href", "src") and not value.startswith("#")
    # guard: brands.svg-refers-to-itself-only
    if is_address or _ADDRESS.search(value) or _IN_STYLE.search(value) or name.startswith("on"):
        raise ValueError(
            f"its attribute {name}={value[:40]!r} leads to something outside, or is a script: only "
            "references within the picture, such as #a, are allowed"
        )


def _check_png(content: bytes) -> None:
    if not content.startswith(_PNG) or content[12:16] != b"IHDR":
        raise ValueError("it is no PNG, whatever its name says: save it as PNG")
    width, height = struct.unpack(">II", content[16:24])
    if not 0 < max(width, height) <= _MAX_PIXELS:
        raise ValueError(
            f"it has {width} x {height} pixels: save it with at most {_MAX_PIXELS} on each side"
        )
