"""Documents in a bucket of a real S3 server: written once, and each failure has its own error."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from closebook.errors import Misconfigured, Transient, WrongData
from closebook.statements import bucket as bucket_module
from closebook.statements import document_store
from closebook.statements.document_store import DocumentStore
from local.ports import LOOPBACK, choose
from local.s3_server import ADMIN, READER, REGION, S3, WRITER
from tests.s3_server import HANGS, LOSES_ANSWER, SECRETS, Answer, FaultyS3

CONTENT, OTHER = b"%PDF-1.7 a document", b"%PDF-1.7 another one"
SHA256 = sha256(CONTENT).hexdigest()
NAME = f"statements/{SHA256[:2]}/{SHA256}.pdf"
KEY = f"documents/{NAME}"
URL = "s3://bucket_writer@{bucket}/documents"

Connect = Callable[..., None]


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Connect:
    """Sets the Airflow connection bucket_writer, and forgets what was opened with another one."""

    def to(s3: S3, user: str = WRITER, **extra: object) -> None:
        monkeypatch.setenv("AIRFLOW_CONN_BUCKET_WRITER", s3.connection_variable(user, **extra))
        monkeypatch.setattr(document_store, "_opened_places", document_store._OpenedPlaces())

    return to


@pytest.fixture
def faulty(s3_server: S3) -> Iterator[FaultyS3]:
    """A proxy before the server, which lets everything pass until the test gives it a rule."""
    with FaultyS3(s3_server) as proxy:
        yield proxy


@pytest.fixture
def documents(faulty: FaultyS3, bucket: str, connect: Connect) -> DocumentStore:
    """The store in a bucket of the test's own, with the key of a writer."""
    connect(faulty.s3)
    return DocumentStore(URL.format(bucket=bucket))


def put(documents: DocumentStore, content: bytes = CONTENT) -> str:
    return documents.put(content, folder="statements", suffix="pdf").object_name


# ---- written once --------------------------------------------------------------------------


def test_a_document_is_written_by_one_conditional_request(
    documents: DocumentStore, faulty: FaultyS3
) -> None:
    put(documents)
    [asked] = faulty.asked
    assert (asked.method, asked.headers["if-none-match"]) == ("PUT", "*")
    assert documents.read(NAME) == CONTENT
    assert documents.exists(NAME)
    assert documents.names("statements") == [NAME]
    assert faulty.methods == ["PUT", "GET", "HEAD", "GET"]


def test_the_same_bytes_again_are_the_same_document(
    documents: DocumentStore, s3_server: S3, bucket: str
) -> None:
    put(documents)
    before = s3_server.client(ADMIN).head_object(Bucket=bucket, Key=KEY)
    time.sleep(1.1)  # S3 has whole seconds
    assert put(documents) == NAME
    after = s3_server.client(ADMIN).head_object(Bucket=bucket, Key=KEY)
    assert (before["LastModified"], before["ETag"]) == (after["LastModified"], after["ETag"])


def test_other_bytes_under_the_name_are_wrong_data_and_stay(
    documents: DocumentStore, s3_server: S3, bucket: str
) -> None:
    s3_server.client(ADMIN).put_object(Bucket=bucket, Key=KEY, Body=OTHER)
    with pytest.raises(WrongData) as refused:
        put(documents)
    assert refused.value.code == "CB-DATA-DOCUMENT-CHANGED"
    assert SHA256 in refused.value.text
    assert sha256(OTHER).hexdigest() in refused.value.text
    assert s3_server.client(ADMIN).get_object(Bucket=bucket, Key=KEY)["Body"].read() == OTHER


def test_a_bucket_may_refuse_to_overwrite_and_to_remove(
    documents: DocumentStore, faulty: FaultyS3, s3_server: S3, bucket: str
) -> None:
    # Given a bucket whose policy lets nothing be removed, and which refuses unconditional writes
    faulty.rule = lambda asked: (
        Answer(403, "AccessDenied")
        if asked.method in {"POST", "DELETE"}
        or (asked.method == "PUT" and asked.headers.get("if-none-match") != "*")
        else None
    )
    # When documents are written, once and again, and the doctor tries the store
    put(documents)
    put(documents)
    documents.try_out()
    documents.try_out()
    assert documents.remove_partial_files("statements") == 0
    # Then all of it works, and not even the writer's key can remove a document
    with pytest.raises(ClientError, match="AccessDenied"):
        s3_server.client(WRITER).delete_object(Bucket=bucket, Key=KEY)
    assert documents.read(NAME) == CONTENT
    assert [name for name in documents.names("doctor") if name.endswith(".txt")] != []


