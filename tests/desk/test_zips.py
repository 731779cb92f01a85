"""The ZIP of a month, and of statements that a person selected."""

import csv
import json
import os
import re
import zipfile
from functools import partial
from io import BytesIO
from pathlib import Path

import httpx
import psutil
import pytest

from closebook.desk.downloads import ZipEntry, content_disposition, zip_response
from closebook.statements.document_store import DocumentStore, StoredDocument
from local.processes import Process, tree
from tests.desk.conftest import ADA, CURRENCY_OF, GRACE, MARY, NAMES, Desk, digest, moved_away


def test_a_month_is_downloaded_as_one_zip_of_known_length(desk: Desk) -> None:
    answer = desk.get("finance", "/statements/months/2026-10/zip")
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    with zipfile.ZipFile(BytesIO(answer.content)) as packed:
        assert packed.testzip() is None
        contents = {name: digest(packed.read(name)) for name in packed.namelist()}
        assert {info.compress_type for info in packed.infolist()} == {zipfile.ZIP_STORED}
    pdfs = {name: digest for name, digest in contents.items() if name.endswith(".pdf")}
    assert pdfs == {
        f"statement-2026-10-{a}-{CURRENCY_OF[a]}-v1.pdf": desk.registered("october", a)["sha256"]
        for a in NAMES
    }
    assert contents.keys() - pdfs.keys() == {
        *(f"statement-2026-10-{a}-{CURRENCY_OF[a]}-v1.proof.json" for a in NAMES),
        *("index.csv", "index.json", "manifest.json"),
    }
    [released] = desk.rows("select manifest_sha256 from reporting.statement_decisions")
    assert contents["manifest.json"] == released["manifest_sha256"]
    last = desk.audit_log("downloaded")[-1]
    assert last["subject"] == "ZIP of month 2026-10: 3 documents"


def test_the_zip_of_a_selection_leaves_out_statements_that_are_not_released(desk: Desk) -> None:
    selected = [
        f"{desk.closes['october']}-{MARY}-JPY",
        f"{desk.closes['september']}-{ADA}-USD",
        f"{desk.closes['corrected']}-{GRACE}-USD",
        "4711-1-USD",
        "4711-1",
    ]
    answer = desk.post("finance", "/statements/zip", statement=selected)
    with zipfile.ZipFile(BytesIO(answer.content)) as packed:
        assert packed.namelist() == [
            f"statement-2026-10-{MARY}-JPY-v1.pdf",
            f"statement-2026-10-{MARY}-JPY-v1.proof.json",
            "index.csv",
            "index.json",
        ]
        listed = json.loads(packed.read("index.json"))
        table = [*csv.DictReader(packed.read("index.csv").decode().splitlines())]
    assert listed == [
        {
            "file": f"statement-2026-10-{MARY}-JPY-v1.pdf",
            "account": MARY,
            "currency": "JPY",
            "month": "2026-10",
            "version": 1,
            "sha256": desk.registered("october", MARY)["sha256"],
        }
    ]
    assert table == [{name: str(value) for name, value in listed[0].items()}]
    assert desk.audit_log("downloaded")[-1]["subject"] == f"ZIP of {selected[0]}"


def test_all_that_a_search_finds_is_downloaded_and_nothing_that_is_not_released(
    desk: Desk,
) -> None:
    answer = desk.post("approver", "/statements", holder="plantedname")
    found = desk.client("approver").get(answer.headers["Location"]).text
    assert desk.path("september", ADA) in found
    link = re.search(r'/closebook(/statements/zip\?[^"]+)"', found)
    assert link is not None
    packed = desk.get("approver", link[1])
    assert packed.headers["Content-Type"] == "application/zip"
    with zipfile.ZipFile(BytesIO(packed.content)) as names:
        assert [name for name in names.namelist() if name.endswith(".pdf")] == [
            f"statement-2026-10-{ADA}-USD-v1.pdf"
        ]
    subject = desk.audit_log("downloaded")[-1]["subject"]
    assert subject == f"ZIP of the search holder: {desk.closes['october']}-{ADA}-USD"
    assert desk.get("finance", "/statements/zip?month=2026-09").status_code == 404


def test_a_search_that_finds_too_many_has_no_zip(desk: Desk, ten_thousand: StoredDocument) -> None:
    assert desk.get("finance", "/statements/zip?month=2024-03").status_code == 400
    answer = desk.post("finance", "/statements", account="OLD-1")
    assert "Download all that is found" not in (
        desk.client("finance").get(answer.headers["Location"]).text
    )


