"""The folders of SQL and templates: inside the package in a wheel, beside plugins/ elsewhere."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
# In the wheel only: pyproject.toml (force-include) puts the repository's folders here.
IN_WHEEL = PACKAGE / "data"


def data_folder(name: str) -> Path:
    """Return the folder ``sql`` or ``templates`` that belongs to this code.

    An installed wheel has its own copy. It is used even if another folder of that name lies beside
    ``site-packages``.
    """
    if IN_WHEEL.is_dir():
        return IN_WHEEL / name
    return PACKAGE.parents[1] / name
