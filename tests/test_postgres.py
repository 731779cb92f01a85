"""What an error of PostgreSQL means: each SQLSTATE that psycopg knows, and what has none."""

import ast

import psycopg
import pytest
from psycopg import errors

from closebook.errors import Misconfigured, Transient, WrongData
from closebook.postgres import FAULTS, Fault, described, fault_of, store_error
from local import REPOSITORY
from tests.markdown import text

# By the class of the SQLSTATE, its first two characters, and what differs within the class.
EXPECTED = {
    "02": (Fault.REFUSED, {}),
    "03": (Fault.REFUSED, {}),
    "08": (Fault.LOST, {}),
    "09": (Fault.ROWS, {}),
    "0A": (Fault.REFUSED, {}),
    "0B": (Fault.REFUSED, {}),
    "0F": (Fault.REFUSED, {}),
    "0L": (Fault.REFUSED, {}),
    "0P": (Fault.REFUSED, {}),
    "0Z": (Fault.REFUSED, {}),
    "10": (Fault.REFUSED, {}),
    "20": (Fault.REFUSED, {}),
    "21": (Fault.ROWS, {}),
    "22": (Fault.ROWS, {}),
    "23": (Fault.ROWS, {}),
    "24": (Fault.REFUSED, {}),
    "25": (
        Fault.REFUSED,
        {
            "IdleInTransactionSessionTimeout": Fault.LOST,
            "TransactionTimeout": Fault.LOST,
        },
    ),
    "26": (Fault.REFUSED, {}),
    "27": (Fault.ROWS, {}),
    "28": (Fault.LOGIN, {}),
    "2B": (Fault.REFUSED, {}),
    "2D": (Fault.REFUSED, {}),
    "2F": (Fault.REFUSED, {}),
    "34": (Fault.REFUSED, {}),
    "38": (Fault.REFUSED, {}),
    "39": (Fault.REFUSED, {}),
    "3B": (Fault.REFUSED, {}),
    "3D": (Fault.LOGIN, {}),
    "3F": (Fault.ABSENT, {}),
    "40": (Fault.LOST, {}),
    "42": (
        Fault.REFUSED,
        {
            "InsufficientPrivilege": Fault.RIGHTS,
            "UndefinedColumn": Fault.ABSENT,
            "UndefinedFunction": Fault.ABSENT,
            "UndefinedObject": Fault.ABSENT,
            "UndefinedTable": Fault.ABSENT,
        },
    ),
    "44": (Fault.ROWS, {}),
    "53": (Fault.LOST, {"ConfigurationLimitExceeded": Fault.REFUSED}),
    "54": (Fault.ROWS, {}),
    "55": (Fault.REFUSED, {"ObjectInUse": Fault.LOST, "LockNotAvailable": Fault.LOST}),
    "57": (Fault.LOST, {}),
    "58": (Fault.LOST, {"UndefinedFile": Fault.DAMAGED}),
    "72": (Fault.LOST, {}),
    "F0": (Fault.REFUSED, {}),
    "HV": (
        Fault.REFUSED,
        {"FdwOutOfMemory": Fault.LOST, "FdwUnableToEstablishConnection": Fault.LOST},
    ),
    "P0": (Fault.ROWS, {"RaiseException": Fault.REFUSED}),
    "XX": (Fault.LOST, {"DataCorrupted": Fault.DAMAGED, "IndexCorrupted": Fault.DAMAGED}),
}


def errors_with_code() -> dict[str, type[psycopg.Error]]:
    """The classes of psycopg that have a SQLSTATE, by it."""
    found: dict[str, type[psycopg.Error]] = {}
    waiting: list[type[psycopg.Error]] = [psycopg.Error]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind.sqlstate is not None:
            found[kind.sqlstate] = kind
    return found


ERRORS = errors_with_code()


def test_psycopg_knows_the_codes_that_are_walked_here() -> None:
    assert len(ERRORS) > 200
    assert {code[:2] for code in ERRORS} == set(EXPECTED)


@pytest.mark.parametrize("code", sorted(ERRORS))
def test_each_code_of_postgresql_has_the_fault_of_its_class(code: str) -> None:
    of_class, exceptions = EXPECTED[code[:2]]
    kind = ERRORS[code]
    assert fault_of(kind("a text")) is exceptions.get(kind.__name__, of_class)


def test_each_entry_of_the_table_is_a_code_or_a_class_of_postgresql() -> None:
    known = {*ERRORS, *(code[:2] for code in ERRORS)}
    assert set(FAULTS) <= known


