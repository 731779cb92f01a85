"""Lines of old months leave the store once they are in the document store, and stay readable."""

import csv
import re
from collections.abc import Iterator
from io import StringIO
from typing import Any

import psycopg
import pytest
from psycopg.rows import DictRow, dict_row

from closebook import cli
from closebook.audit.register_audit import audit
from closebook.closes.month import close_month
from closebook.errors import Misconfigured, Transient, WrongData
from closebook.orchestration import retention_task
from closebook.periods import DAY, HOUR, parse_month
from closebook.settings import Run, Settings, airflow_connections
from closebook.settings.store_settings import RegisterSettings
from closebook.sql import query
from closebook.statements import line_archives, line_removal
from closebook.statements.archived_lines import archived_lines
from closebook.statements.document_store import DocumentStore
from closebook.statements.line_archives import COLUMNS, Line, line_of
from closebook.statements.line_removal import of_run, remove_old_lines, years_before
from closebook.store import legal_holds
from closebook.store.audit_chain import verify_log
from local.stack import Stack
from tests.books import Books
from tests.close_fixtures import RUN
from tests.closes.month_documents import manifest_of, render_all, stored
from tests.closes.october import NEW_YORK, OCTOBER
from tests.decisions import DECISION_KEY
from tests.platform_rows import Platform

OLD = parse_month("2014-03", NEW_YORK)
YEARS = 10
EVERYTHING = {"first_account_id": 1, "last_account_id": 9}
OLGA = Run("retention", requested_by="olga")


@pytest.fixture
def old_close(settings: Settings, platform: Platform, books: Books) -> int:
    """The close of a month in 2014 with its documents, and a newer close of October 2026."""
    for account_id, currency in ((1, "USD"), (2, "JPY"), (3, "KWD")):
        platform.open_account(account_id, currency, f"Holder {account_id}")
        platform.post(account_id, OLD.start + HOUR, 1_000 * account_id, currency)
        platform.post(account_id, OLD.start + 9 * DAY, -7, currency, kind="fee")
    close_id = close_month(settings, OLD, RUN).close_id
    render_all(settings, close_id)
    manifest_of(settings, close_id)
    return close_id


@pytest.fixture
def register(settings: Settings) -> RegisterSettings:
    return RegisterSettings(settings.store, settings.documents_url)


@pytest.fixture
def owner(stack: Stack, module_store_database: str) -> Iterator[psycopg.Connection[DictRow]]:
    conninfo = stack.store_owner(module_store_database)
    with psycopg.connect(conninfo, autocommit=True, row_factory=dict_row) as owner:
        yield owner


def lines(books: Books, close_id: int) -> list[Line]:
    """All lines of a close in the store, also those of accounts that are held."""
    text, held = re.subn(
        r"and entries\.account_id not in \(.*?\)\n", "", query("line_archives/lines")
    )
    assert held == 1
    found = books.connection.execute(text.encode(), {"close_id": close_id, **EVERYTHING})
    return [line_of(row) for row in found]


def checks(settings: Settings) -> set[str]:
    """The checks of the audit that have a finding."""
    return {finding.check for finding in audit(settings).findings}


def accounts(found: list[Line]) -> list[int]:
    return [line[COLUMNS.index("account_id")] for line in found]


def removed(register: RegisterSettings) -> list[Line]:
    return [*archived_lines(register, OLD.first_date, None, all_versions=False)]


