"""The texts of the SQL files, by their path below sql/.

A query may read from a file of sql/shared/ (of the platform), sql/drafted/ or sql/reported/ (of the
store) as if it were a table, such as ``from shared.settled_transactions``. The query of that file
takes the place of the name, as a subquery, and PostgreSQL plans both as one query. If a view of the
platform has amounts in major units, the file whose name ends with ``_major`` is read in place of
the other.
"""

import re
from functools import cache
from typing import LiteralString

from closebook.errors import Misconfigured
from closebook.package_data import data_folder

SQL_FOLDER = data_folder("sql")
_SHARED = re.compile(r"\b(from|join) (shared|drafted|reported)\.(\w+)\b")


@cache
def query(name: str, in_major: frozenset[str] = frozenset()) -> LiteralString:
    """Return the text of sql/<name>.sql, for example ``query("hourly_volume/read")``.

    The files of sql/shared/ and its like that it reads from are put in; ``in_major`` are the
    views of the platform that have amounts in major units. It is a LiteralString, as psycopg
    requires of a query: the text is a file of this repository and never input. Raises Misconfigured
    when there is no such file.
    """
    path = SQL_FOLDER / f"{name}.sql"
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise Misconfigured(
            "CB-CONFIG-SQL-MISSING",
            f"{path} is missing: mount the repository's sql/ folder beside plugins/",
        ) from error

    def subquery(found: re.Match[str]) -> str:
        word, folder, name = found.groups()
        file = f"{folder}/{name}_major" if name in in_major else f"{folder}/{name}"
        return f"{word} (\n{query(file, in_major)}) as {name}"

    return _SHARED.sub(subquery, text)
