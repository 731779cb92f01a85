"""The pages of a statement as pictures: their content, and the limits of the programs."""

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


def test_a_page_and_its_text_are_shown_and_are_in_the_audit_log(desk: Desk) -> None:
    at = f"{desk.path('october', ADA)}/pages/1"
    before = len(desk.audit_log())
    page = desk.get("finance", at)
    picture = desk.get("finance", f"{at}/picture")
    assert "Ada Plantedname" in page.text
    assert "100.00" in page.text
    assert picture.headers["Content-Type"] == "image/png"
    assert picture.content.startswith(PNG)
    # The headers of every other page: no cache keeps it, and its type is not guessed
    assert picture.headers["Cache-Control"] == "private, no-store"
    assert picture.headers["X-Content-Type-Options"] == "nosniff"
    sha256 = digest(desk.get("finance", f"{desk.path('october', ADA)}/pdf").content)
    version = f"statement {desk.closes['october']}-{ADA}-USD of 2026-10, version 1"
    assert [
        (row["person"], row["act"], row["subject"], row["document_sha256"])
        for row in desk.audit_log()[before:-1]
    ] == [
        ("finance", "looked", f"page 1 of {version}", sha256),
        ("finance", "looked", f"picture of page 1 of {version}", sha256),
    ]


@pytest.mark.parametrize("number", ["0", "-1", "99", "99999999999", "x", "1%20-o%20etc"])
@pytest.mark.parametrize("kind", ["", "/picture"])
def test_a_page_that_does_not_exist_is_not_found(desk: Desk, number: str, kind: str) -> None:
    answer = desk.get("finance", f"{desk.path('october', ADA)}/pages/{number}{kind}")
    assert answer.status_code == 404


def test_arabic_text_is_shown_as_text(desk: Desk) -> None:
    page = desk.get("finance", f"{desk.path('october', MARY)}/pages/1").text
    assert "الحسن" in page
    assert 'dir="auto"' in page


# ---- limits ----------------------------------------------------------------------------


@pytest.fixture
def fake_poppler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Replace Poppler's programs by a script."""

    def install(script: str) -> None:
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
        for name in ("pdfinfo", "pdftoppm", "pdftotext"):
            (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n", "utf-8")
            (tmp_path / name).chmod(0o755)

    return install


def test_the_error_about_an_invalid_pdf_contains_no_text_of_it() -> None:
    for function in (pdf_preview.page_count, lambda pdf: pdf_preview.page_picture(pdf, 1)):
        with pytest.raises(Transient, match="failed") as caught:
            function(b"Ada Plantedname")
        assert "Plantedname" not in str(caught.value)


def test_a_program_that_hangs_is_stopped(fake_poppler: Callable[[str], None]) -> None:
    fake_poppler("exec sleep 60")
    began = time.monotonic()
    with pytest.raises(Transient, match=r"took more than 0\.5 s"):
        pdf_preview.page_picture(b"", 1, pdf_preview.Limits(wall_seconds=0.5))
    assert time.monotonic() - began < 30


def test_a_program_that_uses_much_cpu_is_stopped(fake_poppler: Callable[[str], None]) -> None:
    fake_poppler("cat > /dev/null; while :; do :; done")
    with pytest.raises(Transient, match="exceeded its limits"):
        pdf_preview.page_text(b"", 1, pdf_preview.Limits(cpu_seconds=1, wall_seconds=60))


def test_a_program_that_uses_much_memory_is_stopped(fake_poppler: Callable[[str], None]) -> None:
    python = shutil.which("python3")
    fake_poppler(f"cat > /dev/null; exec {python} -S -c 'len(bytes(300_000_000))'")
    limits = pdf_preview.Limits(memory_bytes=200_000_000)
    with pytest.raises(Transient, match="exceeded its limits"):
        pdf_preview.page_picture(b"", 1, limits)
    assert pdf_preview.page_picture(b"", 1) == b""


def test_a_program_does_not_get_the_environment_of_airflow(
    fake_poppler: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "a secret")
    fake_poppler("cat > /dev/null; env")
    assert "secret" not in pdf_preview.page_text(b"", 1)


def test_without_poppler_the_error_names_the_package_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(Misconfigured, match="apt-get install poppler-utils"):
        pdf_preview.page_count(b"")


def test_a_program_yields_the_processor_to_airflow(fake_poppler: Callable[[str], None]) -> None:
    fake_poppler("cat > /dev/null; nice")
    assert int(pdf_preview.page_text(b"", 1)) > 0


def test_a_picture_has_the_size_of_a_screen(desk: Desk) -> None:
    content = desk.get("finance", f"{desk.path('october', ADA)}/pdf").content
    width, height = struct.unpack(">II", pdf_preview.page_picture(content, 1)[16:24])
    assert height == pdf_preview.MAX_SIDE_PIXELS
    assert abs(width / height - 210 / 297) < 0.01
