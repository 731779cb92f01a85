"""The versions of the programs that lay out and compress a page."""

import zlib
from functools import lru_cache


@lru_cache(maxsize=1)
def renderer_version() -> str:
    """Return the versions of WeasyPrint, Pango, HarfBuzz and the compressors that it uses."""
    import deflate
    import weasyprint
    from weasyprint.text.ffi import ffi, harfbuzz, pango

    # WeasyPrint declares the functions that it calls, and does not call this one.
    ffi.cdef("const char *hb_version_string(void);")
    harfbuzz_version = ffi.string(harfbuzz.hb_version_string()).decode()
    number = pango.pango_version()
    pango_version = f"{number // 10000}.{number // 100 % 100}.{number % 100}"
    return (
        f"weasyprint {weasyprint.__version__}, pango {pango_version}, "
        f"harfbuzz {harfbuzz_version}, zlib {zlib.ZLIB_RUNTIME_VERSION}, "
        f"deflate {deflate.__version__}"
    )