@pytest.mark.parametrize("most_lines", [1, 3, 100])
def test_lines_leave_the_store_and_are_read_again_and_the_audit_has_no_finding(
    settings: Settings, register: RegisterSettings, old_close: int, books: Books, most_lines: int
) -> None:
    before = lines(books, old_close)
    assert len(before) == 6
    assert checks(settings) == set()

    removal = remove_old_lines(register, YEARS, OLGA, most_lines)

    assert removal.months == ("2014-03",)
    assert removal.line_count == 6
    assert removal.document_count == {1: 3, 3: 2, 100: 1}[most_lines]
    assert lines(books, old_close) == []
    assert removed(register) == before
    assert checks(settings) == set()
    [row] = books.rows("select distinct run_id, requested_by from reporting.line_archives")
    assert row == {"run_id": "retention", "requested_by": "olga"}
    # What stays, and a second run
    assert len(books.rows("select from reporting.statements")) == 3
    assert remove_old_lines(register, YEARS, OLGA).line_count == 0
    assert removed(register) == before


def test_lines_of_a_younger_month_stay(
    settings: Settings, register: RegisterSettings, platform: Platform, books: Books
) -> None:
    platform.open_account(1, "USD")
    platform.post(1, OCTOBER.start, 5)
    close_id = close_month(settings, OCTOBER, RUN).close_id

    assert remove_old_lines(register, YEARS, OLGA).line_count == 0
    assert len(lines(books, close_id)) == 1
    with pytest.raises(WrongData, match="CB-DATA-NO-LINES-REMOVED"):
        [*archived_lines(register, OCTOBER.first_date, None, all_versions=False)]


def test_fewer_years_than_the_owner_keeps_are_refused(
    register: RegisterSettings, old_close: int, books: Books, owner: psycopg.Connection[DictRow]
) -> None:
    with pytest.raises(Misconfigured, match="CB-CONFIG-RETENTION-SHORT"):
        remove_old_lines(register, YEARS - 1, OLGA)
    owner.execute("insert into reporting.retention (least_years) values (100)")
    try:
        with pytest.raises(Misconfigured, match="its owner keeps them for 100"):
            remove_old_lines(register, YEARS, OLGA)
    finally:
        owner.execute("delete from reporting.retention")
    assert len(lines(books, old_close)) == 6


def test_a_legal_hold_keeps_an_accounts_lines_until_it_is_lifted(
    stack: Stack,
    settings: Settings,
    module_store_database: str,
    register: RegisterSettings,
    old_close: int,
    books: Books,
) -> None:
    desk = stack.desk(module_store_database)
    before = lines(books, old_close)

    def decide(decision: legal_holds.HoldDecision) -> bool:
        return legal_holds.decide(desk, DECISION_KEY, "2", decision, "a court asks", "ada")

    assert decide("set")
    assert not decide("set")
    assert [hold["account_id"] for hold in legal_holds.listed(desk)] == [2]
    assert remove_old_lines(register, YEARS, OLGA).line_count == 4
    assert accounts(lines(books, old_close)) == [2, 2]
    assert accounts(removed(register)) == [1, 1, 3, 3]
    assert checks(settings) == set()

    assert decide("lifted")
    assert legal_holds.listed(desk) == []
    assert remove_old_lines(register, YEARS, OLGA).line_count == 2
    assert sorted(removed(register)) == sorted(before)
    assert checks(settings) == set()
    # Both decisions are in the chain of the desk's log
    entries = books.rows("select act, subject, person from reporting.desk_log order by entry_id")
    assert [(each["act"], each["subject"], each["person"]) for each in entries] == [
        ("set legal hold", "account 2", "ada"),
        ("lifted legal hold", "account 2", "ada"),
    ]
    assert verify_log(settings.store).entry_count == 2


def test_a_hold_needs_a_reason_a_person_an_account_and_the_key(
    stack: Stack, module_store_database: str, old_close: int
) -> None:
    desk = stack.desk(module_store_database)
    for account, reason, person, code in (
        ("2", " ", "ada", "CB-CONFIG-HOLD-UNREASONED"),
        ("2", "a court asks", "", "CB-CONFIG-HOLD-UNREASONED"),
        ("two", "a court asks", "ada", "CB-CONFIG-HOLD-NO-ACCOUNT"),
    ):
        with pytest.raises(Misconfigured, match=code):
            legal_holds.decide(desk, DECISION_KEY, account, "set", reason, person)
    with pytest.raises(Misconfigured, match="CB-CONFIG-DECISION-KEY"):
        legal_holds.decide(desk, "a key that was guessed", "2", "set", "a court asks", "ada")
    assert legal_holds.listed(desk) == []


