"""The texts of the SQL files, by their path below sql/."""

from functools import cache
from typing import LiteralString

from closebook.errors import Misconfigured
from closebook.package_data import data_folder

SQL_FOLDER = data_folder("sql")


@cache
def query(name: str) -> LiteralString:
    """Return the text of sql/<name>.sql, e.g. ``query("hourly_volume/read")``.

    The text is a file of this repository, never input: hence a LiteralString, which is what
    psycopg asks of a query. Raises Misconfigured when there is no such file.
    """
    path = SQL_FOLDER / f"{name}.sql"
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise Misconfigured(
            "CB-CONFIG-SQL-MISSING",
            f"{path} is missing: mount the repository's sql/ folder beside plugins/",
        ) from error
