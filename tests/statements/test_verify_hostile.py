"""A file that was made to do harm is refused within limits of time and memory."""

import zlib
from dataclasses import replace
from typing import Any

import pytest

from closebook.statements.verify.report import VerifyInputs, verify
from tests.statements.altered_pdf import (
    XML,
    attached,
    changed,
)
from tests.statements.rendered_pdf import rendered
from tests.statements.samples import HOLDER, entry, statement
from tests.statements.verify_samples import FEW, failed

ENTITIES = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
LAUGHS = f'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY l0 "ha">{ENTITIES}]><l>&l9;</l>'


@pytest.mark.parametrize(
    ("xml", "said"),
    [
        (LAUGHS, "declares a document type or entities"),
        (
            '<!DOCTYPE l [<!ENTITY x SYSTEM "file:///etc/passwd">]><l>&x;</l>',
            "declares a document type or entities",
        ),
        ("<a>" * 200_000 + "</a>" * 200_000, "the XML has 0 elements BkToCstmrStmt/Stmt"),
        ("<a", "the XML cannot be read"),
        ("", "the XML cannot be read"),
    ],
    ids=["a billion laughs", "a file of the machine", "deep", "broken", "empty"],
)
def test_hostile_xml_is_refused(xml: str, said: str) -> None:
    report = verify(changed(FEW, attached(XML, xml.encode())), VerifyInputs())
    assert said in failed(report)["totals"]
    assert "root:" not in report.text


def _pdf(*objects: bytes, root: bytes = b"<</Type/Catalog/Pages 2 0 R>>") -> bytes:
    """A small file of one empty page and these objects, which have the numbers from 4 on."""
    pages = b"<</Type/Pages/Count 1/Kids[3 0 R]>>"
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>"
    content, places = b"%PDF-1.7\n", []
    for number, body in enumerate((root, pages, page, *objects), start=1):
        places.append(len(content))
        content += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n"
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(places) + 1)
    return content + head + table + end % (len(places) + 1, len(content))


PAGES_OF_THEMSELVES = b"<</Type/Pages/Count 1/Kids[4 0 R]>>"


def _stream(content: bytes, head: bytes = b"") -> bytes:
    return b"<<%s/Length %d>>\nstream\n%s\nendstream" % (head, len(content), content)


def _bomb(megabytes: int) -> bytes:
    packing = zlib.compressobj(9)
    packed = b"".join(packing.compress(bytes(1024**2)) for _ in range(megabytes))
    return packed + packing.flush()


def _with_attachment(stream: bytes) -> bytes:
    names = b"/Names<</EmbeddedFiles<</Names[(statement.csv) 4 0 R(statement.xml) 4 0 R]>>>>"
    return _pdf(
        b"<</Type/Filespec/F(a)/EF<</F 5 0 R>>>>",
        stream,
        root=b"<</Type/Catalog/Pages 2 0 R%s>>" % names,
    )


@pytest.mark.parametrize(
    ("content", "check", "said"),
    [
        (
            lambda: _with_attachment(_stream(_bomb(200), b"/Filter/FlateDecode")),
            "totals",
            "is too large when it is decompressed",
        ),
        (
            lambda: _with_attachment(
                _stream(zlib.compress(_bomb(200)), b"/Filter[/FlateDecode/FlateDecode]")
            ),
            "totals",
            "is too large when it is decompressed",
        ),
        (lambda: _pdf(root=b"[" * 100_000), "file", "nested deeper"),
        (lambda: _pdf(PAGES_OF_THEMSELVES, root=b"<</Pages 4 0 R>>"), "file", "cannot be read"),
        (lambda: _pdf(b"<</Kids[]/Count 0>>", root=b"<</Pages 4 0 R>>"), "file", "it has 0 pages"),
        (lambda: b"%PDF-1.7\n" + bytes(70 * 1024**2), "file", "no statement has more than 64 MB"),
        (
            lambda: b"%PDF-1.7\nstartxref\n9999999999\n%%EOF\n",
            "file",
            "refers to a part that is missing",
        ),
        (lambda: b"%PDF-1.7\nstartxref\n0\n%%EOF\n", "file", "cannot be read"),
        (lambda: b"GIF89a", "file", "does not begin as a statement does"),
        (_pdf, "totals", "must have statement.csv and statement.xml attached"),
    ],
    ids=[
        *("a bomb", "a bomb within a bomb", "deep", "pages without end", "no pages", "large"),
        *("beyond its end", "no table of objects", "no PDF", "nothing attached"),
    ],
)
def test_a_hostile_file_is_refused(content: Any, check: str, said: str) -> None:
    assert said in failed(verify(content(), VerifyInputs()))[check]


def test_control_characters_of_a_stranger_do_not_reach_the_terminal() -> None:
    number = "\x1b[2J\x1b[31mOK"
    made = statement(entry(5), holder=replace(HOLDER, account_number=number))
    text = verify(rendered(made).pdf, VerifyInputs()).text
    assert "\x1b" not in text
    assert "�[2J�[31mOK" in text