def test_a_server_that_ignores_the_condition_is_refused(
    documents: DocumentStore, faulty: FaultyS3
) -> None:
    faulty.rule = lambda asked: (
        Answer(200, "") if asked.method == "PUT" and "PUT" in faulty.methods[:-1] else None
    )
    with pytest.raises(Misconfigured, match="ignores If-None-Match") as refused:
        documents.try_out()
    assert refused.value.code == "CB-CONFIG-DOCUMENTS-OVERWRITTEN"


def test_a_reader_reads_and_cannot_write(
    documents: DocumentStore, faulty: FaultyS3, connect: Connect
) -> None:
    put(documents)
    connect(faulty.s3, READER)
    reader = DocumentStore(documents.base_url)
    assert reader.read(NAME) == CONTENT
    with pytest.raises(Misconfigured, match="s3:PutObject") as refused:
        put(reader, OTHER)
    assert refused.value.code == "CB-CONFIG-BUCKET-REFUSED"


# ---- what exists is asked of the server ----------------------------------------------------


def test_no_earlier_listing_decides_which_documents_exist(
    documents: DocumentStore, s3_server: S3, bucket: str
) -> None:
    other = s3_server.client(ADMIN)
    # Given a store that has listed the folder, and asked for a document that is not there
    assert documents.names("statements") == []
    assert not documents.exists(NAME)
    # When somebody else writes it, then it is there
    other.put_object(Bucket=bucket, Key=KEY, Body=CONTENT)
    assert documents.exists(NAME)
    assert documents.names("statements") == [NAME]
    assert documents.read(NAME) == CONTENT
    # When somebody overwrites it, then that is read
    other.put_object(Bucket=bucket, Key=KEY, Body=OTHER * 2)
    with pytest.raises(WrongData, match="was changed"):
        documents.read(NAME)
    # When it is removed, then it is gone
    other.delete_bucket_policy(Bucket=bucket)
    other.delete_object(Bucket=bucket, Key=KEY)
    assert not documents.exists(NAME)
    assert documents.names("statements") == []
    with pytest.raises(WrongData, match="not in the store"):
        documents.read(NAME)


def test_a_large_document_is_read_in_pieces(
    documents: DocumentStore, faulty: FaultyS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket_module, "PIECE_BYTES", 1000)
    content = os.urandom(2500)
    name = put(documents, content)
    assert [len(piece) for piece in documents.pieces(name)] == [1000, 1000, 500]
    assert documents.read(name) == content
    assert b"".join(documents.pieces(name, 1200)) == content[1200:]
    assert list(documents.pieces(name, 2500)) == []
    assert documents.read_part(name, 2490, 100) == content[2490:]
    assert documents.read_part(name, 5, 10) == content[5:15]
    assert put(documents, content) == name
    assert set(faulty.methods) == {"PUT", "GET"}


def test_thousands_of_documents_are_read_at_once_by_one_request_each(
    documents: DocumentStore, faulty: FaultyS3
) -> None:
    names = [put(documents, b"document %d" % number) for number in range(60)]
    faulty.asked.clear()
    assert documents.read_all(names) == []
    assert faulty.methods == ["GET"] * 60
    assert faulty.most_at_once > 4
    missing = [NAME, f"statements/00/{'0' * 64}.pdf"]
    assert documents.read_all([*names, *missing]) == missing
    assert documents.absent([missing[0], *names, missing[1]]) == missing


def test_the_first_failure_ends_a_batch(documents: DocumentStore, faulty: FaultyS3) -> None:
    names = [put(documents, b"document %d" % number) for number in range(60)]
    faulty.asked.clear()
    faulty.rule = lambda _: Answer(403, "AccessDenied")
    with pytest.raises(Misconfigured):
        documents.read_all(names)
    time.sleep(0.5)
    assert len(faulty.asked) < 60


