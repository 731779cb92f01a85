"""The doctor tries a bucket of a real S3 server, and has a finding for each kind of failure."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from closebook.doctor.documents import document_observations
from closebook.doctor.finding import Finding
from closebook.doctor.installation import Installation
from closebook.statements import bucket as bucket_module
from closebook.statements import document_store
from closebook.statements.document_store import DocumentStore
from local.ports import LOOPBACK, choose
from local.s3_server import READER, S3, WRITER
from tests.s3_server import SECRETS, Answer, FaultyS3


@pytest.fixture
def faulty(s3_server: S3, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyS3]:
    """A proxy before the server; the bucket is opened anew, and given up after two seconds."""
    monkeypatch.setattr(document_store, "_opened_places", document_store._OpenedPlaces())
    monkeypatch.setattr(bucket_module, "ANSWER_SECONDS", 1)
    monkeypatch.setattr(bucket_module, "RETRY_SECONDS", 2)
    with FaultyS3(s3_server) as proxy:
        yield proxy


def findings(healthy: Installation, url: str) -> list[Finding]:
    """What the doctor finds with documents there."""
    settings = replace(healthy.settings, documents_url=url)
    observed = document_observations(replace(healthy, settings=settings))
    return [each for each in observed if isinstance(each, Finding)]


def test_a_bucket_that_writes_once_is_healthy_however_often_it_is_tried(
    healthy: Installation, faulty: FaultyS3, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_BUCKET_OF_DOCTOR", faulty.s3.connection_variable(WRITER))
    url = f"s3://bucket_of_doctor@{bucket}/documents"
    assert findings(healthy, url) == findings(healthy, url) == []
    assert len(DocumentStore(url).names("doctor")) == 1
    assert {asked.headers.get("if-none-match") for asked in faulty.asked} == {None, "*"}
    assert not {"DELETE", "POST"} & {*faulty.methods}


@pytest.mark.parametrize(
    ("answer", "code", "mend"),
    [
        (Answer(403, "AccessDenied"), "bucket-refuses", "s3:PutObject"),
        (Answer(400, "ExpiredToken"), "bucket-token-expired", "new token"),
        (Answer(404, "NoSuchBucket"), "bucket-missing", "CLOSEBOOK_DOCUMENTS_URL"),
        (Answer(301, "PermanentRedirect"), "bucket-in-another-region", "region_name"),
        (Answer(403, "RequestTimeTooSkewed"), "bucket-clock", "NTP"),
        (Answer(503, "SlowDown"), "bucket-fails", "SlowDown"),
        (Answer(200, ""), "documents-overwritten", "conditional writes"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_kind_of_failure_is_a_finding_of_its_own(
    healthy: Installation,
    faulty: FaultyS3,
    bucket: str,
    monkeypatch: pytest.MonkeyPatch,
    answer: Answer,
    code: str,
    mend: str,
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_BUCKET_OF_DOCTOR", faulty.s3.connection_variable(WRITER))
    # A server that overwrites has written the first time, of course.
    written = answer.status == 200
    faulty.rule = lambda asked: (
        answer
        if not written or (asked.method == "PUT" and faulty.methods.count("PUT") > 1)
        else None
    )
    [finding] = findings(healthy, f"s3://bucket_of_doctor@{bucket}/documents")
    assert finding.code == code, str(finding)
    assert mend in finding.mend
    assert "secret" not in str(finding)


def test_a_server_that_is_not_there_and_a_key_that_only_reads_are_found(
    healthy: Installation, faulty: FaultyS3, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = S3(f"http://{LOOPBACK}:{choose(['nobody'])['nobody']}", SECRETS)
    url = f"s3://bucket_of_{{}}@{bucket}/documents"
    monkeypatch.setenv("AIRFLOW_CONN_BUCKET_OF_NOBODY", nobody.connection_variable(WRITER))
    monkeypatch.setenv("AIRFLOW_CONN_BUCKET_OF_READER", faulty.s3.connection_variable(READER))
    monkeypatch.setenv(
        "AIRFLOW_CONN_BUCKET_OF_STRANGER",
        S3("http://192.0.2.1", SECRETS).connection_variable(WRITER),
    )
    assert [
        finding.code
        for who in ("nobody", "reader", "stranger", "no_connection")
        for finding in findings(healthy, url.format(who))
    ] == [
        "bucket-unreachable",
        "bucket-refuses",
        "bucket-connection-wrong",
        "bucket-connection-wrong",
    ]
