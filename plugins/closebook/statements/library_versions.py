"""The versions of WeasyPrint and pyHanko that Closebook works with."""

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from packaging.specifiers import SpecifierSet

from closebook.errors import Misconfigured


@dataclass(frozen=True)
class SupportedVersions:
    """The versions of a package that Closebook works with, and why no others.

    ``versions`` is a range such as ``>=70,<71``. requirements.in has the same range.
    """

    package: str
    versions: str
    reason: str

    def check_installed(self) -> None:
        """Check the version of the installed package.

        Raises Misconfigured when the package is not installed, or when its version is outside of
        the range.
        """
        try:
            installed = version(self.package)
        except PackageNotFoundError:
            installed = None
        if installed is not None and SpecifierSet(self.versions).contains(installed):
            return
        found = f"{self.package} {installed} is installed" if installed else "it is not installed"
        raise Misconfigured(
            "CB-CONFIG-LIBRARY-VERSION",
            f"Closebook needs {self.package}{self.versions}, and {found}: {self.reason}; install "
            "the versions that requirements.txt has (pip install -r requirements.txt)",
        )


WEASYPRINT = SupportedVersions(
    "weasyprint",
    ">=70,<71",
    "statements rely on parts of WeasyPrint that other versions do not have or change",
)
PYHANKO = SupportedVersions(
    "pyhanko",
    ">=0.38,<0.39",
    "signatures rely on parts of pyHanko that other versions may change",
)
