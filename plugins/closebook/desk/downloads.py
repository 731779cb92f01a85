"""Documents on their way out: one by one, or many as a ZIP that is never whole in memory."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

from fastapi import Response
from fastapi.responses import StreamingResponse
from zipstream import ZIP_STORED, ZipStream

from closebook.statements.document_store import DocumentStore

_LONGEST_NAME = 120
_UNSAFE = re.compile(r"[\\/:*?\"<>|;%]")


@dataclass(frozen=True)
class Packed:
    """A document to be packed, and the name that it gets in the ZIP."""

    name: str
    object_name: str
    byte_count: int


def document_response(
    content: bytes, media_type: str, name: str, *, inline: bool = False
) -> Response:
    """A document as an attachment, or to be shown in the page."""
    return Response(
        content,
        media_type=media_type,
        headers={
            "Content-Disposition": disposition(name, inline=inline),
            # Airflow would gzip it, and its length be unknown.
            "Content-Encoding": "identity",
        },
    )


class ZipResponse(StreamingResponse):
    """A ZIP on its way; ``chunks`` are what is still to be sent."""

    def __init__(self, stream: ZipStream, name: str) -> None:
        self.chunks: Iterator[bytes] = iter(stream)
        super().__init__(
            self.chunks,
            media_type="application/zip",
            headers={
                "Content-Disposition": disposition(name),
                "Content-Length": str(len(stream)),
            },
        )


def zip_response(documents: DocumentStore, packed: Iterable[Packed], name: str) -> ZipResponse:
    """Stream documents as one ZIP, each read and checked when its turn comes.

    They are stored, since PDFs are compressed already; so the length is known before the first
    byte, and the browser shows how far it is. One that is lost or changed breaks the stream off.
    """
    stream = ZipStream(sized=True, compress_type=ZIP_STORED)
    for each in packed:
        stream.add(_content(documents, each.object_name), arcname=each.name, size=each.byte_count)
    return ZipResponse(stream, name)


def disposition(name: str, *, inline: bool = False) -> str:
    """The header that names a file, in any script (RFC 6266, RFC 8187)."""
    safe = file_name(name)
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", safe)
    kind = "inline" if inline else "attachment"
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(safe, safe='')}"


def file_name(name: str) -> str:
    """A name that is one on every system: no path, no controls, nothing that turns text round."""
    visible = "".join(
        character if unicodedata.category(character)[0] != "C" else "_" for character in name
    )
    return _UNSAFE.sub("_", visible).strip(" .")[-_LONGEST_NAME:].lstrip(" .") or "document"


def _content(documents: DocumentStore, object_name: str) -> Iterator[bytes]:
    yield documents.read(object_name)
