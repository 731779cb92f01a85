"""Downloads: a single document, or a ZIP that is streamed and never completely in memory."""

import re
import unicodedata
from collections.abc import AsyncIterator, Iterator
from functools import partial
from urllib.parse import quote

from fastapi import Response
from fastapi.responses import StreamingResponse

from closebook.desk.byte_ranges import Part, whole
from closebook.desk.capacity import ZIPS
from closebook.desk.zip_archive import ZipArchive

_MAX_NAME_LENGTH = 120
_PIECE_BYTES = 256 * 1024
_UNSAFE = re.compile(r"[\\/:*?\"<>|;%]")


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
    """A ZIP, or the part of it that the client asks for, that is streamed.

    ``chunks`` are the parts that are not sent yet. A thread of the lane of ZIPs makes each piece
    when the client has taken the one before. A slow client holds no thread.
    """

    def __init__(self, archive: ZipArchive, file_name: str, part: Part | None = None) -> None:
        part = part or whole(archive.byte_count)
        self.chunks: Iterator[bytes] = archive.chunks(part.first_byte, part.end)
        super().__init__(
            _pieces(self.chunks),
            status_code=part.status,
            media_type="application/zip",
            headers={
                "Content-Disposition": content_disposition(file_name),
                "Content-Length": str(part.end - part.first_byte),
                # Otherwise Airflow compresses the answer and sends no Content-Length.
                "Content-Encoding": "identity",
                "Accept-Ranges": "bytes",
                "ETag": archive.etag,
                **part.headers,
            },
        )


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
