"""Evidence of the time at which a statement was signed, from a timestamp authority (RFC 3161).

With a timestamp a signature is PAdES B-T: it can be checked after the certificate has expired. With
the certificates and revocation lists of that time in the file, and a timestamp of all of it, it is
PAdES B-LTA: it can be checked when the authorities' servers are gone.
"""

import asyncio
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import new
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from asn1crypto import x509
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.signers import PdfTimeStamper
from pyhanko.sign.signers.pdf_signer import TimestampDSSContentSettings
from pyhanko.sign.timestamps.api import TimeStamper
from pyhanko.sign.timestamps.common_utils import TimestampRequestError
from pyhanko.sign.timestamps.requests_client import RequestsHTTPTimeStamper
from pyhanko.sign.validation.dss import DocumentSecurityStore, collect_validation_info
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.errors import PathBuildingError, PathValidationError, ValidationError
from pyhanko_certvalidator.fetchers.requests_fetchers import RequestsFetcherBackend

from closebook.errors import Misconfigured, Transient
from closebook.settings.signing_settings import Timestamping
from closebook.statements.pem_certificates import certificates_of
from closebook.statements.signing.signature_update import TIMESTAMP_FIELD_NAME

ANSWER_SECONDS = 10
# A token's length depends on the authority's certificate, its clock's digits and its signature.
_DIFFERENCE_BYTES = 512
# How long revocation lists that were fetched are used again: a month of statements fetches few.
_KEPT_SECONDS = 300
# pyHanko writes this by itself, behind a stream's content.
_END_OF_STREAM = b"\nendstream"


class Evidence:
    """Asks one timestamp authority; several threads may use it at the same time."""

    def __init__(
        self, timestamping: Timestamping, hash_name: str, authorities: Sequence[x509.Certificate]
    ) -> None:
        self.is_long_term = timestamping.is_long_term
        self._hash_name, self._authorities = hash_name, authorities
        self._place, self._stamper = _stamper(timestamping.url)
        self._roots = [] if timestamping.roots is None else trusted_roots(timestamping.roots)
        self._validating = threading.Lock()
        self._kept: ValidationContext | None = None
        self._kept_until = 0.0

    def timestamp(self, signature: bytes) -> bytes:
        """Return the authority's token (DER) for a signature. Raises Transient."""
        digest = new(self._hash_name, signature).digest()
        with self._asked():
            token = asyncio.run(self._stamper.async_timestamp(digest, self._hash_name))
        encoded: bytes = token.dump()
        return encoded

    def longest_timestamp(self) -> bytes:
        """Return a token of a sample, and as many bytes more as another one may have."""
        return self.timestamp(b"a sample") + bytes(_DIFFERENCE_BYTES)

    def made_long_term(self, pdf: bytes) -> bytes:
        """Return the signed PDF with what checks its signature, and a timestamp of all of it.

        Both are in one incremental update. Raises Transient when an authority does not answer, and
        Misconfigured when its answers do not lead to one of the trusted roots.
        """
        update, output = _UpdateWithoutMetadata(BytesIO(pdf)), _StreamOutput()
        [signature] = PdfFileReader(BytesIO(pdf)).embedded_regular_signatures
        with self._asked(), self._validating:
            context = self._context()
            paths = asyncio.run(collect_validation_info(signature, context))
            DocumentSecurityStore.supply_dss_in_writer(
                update,
                signature.pkcs7_content.hex().encode(),
                paths=paths,
                validation_context=context,
            )
            PdfTimeStamper(self._stamper, TIMESTAMP_FIELD_NAME).timestamp_pdf(
                update,
                self._hash_name,
                context,
                dss_settings=TimestampDSSContentSettings(include_vri=False, update_before_ts=True),
                output=output,
            )
        return output.getvalue()

    def _context(self) -> ValidationContext:
        """Return what the certificates are checked with; it keeps revocation lists for minutes."""
        now = time.monotonic()
        if self._kept is None or now > self._kept_until:
            self._kept_until = now + _KEPT_SECONDS
            self._kept = ValidationContext(
                trust_roots=self._roots,
                other_certs=self._authorities,
                allow_fetching=True,
                revocation_mode="hard-fail",
                fetcher_backend=RequestsFetcherBackend(per_request_timeout=ANSWER_SECONDS),
            )
        return self._kept

    @contextmanager
    def _asked(self) -> Iterator[None]:
        try:
            yield
        except (PathValidationError, PathBuildingError) as error:
            raise Misconfigured(
                "CB-CONFIG-TIMESTAMPS-NOT-TRUSTED",
                f"the signing certificate, or that of the timestamp authority {self._place}, does "
                f"not lead to a certificate of trusted_roots ({error}): put the roots of both into "
                "that file, and see that their revocation lists can be fetched",
            ) from error
        except (TimestampRequestError, ValidationError, OSError, ValueError) as error:
            raise Transient(
                "CB-RETRY-NO-TIMESTAMP",
                f"the timestamp authority {self._place} gave no timestamp ({error}); see that it "
                "can be reached from here, then run the task again",
            ) from error


class _UpdateWithoutMetadata(IncrementalPdfFileWriter):
    def _update_meta(self) -> None:
        """Change no metadata: pyHanko would set its own producer and a new modification date."""


class _StreamOutput(BytesIO):
    """The output of pyHanko. `object_writer.stream_syntax` says why a CR needs another line end."""

    def write(self, data: Any) -> int:
        """Write, and end a stream with CR LF where its content ends with CR."""
        if data == _END_OF_STREAM and bytes(self.getbuffer()[-1:]) == b"\r":
            data = b"\r" + data
        return super().write(data)


def _stamper(url: str) -> tuple[str, TimeStamper]:
    """Return the authority's address without its password, and a client of it."""
    parts = urlsplit(url)
    log_in = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    place = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return place, RequestsHTTPTimeStamper(place, timeout=ANSWER_SECONDS, auth=log_in)


def trusted_roots(path: Path) -> list[x509.Certificate]:
    """Return the certificates of a PEM file. Raises Misconfigured when it has none."""
    try:
        found = certificates_of(path.read_bytes())
    except (OSError, TypeError, ValueError) as error:
        raise _no_roots(path, str(error)) from error
    if not found:
        raise _no_roots(path, "there is no certificate in it")
    return found


def _no_roots(path: Path, why: str) -> Misconfigured:
    return Misconfigured(
        "CB-CONFIG-TRUSTED-ROOTS-UNREADABLE",
        f"the certificates of {path} cannot be read ({why}): correct trusted_roots in the extra of "
        "the signing connection",
    )
