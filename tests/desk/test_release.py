"""Release and re-issue at the desk, and the audit log of both."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from html import unescape

import psycopg
import pytest

from closebook.cli import main
from tests.desk.conftest import ADA, GRACE, MARY, Desk


def shown_sha256(desk: Desk, month: str) -> str:
    found = re.search(
        r'name="manifest_sha256" value="(\w+)"', desk.get("approver", f"/releases/{month}").text
    )
    assert found is not None
    return found[1]


@pytest.fixture
def undecided(desk: Desk) -> Iterator[None]:
    """After the test its decisions are deleted, so that the next test finds none."""
    yield
    with psycopg.connect(desk.stack.store_admin(desk.database)) as admin:
        admin.execute("delete from reporting.statement_decisions where decided_by <> 'bob'")


@pytest.mark.usefixtures("undecided")
def test_after_a_second_person_has_released_a_month_finance_sees_it(desk: Desk) -> None:
    assert desk.get("finance", desk.path("september", ADA)).status_code == 404
    shown = shown_sha256(desk, "2026-09")
    answer = desk.post("approver", "/releases/2026-09", verdict="released", manifest_sha256=shown)
    assert answer.status_code == 303
    assert desk.get("finance", desk.path("september", ADA)).status_code == 200
    last = desk.audit_log("released")[-1]
    assert (last["person"], last["subject"], last["document_sha256"]) == (
        "approver",
        "month 2026-09",
        shown,
    )
    page = desk.get("approver", "/releases/2026-09").text
    assert "This month is released" in page
    assert 'value="released"' not in page


@pytest.mark.usefixtures("undecided")
def test_without_its_entry_in_the_audit_log_no_decision_is_made(desk: Desk) -> None:
    shown = shown_sha256(desk, "2026-09")
    with desk.owner() as owner:
        owner.execute(
            "revoke execute on function reporting.record_log_entry(text, bytea) from closebook_desk"
        )
    try:
        answer = desk.post(
            "approver", "/releases/2026-09", verdict="released", manifest_sha256=shown
        )
    finally:
        with desk.owner() as owner:
            owner.execute(
                "grant execute on function reporting.record_log_entry(text, bytea)"
                " to closebook_desk"
            )
    assert answer.status_code == 503
    assert not desk.rows("select from reporting.statement_decisions where decided_by = 'approver'")


@pytest.mark.usefixtures("undecided")
def test_a_release_with_another_hash_than_the_current_one_is_refused(desk: Desk) -> None:
    answer = desk.post(
        "approver", "/releases/2026-09", verdict="released", manifest_sha256="0" * 64
    )
    assert answer.status_code == 409
    assert "the hash that was shown is not that of this manifest" in answer.text
    assert "other_hash" in desk.audit_log("refused")[-1]["subject"]
    assert desk.get("finance", desk.path("september", ADA)).status_code == 404


@pytest.mark.usefixtures("undecided")
def test_the_user_who_requested_the_run_cannot_release_it(desk: Desk) -> None:
    shown = shown_sha256(desk, "2026-09")
    with desk.owner() as owner:
        owner.execute(
            "insert into reporting.named_people (run_id, user_name, user_id, reason)"
            " values ('manual', 'ada', %s, 'a test')",
            [user_id(desk, "approver")],
        )
    try:
        page = desk.get("approver", "/releases/2026-09")
        assert "a second person, who acted on no run of the month, has to decide" in page.text
        answer = desk.post(
            "approver", "/releases/2026-09", verdict="released", manifest_sha256=shown
        )
        assert answer.status_code == 409
    finally:
        with desk.owner() as owner:
            owner.execute("delete from reporting.named_people where reason = 'a test'")
    assert not desk.rows("select from reporting.statement_decisions where decided_by = 'approver'")


def user_id(desk: Desk, name: str) -> str:
    """The id of a user of Airflow."""
    with psycopg.connect(desk.stack.store_admin("airflow")) as metadata:
        row = metadata.execute("select id from ab_user where username = %s", [name]).fetchone()
    assert row is not None
    return str(row[0])


@pytest.mark.usefixtures("undecided")
def test_after_a_rejection_the_page_says_so_and_nobody_releases_the_month(desk: Desk) -> None:
    fields = {"manifest_sha256": shown_sha256(desk, "2026-09")}
    desk.post("approver", "/releases/2026-09", **fields, verdict="rejected", reason="fees <b>")
    page = " ".join(desk.get("approver", "/releases/2026-09").text.split())
    assert re.search(
        r"approver rejected this month on [^<]+ UTC:</strong> <p><bdi>fees &lt;b", page
    )
    assert "All checks passed" not in page
    assert 'name="verdict"' not in page
    answer = desk.post("approver", "/releases/2026-09", **fields, verdict="released")
    assert answer.status_code == 409
    assert "it was rejected (approver)" in answer.text
    assert desk.get("finance", desk.path("september", ADA)).status_code == 404


@pytest.mark.usefixtures("undecided")
def test_a_rejection_needs_a_reason_and_finance_does_not_see_the_month(desk: Desk) -> None:
    shown = shown_sha256(desk, "2026-09")
    fields = {"verdict": "rejected", "manifest_sha256": shown}
    assert desk.post("approver", "/releases/2026-09", **fields, reason=" ").status_code == 409
    answer = desk.post("approver", "/releases/2026-09", **fields, reason="<b>fees</b>")
    assert answer.status_code == 303
    assert "&lt;b&gt;fees&lt;/b&gt;" in desk.get("approver", "/releases/2026-09").text
    assert desk.audit_log("rejected")[-1]["document_sha256"] == shown
    assert desk.get("finance", desk.path("september", ADA)).status_code == 404


def test_the_review_page_shows_totals_by_currency_and_the_change_since_the_month_before(
    desk: Desk,
) -> None:
    page = " ".join(re.sub(r"<[^>]+>", " ", desk.get("approver", "/releases/2026-10").text).split())
    # Ada and Grace have cents, less the 55 cents that were posted late; yen have no minor unit
    assert "USD 2 2 1 3 2 300.00 599.45 +299.45" in page
    assert "JPY 1 1 0 61 1 30,000 60,000 +30,000" in page
    assert "passed" in page


def words(page: str) -> str:
    """The text of a page, without its tags and with single blanks."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def test_the_review_of_a_correction_shows_what_it_changes_and_what_it_answers(desk: Desk) -> None:
    """One late entry of -0.55 for Grace came after October was released."""
    page = words(desk.get("approver", "/releases/2026-10").text)
    assert re.search(r"bob released version 1 of this month on \S+ \S+ UTC", page)
    assert "1 statement differs from it. All others stay as they are." in page
    corrected = page[page.index("ACC-2") : page.index("Totals by currency")]
    assert corrected.startswith("ACC-2 USD, account id 2 Released, version 1 Now, version 2")
    assert "Opening balance 200.00 200.00 0" in corrected
    assert "Closing balance 400.00 399.45 −0.55" in corrected
    assert "Lines 1 2 1 added" in corrected
    assert re.search(r"added 2026-11-01 03:00 An entry · payment −0\.55", corrected)
    assert "Reason of the run a late card payment" in corrected
    assert "nobody requested it" in corrected
    last = desk.audit_log("reviewed")[-1]
    name = f"{desk.closes['corrected']}-{GRACE}-USD"
    assert last["subject"] == f"month 2026-10, corrected {name}"

    desk.post("finance", f"{desk.path('october', GRACE)}/requests", reason="a <b>payment</b> lacks")
    try:
        page = words(desk.get("approver", "/releases/2026-10").text)
        assert re.search(r"a <b>payment</b> lacks \(request \d+ of finance, ", page)
        assert "nobody requested it" not in page
    finally:
        with psycopg.connect(desk.stack.store_admin(desk.database)) as admin:
            admin.execute("delete from reporting.reissue_requests")


