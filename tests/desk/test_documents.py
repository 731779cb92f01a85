"""Statements that finance finds, reads and downloads, and statements that it must not see."""

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg
import pytest

from closebook.statements.document_store import StoredDocument
from closebook.statements.manifest_document import Proof
from tests.desk.conftest import ADA, GRACE, MARY, NAMES, Desk, digest, moved_away


def test_finance_finds_released_statements_only(desk: Desk) -> None:
    page = desk.get("finance", "/statements").text
    assert desk.path("october", ADA) in page
    assert desk.path("corrected", GRACE) not in page
    assert desk.path("september", ADA) not in page
    reviewing = desk.get("approver", "/statements").text
    assert desk.path("corrected", GRACE) in reviewing
    assert "not released" in reviewing


@pytest.mark.parametrize(
    ("fields", "accounts"),
    [
        ({"account": "ACC-1"}, [ADA]),
        ({"account": "acc1"}, [ADA]),
        ({"account": "%"}, []),
        ({"holder": "plantedNAME ada"}, [ADA]),
        ({"holder": "الحسن"}, [MARY]),
        ({"holder": "<script>"}, [GRACE]),
        ({"holder": "Hopper"}, [GRACE]),
        ({"holder": "_"}, []),
        ({"quoted": "100.00 USD"}, [ADA]),
        ({"currency": "jpy"}, [MARY]),
        ({"month": "2026-09"}, []),
        ({"month": "2026-10", "currency": "USD", "state": "released"}, [ADA, GRACE]),
        ({"state": "superseded"}, []),
    ],
)
def test_the_search_form_finds_by_each_field(
    desk: Desk, fields: dict[str, str], accounts: list[int]
) -> None:
    answer = desk.post("finance", "/statements", **fields)
    page = desk.client("finance").get(answer.headers["Location"])
    assert page.status_code == 200
    assert [a for a in NAMES if desk.path("october", a) in page.text] == accounts
    if accounts:
        assert re.search(rf"\b{len(accounts)} statements? found", page.text)


def test_the_columns_are_sorted_and_pages_lead_both_ways(
    desk: Desk, ten_thousand: StoredDocument
) -> None:
    def rows(query: str) -> list[str]:
        return re.findall(r"<bdi>(OLD-\d+)</bdi>", desk.get("finance", f"/statements{query}").text)

    # As many as are counted: 10,000
    page = desk.get("finance", "/statements?month=2024-03").text
    assert "10,000 statements found" in page
    assert 'rel="next"' in page
    assert 'rel="prev"' not in page
    assert rows("?month=2024-03") == [f"OLD-{number}" for number in range(1, 51)]
    second = desk.get("finance", "/statements?month=2024-03&page=2").text
    assert "Page 2 of 200" in second
    assert "Rows 51 to 100" in second
    assert 'rel="prev"' in second
    assert rows("?month=2024-03&page=999") == [f"OLD-{number}" for number in range(9951, 10001)]
    assert rows("?month=2024-03&sort=-account&page=200")[-1] == "OLD-1"

    # More than are counted: with October's
    page = desk.get("finance", "/statements").text
    assert "More than 10,000 statements found" in page
    assert "One ZIP takes at most 1,000" in page
    assert "Download all that is found" not in page
    last = desk.get("finance", "/statements?page=last").text
    assert re.findall(r"<bdi>(OLD-\d+)</bdi>", last)[-1] == "OLD-10000"
    [before] = re.findall(r'href="[^"]*(\?before=[^"]*)" rel="prev"', last)
    assert rows(before)[-1] == "OLD-9950"
    [after] = re.findall(
        r'href="[^"]*(\?after=[^"]*)" rel="next"', desk.get("finance", f"/statements{before}").text
    )
    assert rows(after)[-1] == "OLD-10000"

    answer = desk.post("finance", "/statements", account="OLD-99", sort="-account")
    found = desk.client("finance").get(answer.headers["Location"]).text
    assert "111 statements found" in found
    assert re.findall(r"<bdi>(OLD-\d+)</bdi>", found)[:3] == ["OLD-9999", "OLD-9998", "OLD-9997"]
    assert 'aria-sort="descending"' in found


def test_an_empty_result_explains_how_to_find_more(desk: Desk) -> None:
    answer = desk.post("finance", "/statements", holder="Nobody")
    assert "fewer filters" in desk.client("finance").get(answer.headers["Location"]).text


