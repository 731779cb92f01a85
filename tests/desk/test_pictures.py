"""A statement's pages as pictures: what they show, to whom, and what making one may take."""

import os
import shutil
import struct
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from closebook.desk import pdf_preview
from closebook.errors import Misconfigured, Transient
from tests.desk.conftest import ADA, MARY, Desk, digest

PNG = b"\x89PNG\r\n\x1a\n"


def test_a_page_and_its_text_are_shown_and_each_look_is_on_record(desk: Desk) -> None:
    at = f"{desk.path('october', ADA)}/pages/1"
    before = len(desk.log())
    page = desk.get("finance", at)
    picture = desk.get("finance", f"{at}/picture")
    assert "Ada Plantedname" in page.text
    assert "100.00" in page.text
    assert picture.headers["Content-Type"] == "image/png"
    assert picture.content.startswith(PNG)
    # As any other page: kept by nobody, and of no other type than it says
    assert picture.headers["Cache-Control"] == "private, no-store"
    assert picture.headers["X-Content-Type-Options"] == "nosniff"
    kept = digest(desk.get("finance", f"{desk.path('october', ADA)}/pdf").content)
    version = f"statement {desk.closes['october']}-{ADA} of 2026-10, version 1"
    assert [
        (row["person"], row["act"], row["subject"], row["document_sha256"])
        for row in desk.log()[before:-1]
    ] == [
        ("finance", "looked", f"page 1 of {version}", kept),
        ("finance", "looked", f"picture of page 1 of {version}", kept),
    ]


@pytest.mark.parametrize("number", ["0", "-1", "99", "99999999999", "x", "1%20-o%20etc"])
@pytest.mark.parametrize("kind", ["", "/picture"])
def test_a_page_that_there_is_not_is_not_found(desk: Desk, number: str, kind: str) -> None:
    answer = desk.get("finance", f"{desk.path('october', ADA)}/pages/{number}{kind}")
    assert answer.status_code == 404


def test_text_of_another_script_and_direction_is_read_as_text(desk: Desk) -> None:
    page = desk.get("finance", f"{desk.path('october', MARY)}/pages/1").text
    assert "الحسن" in page
    assert 'dir="auto"' in page


# ---- within limits ---------------------------------------------------------------------


@pytest.fixture
def instead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put a script where Poppler's programs are looked for."""

    def put(script: str) -> None:
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
        for name in ("pdfinfo", "pdftoppm", "pdftotext"):
            (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n", "utf-8")
            (tmp_path / name).chmod(0o755)

    return put


def test_what_is_no_pdf_is_an_error_and_none_of_its_text_is_in_it() -> None:
    for made in (pdf_preview.page_count, lambda content: pdf_preview.picture(content, 1)):
        with pytest.raises(Transient, match="failed") as caught:
            made(b"Ada Plantedname")
        assert "Plantedname" not in str(caught.value)


def test_a_program_that_hangs_is_ended(instead: Callable[[str], None]) -> None:
    instead("exec sleep 60")
    began = time.monotonic()
    with pytest.raises(Transient, match=r"took more than 0\.5 s"):
        pdf_preview.picture(b"", 1, pdf_preview.Limits(wall_seconds=0.5))
    assert time.monotonic() - began < 30


def test_a_program_that_computes_for_long_is_ended(instead: Callable[[str], None]) -> None:
    instead("cat > /dev/null; while :; do :; done")
    with pytest.raises(Transient, match="more than it may"):
        pdf_preview.text(b"", 1, pdf_preview.Limits(cpu_seconds=1, wall_seconds=60))


def test_a_program_that_takes_much_memory_is_ended(instead: Callable[[str], None]) -> None:
    python = shutil.which("python3")
    instead(f"cat > /dev/null; exec {python} -S -c 'len(bytes(300_000_000))'")
    limits = pdf_preview.Limits(memory_bytes=200_000_000)
    with pytest.raises(Transient, match="more than it may"):
        pdf_preview.picture(b"", 1, limits)
    assert pdf_preview.picture(b"", 1) == b""


def test_a_program_sees_none_of_airflows_environment(
    instead: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "a secret")
    instead("cat > /dev/null; env")
    assert "secret" not in pdf_preview.text(b"", 1)


def test_without_poppler_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(Misconfigured, match="apt-get install poppler-utils"):
        pdf_preview.page_count(b"")


def test_pictures_that_all_want_at_once_wait_and_are_refused_in_the_end() -> None:
    limits = pdf_preview.Limits(wall_seconds=0.1)
    with (
        pdf_preview._turn(limits),
        pdf_preview._turn(limits),
        pytest.raises(Transient, match="at once"),
    ):
        pdf_preview.page_count(b"", limits)


def test_a_picture_is_of_a_known_size(desk: Desk) -> None:
    content = desk.get("finance", f"{desk.path('october', ADA)}/pdf").content
    width, height = struct.unpack(">II", pdf_preview.picture(content, 1)[16:24])
    assert height == pdf_preview.LONGEST_SIDE_PIXELS
    assert abs(width / height - 210 / 297) < 0.01
