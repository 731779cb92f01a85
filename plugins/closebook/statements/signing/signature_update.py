"""The incremental update that adds a signature to a PDF, before it is signed.

It changes four objects of the PDF and adds some. It keeps PDF/A-3a and PDF/UA-1: PDF/A requires
that the widget of a signature has the print flag, and an appearance unless it has no size
(ISO 19005-3, 6.3.2 and 6.3.3). PDF/UA requires a name for it, and a Form element around it in the
structure tree (ISO 14289-1, 7.18.1 and 7.18.4). The signature certifies the document and forbids
any change (ISO 32000-1, 12.8.2.2), so a PDF reader reports what is appended later.
"""

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, Object, String

from closebook.statements.pdf.object_writer import stream_syntax

FIELD_NAME, TIMESTAMP_FIELD_NAME = "Signature", "Timestamp"
_NAME_LANGUAGE = "en"
_PRINTS, _IS_LOCKED = 4, 128
_HAS_SIGNATURES, _APPEND_ONLY = 1, 2
_OUTSIDE_OF_THE_PAGE = -9999
_IN_FILE = 1
# PAdES is an extension of PDF 1.7 (ETSI EN 319 142-1, 5.5).
_PADES: dict[str, Any] = {
    "Type": Name.DeveloperExtensions,
    "BaseVersion": Name("/1.7"),
    "ExtensionLevel": 1,
}
_START = re.compile(rb"startxref\s+(\d+)\s+%%EOF\s*\Z")
_LONGEST_END = 64
# The four numbers of the byte range are written when the file's length is known.
_EMPTY_RANGE = b"[0 0000000000 0000000000 0000000000]"


@dataclass(frozen=True, slots=True)
class UnsignedUpdate:
    """A PDF with a place for its signature: hexadecimal digits from ``start`` to ``end``.

    The place has zeros. All bytes but the place and the brackets around it are signed.
    """

    content: bytes
    start: int
    end: int

    @property
    def signed_parts(self) -> tuple[memoryview, memoryview]:
        """The bytes before the place and after it."""
        content = memoryview(self.content)
        return content[: self.start - 1], content[self.end + 1 :]

    def signed(self, signature: bytes) -> bytes:
        """Return the PDF with this signature. Raises ValueError if its place is too small."""
        digits = signature.hex().encode()
        if len(digits) > self.end - self.start:
            raise ValueError(f"{len(digits)} digits do not fit into {self.end - self.start}")
        content = bytearray(self.content)
        content[self.start : self.start + len(digits)] = digits
        return bytes(content)


def with_place_for_signature(
    pdf: bytes, *, room_bytes: int, signed_at: datetime, has_timestamp: bool = False
) -> UnsignedUpdate:
    """Return the PDF with a signature field whose signature may have up to ``room_bytes``.

    With ``has_timestamp`` there is an empty field too, for a timestamp of the whole file.
    """
    with pikepdf.open(BytesIO(pdf)) as document:
        signature = document.make_indirect(Dictionary())
        values = {FIELD_NAME: signature} | ({TIMESTAMP_FIELD_NAME: None} if has_timestamp else {})
        changed = _add_fields(document, values)
        document.Root.Perms = Dictionary(DocMDP=signature)
        return _appended(pdf, document, changed, signature, room_bytes, signed_at)