def test_airflows_log_contains_no_name_and_no_account_number_of_a_search(desk: Desk) -> None:
    answer = desk.post("finance", "/statements", holder="Plantedname", account="ACC-1")
    desk.client("finance").get(answer.headers["Location"])
    desk.get("finance", desk.path("october", ADA))
    logged = (desk.stack.root / "logs" / "api_server.log").read_text()
    assert "/closebook/statements" in logged
    assert "lantedname" not in logged
    assert "ACC-1" not in logged
    assert "lantedname" not in str(desk.audit_log())


def test_search_terms_that_another_session_encrypted_are_ignored(desk: Desk) -> None:
    url = desk.post("approver", "/statements", holder="Plantedname").headers["Location"]
    page = desk.client("finance").get(url).text
    assert desk.path("october", GRACE) in page


@pytest.mark.parametrize(
    ("kind", "media_type", "begins"),
    [
        ("pdf", "application/pdf", b"%PDF-"),
        ("preview", "application/pdf", b"%PDF-"),
        ("camt.053", "application/xml", b"<?xml"),
        ("csv", "text/csv; charset=utf-8", b"\xef\xbb\xbf"),
    ],
)
def test_a_downloaded_document_is_the_registered_one_and_is_in_the_audit_log(
    desk: Desk, kind: str, media_type: str, begins: bytes
) -> None:
    answer = desk.get("finance", f"{desk.path('october', ADA)}/{kind}")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == media_type
    assert answer.content.startswith(begins) or kind == "csv"
    expected = "inline" if kind == "preview" else "attachment"
    assert answer.headers["Content-Disposition"].startswith(f"{expected}; filename=")
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    last = desk.audit_log()[-1]
    assert last["document_sha256"] == digest(answer.content)
    assert last["person"] == "finance"
    if media_type == "application/pdf":
        assert digest(answer.content) == desk.registered("october", ADA)["sha256"]