def test_a_month_that_follows_no_release_is_no_correction(desk: Desk) -> None:
    page = desk.get("approver", "/releases/2026-09").text
    assert "What differs from the release before" not in page
    assert desk.audit_log("reviewed")[-1]["subject"] == "month 2026-09"


@pytest.mark.usefixtures("incomplete")
def test_a_month_without_some_documents_names_the_accounts_and_the_run_that_makes_them(
    desk: Desk,
) -> None:
    review = desk.get("approver", "/releases/2026-09").text
    assert "1 statement has no document and no reason for it: account id 3 ." in words(review)
    assert "documents are missing" in review
    listed = desk.get("operator", "/requests").text
    shown = "2026-09 cannot be released: 1 statement has no document. Account id 3 ."
    assert shown in words(listed)
    for page in (review, listed):
        assert unescape(page).count('value="{"month": "2026-09"}"') == 1
        assert 'href="/dags/monthly_statements"' in page


def test_a_complete_month_offers_no_run(desk: Desk) -> None:
    for user, path in (("approver", "/releases/2026-09"), ("operator", "/requests")):
        assert "statement has no document" not in words(desk.get(user, path).text)


def test_an_operator_answers_a_request_once_and_sees_no_holder(desk: Desk) -> None:
    answer = desk.post(
        "finance", f"{desk.path('october', ADA)}/requests", reason="fee <i>twice</i>"
    )
    assert answer.status_code == 303
    [request] = desk.rows("select * from reporting.reissue_requests")
    listed = desk.get("operator", "/requests").text
    assert "fee &lt;i&gt;twice&lt;/i&gt;" in listed
    assert "Plantedname" not in listed
    assert "ACC-1" not in listed
    last = desk.audit_log("looked")[-1]
    assert (last["person"], last["subject"]) == ("operator", "requests to issue statements again")
    path = f"/requests/{request['request_id']}"
    assert desk.post("operator", path, answer="declined").status_code == 400
    assert desk.post("operator", path, answer="declined", note="once only").status_code == 303
    assert desk.post("operator", path, answer="issued_again").status_code == 404
    assert "declined by operator" in desk.get("finance", desk.path("october", ADA)).text