def test_a_code_that_nobody_knows_yet_is_not_retried() -> None:
    unknown = psycopg.DatabaseError("from a later PostgreSQL")
    unknown.sqlstate = "5Q001"
    assert fault_of(unknown) is Fault.REFUSED


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (psycopg.OperationalError("the connection is closed"), Fault.LOST),
        (psycopg.OperationalError("connection failed: Connection refused"), Fault.LOST),
        (errors.ConnectionTimeout("connection timeout expired"), Fault.LOST),
        (psycopg.InterfaceError("the cursor is closed"), Fault.LOST),
        (psycopg.DatabaseError("a COPY that a shutdown ended"), Fault.LOST),
        (psycopg.DataError("PostgreSQL text fields cannot contain NUL"), Fault.ROWS),
        (psycopg.ProgrammingError("the query has 2 placeholders"), Fault.REFUSED),
        (psycopg.ProgrammingError("you cannot mix COPY with other operations"), Fault.LOST),
        (psycopg.NotSupportedError("can't parse timestamptz"), Fault.REFUSED),
    ],
    ids=str,
)
def test_an_error_without_sqlstate_is_classified_by_its_class(
    error: psycopg.Error, fault: Fault
) -> None:
    assert fault_of(error) is fault


@pytest.mark.parametrize(
    "said",
    [
        'FATAL:  password authentication failed for user "closebook_reader"',
        "FATAL:  SASL authentication failed",
        'FATAL:  no pg_hba.conf entry for host "10.0.0.1", user "x", database "y", no encryption',
        'FATAL:  role "closebook_reader" does not exist',
        'FATAL:  database "platform" does not exist',
        'FATAL:  role "closebook_reader" is not permitted to log in',
        'FATAL:  permission denied for database "platform"',
        "FATAL:  unsupported startup parameter: options",
        "fe_sendauth: no password supplied",
        "server does not support SSL, but SSL was required",
        "SSL error: certificate verify failed",
        'authentication method requirement "scram-sha-256" failed: server requested a password',
    ],
)
def test_a_refused_log_in_is_classified_by_its_text(said: str) -> None:
    failed = psycopg.OperationalError(f'connection to server at "h", port 5432 failed: {said}')
    assert fault_of(failed) is Fault.LOGIN


@pytest.mark.parametrize(
    "said",
    [
        'FATAL:  too many connections for role "closebook_fence"',
        "FATAL:  the database system is starting up",
        "FATAL:  pgbouncer cannot connect to server",
        "Connection refused",
        'could not translate host name "replica" to address: Name or service not known',
    ],
)
def test_a_server_that_cannot_be_reached_now_is_no_refused_log_in(said: str) -> None:
    assert fault_of(psycopg.OperationalError(f"connection failed: {said}")) is Fault.LOST


def test_an_error_of_a_pooler_is_classified_by_its_text() -> None:
    def said(text: str) -> psycopg.Error:
        return errors.ProtocolViolation(text)

    not_allowed = "transaction blocks not allowed in statement pooling mode"
    assert fault_of(said(not_allowed)) is Fault.REFUSED
    assert fault_of(said("query_wait_timeout")) is Fault.LOST
    assert fault_of(said("SASL authentication failed")) is Fault.LOGIN


def test_a_text_about_a_row_is_not_repeated() -> None:
    value = "Ada Lovelace"
    for kind in (
        errors.InvalidTextRepresentation,
        errors.UniqueViolation,
        errors.RaiseException,
        errors.ProgramLimitExceeded,
        psycopg.DataError,
    ):
        said = described(kind(f'invalid input: "{value}"\nDETAIL: {value}'))
        assert value not in said
        assert said.startswith(kind.__name__)


def test_of_another_text_the_first_line_is_repeated() -> None:
    denied = errors.InsufficientPrivilege("permission denied for view accounts\nDETAIL: a row")
    assert described(denied) == "permission denied for view accounts"


@pytest.mark.parametrize("fault", Fault)
def test_each_fault_of_the_store_has_an_error(fault: Fault) -> None:
    code = next(code for code in sorted(ERRORS) if fault_of(ERRORS[code]("")) is fault)
    expected = {Fault.LOST: Transient, Fault.ROWS: WrongData}.get(fault, Misconfigured)
    assert type(store_error(ERRORS[code]("a text"))) is expected


def test_no_other_module_looks_at_classes_of_psycopgs_errors() -> None:
    looking = {
        str(path.relative_to(REPOSITORY))
        for folder in ("plugins", "dags")
        for path in (REPOSITORY / folder).rglob("*.py")
        for node in ast.walk(ast.parse(text(path)))
        if isinstance(node, ast.Attribute) and _is_error_class(ast.unparse(node))
    }
    assert looking == {"plugins/closebook/postgres.py"}


def _is_error_class(name: str) -> bool:
    """Whether an expression names a class of psycopg's errors other than the base of all."""
    module, _, last = name.rpartition(".")
    if module == "psycopg.errors":
        return True
    kind = getattr(psycopg, last, None) if module == "psycopg" else None
    return isinstance(kind, type) and issubclass(kind, psycopg.Error) and kind is not psycopg.Error
