"""The version of the code, which the register keeps with each close."""

from functools import cache
from hashlib import sha256

import closebook
from closebook.package_data import IN_WHEEL, PACKAGE
from closebook.settings.statement_settings import templates_folder
from closebook.sql import SQL_FOLDER


@cache
def code_version() -> str:
    """Return the version of the code: the release and a digest of its files.

    The repository and the wheel that is built from it have the same version.
    """
    folders = {
        "sql": SQL_FOLDER,
        "closebook": PACKAGE,
        "templates": templates_folder(),
    }
    digest = sha256()
    for name, folder in folders.items():
        for path in sorted(folder.rglob("*")):
            is_in_other_folder = name == "closebook" and path.is_relative_to(IN_WHEEL)
            if path.is_file() and path.suffix != ".pyc" and not is_in_other_folder:
                place = f"{name}/{path.relative_to(folder).as_posix()}"
                digest.update(place.encode() + b"\0" + path.read_bytes() + b"\0")
    return f"{closebook.__version__}+{digest.hexdigest()[:12]}"
