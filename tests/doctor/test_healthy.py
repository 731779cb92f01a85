"""An installation without fault has no finding, and the doctor leaves it as it was."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from closebook.doctor.diagnosis import diagnose
from closebook.doctor.installation import Installation
from local.stack import Stack
from tests.books import Books
from tests.doctor.conftest import Diagnosis
from tests.platform_rows import Platform
from tests.redis_server import client

if TYPE_CHECKING:
    import redis


@pytest.mark.parametrize("is_full", [False, True], ids=["sample", "full"])
def test_a_healthy_installation_has_no_finding_and_all_of_it_is_looked_at(
    diagnosis: Diagnosis, is_full: bool
) -> None:
    report = diagnosis(is_full=is_full)

    assert report.text == "0 errors, 0 warnings, 0 notes; 0 things were not looked at\n"
    assert report.is_healthy


def test_the_doctor_writes_nothing_that_lasts(
    stack: Stack,
    healthy: Installation,
    diagnosis: Diagnosis,
    platform: Platform,
    books: Books,
    tmp_path: Path,
) -> None:
    port = int(healthy.settings.redis_url.rpartition(":")[2].split("/")[0])
    with client(port) as server:
        server.set("closebook:platform_volume", "a document")
        before = (books.size(), rows_of(platform), files(tmp_path), keys(server))
        diagnosis(is_full=True)
        assert (books.size(), rows_of(platform), files(tmp_path), keys(server)) == before
        server.delete("closebook:platform_volume")
        diagnosis()
        assert keys(server) == {}


def test_the_report_is_json(healthy: Installation) -> None:
    told = json.loads(json.dumps(diagnose(healthy).as_json))
    assert told == {"is_healthy": True, "findings": [], "unseen": []}


def test_on_the_primary_the_doctor_reads_no_table(
    stack: Stack, healthy: Installation, platform: Platform
) -> None:
    platform.connection.execute("select pg_stat_statements_reset()")
    diagnose(healthy)
    with psycopg.connect(stack.primary_admin(platform.database)) as admin:
        ran = admin.execute(
            "select query from pg_stat_statements inner join pg_roles on pg_roles.oid = userid"
            " where rolname = 'closebook_fence'"
        ).fetchall()
    assert ran
    assert not [text for (text,) in ran if "platform." in text or "from reporting_source." in text]


def rows_of(platform: Platform) -> list[tuple[object, ...]]:
    return platform.connection.execute(
        "select relname, n_tup_ins, n_tup_upd, n_tup_del from pg_stat_user_tables order by 1"
    ).fetchall()


def files(folder: Path) -> set[str]:
    return {str(path) for path in folder.rglob("*")}


def keys(server: "redis.Redis") -> dict[str, object]:
    return {key: server.get(key) for key in server.scan_iter()}
