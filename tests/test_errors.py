"""The errors: each has one code, docs/errors.md lists them all, and they survive a pickle."""

import ast
import copy
import pickle
import re
from collections import defaultdict
from datetime import UTC, datetime

import pytest

from closebook.audit.findings import AuditFailed
from closebook.closes.boundaries import BoundaryMoved
from closebook.closes.checks import TieOut, TieOutFailed
from closebook.closes.histories import FailoverNotAcknowledged, HistoryReplaced, OtherHistory
from closebook.closes.register import ChangeWithoutReason, ConcurrentClose, ReplicasDisagree
from closebook.counter.publisher import HoursFromLostLog, NothingClosed
from closebook.desk.capacity import DeskBusy
from closebook.errors import ClosebookError, Misconfigured, NotReady, Transient, WrongData
from closebook.notifications.delivery import AddressesRefused, NotSent, Unreached
from closebook.periods import day_of, hour_of
from closebook.platform.replica_status import ReplicaLost
from closebook.platform.unreadable_rows import UnreadableRow
from closebook.statements.bounded_process import BoundedTask, LimitExceeded, Limits, run_within
from closebook.statements.bucket import AnswerLost
from closebook.statements.document_store import DocumentMissing
from closebook.statements.issue import DocumentsNotMade
from closebook.statements.manifest_entries import NoManifest
from closebook.statements.release import DecisionRefused, Obstacle
from closebook.statements.released_documents import NotAsReleased
from closebook.statements.verify.untrusted_pdf import CheckFailed
from local import REPOSITORY
from local.error_advice import ADVICE
from local.error_catalogue import (
    FOLDERS,
    PAGE,
    STORE_SCHEMA,
    RaisedError,
    errors_of_triggers,
    page,
    raised_errors,
)
from local.errors import PortInUseError, StackError
from tests.markdown import first_column, text

RAISED = [*raised_errors(), *errors_of_triggers()]
CODE = r"CB-(?:WAIT|RETRY|DATA|CONFIG|STACK)(?:-[A-Z0-9]+)+"
# Raised for a library, which gives them a meaning of its own, or for a bug.
OF_LIBRARIES = {
    "AirflowRescheduleException",  # no failure: another task goes on with a range of days
    "AirflowSkipException",
    "FatalURLFetchingError",
    "HTTPException",
    "NotImplementedError",
    "OutsideLayout",  # ours, always caught: it chooses the renderer of a document
    "RuntimeError",
    "TypeError",
    "ValueError",
    "psycopg.OperationalError",
    "psycopg.Rollback",
}

# psycopg gives this error no class of its own.
OF_PSYCOPG = {"mix COPY with other"}

DAY = day_of(datetime(2026, 10, 31, tzinfo=UTC).date(), "Europe/Berlin")
FOUND = TieOut("hours_equal_day", DAY, 1, [{"currency": "EUR", "old_amount_minor": 3}])
ERRORS = [
    NotReady("CB-WAIT-PERIOD-NOT-ENDED", "it has not ended"),
    NothingClosed("CB-WAIT-NOTHING-TO-COUNT", "no hour is closed yet"),
    Transient("CB-RETRY-STORE-FAILED", "the reporting store failed"),
    ReplicaLost("CB-RETRY-REPLICA-FAILED", "replica_a failed"),
    ConcurrentClose("CB-RETRY-OVERTAKEN", "run it again"),
    FailoverNotAcknowledged("CB-WAIT-FAILOVER-NOT-ACKNOWLEDGED", "timeline 2"),
    DeskBusy("6 pictures in all"),
    OtherHistory("CB-CONFIG-OLDER-TIMELINE", "timeline 1"),
    BoundaryMoved("CB-DATA-BOUNDARY-MOVED", "the rules changed"),
    HistoryReplaced("CB-WAIT-HISTORY-REPLACED", "run it again"),
    HoursFromLostLog("CB-WAIT-HOURS-FROM-LOST-LOG", "3 hours"),
    WrongData("CB-DATA-CLOSE-UNKNOWN", "close 404"),
    UnreadableRow("CB-DATA-QUERY-REFUSED", "replica_a cannot compute a row").at("a view"),
    LimitExceeded("CB-DATA-DOCUMENT-TOOK-TOO-LONG", "account 5"),
    DocumentsNotMade(
        DAY, {(5, "EUR"): LimitExceeded("CB-DATA-DOCUMENT-TOOK-TOO-LONG", "account 5")}
    ),
    TieOutFailed("CB-DATA-CHECK-FAILED", FOUND, proof="sql/x.sql"),
    ChangeWithoutReason("CB-DATA-CHANGE-WITHOUT-REASON", FOUND, proof="old and new"),
    ReplicasDisagree("CB-DATA-REPLICAS-DISAGREE", FOUND, proof="old_ columns: a; new_ columns: b"),
    DecisionRefused(DAY, "released", [Obstacle("second_person_needed", "anna")]),
    CheckFailed("the XML declares a document type"),
    NoManifest("the document is no manifest of a month"),
    NotAsReleased(
        {"close_id": 5, "account_id": 1, "currency": "EUR"}, "another version of it was released"
    ),
    AuditFailed("CB-DATA-AUDIT-FINDINGS", "the audit has 1 findings: tie-out: close 5: …"),
    Misconfigured("CB-CONFIG-NOT-A-DAY", "'x' is not a day"),
    StackError("CB-STACK-NO-FREE-PORT", "no free port for redis"),
    PortInUseError("CB-STACK-PORT-IN-USE", "port 6379, which redis needs, is in use"),
    DocumentMissing("statements/2026-10/00/00.pdf"),
    AnswerLost("bucket", "statements/2026-10/00/00.pdf", "timed out"),
    NotSent("mail", ["month_ready: no log-in at the mail server (TimeoutError)"]),
    Unreached("no connection to the webhook"),
    AddressesRefused(1, 3, "550"),
]