def _add_fields(document: pikepdf.Pdf, values: Mapping[str, Object | None]) -> Sequence[Object]:
    """Add signature fields of these names and values; return what that added or changed."""
    root, page = document.Root, document.pages[0].obj
    tree = root.StructTreeRoot
    document_element = tree.K[0]
    page.Annots = Array()
    changed = [root, page, tree, document_element]
    for name, value in values.items():
        key = int(tree.ParentTreeNextKey)
        widget = document.make_indirect(
            Dictionary(
                Type=Name.Annot,
                Subtype=Name.Widget,
                FT=Name.Sig,
                T=String(name),
                TU=String(name),
                F=_PRINTS | _IS_LOCKED,
                Rect=Array([_OUTSIDE_OF_THE_PAGE] * 4),
                P=page,
                StructParent=key,
            )
        )
        if value is not None:
            widget.V = value
        form = document.make_indirect(
            Dictionary(
                Type=Name.StructElem,
                S=Name.Form,
                P=document_element,
                Lang=String(_NAME_LANGUAGE),
                K=Dictionary(Type=Name.OBJR, Obj=widget, Pg=page),
            )
        )
        owners = document.make_indirect(
            Dictionary(Limits=Array([key, key]), Nums=Array([key, form]))
        )
        tree.ParentTree.Kids.append(owners)
        tree.ParentTreeNextKey = key + 1
        document_element.K.append(form)
        page.Annots.append(widget)
        changed += [widget, form, owners]
    root.AcroForm = Dictionary(Fields=page.Annots, SigFlags=_HAS_SIGNATURES | _APPEND_ONLY)
    root.Extensions = Dictionary(ESIC=Dictionary(**_PADES))
    return changed


def _appended(
    pdf: bytes,
    document: pikepdf.Pdf,
    changed: Sequence[Object],
    signature: Object,
    room_bytes: int,
    signed_at: datetime,
) -> UnsignedUpdate:
    """Return the PDF with the changed objects, the empty signature and their references."""
    written = bytearray(pdf)
    places: dict[int, int] = {}
    for each in changed:
        places[each.objgen[0]] = len(written)
        written += _object(each.objgen[0], each.unparse(resolved=True))
    number = signature.objgen[0]
    places[number] = len(written)
    before, after = _empty_signature(signed_at)
    written += b"%d 0 obj\n%s" % (number, before)
    start = len(written)
    written += b"0" * (2 * room_bytes)
    end = len(written)
    written += after + b"\nendobj\n"
    _write_references(written, pdf, document, places)
    byte_range = b"[0 %d %d %d" % (start - 1, end + 1, len(written) - end - 1)
    byte_range = byte_range.ljust(len(_EMPTY_RANGE) - 1) + b"]"
    at = written.index(_EMPTY_RANGE, end)
    written[at : at + len(byte_range)] = byte_range
    return UnsignedUpdate(bytes(written), start, end)


def _empty_signature(signed_at: datetime) -> tuple[bytes, bytes]:
    """Return what stands in the signature's dictionary before its place, and after it."""
    before = b"<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/ETSI.CAdES.detached/Contents<"
    after = (
        b">/ByteRange%s/M(D:%s)/Reference[<</Type/SigRef/TransformMethod/DocMDP"
        b"/TransformParams<</Type/TransformParams/V/1.2/P 1>>>>]>>"
    ) % (_EMPTY_RANGE, signed_at.astimezone(UTC).strftime("%Y%m%d%H%M%SZ").encode())
    return before, after


def _write_references(
    written: bytearray, pdf: bytes, document: pikepdf.Pdf, places: dict[int, int]
) -> None:
    """Write the cross-reference stream of an update: it has a row for each object of it."""
    number, start = max(places) + 1, len(written)
    places[number] = start
    width = (start.bit_length() + 7) // 8
    numbers = sorted(places)
    rows = zlib.compress(
        b"".join(
            bytes((_IN_FILE,)) + places[each].to_bytes(width, "big") + b"\0\0" for each in numbers
        )
    )
    before = _START.search(pdf, len(pdf) - _LONGEST_END)
    assert before is not None  # noqa: S101  # the assembler wrote it
    trailer: Any = document.trailer
    first_identifier = bytes(trailer.ID[0]).hex().encode()
    head = b"/Type/XRef/W[1 %d 2]/Index[%s]/Size %d/Prev %s/Root %s/Info %s/ID[<%s><%s>]" % (
        width,
        b" ".join(b"%d 1" % each for each in numbers),
        number + 1,
        before[1],
        trailer.Root.unparse(),
        trailer.Info.unparse(),
        first_identifier,
        sha256(written).hexdigest()[:32].encode(),
    )
    written += _object(number, stream_syntax(head + b"/Filter/FlateDecode", rows))
    written += b"startxref\n%d\n%%%%EOF\n" % start


def _object(number: int, content: bytes) -> bytes:
    return b"%d 0 obj\n%s\nendobj\n" % (number, content)