# ---- errors by class -----------------------------------------------------------------------

REFUSED = {
    "a refusal": (Answer(403, "AccessDenied"), "CB-CONFIG-BUCKET-REFUSED"),
    "a wrong secret": (Answer(403, "SignatureDoesNotMatch"), "CB-CONFIG-BUCKET-REFUSED"),
    "an unknown key": (Answer(403, "InvalidAccessKeyId"), "CB-CONFIG-BUCKET-REFUSED"),
    "no credentials": (Answer(401, "Unauthorized"), "CB-CONFIG-BUCKET-REFUSED"),
    "an expired token": (Answer(400, "ExpiredToken"), "CB-CONFIG-BUCKET-TOKEN-EXPIRED"),
    "an expired token, 403": (Answer(403, "ExpiredToken"), "CB-CONFIG-BUCKET-TOKEN-EXPIRED"),
    "a wrong clock": (Answer(403, "RequestTimeTooSkewed"), "CB-CONFIG-BUCKET-CLOCK"),
    "another region": (Answer(301, "PermanentRedirect"), "CB-CONFIG-BUCKET-REGION"),
    "a region of the signature": (
        Answer(400, "AuthorizationHeaderMalformed"),
        "CB-CONFIG-BUCKET-REGION",
    ),
    "no bucket": (Answer(404, "NoSuchBucket"), "CB-CONFIG-BUCKET-MISSING"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_is_a_wrong_setting_and_raised_at_once(
    documents: DocumentStore, faulty: FaultyS3, name: str
) -> None:
    answer, code = REFUSED[name]
    faulty.rule = lambda _: answer
    began = time.monotonic()
    for ask in (lambda: put(documents), lambda: documents.read(NAME)):
        with pytest.raises(Misconfigured) as refused:
            ask()
        assert refused.value.code == code
    # It was not tried again for half a minute
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    ("status", "code"),
    [(503, "SlowDown"), (500, "InternalError"), (503, "ServiceUnavailable"), (429, "SlowDown")],
)
def test_a_server_that_keeps_failing_is_transient_within_a_bounded_time(
    documents: DocumentStore,
    faulty: FaultyS3,
    short_times: None,
    status: int,
    code: str,
) -> None:
    faulty.rule = lambda _: Answer(status, code)
    for ask in (lambda: put(documents), lambda: documents.read(NAME)):
        began = time.monotonic()
        with pytest.raises(Transient, match=code) as failed:
            ask()
        assert failed.value.code == "CB-RETRY-BUCKET-FAILED"
        # Two seconds of tries, not the half minute of production
        assert time.monotonic() - began < 20


@pytest.fixture
def short_times(monkeypatch: pytest.MonkeyPatch, connect: Connect, faulty: FaultyS3) -> None:
    """A second for an answer, and two for all tries: a test need not wait for half a minute."""
    monkeypatch.setattr(bucket_module, "ANSWER_SECONDS", 1)
    monkeypatch.setattr(bucket_module, "RETRY_SECONDS", 2)
    connect(faulty.s3)


def test_a_server_that_fails_once_is_asked_again(
    documents: DocumentStore, faulty: FaultyS3
) -> None:
    faulty.rule = lambda _: Answer(503, "SlowDown") if len(faulty.asked) in {1, 3} else None
    put(documents)
    assert documents.read(NAME) == CONTENT
    assert faulty.methods == ["PUT", "PUT", "GET", "GET"]


def test_a_write_whose_answer_is_lost_is_there_once(
    documents: DocumentStore, faulty: FaultyS3
) -> None:
    faulty.rule = lambda asked: (
        LOSES_ANSWER if asked.method == "PUT" and len(faulty.asked) == 1 else None
    )
    assert put(documents) == NAME
    # It was carried out, so the second was refused, and what is there was compared.
    assert faulty.methods == ["PUT", "PUT", "GET"]
    assert documents.names("statements") == [NAME]


def test_a_server_that_hangs_delays_a_task_for_a_bounded_time(
    faulty: FaultyS3, bucket: str, short_times: None
) -> None:
    documents = DocumentStore(URL.format(bucket=bucket))
    faulty.rule = lambda _: HANGS
    for ask in (
        lambda: put(documents),
        lambda: documents.read(NAME),
        lambda: documents.exists(NAME),
        lambda: documents.names("statements"),
        lambda: documents.read_all([NAME] * 100),
    ):
        began = time.monotonic()
        with pytest.raises(Transient) as failed:
            ask()
        assert failed.value.code == "CB-RETRY-BUCKET-UNREACHABLE"
        # With the real times: the time of all tries, and that of one more answer, half a minute.
        assert time.monotonic() - began < 20


def test_the_times_of_a_hanging_server_are_half_a_minute_at_most() -> None:
    assert bucket_module.RETRY_SECONDS + bucket_module.ANSWER_SECONDS <= 30
    assert bucket_module._WRITE_TRIES * bucket_module.ANSWER_SECONDS <= 30


def test_a_server_that_is_not_there_is_transient(bucket: str, connect: Connect) -> None:
    connect(S3(f"http://{LOOPBACK}:{choose(['nobody'])['nobody']}", SECRETS))
    with pytest.raises(Transient, match="gave no answer") as failed:
        DocumentStore(URL.format(bucket=bucket)).read(NAME)
    assert failed.value.code == "CB-RETRY-BUCKET-UNREACHABLE"


# ---- settings ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("extra", "code"),
    [
        ({"endpoint_url": "http://192.0.2.1:8333"}, "CB-CONFIG-BUCKET-WITHOUT-TLS"),
        ({"verify": False}, "CB-CONFIG-BUCKET-NOT-VERIFIED"),
        ({"verify": "/nowhere/ca.pem"}, "CB-CONFIG-BUCKET-CERTIFICATES-UNREADABLE"),
    ],
)
def test_a_connection_without_the_identity_of_its_server_is_refused(
    s3_server: S3, connect: Connect, extra: dict[str, object], code: str
) -> None:
    connect(s3_server, **extra)
    with pytest.raises(Misconfigured) as refused:
        DocumentStore(URL.format(bucket="any"))
    assert refused.value.code == code


