"""The style sheets of a brand: values for the variables of our sheets, and rules for its layout.

Our sheets name a brand's values as CSS variables, such as ``var(--accent)``. The values replace
these names once, when a process loads the sheets: WeasyPrint would need time for it on each page.
"""

import re
from dataclasses import asdict

from closebook.errors import Misconfigured
from closebook.statements.render.brand import Brand, FontFace

_SAME_FAMILY_TWICE = re.compile(r'("[^"]+"),\s+(?=\1)')
_FALLBACKS = (
    '"Noto Sans", "Noto Sans Arabic", "Noto Sans Hebrew", "Noto Sans Devanagari", '
    '"Noto Sans CJK SC", "Noto Sans Symbols2", "Symbola"'
)
_VARIABLE = re.compile(r"var\(--([a-z-]+)\)")
_CORNER_RIGHT_TOP_MM, _CORNER_RIGHT_BOTTOM_MM = 85, 50
_HEAD_MM = 18
# A glyph that changes beside others has no character of its own, which verify would refuse.
BRAND_FEATURES = {"calt": False, "clig": False, "dlig": False}
"""What the fonts of a brand have switched off."""
_FEATURES = "font-feature-settings: " + ", ".join(f'"{name}" 0' for name in BRAND_FEATURES)


def variables(brand: Brand) -> dict[str, str]:
    """Return the values of the variables that our style sheets name, by the variables' names."""
    found = {name.replace("_", "-"): value for name, value in asdict(brand.colours).items()}
    fonts = brand.fonts
    found["text-font"] = f'"{fonts.text}"'
    found["heading-font"] = f'"{fonts.headings}"'
    found["figure-font"] = f'"{fonts.figures}"'
    return found


def with_values(sheet: str, brand: Brand, place: str) -> str:
    """Return a style sheet with the brand's values. ``place`` is what an error calls the sheet."""
    known = variables(brand)

    def value(found: re.Match[str]) -> str:
        if found[1] not in known:
            raise Misconfigured(
                "CB-CONFIG-BRAND-VARIABLE",
                f"{place}: there is no variable --{found[1]}: write one of "
                + ", ".join(f"--{name}" for name in known),
            )
        return known[found[1]]

    return _SAME_FAMILY_TWICE.sub("", _VARIABLE.sub(value, sheet))


def face_rules(faces: tuple[FontFace, ...], addresses: dict[str, str]) -> str:
    """Return a rule for each font file; ``addresses`` has the address of each file."""
    return "\n".join(
        f'@font-face {{ font-family: "{face.family}"; font-weight: {face.weight}; '
        f"font-style: {'italic' if face.is_italic else 'normal'}; "
        f'src: url("{addresses[face.file]}"); {_FEATURES} }}'
        for face in faces
    )


def layout_rules(brand: Brand) -> str:
    """Return the rules for the paper, the letterhead and the layout of a brand."""
    paper, letterhead, layout = brand.paper, brand.letterhead, brand.layout
    content = paper.content_mm
    rules = [
        f"@page {{ size: {paper.width_mm}mm {paper.height_mm}mm; "
        f"margin-left: {paper.left_mm}mm; margin-right: {paper.right_mm}mm;"
        f" @top-left {{ width: {content - _CORNER_RIGHT_TOP_MM}mm }}"
        f" @bottom-left {{ width: {content - _CORNER_RIGHT_BOTTOM_MM}mm }} }}"
    ]
    if brand.logo:
        rules.append(
            f".logo img {{ display: block; width: {brand.logo.width_mm}mm; max-height: 22mm; "
            "object-fit: contain; object-position: left top }"
        )
    if letterhead.band:
        rules.append(
            f".letterhead {{ margin: -{_HEAD_MM}mm -{paper.right_mm}mm 5mm -{paper.left_mm}mm; "
            f"padding: 12mm {paper.right_mm}mm 0 {paper.left_mm}mm; height: 33mm; "
            "background: var(--band) }"
        )
    if letterhead.side == "end":
        rules.append(
            ".letterhead .sign { float: inline-end; text-align: end }"
            " .letterhead .logo img { margin-inline-start: auto; object-position: right top }"
            " .issuer-address { float: inline-start; text-align: start }"
        )
    elif letterhead.side == "centre":
        rules.append(
            ".letterhead .sign { float: none; width: auto; text-align: center }"
            " .letterhead .logo img { margin: 0 auto; object-position: center top }"
            " .issuer-address { float: none; width: auto; text-align: center; padding-top: 1mm;"
            " white-space: normal }"
        )
    if brand.fonts.figures != brand.fonts.text:
        families = f"var(--figure-font), var(--text-font), {_FALLBACKS}"
        rules.append(f"td.n, .summary td {{ font-family: {families} }}")
    if layout.window == "end":
        rules.append(".window { float: inline-end } .facts { float: inline-start }")
    if layout.summary == "start":
        rules.append(".summary { float: inline-start } .course { float: inline-end }")
    if not layout.chart:
        rules.append(".overview { min-height: 0 } .summary { float: none; width: 100% }")
    if layout.overview == "after":
        rules.append(".overview { margin: 9mm 0 0 }")
    if layout.rows == "bands":
        rules.append(
            ".lines { border-collapse: separate } .lines td { border-bottom: none }"
            " .lines tr:nth-child(even) { background: var(--tint) }"
        )
    return with_values("\n".join(rules), brand, "the brand's layout")
