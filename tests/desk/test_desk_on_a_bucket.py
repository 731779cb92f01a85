"""The desk whose documents are in a bucket of a real S3 server, with a key that only reads."""

import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import httpx
import pytest

from local.s3_server import ADMIN, READER, S3
from tests.desk.conftest import ADA, MARY, NAMES, Desk, digest, zip_stem
from tests.desk.nginx_server import site
from tests.desk.passwords import log_in


@pytest.fixture(scope="module")
def documents(s3_server: S3, desk: Desk) -> str:
    """A bucket with the documents of the desk's folder, copied with their names."""
    name = "closebook-desk"
    s3_server.make_bucket(name)
    folder = Path(desk.stack.root / "documents")
    for path in folder.rglob("*"):
        if path.is_file():
            s3_server.client(ADMIN).put_object(
                Bucket=name, Key=f"documents/{path.relative_to(folder)}", Body=path.read_bytes()
            )
    return name


@pytest.fixture(scope="module")
def finance(
    documents: str, s3_server: S3, desk: Desk, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    """Finance, at an API server that has the bucket's URL and the key of a reader."""
    variables = {
        "CLOSEBOOK_DOCUMENTS_URL": f"s3://bucket_reader@{documents}/documents",
        "AIRFLOW_CONN_BUCKET_READER": s3_server.connection_variable(READER),
    }
    with (
        site(desk.stack, tmp_path_factory.mktemp("bucket"), variables) as found,
        found.browser("127.0.0.19") as client,
    ):
        log_in(client, "finance", desk.stack.credentials["finance"])
        yield client


def test_finance_downloads_a_document_from_a_bucket(desk: Desk, finance: httpx.Client) -> None:
    answer = finance.get(f"/closebook{desk.path('october', ADA)}/pdf")
    assert answer.status_code == 200
    assert digest(answer.content) == desk.registered("october", ADA)["sha256"]


def test_finance_downloads_a_month_from_a_bucket_as_one_zip(
    desk: Desk, finance: httpx.Client
) -> None:
    answer = finance.get("/closebook/statements/months/2026-10/zip")
    assert answer.status_code == 200
    with zipfile.ZipFile(BytesIO(answer.content)) as packed:
        assert packed.testzip() is None
        pdfs = {
            name: digest(packed.read(name)) for name in packed.namelist() if name.endswith(".pdf")
        }
        manifest = digest(packed.read("manifest.json"))
    assert pdfs == {f"{zip_stem(a)}.pdf": desk.registered("october", a)["sha256"] for a in NAMES}
    [released] = desk.rows("select manifest_sha256 from reporting.statement_decisions")
    assert manifest == released["manifest_sha256"]
    # What broke off goes on where it was.
    rest = finance.get("/closebook/statements/months/2026-10/zip", headers={"Range": "bytes=5000-"})
    assert rest.status_code == 206
    assert rest.content == answer.content[5000:]


def test_a_document_that_was_changed_in_the_bucket_is_not_downloaded(
    documents: str, s3_server: S3, desk: Desk, finance: httpx.Client
) -> None:
    admin = s3_server.client(ADMIN)
    key = f"documents/{desk.registered('october', MARY)['object_name']}"
    kept = admin.get_object(Bucket=documents, Key=key)["Body"].read()
    admin.put_object(Bucket=documents, Key=key, Body=kept + b"\n")
    try:
        answer = finance.get(f"/closebook{desk.path('october', MARY)}/pdf")
    finally:
        admin.put_object(Bucket=documents, Key=key, Body=kept)
    assert answer.status_code == 503
    assert b"%PDF" not in answer.content
