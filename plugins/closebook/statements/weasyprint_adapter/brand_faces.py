"""The fonts of a brand, in the memory of this process.

WeasyPrint writes the file of each `@font-face` into a folder of its own, and removes the folder
with the object that made it. A child process that is made by a fork has this object too: it would
remove the fonts of its parent. And a process that ends without Python's exit handlers, as tasks of
Airflow do, would leave the folder behind. So the files are here in memory (`memfd_create`), and
have a path below /proc.
"""

import os
from functools import lru_cache
from pathlib import Path
from typing import Any


@lru_cache(maxsize=1)
def font_configuration_class() -> type[Any]:
    """Return a subclass of WeasyPrint's FontConfiguration that keeps its fonts in memory.

    ``face_count`` is the number of fonts that fontconfig has accepted.
    """
    # This import takes a second, which the parse of a DAG file must not pay for.
    from weasyprint.text.ffi import ffi, fontconfig
    from weasyprint.text.fonts import FontConfiguration

    class FontsInMemory(FontConfiguration):  # type: ignore[misc]
        @property
        def face_count(self) -> int:
            fonts = fontconfig.FcConfigGetFonts(self._config, fontconfig.FcSetApplication)
            return 0 if fonts == ffi.NULL else int(fonts.nfont)

        def add_font_face(self, rule_descriptors: Any, url_fetcher: Any) -> Any:
            self._folder: _MemoryFolder | None = _MemoryFolder()
            try:
                return super().add_font_face(rule_descriptors, url_fetcher)
            finally:
                # There is nothing to remove when this object ends.
                self._folder = None

    return FontsInMemory


class _MemoryFolder:
    """Replaces WeasyPrint's folder of font files: gives the path of each file."""

    def __truediv__(self, name: str) -> "_MemoryFile":
        return _MemoryFile(name)


class _MemoryFile:
    def __init__(self, name: str) -> None:
        # It stays open as long as the process lives, and so in the process's children.
        self._path = Path(f"/proc/self/fd/{os.memfd_create(name, os.MFD_CLOEXEC)}")

    def exists(self) -> bool:
        return False

    def write_bytes(self, content: bytes) -> None:
        self._path.write_bytes(content)

    def as_posix(self) -> str:
        return self._path.as_posix()
