"""All that depends on PostgreSQL's version, on real servers of each version that is supported."""

import psycopg
import pytest
from local.addresses import PRIMARY, REPLICAS, STORE
from local.stack import Stack
from tests.doctor.conftest import Diagnosis


def test_each_server_is_of_the_version(stack: Stack, version: int) -> None:
    found = {}
    for server in (PRIMARY, *REPLICAS, STORE):
        with psycopg.connect(stack.conninfo(server, "postgres", "postgres")) as admin:
            row = admin.execute("select current_setting('server_version_num')::int / 10000").fetchone()
        found[server] = row
    assert found == {server: (version,) for server in (PRIMARY, *REPLICAS, STORE)}


@pytest.mark.parametrize("is_full", [False, True], ids=["sample", "full"])
def test_the_doctor_finds_nothing(diagnosis: Diagnosis, is_full: bool) -> None:
    report = diagnosis(is_full=is_full)

    assert report.text == "0 errors, 0 warnings, 0 notes; 0 things were not looked at\n"