def test_a_hold_that_is_set_while_lines_are_written_keeps_them(
    stack: Stack,
    module_store_database: str,
    register: RegisterSettings,
    old_close: int,
    books: Books,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = stack.desk(module_store_database)
    remove = line_removal._remove_written

    def with_hold(*given: Any) -> int:
        legal_holds.decide(desk, DECISION_KEY, "3", "set", "a court asks", "ada")
        return remove(*given)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(line_removal, "_remove_written", with_hold)
        with pytest.raises(WrongData, match="CB-DATA-ARCHIVE-DIFFERS"):
            remove_old_lines(register, YEARS, OLGA)
    assert len(lines(books, old_close)) == 6
    assert remove_old_lines(register, YEARS, OLGA).line_count == 4
    assert accounts(lines(books, old_close)) == [3, 3]


@pytest.mark.parametrize("step", ["put", "read"])
def test_a_run_that_ends_before_the_removal_is_gone_on_with(
    settings: Settings,
    register: RegisterSettings,
    old_close: int,
    books: Books,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    before = lines(books, old_close)

    def lost(*_: Any, **__: Any) -> Any:
        raise Transient("CB-RETRY-X", "the store was lost")

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(DocumentStore, step, lost)
        with pytest.raises(Transient):
            remove_old_lines(register, YEARS, OLGA)
    assert lines(books, old_close) == before
    assert checks(settings) == set()

    assert remove_old_lines(register, YEARS, OLGA).line_count == 6
    assert len(books.rows("select from reporting.line_archives")) == 1
    assert removed(register) == before
    assert checks(settings) == set()


def test_a_run_that_was_tried_again_says_what_all_of_its_tries_have_moved(
    register: RegisterSettings, old_close: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = DocumentStore.put
    stored = list[str]()

    def lost_at_the_second(store: DocumentStore, content: bytes, **place: str) -> Any:
        if stored:
            raise Transient("CB-RETRY-X", "the store was lost")
        stored.append(put(store, content, **place).object_name)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(DocumentStore, "put", lost_at_the_second)
        with pytest.raises(Transient):
            remove_old_lines(register, YEARS, OLGA, most_lines=1)
    last_try = remove_old_lines(register, YEARS, OLGA, most_lines=1)
    assert (last_try.document_count, last_try.line_count) == (2, 4)

    moved = of_run(register, OLGA, last_try)

    assert (moved.months, moved.document_count, moved.line_count) == (("2014-03",), 3, 6)


def test_nothing_is_removed_if_what_is_read_back_differs(
    register: RegisterSettings, old_close: int, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = line_archives.read
    monkeypatch.setattr(line_archives, "read", lambda content: read(content)[:-1])

    with pytest.raises(WrongData, match="CB-DATA-ARCHIVE-DIFFERS"):
        remove_old_lines(register, YEARS, OLGA)
    assert len(lines(books, old_close)) == 6


def test_a_month_whose_lines_have_left_is_not_closed_again(
    settings: Settings, register: RegisterSettings, platform: Platform, old_close: int, books: Books
) -> None:
    remove_old_lines(register, YEARS, OLGA)
    platform.post(1, OLD.start + HOUR, 1)

    with pytest.raises(WrongData, match="CB-DATA-MONTH-LINES-REMOVED"):
        close_month(settings, OLD, RUN)
    assert [row["close_id"] for row in books.rows("select close_id from reporting.closes")] == [
        old_close
    ]


def test_the_audit_finds_an_archive_that_is_lost_or_changed_and_a_sum_that_differs(
    stack: Stack,
    settings: Settings,
    module_store_database: str,
    register: RegisterSettings,
    old_close: int,
    books: Books,
) -> None:
    remove_old_lines(register, YEARS, OLGA)
    [archive] = books.rows("select object_name from reporting.line_archives")
    file = stored(settings, archive["object_name"])
    content = file.read_bytes()

    file.chmod(0o600)
    file.write_bytes(content[:-1] + b"X")
    assert checks(settings) == {"document-missing"}
    with pytest.raises(WrongData):
        removed(register)
    file.unlink()
    assert checks(settings) == {"document-missing"}
    file.write_bytes(content)
    assert checks(settings) == set()
    (file.parent / ("0" * 64 + ".parquet")).write_bytes(b"")
    assert checks(settings) == {"unknown-document"}
    (file.parent / ("0" * 64 + ".parquet")).unlink()
    with psycopg.connect(stack.store_admin(module_store_database)) as admin:
        admin.execute("update reporting.removed_lines set amount_minor = amount_minor + 1")
    assert checks(settings) == {"tie-out"}


def test_the_commands_move_lines_and_print_them(
    settings: Settings, old_close: int, capsys: pytest.CaptureFixture[str]
) -> None:
    stores = ["--conninfo", settings.store, "--documents", settings.documents_url]

    assert cli.main(["retention", "--by", "olga", *stores]) == 0
    assert capsys.readouterr().out == (
        "2014-03: its lines are in the document store\n"
        "6 lines have left the reporting store, in 1 documents\n"
    )
    assert cli.main(["archived-lines", "2014-03", "--account", "2", *stores]) == 0
    rows = list(csv.DictReader(StringIO(capsys.readouterr().out)))
    assert [row["amount_minor"] for row in rows] == ["2000", "-7"]
    assert [row["balance_minor"] for row in rows] == ["2000", "1993"]
    for arguments, code, name in (
        (["archived-lines", "2014-04"], 1, "CB-DATA-NO-LINES-REMOVED"),
        (["archived-lines", "March"], 2, "CB-CONFIG-NO-MONTH"),
        (["retention", "--by", "olga", "--years", "ten"], 2, "CB-CONFIG-RETENTION-UNREADABLE"),
        (["retention", "--by", "olga", "--years", "9"], 2, "CB-CONFIG-RETENTION-SHORT"),
    ):
        assert cli.main([*arguments, *stores]) == code
        assert name in capsys.readouterr().err


def test_the_command_sets_lifts_and_lists_holds(
    stack: Stack,
    module_store_database: str,
    old_close: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    desk = stack.desk(module_store_database)
    monkeypatch.setattr(airflow_connections, "postgres_conninfo", lambda _: desk)
    monkeypatch.setattr(airflow_connections, "decision_key", lambda: DECISION_KEY)
    why = ["--reason", "a court asks", "--by", "ada"]

    said = []
    for arguments in (["set", "2", *why], ["set", "2", *why], ["list"], ["lift", "2", *why]):
        assert cli.main(["legal-hold", *arguments]) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == "the legal hold is set\n"
    assert said[1] == "the legal hold was set before\n"
    assert said[2].startswith("account 2: ")
    assert said[2].endswith(" by ada: a court asks\n")
    assert said[3] == "the legal hold is lifted\n"


def test_the_task_is_skipped_unless_the_years_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk.exceptions import AirflowSkipException

    monkeypatch.delenv("CLOSEBOOK_RETENTION_YEARS", raising=False)
    with pytest.raises(AirflowSkipException):
        retention_task.run_retention()


def test_the_29th_of_february_is_found_in_years_without_one() -> None:
    from datetime import UTC, datetime

    assert years_before(datetime(2028, 2, 29, 6, tzinfo=UTC), 10) == datetime(
        2018, 2, 28, 6, tzinfo=UTC
    )
    assert years_before(datetime(2028, 3, 1, tzinfo=UTC), 10) == datetime(2018, 3, 1, tzinfo=UTC)
