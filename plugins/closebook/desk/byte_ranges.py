"""The part of a file that a client asks for, to resume an interrupted download (RFC 9110)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from fastapi import HTTPException

_ONE_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


@dataclass(frozen=True)
class Part:
    """The bytes of an answer, from ``first_byte`` to before ``end``, with its status."""

    first_byte: int
    end: int
    status: HTTPStatus = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)


def whole(byte_count: int) -> Part:
    """Return the part that is the whole file."""
    return Part(0, byte_count)


def asked_part(headers: Mapping[str, str], byte_count: int, etag: str) -> Part:
    """Return the part that the headers of a request ask for.

    It is the whole file if they ask for none, for several, or for a part of another file than the
    one with this ETag (``If-Range``). Raises HTTP 416 if the part is not in the file.
    """
    asked = _ONE_RANGE.fullmatch(headers.get("Range", "").replace(" ", ""))
    # guard: zip.part-of-the-same-file
    if asked is None or asked[0] == "bytes=-" or headers.get("If-Range", etag) != etag:
        return whole(byte_count)
    first, last = asked.groups()
    if first:
        first_byte = int(first)
        end = min(int(last) + 1, byte_count) if last else byte_count
    else:
        first_byte, end = max(byte_count - int(last), 0), byte_count
    if last and first and int(last) < int(first):
        return whole(byte_count)
    if first_byte >= end:
        raise HTTPException(
            HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
            "The file has fewer bytes.",
            {"Content-Range": f"bytes */{byte_count}"},
        )
    of_all = {"Content-Range": f"bytes {first_byte}-{end - 1}/{byte_count}"}
    return Part(first_byte, end, HTTPStatus.PARTIAL_CONTENT, of_all)