def subclasses(kind: type[ClosebookError]) -> set[type[ClosebookError]]:
    return {kind, *(deeper for child in kind.__subclasses__() for deeper in subclasses(child))}


@pytest.mark.parametrize("raised", RAISED, ids=lambda raised: raised.place)
def test_each_error_of_the_source_has_a_code_that_says_its_class(raised: RaisedError) -> None:
    assert raised.code is not None
    assert re.fullmatch(CODE, raised.code)
    assert raised.code.startswith(raised.kind.code_prefix)


def test_no_code_has_two_texts() -> None:
    texts = defaultdict(set)
    for raised in RAISED:
        texts[raised.code].add(raised.text)
    assert {code: found for code, found in texts.items() if len(found) > 1} == {}


def test_nothing_is_raised_but_errors_with_a_code_and_those_of_libraries() -> None:
    with_code = {kind.__name__ for error in ERRORS for kind in type(error).__mro__}
    others = set()
    for folder in ("plugins", "dags"):
        for path in (REPOSITORY / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(text(path))):
                if isinstance(node, ast.Raise) and node.exc is not None:
                    named = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
                    others.add(ast.unparse(named))
    classes = {name for name in others if name.rpartition(".")[2][0].isupper()}
    assert classes - with_code == OF_LIBRARIES


def test_no_program_compares_an_english_sentence_of_its_own() -> None:
    """A sentence may be written anew at any time; what a program compares is a code or a class."""
    ends = {"startswith", "endswith", "removeprefix", "removesuffix"}
    compared = set()
    for folder in ("plugins", "dags", "deploy"):
        for path in (REPOSITORY / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(text(path))):
                parts: list[ast.expr] = []
                if isinstance(node, ast.Compare):
                    parts = [node.left, *node.comparators]
                elif isinstance(node, ast.Call) and getattr(node.func, "attr", None) in ends:
                    parts = node.args
                compared |= {
                    constant.value
                    for part in parts
                    for constant in ast.walk(part)
                    if isinstance(constant, ast.Constant) and isinstance(constant.value, str)
                }
    sentences = {each for each in compared if re.search(r"[a-z]{2,} [a-z]{2,}", each)}
    assert sentences == OF_PSYCOPG


def test_the_page_of_errors_is_what_the_source_makes() -> None:
    assert text(PAGE) == page(), "run `make docs`"


def test_each_trigger_of_the_store_refuses_with_a_code() -> None:
    assert len(errors_of_triggers()) == text(STORE_SCHEMA).count("raise exception")


def test_the_page_and_the_source_have_the_same_codes() -> None:
    paths = [p for folder in FOLDERS for p in (REPOSITORY / folder).rglob("*.py")]
    quoted = {
        code
        for path in paths
        if path.name != "error_advice.py"
        for code in re.findall(rf'"({CODE})"', text(path))
    }
    quoted |= set(re.findall(rf"'({CODE}): ", text(STORE_SCHEMA)))
    assert set(first_column(text(PAGE))) == quoted
    assert set(ADVICE) <= quoted


def test_the_advice_is_in_the_order_of_the_page() -> None:
    assert [*ADVICE] == [code for code in first_column(text(PAGE)) if code in ADVICE]


def test_the_samples_are_of_each_class() -> None:
    assert {type(error) for error in ERRORS} == subclasses(ClosebookError) - {ClosebookError}


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_the_text_begins_with_the_code(error: ClosebookError) -> None:
    assert str(error) == f"{error.code}: {error.text}"


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_pickle_keeps_class_code_text_and_what_else_the_error_knows(
    error: ClosebookError,
) -> None:
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):  # noqa: S301
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert again.args == error.args
        assert vars(again) == vars(error)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_comes_whole_out_of_another_process(error: ClosebookError) -> None:
    def fail() -> None:
        raise error

    came: object
    # What is wrong with one document is a result: it does not stop those beside it.
    try:
        [came] = run_within(Limits(), [BoundedTask("a document", fail)])
    except ClosebookError as raised:
        came, is_result = raised, False
    else:
        is_result = True

    assert is_result == isinstance(error, WrongData)
    assert type(came) is type(error)
    assert str(came) == str(error)
    assert vars(came) == vars(error)


def test_an_hour_that_failed_keeps_its_period_in_the_error() -> None:
    hour = hour_of(datetime(2026, 10, 31, 14, tzinfo=UTC))
    failed = TieOutFailed("CB-DATA-CHECK-FAILED", TieOut("c", hour, 2, []), proof="p")
    again = pickle.loads(pickle.dumps(failed))  # noqa: S301
    assert again.tie_out == failed.tie_out
