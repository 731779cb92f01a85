"""A file that was made to do harm is refused within limits of time and memory."""

import os
import subprocess
import sys
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from closebook.statements.formats.camt053 import NAMESPACE
from closebook.statements.verify.verification import VerifyInputs, verify
from tests.statements.altered_pdf import (
    XML,
    attached,
    changed,
)
from tests.statements.rendered_pdf import ROOT, rendered
from tests.statements.samples import HOLDER, entry, statement
from tests.statements.verify_samples import FEW, failed

ENTITIES = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
DEEP = "<a>" * 200_000 + "</a>" * 200_000
LAUGHS = f'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY l0 "ha">{ENTITIES}]><l>&l9;</l>'


@pytest.mark.parametrize(
    ("xml", "said"),
    [
        (LAUGHS, "declares a document type or entities"),
        (
            '<!DOCTYPE l [<!ENTITY x SYSTEM "file:///etc/passwd">]><l>&x;</l>',
            "declares a document type or entities",
        ),
        (DEEP, "the XML is no camt.053"),
        (
            f'<Document xmlns="{NAMESPACE}08">{DEEP}</Document>',
            "the XML has 0 elements BkToCstmrStmt/Stmt",
        ),
        ("<a", "the XML cannot be read"),
        ("", "the XML cannot be read"),
    ],
    ids=[
        "a billion laughs",
        "a file of the machine",
        "deep",
        "deep in a Document",
        "broken",
        "empty",
    ],
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


def _many_objects() -> bytes:
    return _pdf(*(b"<</A[%s]>>" % (b"0 " * 20) for _ in range(1000)))


def _cycle() -> bytes:
    kids = b" ".join(b"%d 0 R" % number for number in range(4, 60))
    node = b"<</Type/Pages/Count 1000000000/Kids[%s]>>" % kids
    return _pdf(*[node] * 56, root=b"<</Type/Catalog/Pages 4 0 R>>")


def _attached_bomb(packed: bytes) -> bytes:
    return _with_attachment(_stream(packed, b"/Filter/FlateDecode"))


def _wide_xml() -> bytes:
    return zlib.compress(b"<a>" + b"<b/>" * 15_000_000 + b"</a>", 9)


def _huge_table() -> bytes:
    entry, places = b"%010d 00000 n \n" % 9, 4_000
    return (
        b"%PDF-1.7\nxref\n0 999999999\n"
        + entry * places
        + b"trailer\n<</Size 999999999/Root 1 0 R>>\nstartxref\n9\n%%EOF\n"
    )


def _object_stream() -> bytes:
    packed = zlib.compress(b"0 " * 30_000_000, 9)
    head = b"/Type/ObjStm/N 99999999/First 59999999/Filter/FlateDecode"
    return _pdf(_stream(packed, head), root=b"<</Type/Catalog/Pages 2 0 R/Extra 4 0 R>>")


def _page_of_operators() -> bytes:
    content = zlib.compress(b"q " * 30_000_000, 9)
    return changed(FEW, lambda pdf: pdf.pages[0].obj.__setitem__("/Contents", _made(pdf, content)))


def _made(pdf: Any, packed: bytes) -> Any:
    made = pdf.make_stream(b"")
    made.write(packed, filter=pikepdf.Name.FlateDecode)
    return made


@pytest.mark.parametrize(
    "content",
    [
        *(_many_objects, _cycle, _huge_table, _object_stream, _page_of_operators),
        lambda: _attached_bomb(_bomb(60)),
        lambda: _attached_bomb(_wide_xml()),
        lambda: _pdf(root=b"<<" + b"/A<<" * 20_000),
    ],
    ids=[
        *("many objects", "pages in cycles", "a huge table", "an object stream", "operators"),
        *("a bomb", "wide XML", "deep"),
    ],
)
def test_a_small_hostile_file_takes_less_than_30_seconds_and_300_megabytes(
    content: Any, tmp_path: Path
) -> None:
    hostile = content()
    assert len(hostile) <= 150_000
    path = tmp_path / "hostile.pdf"
    path.write_bytes(hostile)
    command = [sys.executable, "-c", MEASURED]
    command += [sys.executable, "-m", "closebook", "verify", str(path)]
    ran = subprocess.run(
        command,
        env=os.environ | {"PYTHONPATH": str(ROOT / "plugins")},
        check=False,
        capture_output=True,
        text=True,
    )
    code, seconds, megabytes = ran.stderr.split()[-3:]
    assert int(code) == 1, ran.stdout + ran.stderr
    assert float(seconds) < 30
    assert int(megabytes) < 300
    assert "FAILED: do not rely on this file." in ran.stdout


# Runs a command, and says its exit code, its seconds of a processor, and the most memory of any of
# its processes. On a busy machine the seconds of a clock would be those of others too.
MEASURED = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stderr=subprocess.DEVNULL).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(code, used.ru_utime + used.ru_stime, used.ru_maxrss // 1024, file=sys.stderr)
"""


def test_control_characters_of_a_stranger_do_not_reach_the_terminal() -> None:
    number = "\x1b[2J\x1b[31mOK"
    made = statement(entry(5), holder=replace(HOLDER, account_number=number))
    text = verify(rendered(made).pdf, VerifyInputs()).text
    assert "\x1b" not in text
    assert "�[2J�[31mOK" in text
