"""Each stream of a file has the length that its dictionary says, for every reader.

A reader takes the end of a line away that stands before ``endstream``: CR LF, LF or CR. One stream
in 256 ends with CR by chance, so the tests look for streams that do.
"""

import re
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO

import pikepdf
import pytest

from closebook.settings.signing_settings import KeyFile, Timestamping
from closebook.statements.pdf.object_writer import ObjectWriter, reference, stream_syntax
from closebook.statements.signing.evidence import _StreamOutput
from closebook.statements.signing.signature_update import with_place_for_signature
from closebook.statements.signing.signer import Signer
from tests.statements.authorities import authorities
from tests.statements.certificates import new_key
from tests.statements.rendered_pdf import rendered
from tests.statements.samples import kinds, many, statement
from tests.statements.signed_pdf import sign

_STREAM = re.compile(rb"/Length (\d+)\b(?:(?!\bobj\b).)*?>>\s*stream\n", re.DOTALL)
_END_OF_LINE = re.compile(rb"(?:\r\n|\n|\r)\Z")


def streams(pdf: bytes) -> list[tuple[int, bytes]]:
    """The stated length and the content of each stream, as a reader finds it by its end."""
    found, at = [], 0
    while (head := _STREAM.search(pdf, at)) is not None:
        # Whatever looks like an end of the stream before its stated length is part of it
        at = pdf.index(b"endstream", head.end() + int(head[1]))
        content, count = _END_OF_LINE.subn(b"", pdf[head.end() : at])
        assert count == 1
        found.append((int(head[1]), content))
    return found


def wrong(pdf: bytes) -> list[int]:
    """The stated lengths that are not those of their streams."""
    found = streams(pdf)
    assert len(found) >= pdf.count(b"startxref")
    return [stated for stated, content in found if stated != len(content)]


@pytest.mark.parametrize("kind", list(kinds()))
def test_every_stream_of_a_statement_has_its_length(kind: str, signer: Signer) -> None:
    pdf = rendered(kinds()[kind]).pdf
    assert wrong(pdf) == []
    assert wrong(signer.sign(pdf).pdf) == []


@pytest.mark.parametrize("content", [b"x\r", b"\r", b"x\r\n", b"x\n", b"", b"x\r\r"])
def test_a_stream_has_its_length_whatever_it_ends_with(content: bytes) -> None:
    assert streams(stream_syntax(b"/Type /Metadata", content)) == [(len(content), content)]


def test_the_streams_of_many_files_have_their_length() -> None:
    # Given files with attachments and cross-references of many contents
    ends_with_cr = 0
    for number in range(1000):
        output = BytesIO()
        writer = ObjectWriter(output)
        content = f"{number} lines and more".encode() * (1 + number % 7)
        writer.add_stream(content, b"/Type /EmbeddedFile")
        root = writer.add(b"<</Type/Catalog>>")
        for _ in range(number % 40):
            writer.add(b"<</Type/Some>>")
        writer.finish(root=root, info=root, identifier=b"00")
        # Then each stream has its length
        assert wrong(output.getvalue()) == []
        ends_with_cr += sum(content.endswith(b"\r") for _, content in streams(output.getvalue()))
    # And some of them did end with CR
    assert ends_with_cr > 0


def test_the_references_of_a_signed_update_have_their_length() -> None:
    pdf = rendered(many(1)).pdf
    for room_bytes in range(1000, 3000):
        update = with_place_for_signature(
            pdf, room_bytes=room_bytes, signed_at=datetime(2026, 11, 2, tzinfo=UTC)
        )
        *_, (stated, content) = streams(update.content)
        assert stated == len(content)
        if content.endswith(b"\r"):
            break
    else:
        pytest.fail("no cross-reference stream ended with CR")
    # A reader of the update finds its field
    assert len(pikepdf.open(BytesIO(update.content)).Root.AcroForm.Fields) == 1


def test_what_pyhanko_adds_has_its_length(
    key_file: Callable[..., KeyFile], tmp_path_factory: pytest.TempPathFactory
) -> None:
    with authorities(tmp_path_factory.mktemp("authorities")) as running:
        found = key_file(running.identity(new_key("ec")))
        key = replace(found, timestamping=Timestamping(running.url, running.roots))
        for number in range(6):
            made = statement(opening_minor=number)
            assert wrong(sign(key, rendered(made).pdf).pdf) == []


def test_a_line_end_that_pyhanko_writes_after_a_cr_becomes_cr_lf() -> None:
    output = _StreamOutput()
    content = zlib.compress(b"\f")
    assert content.endswith(b"\r")
    for part in (b"<</Length %d>>" % len(content), b"\nstream\n", content, b"\nendstream"):
        output.write(part)
    assert streams(output.getvalue()) == [(len(content), content)]
    assert output.getvalue().endswith(b"\r\r\nendstream")
    output.write(b"\nendobj\n" + reference(3))
    assert output.getvalue().endswith(b"\nendstream\nendobj\n3 0 R")