@pytest.fixture
def no_requests(desk: Desk) -> Iterator[None]:
    """After the test its requests are deleted."""
    yield
    with psycopg.connect(desk.stack.store_admin(desk.database)) as admin:
        admin.execute("delete from reporting.reissue_answers")
        admin.execute("delete from reporting.reissue_requests")


@pytest.mark.usefixtures("no_requests")
def test_a_second_request_waits_for_the_answer_to_the_first(desk: Desk) -> None:
    path = desk.path("october", MARY)
    assert desk.post("finance", f"{path}/requests", reason="a fee lacks").status_code == 303
    again = desk.post("finance", f"{path}/requests", reason="a fee lacks")
    assert again.status_code == 409
    assert "there is an open request about this statement already" in again.text
    assert 'name="reason"' not in desk.get("finance", path).text
    [request] = desk.rows(
        "select request_id from reporting.reissue_requests where reason = 'a fee lacks'"
    )
    assert len(desk.audit_log("requested re-issue")) >= 1
    answered = f"/requests/{request['request_id']}"
    assert desk.post("operator", answered, answer="issued_again").status_code == 303
    assert 'name="reason"' in desk.get("finance", path).text
    assert desk.post("finance", f"{path}/requests", reason="another").status_code == 303


@pytest.mark.usefixtures("no_requests")
def test_a_request_that_is_sent_twice_at_once_is_taken_once(desk: Desk) -> None:
    path = f"{desk.path('october', MARY)}/requests"
    desk.client("finance")
    for _ in range(5):
        with ThreadPoolExecutor(2) as threads:
            sent = [threads.submit(desk.post, "finance", path, reason="twice") for _ in range(2)]
        assert sorted(each.result().status_code for each in sent) == [303, 409]
        with psycopg.connect(desk.stack.store_admin(desk.database)) as admin:
            admin.execute("delete from reporting.reissue_requests")


