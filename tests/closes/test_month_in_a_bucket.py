"""A month whose documents are in a bucket of a real S3 server, from its issue to its audit.

Nothing can be removed from the bucket, and the proxy before it refuses to overwrite.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from closebook.audit.register_audit import audit
from closebook.errors import Transient, WrongData
from closebook.settings import Settings
from closebook.statements import document_store
from closebook.statements.document_store import DocumentStore
from closebook.statements.log_anchors import read_anchors, write_anchor
from closebook.statements.manifest import write_manifest
from closebook.statements.verify.verification import VerifyInputs, verify
from local.s3_server import ADMIN, READER, S3, WRITER
from local.stack import Stack
from tests.audit.released_month import release_issued
from tests.books import Books
from tests.close_fixtures import RUN
from tests.closes.month_documents import ACCOUNTS, documents, render_all
from tests.s3_server import Answer, Asked, FaultyS3

FILES = 1 + len(("XML", "CSV"))
"""Of a statement."""


@dataclass(frozen=True)
class InABucket:
    """Settings of a writer and of a reader, the bucket, and the proxy before it."""

    writer: Settings
    reader: Settings
    bucket: str
    server: S3
    proxy: FaultyS3

    @property
    def store(self) -> DocumentStore:
        return DocumentStore(self.reader.documents_url)

    def methods_of(self, folder: str) -> list[str]:
        """The methods of the requests for documents of a folder."""
        return [asked.method for asked in self.proxy.asked if folder in asked.path]


def writes_once(asked: Asked) -> Answer | None:
    """The bucket's policy, as docs/object-storage.md has it and SeaweedFS has not."""
    is_write = asked.method in {"PUT", "POST", "DELETE"}
    is_refused = is_write and asked.headers.get("if-none-match") != "*"
    return Answer(403, "AccessDenied") if is_refused else None


@pytest.fixture
def month(
    settings: Settings, s3_server: S3, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[InABucket]:
    monkeypatch.setattr(document_store, "_opened_places", document_store._OpenedPlaces())
    with FaultyS3(s3_server, writes_once) as proxy:
        for name, user in {"BUCKET_WRITER": WRITER, "BUCKET_READER": READER}.items():
            monkeypatch.setenv(f"AIRFLOW_CONN_{name}", proxy.s3.connection_variable(user))
        yield InABucket(
            replace(settings, documents_url=f"s3://bucket_writer@{bucket}/documents"),
            replace(settings, documents_url=f"s3://bucket_reader@{bucket}/documents"),
            bucket,
            s3_server,
            proxy,
        )


def test_a_month_is_issued_listed_released_verified_and_audited_in_a_bucket(
    month: InABucket, stack: Stack, module_store_database: str, books: Books, close_id: int
) -> None:
    # Given a month that was issued, with one request for each file,
    assert render_all(month.writer, close_id) == len(ACCOUNTS)
    assert month.methods_of("/statements/") == ["PUT"] * FILES * len(ACCOUNTS)
    # listed in a manifest that has read each document once,
    month.proxy.asked.clear()
    manifest = write_manifest(month.writer, close_id, RUN)
    assert (manifest.document_count, manifest.missing_count) == (len(ACCOUNTS), 0)
    assert month.methods_of("/statements/") == ["GET"] * len(ACCOUNTS)
    # released, and with an anchor of the log,
    release_issued(stack, module_store_database)
    write_anchor(month.writer)
    assert len(read_anchors(month.store)) == 2
    # when a document is read with the key of a reader, then it proves itself by the manifest
    for row in documents(books).values():
        report = verify(
            month.store.read(row["object_name"]),
            VerifyInputs(
                manifest=month.store.read(manifest.object_name), manifest_sha256=manifest.sha256
            ),
        )
        assert report.is_proven, report.text
        assert not report.has_failed, report.text
    # and the audit finds everything in its place, with the key of a reader too.
    report_of_audit = audit(month.reader)
    assert report_of_audit.findings == []
    assert report_of_audit.counts["documents"] == FILES * len(ACCOUNTS)
    manifest_and_part = 2
    assert report_of_audit.counts["stored documents"] == FILES * len(ACCOUNTS) + manifest_and_part
    # The same again writes nothing but the token of its shards.
    month.proxy.asked.clear()
    assert render_all(month.writer, close_id) == 0
    assert write_manifest(month.writer, close_id, RUN) == manifest
    assert month.methods_of("/shared/").count("PUT") == month.proxy.methods.count("PUT") == 1


def test_documents_that_were_changed_or_removed_in_a_bucket_are_found(
    month: InABucket, stack: Stack, module_store_database: str, books: Books, close_id: int
) -> None:
    render_all(month.writer, close_id)
    write_manifest(month.writer, close_id, RUN)
    release_issued(stack, module_store_database)
    first, second, _ = (row["object_name"] for row in documents(books).values())
    # Given an administrator who lifts the policy, removes one document and changes another
    admin = month.server.client(ADMIN)
    admin.delete_bucket_policy(Bucket=month.bucket)
    admin.delete_object(Bucket=month.bucket, Key=f"documents/{first}")
    admin.put_object(Bucket=month.bucket, Key=f"documents/{second}", Body=b"another document")
    # Then the audit finds both, and no manifest is written
    found = {finding.detail for finding in audit(month.reader).findings}
    assert any(first in each and "not in the store" in each for each in found)
    assert any(second in each and "was changed" in each for each in found)
    with pytest.raises(WrongData) as refused:
        write_manifest(month.writer, close_id, RUN)
    assert refused.value.code == "CB-DATA-DOCUMENTS-LOST"
    # When the month is run again, then the lost one is made again, and the changed one stays
    assert render_all(month.writer, close_id) == 1
    assert month.store.exists(first)
    with pytest.raises(WrongData, match="was changed"):
        month.store.read(second)


def test_a_bucket_that_fails_during_a_shard_loses_and_doubles_no_document(
    month: InABucket, books: Books, close_id: int
) -> None:
    # Given a bucket that answers nothing but 503 from the fifth write on
    def fails_later(asked: Asked) -> Answer | None:
        is_late = month.proxy.methods.count("PUT") > 4
        return Answer(503, "SlowDown") if is_late else writes_once(asked)

    month.proxy.rule = fails_later
    with pytest.raises(Transient) as failed:
        render_all(month.writer, close_id)
    assert failed.value.code == "CB-RETRY-BUCKET-FAILED"
    assert set(documents(books)) < set(ACCOUNTS)
    # When it is back and Airflow tries again, then each document is there once
    month.proxy.rule = writes_once
    render_all(month.writer, close_id)
    assert set(documents(books)) == set(ACCOUNTS)
    manifest = write_manifest(month.writer, close_id, RUN)
    assert (manifest.document_count, manifest.missing_count) == (len(ACCOUNTS), 0)
    assert len(month.store.names("statements")) == FILES * len(ACCOUNTS)
