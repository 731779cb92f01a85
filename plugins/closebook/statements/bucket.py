"""Documents in a bucket of S3, or of another server with the interface of S3.

A document is written by one request with ``If-None-Match: *``, which the server refuses if
something has the name. Nothing is renamed, overwritten or removed. No listing is kept: each call
asks the server.
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from closebook.errors import Misconfigured, Transient
from closebook.statements.document_place import PIECE_BYTES

if TYPE_CHECKING:
    from obstore.store import S3Store

CONNECT_SECONDS = 5
ANSWER_SECONDS = 10
"""How long a server may send nothing. A large write has the time of ``_SLOWEST_UPLOAD`` besides."""
RETRY_SECONDS = 20
"""For how long a request that failed is sent again. So a read ends within 30 seconds."""

_WRITE_TRIES = 3
_SLOWEST_UPLOAD = 1_000_000
"""Bytes a second."""
_TRANSFER_SECONDS = 300

_CODE = re.compile(r"<Code>(\w+)</Code>|code: \"(\w+)\"")
# Words of the errors of the client, which has no classes for these.
_ANSWERED = re.compile(r"status code: \d{3}|from response")
_OTHER_REGION = re.compile(r"configured region")
_OF_THE_KEY = frozenset({"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken"})
_EXPIRED = frozenset({"ExpiredToken", "TokenRefreshRequired", "RequestExpired"})
_OF_THE_REGION = frozenset(
    {"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}
)


class AnswerLost(Transient):
    """The server of a bucket did not answer: whether it carried out the request is not known."""

    def __init__(self, bucket: str, name: str, detail: str) -> None:
        super().__init__(
            "CB-RETRY-BUCKET-UNREACHABLE",
            f"the bucket {bucket} gave no answer at {name} ({detail}): see that its server runs "
            "and can be reached from this worker, then run the task again",
        )


@dataclass(frozen=True)
class BucketAccess:
    """How a bucket is reached.

    ``credentials`` is a provider of obstore, which is called again before its answer expires.
    ``options`` are those of obstore's ``S3Store``: endpoint, region, style of addresses.
    """

    bucket: str
    folder: str
    connection: str
    credentials: Any = field(repr=False)
    options: Mapping[str, Any] = field(default_factory=dict)
    certificates: bytes | None = field(default=None, repr=False)

    def store(self, upload_bytes: int = 0) -> "S3Store":
        """Return a client whose time limits are long enough to send that many bytes."""
        from obstore.store import S3Store  # 15 MB of a library: a folder needs none of it

        answer_seconds = ANSWER_SECONDS + upload_bytes // _SLOWEST_UPLOAD
        client: dict[str, Any] = {
            "connect_timeout": timedelta(seconds=CONNECT_SECONDS),
            "read_timeout": timedelta(seconds=answer_seconds),
            "timeout": timedelta(seconds=max(_TRANSFER_SECONDS, answer_seconds)),
            # server_identity.refuse_open_bucket allows such an address on this machine only.
            "allow_http": str(self.options.get("endpoint", "")).startswith("http://"),
        }
        if self.certificates is not None:
            client["root_certificate"] = self.certificates
        return S3Store(
            self.bucket,
            prefix=self.folder or None,
            conditional_put="etag",  # a variable of the environment could switch it off
            credential_provider=self.credentials,
            client_options=client,  # type: ignore[arg-type]  # a dict with its keys
            retry_config={
                "max_retries": 5,
                "retry_timeout": timedelta(seconds=RETRY_SECONDS),
                "backoff": {
                    "base": 2,
                    "init_backoff": timedelta(milliseconds=200),
                    "max_backoff": timedelta(seconds=5),
                },
            },
            **self.options,
        )


class Bucket:
    """A place in a bucket, below a folder of it."""

    keeps_trials = True
    # The process that first used a bucket: the threads of the client are in it.
    _process: ClassVar[int | None] = None

    def __init__(self, access: BucketAccess) -> None:
        self._access = access
        self._store = access.store()

    def create(self, name: str, content: bytes) -> bool:
        """Write the content, unless something has the name: then return False.

        A write whose answer is lost is sent again: if the first one was carried out, the second is
        refused, and the caller compares what is there.
        """
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        is_large = len(content) > PIECE_BYTES
        store = self._access.store(len(content)) if is_large else self._store
        for tries_left in reversed(range(_WRITE_TRIES)):
            try:
                with self._errors(name):
                    # guard: bucket.created-and-never-overwritten
                    obstore.put(store, name, content, mode="create", use_multipart=False)
            except (AlreadyExistsError, PreconditionError):
                return False
            except AnswerLost:
                if not tries_left:  # guard: bucket.lost-answers-are-bounded
                    raise
            else:
                break
        return True

    def pieces(self, name: str, first_byte: int) -> Iterator[bytes]:
        """Yield the content from a byte on. Each piece is a request of its own.

        So a person who downloads slowly holds no connection to the bucket.
        """
        import obstore

        start = first_byte
        if first_byte == 0:
            with self._errors(name):
                found = obstore.get(self._store, name)
                whole = bytes(found.bytes()) if found.meta["size"] <= PIECE_BYTES else None
            if whole is not None:
                yield whole
                return
        while piece := self.read_part(name, start, PIECE_BYTES):
            yield piece
            start += len(piece)
            if len(piece) < PIECE_BYTES:
                return

    def read_part(self, name: str, first_byte: int, byte_count: int) -> bytes:
        """Return a part of the content."""
        import obstore

        with self._errors(name):
            try:
                return bytes(
                    obstore.get_range(self._store, name, start=first_byte, length=byte_count)
                )
            except obstore.exceptions.GenericError as error:
                if _code(error) == "InvalidRange":  # the content ends before
                    return b""
                raise

    def exists(self, name: str) -> bool:
        """Return whether something has the name now."""
        import obstore

        try:
            with self._errors(name):
                obstore.head(self._store, name)
        except FileNotFoundError:
            return False
        return True

    def names(self, folder: str) -> Iterator[str]:
        """Yield the names below a folder, as the server lists them now."""
        import obstore

        with self._errors(folder):
            for listed in obstore.list(self._store, folder, chunk_size=1000):
                for each in listed:
                    yield each["path"]

    def remove_partial(self, folder: str, before: datetime) -> int:
        """Return 0: no write leaves a part of a document, and nothing is removed from a bucket."""
        return 0

    def trial(self, name: str) -> nullcontext[None]:
        """Keep what the block writes: nothing is removed from a bucket."""
        return nullcontext()

    @contextmanager
    def _errors(self, name: str) -> Iterator[None]:
        """Raise the errors of the client as errors of Closebook."""
        from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError

        self._refuse_fork()
        try:
            yield
        except FileNotFoundError as error:
            if _code(error) == "NoSuchBucket":  # guard: bucket.missing-one-is-no-missing-document
                raise Misconfigured(
                    "CB-CONFIG-BUCKET-MISSING",
                    f"there is no bucket {self._access.bucket} for {self._access.connection}: make "
                    "it, or correct CLOSEBOOK_DOCUMENTS_URL",
                ) from error
            raise
        except (AlreadyExistsError, PreconditionError):
            raise
        except BaseError as error:
            raise self._meaning(name, error) from error

    def _meaning(self, name: str, error: Exception) -> Misconfigured | Transient:
        from obstore.exceptions import PermissionDeniedError, UnauthenticatedError

        code, who = _code(error), self._access.connection
        if code in _EXPIRED:  # guard: bucket.expired-token-is-a-setting
            return Misconfigured(
                "CB-CONFIG-BUCKET-TOKEN-EXPIRED",
                f"the bucket {self._access.bucket} refuses the token of {who}, which has expired "
                f"({code}): give the connection a new one, or a role or key that does not expire",
            )
        if code == "RequestTimeTooSkewed":
            return Misconfigured(
                "CB-CONFIG-BUCKET-CLOCK",
                f"the bucket {self._access.bucket} refuses requests since the clock of this "
                "machine differs from its own: set the clock",
            )
        if code in _OF_THE_REGION or _OTHER_REGION.search(str(error)):
            return Misconfigured(
                "CB-CONFIG-BUCKET-REGION",
                f"the bucket {self._access.bucket} is in another region than {who} says: set "
                "region_name in the connection's extra",
            )
        # guard: bucket.refusal-is-a-setting
        if code in _OF_THE_KEY or isinstance(error, PermissionDeniedError | UnauthenticatedError):
            wrong = (
                "correct the key of the connection"
                if code in _OF_THE_KEY
                else "give the key s3:GetObject and s3:ListBucket, and where documents are written "
                "s3:PutObject (docs/object-storage.md)"
            )
            return Misconfigured(
                "CB-CONFIG-BUCKET-REFUSED",
                f"the bucket {self._access.bucket} refuses {who} at {name} "
                f"({code or 'no code'}): {wrong}",
            )
        # A server that has answered names a code, or at least a status.
        if code is None and not _ANSWERED.search(str(error)):
            return AnswerLost(self._access.bucket, name, _first_line(error))
        return Transient(
            "CB-RETRY-BUCKET-FAILED",
            f"the bucket {self._access.bucket} failed at {name} ({code or _first_line(error)}): "
            "its server is overloaded or has a fault; run the task again",
        )

    def _refuse_fork(self) -> None:
        # A fork has none of the client's threads, and would wait for them for ever.
        process = os.getpid()
        if Bucket._process is None:
            Bucket._process = process
        elif Bucket._process != process:  # guard: bucket.no-use-after-a-fork
            raise RuntimeError(
                "a bucket that was used before a fork is used after it, without its threads"
            )


def _code(error: Exception) -> str | None:
    """Return the code that the server's answer has, such as ``SlowDown``."""
    found = _CODE.search(str(error))
    return None if found is None else found[1] or found[2]


def _first_line(error: Exception) -> str:
    # The rest of the text is for those who maintain the client.
    return str(error).partition("\n")[0][:300]