# ---- what users must not see -----------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/statements/../../../etc/passwd",
        "/statements/%2e%2e/%2e%2e/etc/passwd",
        "/statements/..%2f..%2fetc%2fpasswd/pdf",
        "/statements//etc/passwd",
        "/statements/%2Fetc%2Fpasswd/1/pdf",
        "/statements/1/..%5c..%5cairflow.cfg/USD/pdf",
        "/statements/1/1%00/USD/pdf",
        "/statements/1/~2e~2e/USD/pdf",
        "/statements/1/1/%2e%2e/pdf",
        "/statements/1/1/usd/pdf",
        "/statements/1/01/USD/pdf",
        "/statements/-1/1/USD/pdf",
        "/statements/99999999999999999999/1/USD/pdf",
        "/statements/1/4711/USD/pdf",
        "/statements/1/1/USD/pages/..%2f..%2fetc%2fpasswd",
        "/assets/0/..%2f..%2fbase.html.j2",
        "/assets/0/desk.css",
        "/statements/months/..%2f/zip",
        "/statements/months/0000-00/zip",
        "/releases/9999-12",
    ],
)
def test_a_path_to_a_file_and_a_guessed_id_are_refused(desk: Desk, path: str) -> None:
    # Over a socket, because an HTTP client would normalize the path.
    at = urlsplit(desk.stack.ui_url)
    cookies = "; ".join(f"{k}={v}" for k, v in desk.client("approver").cookies.items())
    with socket.create_connection((at.hostname, at.port), 10) as line:
        line.sendall(
            f"GET /closebook{path} HTTP/1.1\r\nHost: {at.netloc}\r\nCookie: {cookies}\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        answer = b"".join(iter(lambda: line.recv(65536), b""))
    status = int(answer.split(b" ", 2)[1])
    assert status in {303, 307, 400, 403, 404, 422}
    assert b"root:" not in answer
    assert b"fernet_key" not in answer


@pytest.mark.parametrize("account", ["01", "1~", "users~3a1", "~31", "9223372036854775808"])
def test_an_account_that_is_no_key_of_the_store_is_not_found(desk: Desk, account: str) -> None:
    path = f"/statements/{desk.closes['october']}/{account}/USD"
    assert desk.get("approver", path).status_code == 404
    assert desk.get("approver", f"{path}/pdf").status_code == 404


def test_a_version_that_is_not_released_is_not_found_by_its_id(desk: Desk) -> None:
    for close, account in (("september", ADA), ("corrected", GRACE)):
        pages = ("/pages/1", "/pages/1/picture")
        for kind in ("", "/preview", "/pdf", "/camt.053", "/csv", *pages):
            path = f"{desk.path(close, account)}{kind}"
            assert desk.get("finance", path).status_code == 404
            assert desk.get("approver", path).status_code == 200
            assert desk.audit_log("refused")[-1]["subject"] == f"GET /closebook{path}"


def test_a_symbolic_link_in_the_document_folder_is_not_followed(desk: Desk) -> None:
    name = str(desk.registered("october", ADA)["object_name"])
    document = desk.stack.root / "documents" / name
    with moved_away(document):
        document.symlink_to(desk.stack.root / "airflow" / "airflow.cfg")
        answer = desk.get("finance", f"{desk.path('october', ADA)}/pdf")
    assert answer.status_code == 503
    assert "was changed after it was written" in answer.text
    assert "fernet" not in answer.text


def test_without_the_audit_log_no_document_is_shown(desk: Desk) -> None:
    path = f"{desk.path('october', ADA)}/pdf"
    with desk.owner() as owner:
        owner.execute(
            "revoke execute on function reporting.record_log_entry(text, bytea) from closebook_desk"
        )
    try:
        for kind in ("pdf", "preview", "csv", "pages/1", "pages/1/picture"):
            answer = desk.get("finance", f"{desk.path('october', ADA)}/{kind}")
            assert answer.status_code == 503
            assert b"%PDF" not in answer.content
            assert b"Plantedname" not in answer.content
        assert desk.get("finance", "/statements/months/2026-10/zip").status_code == 503
        assert desk.get("viewer", "/statements").status_code == 403
    finally:
        with desk.owner() as owner:
            owner.execute(
                "grant execute on function reporting.record_log_entry(text, bytea)"
                " to closebook_desk"
            )
    assert desk.get("finance", path).status_code == 200


# ---- what was changed after the release -------------------------------------------------

SWAP_DOCUMENTS = """
update reporting.statement_documents as mine
set sha256 = other.sha256, object_name = other.object_name, byte_count = other.byte_count
from reporting.statement_documents as other
where mine.close_id = %(close)s and other.close_id = %(close)s
    and mine.account_id in (1, 2) and mine.account_id + other.account_id = 3
"""
SWAP_ATTACHMENTS = """
update reporting.statement_twins as mine
set sha256 = other.sha256, object_name = other.object_name, byte_count = other.byte_count
from reporting.statement_twins as other
where mine.close_id = %(close)s and other.close_id = %(close)s
    and mine.media_type = other.media_type
    and mine.account_id in (1, 2) and mine.account_id + other.account_id = 3
"""
SWAP_HOLDERS = """
update reporting.statements as mine
set holder_name = other.holder_name, account_number = other.account_number
from reporting.statements as other
where mine.close_id = %(close)s and other.close_id = %(close)s
    and mine.account_id in (1, 2) and mine.account_id + other.account_id = 3
"""
MORE_CLOSING = """
update reporting.statements set closing_minor = closing_minor + %(sign)s
where close_id = %(close)s and account_id in (1, 2)
"""
VIEWS = ("", "/pdf", "/preview", "/camt.053", "/csv", "/pages/1", "/pages/1/picture", "/proof")
ATTACHMENTS = ("/camt.053", "/csv")


@contextmanager
def changed(desk: Desk, statement: str) -> Iterator[None]:
    """Within the block the store has the change; a second swap takes it back."""
    conninfo = desk.stack.store_admin(desk.database)

    def change(sign: int) -> None:
        with psycopg.connect(conninfo) as admin:
            admin.execute("set session_replication_role = replica")
            admin.execute(statement.encode(), {"close": desk.closes["october"], "sign": sign})

    change(1)
    try:
        yield
    finally:
        change(-1)


@pytest.mark.parametrize(
    ("statement", "refused"),
    [
        (SWAP_DOCUMENTS, VIEWS),
        (SWAP_ATTACHMENTS, ATTACHMENTS),
        (SWAP_HOLDERS, VIEWS),
        (MORE_CLOSING, VIEWS),
    ],
    ids=["documents", "attachments", "holders", "balances"],
)
def test_what_was_swapped_after_the_release_is_handed_to_nobody(
    desk: Desk, statement: str, refused: tuple[str, ...]
) -> None:
    with changed(desk, statement):
        answers = {
            kind: desk.get("finance", f"{desk.path('october', ADA)}{kind}") for kind in VIEWS
        }
        month = desk.get("finance", "/statements/months/2026-10/zip")
        some = desk.post(
            "finance", "/statements/zip", statement=f"{desk.closes['october']}-{ADA}-USD"
        )
    for kind, answer in answers.items():
        assert answer.status_code == (503 if kind in refused else 200), kind
        if kind in refused:
            assert "CB-DATA-NOT-AS-RELEASED" in answer.text
            assert b"%PDF" not in answer.content
            assert b"H\xc3\xb6pper" not in answer.content
    # A ZIP has the PDFs, and names them by the number of the account
    expected = 503 if statement in {SWAP_DOCUMENTS, SWAP_HOLDERS} else 200
    assert (month.status_code, some.status_code) == (expected, expected)
    assert desk.get("finance", f"{desk.path('october', ADA)}/pdf").status_code == 200


def test_a_statement_that_was_taken_out_of_the_register_stops_the_zip_of_its_month(
    desk: Desk,
) -> None:
    october = {"close_id": desk.closes["october"]}
    with psycopg.connect(desk.stack.store_admin(desk.database), autocommit=True) as admin:
        admin.execute("set session_replication_role = replica")
        admin.execute(
            "create table kept as select * from reporting.statement_documents"
            " where close_id = %(close_id)s and account_id = 1",
            october,
        )
        admin.execute(
            "delete from reporting.statement_documents"
            " where close_id = %(close_id)s and account_id = 1",
            october,
        )
        try:
            answer = desk.get("finance", "/statements/months/2026-10/zip")
        finally:
            admin.execute("insert into reporting.statement_documents select * from kept")
            admin.execute("drop table kept")
    assert answer.status_code == 503
    assert "CB-DATA-NOT-AS-RELEASED" in answer.text


@pytest.mark.parametrize("damage", ["another one", "lost"])
def test_without_the_released_manifest_no_document_is_shown(desk: Desk, damage: str) -> None:
    # Given a decision that names another manifest, or a manifest that this process has not read
    [row] = desk.rows(
        "select decision_id, manifest_sha256, object_name from reporting.statement_decisions"
        " inner join reporting.statement_manifests using (manifest_id) where decided_by = 'bob'"
    )
    conninfo = desk.stack.store_admin(desk.database)
    lost = f"manifests/2026-10/00/{'0' * 64}.json"

    def point_to(digest: str, object_name: str) -> None:
        with psycopg.connect(conninfo) as admin:
            admin.execute("set session_replication_role = replica")
            admin.execute("update reporting.statement_decisions set manifest_sha256 = %s", [digest])
            admin.execute(
                "update reporting.statement_manifests set object_name = %s"
                " where object_name in (%s, %s)",
                [object_name, lost, row["object_name"]],
            )

    point_to("0" * 64, lost if damage == "lost" else row["object_name"])
    try:
        answer = desk.get("finance", f"{desk.path('october', ADA)}/pdf")
    finally:
        point_to(row["manifest_sha256"], row["object_name"])
    assert answer.status_code == 503
    code = "CB-DATA-DOCUMENT-MISSING" if damage == "lost" else "CB-DATA-NOT-AS-RELEASED"
    assert code in answer.text


def test_a_proof_is_of_the_statement_and_shows_no_other_account(desk: Desk) -> None:
    answer = desk.get("finance", f"{desk.path('october', ADA)}/proof")
    assert answer.headers["Content-Type"] == "application/json"
    proof = Proof.read(answer.content)
    assert proof.entry["account_id"] == ADA
    assert proof.entry["sha256"] == desk.registered("october", ADA)["sha256"]
    assert "lantedname" not in answer.text
    for other in (GRACE, MARY):
        assert str(desk.registered("october", other)["sha256"]) not in answer.text
    [manifest] = desk.rows(
        "select root_sha256 from reporting.statement_manifests where close_id = %s",
        desk.closes["october"],
    )
    assert proof.head.root == manifest["root_sha256"]
    last = desk.audit_log("downloaded")[-1]
    assert last["document_sha256"] == digest(answer.content)
    assert last["subject"].startswith("proof of statement")