def test_a_connection_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    # Airflow's hook would go on with the machine's own credentials.
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ADMIN)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", ADMIN)
    with pytest.raises(Misconfigured) as refused:
        DocumentStore("s3://no_such_connection@bucket/documents")
    assert refused.value.code == "CB-CONFIG-CONNECTION-MISSING"


def test_without_a_connection_the_credentials_are_the_machines(
    s3_server: S3, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"s3://{bucket}/documents"
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(Misconfigured) as refused:
        DocumentStore(url)
    assert refused.value.code == "CB-CONFIG-BUCKET-NO-CREDENTIALS"
    for name, value in {
        "AWS_ACCESS_KEY_ID": WRITER,
        "AWS_SECRET_ACCESS_KEY": f"secret of {WRITER}",
        "AWS_ENDPOINT_URL_S3": s3_server.url,
        "AWS_DEFAULT_REGION": REGION,
    }.items():
        monkeypatch.setenv(name, value)
    documents = DocumentStore(url)
    assert put(documents) == NAME
    # An address of the environment is held to the same rule as that of a connection.
    monkeypatch.setattr(document_store, "_opened_places", document_store._OpenedPlaces())
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://192.0.2.1:8333")
    with pytest.raises(Misconfigured) as open_address:
        DocumentStore(url)
    assert open_address.value.code == "CB-CONFIG-BUCKET-WITHOUT-TLS"


def test_a_bucket_is_opened_once_in_a_process_and_again_after_a_while(
    documents: DocumentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def place_of(store: DocumentStore) -> object:
        return store._place

    assert place_of(DocumentStore(documents.base_url)) is place_of(documents)
    monkeypatch.setattr(document_store, "_OPEN_SECONDS", 0)
    assert place_of(DocumentStore(documents.base_url)) is not place_of(documents)


def test_a_fork_that_uses_a_bucket_of_its_parent_raises_and_does_not_hang(
    documents: DocumentStore,
) -> None:
    put(documents)
    child = os.fork()
    if child == 0:
        # A client whose threads are not there waits for ever, and runs no handler of Python's.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(10)
        try:
            documents.read(NAME)
        except RuntimeError:
            os._exit(7)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 7
