"""The ZIP of a month, and of statements that a person selected."""

import csv
import json
import re
import zipfile
from io import BytesIO

import httpx
import pytest

from closebook.desk.downloads import content_disposition
from closebook.statements.document_store import StoredDocument
from tests.desk.conftest import ADA, GRACE, MARY, NAMES, Desk, digest, moved_away, zip_stem


def test_a_month_is_downloaded_as_one_zip_of_known_length(desk: Desk) -> None:
    answer = desk.get("finance", "/statements/months/2026-10/zip")
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    with zipfile.ZipFile(BytesIO(answer.content)) as packed:
        assert packed.testzip() is None
        contents = {name: digest(packed.read(name)) for name in packed.namelist()}
        assert {info.compress_type for info in packed.infolist()} == {zipfile.ZIP_STORED}
    pdfs = {name: digest for name, digest in contents.items() if name.endswith(".pdf")}
    assert pdfs == {f"{zip_stem(a)}.pdf": desk.registered("october", a)["sha256"] for a in NAMES}
    assert contents.keys() - pdfs.keys() == {
        *(f"{zip_stem(a)}.proof.json" for a in NAMES),
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
            f"{zip_stem(MARY)}.pdf",
            f"{zip_stem(MARY)}.proof.json",
            "index.csv",
            "index.json",
        ]
        listed = json.loads(packed.read("index.json"))
        table = [*csv.DictReader(packed.read("index.csv").decode().splitlines())]
    assert listed == [
        {
            "file": f"{zip_stem(MARY)}.pdf",
            "account": MARY,
            "number": f"ACC-{MARY}",
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
            f"{zip_stem(ADA)}.pdf"
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


def test_a_zip_has_the_attachments_that_somebody_asks_for(desk: Desk) -> None:
    month = desk.get("finance", "/statements/months/2026-10/zip?twins=true")
    selected = desk.post(
        "finance", "/statements/zip", statement=f"{desk.closes['october']}-{ADA}-USD", twins="true"
    )
    kinds = ("pdf", "proof.json", "xml", "csv")
    for answer, accounts in ((month, [*NAMES]), (selected, [ADA])):
        with zipfile.ZipFile(BytesIO(answer.content)) as packed:
            assert packed.testzip() is None
            files = {f"{zip_stem(account)}.{kind}" for account in accounts for kind in kinds}
            assert {name for name in packed.namelist() if name.startswith("statement")} == files
            for kind, path in (("xml", "camt.053"), ("csv", "csv")):
                alone = desk.get("finance", f"{desk.path('october', ADA)}/{path}").content
                assert packed.read(f"{zip_stem(ADA)}.{kind}") == alone


def test_the_proof_of_a_zip_is_the_proof_of_the_statement(desk: Desk) -> None:
    answer = desk.get("finance", "/statements/months/2026-10/zip")
    alone = desk.get("finance", f"{desk.path('october', GRACE)}/proof").content
    with zipfile.ZipFile(BytesIO(answer.content)) as packed:
        assert packed.read(f"{zip_stem(GRACE)}.proof.json") == alone


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
