"""What must be true after every fault: a recount agrees, one version is current, no orphans."""

from hashlib import sha256
from pathlib import Path
from urllib.parse import unquote, urlparse

import psycopg
from psycopg import sql

from closebook.periods import Period
from closebook.settings import Settings
from local.stack import Stack
from tests.books import Books
from tests.close_fixtures import eventually
from tests.platform_rows import Platform


def assert_closed(books: Books, platform: Platform, hour: Period, versions: int = 1) -> None:
    """The hour equals a recount in Python, and the last of its versions is the current one."""
    recount = platform.volume(hour)
    assert recount, "an empty hour would prove nothing"
    assert books.hour(hour) == recount
    current = [version["is_current"] for version in books.versions(hour)]
    assert current == [False] * (versions - 1) + [True]
    assert_nothing_is_left(books)


def assert_nothing_written(books: Books) -> None:
    """No table of results has a row."""
    assert not +books.size()


def assert_nothing_is_left(books: Books) -> None:
    """No draft: whatever is not current was replaced by a later version, which is."""
    assert not books.rows(
        "select * from reporting.closes as old where not is_current and not exists ("
        "select 1 from reporting.closes as new where new.is_current"
        " and (new.grain, new.period_start) = (old.grain, old.period_start)"
        " and new.close_version > old.close_version)"
    )


def assert_no_transaction_is_open(stack: Stack, settings: Settings) -> None:
    """Nothing of the close goes on: not on the store, which it would lock for others."""
    with psycopg.connect(settings.store) as store:
        database = store.info.dbname

    def is_quiet() -> bool:
        with psycopg.connect(stack.store_admin(), autocommit=True) as admin:
            found = admin.execute(
                "select 1 from pg_stat_activity where datname = %s and usename = 'closebook_store'"
                " and xact_start is not null",
                [database],
            ).fetchone()
        return found is None

    eventually(is_quiet)


def assert_documents_are_whole(books: Books, settings: Settings) -> None:
    """Every file is what its name says, and every document that is registered is there."""
    files = _files(settings)
    assert {name: sha256(content).hexdigest() for name, content in files.items()} == {
        name: Path(name).stem for name in files
    }
    assert _registered(books) <= files.keys()


def assert_no_orphan_document(books: Books, settings: Settings) -> None:
    """Every file is one that the store registers, and every registered one is there."""
    assert_documents_are_whole(books, settings)
    assert _registered(books) == _files(settings).keys()


def _files(settings: Settings) -> dict[str, bytes]:
    folder = Path(unquote(urlparse(settings.documents_url).path))
    # What the planning task leaves for the shards is no document of a month.
    tokens = folder / "shared"
    files = [path for path in folder.rglob("*") if path.is_file() and tokens not in path.parents]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def _registered(books: Books) -> set[str]:
    """The names of files in whichever tables of the store have some."""
    tables = books.rows(
        "select table_name from information_schema.columns"
        " where table_schema = 'reporting' and column_name = 'object_name'"
    )
    selects = [
        sql.SQL("select object_name from {} where object_name is not null").format(
            sql.Identifier("reporting", t["table_name"])
        )
        for t in tables
    ]
    assert selects
    rows = books.connection.execute(sql.SQL(" union ").join(selects)).fetchall()
    return {row["object_name"] for row in rows}
