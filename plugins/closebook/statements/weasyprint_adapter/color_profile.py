"""The sRGB colour profile of a statement, as small as possible.

The one that WeasyPrint ships has a curve of 1,024 points, which take 2.5 kB in each file. Between
64 points the curve of sRGB is straight to a ten-thousandth, a 40th of a step of a colour.
"""

from functools import lru_cache
from struct import pack

SRGB_PROFILE_NAME = "sRGB IEC61966-2.1"

_POINTS = 64
# IEC 61966-2-1: the curve, and the primaries adapted to D50 (ICC.1:2001-04, annex E).
_LINEAR_UP_TO, _SLOPE, _OFFSET, _GAMMA = 0.04045, 12.92, 0.055, 2.4
_D50 = (0.9642, 1.0, 0.8249)
_PRIMARIES = {
    b"rXYZ": (0.43607, 0.22249, 0.01392),
    b"gXYZ": (0.38515, 0.71687, 0.09708),
    b"bXYZ": (0.14307, 0.06061, 0.7141),
}
_CURVES = (b"rTRC", b"gTRC", b"bTRC")
_HEADER_BYTES, _TAG_BYTES = 128, 12


@lru_cache(maxsize=1)
def srgb_profile() -> bytes:
    """Return the ICC profile of sRGB (version 2.1)."""
    values = {
        b"desc": _description(SRGB_PROFILE_NAME),
        b"cprt": b"text" + bytes(4) + b"No copyright\0",
        b"wtpt": _xyz(_D50),
        **{name: _xyz(primary) for name, primary in _PRIMARIES.items()},
        **dict.fromkeys(_CURVES, _curve()),
    }
    start = _HEADER_BYTES + 4 + _TAG_BYTES * len(values)
    table, data, places = pack(">I", len(values)), b"", dict[bytes, int]()
    for name, value in values.items():
        if value not in places:  # the three curves are one
            places[value] = start + len(data)
            data += value + bytes(-len(value) % 4)
        table += name + pack(">II", places[value], len(value))
    return _header(start + len(data)) + table + data


def _header(size: int) -> bytes:
    made_on = (2026, 11, 30, 0, 0, 0)
    return (
        pack(">I4sI", size, bytes(4), 0x02100000)
        + b"mntrRGB XYZ "
        + pack(">6H", *made_on)
        + b"acsp"
        + bytes(28)
        + _fixed(_D50)
    ).ljust(_HEADER_BYTES, b"\0")


def _description(text: str) -> bytes:
    ascii_text = text.encode() + b"\0"
    # Behind it are an empty text in Unicode and an empty one for old Macintoshes.
    return b"desc" + bytes(4) + pack(">I", len(ascii_text)) + ascii_text + bytes(8 + 3 + 67)


def _xyz(values: tuple[float, float, float]) -> bytes:
    return b"XYZ " + bytes(4) + _fixed(values)


def _fixed(values: tuple[float, float, float]) -> bytes:
    return pack(">3i", *(round(value * 0x10000) for value in values))


def _curve() -> bytes:
    points = (_linear(place / (_POINTS - 1)) for place in range(_POINTS))
    levels = [round(0xFFFF * each) for each in points]
    return b"curv" + bytes(4) + pack(f">I{_POINTS}H", _POINTS, *levels)


def _linear(level: float) -> float:
    if level <= _LINEAR_UP_TO:
        return level / _SLOPE
    return float(((level + _OFFSET) / (1 + _OFFSET)) ** _GAMMA)
