"""The sRGB colour profile that WeasyPrint ships."""

from importlib.resources import files

SRGB_PROFILE_NAME = "sRGB2014.icc"


def srgb_profile() -> bytes:
    """Return the ICC profile of sRGB."""
    return (files("weasyprint.pdf") / SRGB_PROFILE_NAME).read_bytes()