def test_a_month_that_is_not_released_has_no_zip(desk: Desk) -> None:
    assert desk.get("finance", "/statements/months/2026-09/zip").status_code == 404
    nothing = desk.post("finance", "/statements/zip")
    assert nothing.headers["Location"] == "/closebook/statements?selection=none"
    too_many = [f"{desk.closes['october']}-{number}-USD" for number in range(501)]
    refused = desk.post("finance", "/statements/zip", statement=too_many)
    assert refused.headers["Location"] == "/closebook/statements?selection=many"
    only_unreleased = f"{desk.closes['september']}-{ADA}-USD"
    assert desk.post("finance", "/statements/zip", statement=only_unreleased).status_code == 404


@pytest.mark.parametrize("damage", ["lost", "changed", "cut short"])
def test_a_zip_with_a_bad_document_is_cut_off(desk: Desk, damage: str) -> None:
    document = desk.stack.root / "documents" / str(desk.registered("october", MARY)["object_name"])
    content = document.read_bytes()
    with moved_away(document):
        if damage == "changed":
            document.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        elif damage == "cut short":
            document.write_bytes(content[:-1])
        with pytest.raises(httpx.RemoteProtocolError, match="closed connection"):
            desk.get("finance", "/statements/months/2026-10/zip")


def test_the_page_shows_the_number_and_the_size_of_the_documents_of_a_month(desk: Desk) -> None:
    page = " ".join(desk.get("finance", "/statements?month=2026-10").text.split())
    [total] = desk.rows(
        "select count(*), sum(byte_count) as byte_count from reporting.statement_documents"
        " where close_id = %s",
        desk.closes["october"],
    )
    assert total["count"] == len(NAMES)
    assert f"3 documents, {total['byte_count'] / 1000:.0f} kB, as one ZIP" in page
    unreleased = desk.get("approver", "/statements?month=2026-09").text
    assert "No statement of 2026-09 is released yet." in unreleased
    assert "/zip" not in unreleased.split("<table")[0].replace("/statements/zip", "")


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a.pdf", "attachment; filename=\"a.pdf\"; filename*=UTF-8''a.pdf"),
        (
            "Kontoauszug für Zoë.pdf",
            'attachment; filename="Kontoauszug_f_r_Zo_.pdf"; '
            "filename*=UTF-8''Kontoauszug%20f%C3%BCr%20Zo%C3%AB.pdf",
        ),
        (
            "../../etc/passwd",
            "attachment; filename=\"_.._etc_passwd\"; filename*=UTF-8''_.._etc_passwd",
        ),
        (
            'a"\r\nX: 1.pdf',
            "attachment; filename=\"a___X__1.pdf\"; filename*=UTF-8''a___X_%201.pdf",
        ),
        ("\u202efdp.exe", "attachment; filename=\"_fdp.exe\"; filename*=UTF-8''_fdp.exe"),
        ("", "attachment; filename=\"document\"; filename*=UTF-8''document"),
    ],
)
def test_a_file_name_is_safe_in_any_script(name: str, header: str) -> None:
    assert content_disposition(name) == header


@pytest.mark.slow
def test_a_zip_of_ten_thousand_documents_needs_little_memory(tmp_path: Path) -> None:
    documents = DocumentStore(tmp_path.as_uri())
    content = [bytes([number]) * 100_000 for number in range(10)]
    stored = [documents.put(each, folder="statements/2026-10", suffix="pdf") for each in content]
    entries = [
        ZipEntry(
            f"statement-2026-10-{n}-v1.pdf",
            100_000,
            partial(documents.read, stored[n % 10].object_name),
        )
        for n in range(10_000)
    ]
    response = zip_response(entries, "statements.zip")
    before, most, sent = resident_bytes(), 0, 0
    for chunk in response.chunks:
        sent += len(chunk)
        most = max(most, resident_bytes())
    assert sent == int(response.headers["Content-Length"]) > 1_000_000_000
    # The names and offsets of the entries stay in memory, and not their contents
    assert most - before < 40_000_000


def test_a_month_of_ten_thousand_documents_needs_little_memory_of_airflow(
    desk: Desk, ten_thousand: StoredDocument
) -> None:
    desk.get("finance", "/statements/months/2026-10/zip")
    server = desk.stack.running["api_server"].process
    before, most, sent, pieces = resident_bytes(server), 0, 0, 0
    with desk.client("finance").stream("GET", "/closebook/statements/months/2024-03/zip") as answer:
        promised = int(answer.headers["Content-Length"])
        for piece in answer.iter_raw(1_000_000):
            sent, pieces = sent + len(piece), pieces + 1
            if pieces % 20 == 1:
                most = max(most, resident_bytes(server))
    assert sent == promised > 10_000 * ten_thousand.byte_count
    assert most - before < 60_000_000
    assert desk.audit_log("downloaded")[-1]["subject"] == "ZIP of month 2024-03: 10000 documents"


def resident_bytes(*of: Process) -> int:
    """The memory of these processes and their children, or of this process."""
    pids = [each.pid for process in of for each in tree(process)] or [os.getpid()]
    return sum(psutil.Process(pid).memory_info().rss for pid in pids)