@pytest.mark.usefixtures("no_requests")
def test_a_form_that_is_not_taken_keeps_what_was_typed_and_says_why(desk: Desk) -> None:
    statement = desk.path("october", MARY)
    empty = desk.post("finance", f"{statement}/requests", reason=" ")
    assert empty.status_code == 400
    assert "Enter a reason of at most 500 characters." in empty.text
    long = desk.post("finance", f"{statement}/requests", reason="x" * 501)
    assert f">{'x' * 501}</textarea>" in long.text
    refused = desk.post(
        "approver",
        "/releases/2026-09",
        verdict="released",
        manifest_sha256="0" * 64,
        reason="typed <b>",
    )
    assert refused.status_code == 409
    assert ">typed &lt;b&gt;</textarea>" in refused.text
    desk.post("finance", f"{statement}/requests", reason="a fee lacks")
    [request] = desk.rows("select request_id from reporting.reissue_requests")
    path = f"/requests/{request['request_id']}"
    declined = desk.post("operator", path, answer="declined", note=" ")
    assert declined.status_code == 400
    assert "to decline it, enter a note" in declined.text
    unknown = desk.post("operator", path, answer="unknown", note="my note")
    assert 'value="my note"' in unknown.text


def test_above_a_released_month_whose_check_failed_later_the_page_says_so(desk: Desk) -> None:
    assert "tie out" not in desk.get("approver", "/releases/2026-10").text
    shown = shown_sha256(desk, "2026-09")
    desk.post("approver", "/releases/2026-09", verdict="released", manifest_sha256=shown)
    failed = (
        "insert into reporting.tie_outs (close_id, grain, period_start, check_name,"
        " offending_count, run_id) select close_id, grain, period_start, 'days_equal_statements',"
        " 1, 'manual' from reporting.closes where close_id = %s"
    )
    try:
        with desk.owner() as owner:
            owner.execute(failed.encode(), [desk.closes["september"]])
        page = words(desk.get("approver", "/releases/2026-09").text)
        assert "This month is released." in page
        assert "After the decision 1 check failed: days equal statements of the month." in page
        assert "All checks passed" not in page
    finally:
        with psycopg.connect(desk.stack.store_admin(desk.database)) as admin:
            admin.execute("delete from reporting.tie_outs where offending_count = 1")
            admin.execute("delete from reporting.statement_decisions where decided_by <> 'bob'")


# ---- the audit log ---------------------------------------------------------------------


def test_verify_log_names_the_entry_at_which_the_chain_is_broken(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    conninfo = desk.stack.store(desk.database)
    for _ in range(3):
        desk.get("finance", desk.path("october", ADA))
    assert main(["verify-log", "--conninfo", conninfo]) == 0
    entries = desk.audit_log()
    output = capsys.readouterr().out
    last_sha256 = entries[-1]["entry_sha256"]
    assert f"{len(entries)} entries verified; the last hash is {last_sha256}" in output
    middle, last = entries[-2]["entry_id"], entries[-1]["entry_id"]
    last_sha256 = entries[-1]["entry_sha256"]

    def error_after(change: str, *parameters: object, seen: str | None = None) -> str:
        """The error of verify-log after the owner has changed the log. The change is undone."""
        with desk.owner() as owner:
            owner.execute("create table saved_log as select * from reporting.desk_log")
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
                admin.execute("insert into reporting.desk_log select * from saved_log")
                admin.execute("drop table saved_log")

    rename = "update reporting.desk_log set person = 'eve' where entry_id = %s"
    assert f"entry {middle} of the desk's log, or the one before it, was changed" in error_after(
        rename, middle
    )
    remove = "delete from reporting.desk_log where entry_id = %s"
    assert f"entry {middle} of the desk's log is missing" in error_after(remove, middle)
    assert "entries at its end were deleted" in error_after(remove, last, seen=last_sha256)
    assert main(["verify-log", "--conninfo", conninfo, "--seen", last_sha256]) == 0
