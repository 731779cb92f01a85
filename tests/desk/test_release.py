"""Release and re-issue at the desk: a second person, what they were shown, and the log of it."""

import re
from collections.abc import Iterator

import psycopg
import pytest

from closebook.cli import main
from tests.desk.conftest import ADA, Desk


def shown_sha256(desk: Desk, month: str) -> str:
    found = re.search(
        r'name="manifest_sha256" value="(\w+)"', desk.get("approver", f"/releases/{month}").text
    )
    assert found is not None
    return found[1]


@pytest.fixture
def undecided(desk: Desk) -> Iterator[None]:
    """Whatever the test decides is undone, so that the next one finds the month as it was."""
    yield
    with psycopg.connect(desk.stack.store_admin(desk.database)) as admin:
        admin.execute("delete from reporting.statement_decisions where decided_by <> 'bob'")


@pytest.mark.usefixtures("undecided")
def test_a_second_person_releases_what_they_were_shown_and_finance_sees_it(desk: Desk) -> None:
    assert desk.get("finance", desk.path("september", ADA)).status_code == 404
    shown = shown_sha256(desk, "2026-09")
    answer = desk.post("approver", "/releases/2026-09", verdict="released", manifest_sha256=shown)
    assert answer.status_code == 303
    assert desk.get("finance", desk.path("september", ADA)).status_code == 200
    last = desk.log("released")[-1]
    assert (last["person"], last["subject"], last["document_sha256"]) == (
        "approver",
        "month 2026-09",
        shown,
    )
    page = desk.get("approver", "/releases/2026-09").text
    assert "This month is released" in page
    assert 'value="released"' not in page


@pytest.mark.usefixtures("undecided")
def test_another_hash_than_the_shown_one_releases_nothing(desk: Desk) -> None:
    answer = desk.post(
        "approver", "/releases/2026-09", verdict="released", manifest_sha256="0" * 64
    )
    assert answer.status_code == 409
    assert "what was shown has another hash" in answer.text
    assert "other_hash" in desk.log("refused")[-1]["subject"]
    assert desk.get("finance", desk.path("september", ADA)).status_code == 404


@pytest.mark.usefixtures("undecided")
def test_who_asked_for_the_run_does_not_release_it(desk: Desk) -> None:
    shown = shown_sha256(desk, "2026-09")
    with desk.owner() as owner:
        owner.execute("update reporting.closes set requested_by = 'approver' where grain = 'month'")
    try:
        page = desk.get("approver", "/releases/2026-09")
        assert "it takes a second person" in page.text
        answer = desk.post(
            "approver", "/releases/2026-09", verdict="released", manifest_sha256=shown
        )
        assert answer.status_code == 409
    finally:
        with desk.owner() as owner:
            owner.execute("update reporting.closes set requested_by = 'ada' where grain = 'month'")
    assert not desk.rows("select from reporting.statement_decisions where decided_by = 'approver'")


@pytest.mark.usefixtures("undecided")
def test_a_rejection_says_why_and_shows_nothing(desk: Desk) -> None:
    shown = shown_sha256(desk, "2026-09")
    fields = {"verdict": "rejected", "manifest_sha256": shown}
    assert desk.post("approver", "/releases/2026-09", **fields, reason=" ").status_code == 409
    answer = desk.post("approver", "/releases/2026-09", **fields, reason="<b>fees</b>")
    assert answer.status_code == 303
    assert "&lt;b&gt;fees&lt;/b&gt;" in desk.get("approver", "/releases/2026-09").text
    assert desk.log("rejected")[-1]["document_sha256"] == shown
    assert desk.get("finance", desk.path("september", ADA)).status_code == 404


def test_the_page_has_totals_by_currency_and_the_change_to_the_month_before(desk: Desk) -> None:
    page = " ".join(re.sub(r"<[^>]+>", " ", desk.get("approver", "/releases/2026-10").text).split())
    # Ada and Grace in cents, less the 55 that came late; Mary in yen, which has none
    assert "USD 2 2 1 3 2 300.00 599.45 +299.45" in page
    assert "JPY 1 1 0 61 1 30,000 60,000 +30,000" in page
    assert "ties out" in page


def test_finance_asks_and_an_operator_answers_once_without_seeing_a_holder(desk: Desk) -> None:
    asked = desk.post("finance", f"{desk.path('october', ADA)}/requests", reason="fee <i>twice</i>")
    assert asked.status_code == 303
    [request] = desk.rows("select * from reporting.reissue_requests")
    listed = desk.get("operator", "/requests").text
    assert "fee &lt;i&gt;twice&lt;/i&gt;" in listed
    assert "Plantedname" not in listed
    assert "ACC-1" not in listed
    last = desk.log("looked")[-1]
    assert (last["person"], last["subject"]) == ("operator", "requests to issue statements again")
    path = f"/requests/{request['request_id']}"
    assert desk.post("operator", path, answer="declined").status_code == 400
    assert desk.post("operator", path, answer="declined", note="once only").status_code == 303
    assert desk.post("operator", path, answer="issued again").status_code == 404
    assert "declined by operator" in desk.get("finance", desk.path("october", ADA)).text


# ---- the log ---------------------------------------------------------------------------


def test_the_chain_is_verified_and_says_where_it_was_broken(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    conninfo = desk.stack.desk(desk.database)
    for _ in range(3):
        desk.get("finance", desk.path("october", ADA))
    assert main(["verify-log", "--conninfo", conninfo]) == 0
    entries = desk.log()
    said = capsys.readouterr().out
    assert f"{len(entries)} entries follow; the last is {entries[-1]['entry_sha256']}" in said
    middle, last = entries[-2]["entry_id"], entries[-1]["entry_id"]
    last_sha256 = entries[-1]["entry_sha256"]

    def says(change: str, *parameters: object, seen: str | None = None) -> str:
        """What the command says after the owner made a change, which is undone."""
        with desk.owner() as owner:
            owner.execute("create table kept as select * from reporting.desk_log")
            owner.execute(change.encode(), parameters)
        try:
            arguments = ["verify-log", "--conninfo", conninfo]
            status = main(arguments if seen is None else [*arguments, "--seen", seen])
            assert status == 1
            return capsys.readouterr().err
        finally:
            with psycopg.connect(desk.stack.store_admin(desk.database)) as admin:
                admin.execute("set local session_replication_role = replica")
                admin.execute("truncate reporting.desk_log")
                admin.execute("insert into reporting.desk_log select * from kept")
                admin.execute("drop table kept")

    rename = "update reporting.desk_log set person = 'eve' where entry_id = %s"
    assert f"entry {middle} of the desk's log is not as it was written" in says(rename, middle)
    remove = "delete from reporting.desk_log where entry_id = %s"
    assert f"entry {middle} of the desk's log is missing" in says(remove, middle)
    assert "entries were taken off its end" in says(remove, last, seen=last_sha256)
    assert main(["verify-log", "--conninfo", conninfo, "--seen", last_sha256]) == 0
