"""Downloads: a single document, or a ZIP that is streamed and never completely in memory."""

import re
import unicodedata
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from urllib.parse import quote

from fastapi import Response
from fastapi.responses import StreamingResponse
from zipstream import ZIP_STORED, ZipStream

from closebook.desk.capacity import ZIPS

_MAX_NAME_LENGTH = 120
_PIECE_BYTES = 256 * 1024
_UNSAFE = re.compile(r"[\\/:*?\"<>|;%]")


@dataclass(frozen=True, slots=True)
class ZipEntry:
    """A file of the ZIP: its name, its size, and the function that reads it when it is sent."""

    file_name: str
    byte_count: int
    read: Callable[[], bytes]


def document_response(
    content: bytes, media_type: str, file_name: str, *, inline: bool = False
) -> Response:
    """Return a document that the browser saves as a file, or shows if it is ``inline``."""
    return Response(
        content,
        media_type=media_type,
        headers={
            "Content-Disposition": content_disposition(file_name, inline=inline),
            # Otherwise Airflow compresses the answer and sends no Content-Length.
            "Content-Encoding": "identity",
        },
    )


class ZipResponse(StreamingResponse):
    """A ZIP that is streamed. ``chunks`` are the parts that are not sent yet.

    A thread of the lane of ZIPs makes each piece when the client has taken the one before. A slow
    client holds no thread.
    """

    def __init__(self, stream: ZipStream, file_name: str) -> None:
        self.chunks: Iterator[bytes] = iter(stream)
        super().__init__(
            _pieces(self.chunks),
            media_type="application/zip",
            headers={
                "Content-Disposition": content_disposition(file_name),
                "Content-Length": str(len(stream)),
            },
        )


def zip_response(entries: Iterable[ZipEntry], file_name: str) -> ZipResponse:
    """Return the files as one ZIP. Each one is read, and verified, just before it is sent.

    The ZIP does not compress its entries, because PDFs are compressed already. So the length of the
    ZIP is known before the first byte, and the browser can show the progress. The stream is cut off
    at a document that is missing or was changed.
    """
    stream = ZipStream(sized=True, compress_type=ZIP_STORED)
    for entry in entries:
        stream.add(_content(entry), arcname=entry.file_name, size=entry.byte_count)
    return ZipResponse(stream, file_name)


def content_disposition(file_name: str, *, inline: bool = False) -> str:
    """Return the header Content-Disposition for a file name in any script (RFC 6266, RFC 8187)."""
    safe = safe_file_name(file_name)
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", safe)
    kind = "inline" if inline else "attachment"
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(safe, safe='')}"


def safe_file_name(name: str) -> str:
    """Return a file name that is valid on every system.

    It contains no path, no control character and no character that reverses the direction of text.
    """
    visible = "".join(
        character if unicodedata.category(character)[0] != "C" else "_" for character in name
    )
    return _UNSAFE.sub("_", visible).strip(" .")[-_MAX_NAME_LENGTH:].lstrip(" .") or "document"


def _content(entry: ZipEntry) -> Iterator[bytes]:
    yield entry.read()


async def _pieces(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    while piece := await ZIPS.run(partial(_piece, chunks)):
        yield piece


def _piece(chunks: Iterator[bytes]) -> bytes:
    """Return some of the chunks as one, since many are only a few bytes long; b"" at the end."""
    parts: list[bytes] = []
    byte_count = 0
    while byte_count < _PIECE_BYTES and (chunk := next(chunks, None)) is not None:
        parts.append(chunk)
        byte_count += len(chunk)
    return b"".join(parts)
