"""The commands of Closebook: ``closebook`` where it is installed, else ``python -m closebook``."""

import argparse
import json
import logging
import os
import sys
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from closebook.cli_arguments import parser
from closebook.environment import AIRFLOW_DATABASE_DRIVERS
from closebook.errors import ClosebookError, Misconfigured, NotReady, Transient, WrongData

if TYPE_CHECKING:
    from closebook.settings.store_settings import RegisterSettings

# The help of `closebook` explains them.
EXIT_OK, EXIT_FAILED, EXIT_UNUSABLE, EXIT_NOT_COMPARED, EXIT_SERVER_LOST, EXIT_NOT_PROVEN = range(6)
EXIT_INTERRUPTED, EXIT_BROKEN_PIPE = 130, 141
_MAX_FILE_BYTES = 512 * 1024**2
# A part of a manifest has 0.2 MB. Python allocates this much before it reads a file.
_MAX_PART_BYTES = 16 * 1024**2


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code. An error is one line on stderr."""
    options = parser().parse_args(arguments)
    run = {
        "migrate": _migrate,
        "decision-key": _decision_key,
        "verify": _verify,
        "desk-roles": _desk_roles,
        "verify-log": _verify_log,
        "audit": _audit,
        "doctor": _doctor,
        "trial-hour": _trial_hour,
        "init": _init,
        "acknowledge-failover": _acknowledge_failover,
        "retention": _retention,
        "archived-lines": _archived_lines,
        "legal-hold": _legal_hold,
    }[options.command]
    try:
        return run(options)
    except ClosebookError as error:
        line = " ".join(str(error).split())
        sys.stderr.write(f"closebook {options.command}: {line}\n")
        return _exit_code(error)
    except ModuleNotFoundError as error:
        missing = _missing_of_airflow(error)
        if missing is None:
            raise
        sys.stderr.write(f"closebook {options.command}: {missing}\n")
        return EXIT_UNUSABLE
    except BrokenPipeError:
        # What is still in the buffer would be written, and fail again, when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def _missing_of_airflow(error: ModuleNotFoundError) -> Misconfigured | None:
    """Return what to say if Airflow, or the driver that its database's URL asks for, is missing."""
    name = (error.name or "").partition(".")[0]
    if name in AIRFLOW_DATABASE_DRIVERS:
        return Misconfigured(
            "CB-CONFIG-AIRFLOW-DRIVER-MISSING",
            f"Airflow cannot begin: the URL of its own database asks for the driver {name}, which "
            "is not installed. Closebook installs psycopg: write postgresql+psycopg://… in both "
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN and AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC "
            f"(or install {name})",
        )
    if name == "airflow":
        return Misconfigured(
            "CB-CONFIG-AIRFLOW-NOT-INSTALLED",
            f"Airflow cannot be imported ({error}): run this command with the Python of Airflow, "
            "in which the packages of requirements.txt are installed",
        )
    return None


def _read_connections_of_airflow() -> None:
    """Let Airflow look up connections in its database too, as its server processes do.

    Without this it gives a command only those of AIRFLOW_CONN_* and of a secrets backend.
    """
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")


def _exit_code(error: ClosebookError) -> int:
    if isinstance(error, WrongData):
        return EXIT_FAILED
    if isinstance(error, NotReady | Transient):
        return EXIT_SERVER_LOST
    return EXIT_UNUSABLE


def _print(text: str) -> None:
    """Write to standard output and flush. Raises Misconfigured if it cannot be written."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        # The rest in the buffer must not fail again when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise Misconfigured(
            "CB-CONFIG-OUTPUT-UNWRITABLE", f"the output cannot be written: {error.strerror}"
        ) from error


def _migrate(options: argparse.Namespace) -> int:
    from closebook.environment import key_types
    from closebook.store.migrations import migrate  # a verifier needs no database

    applied = migrate(options.conninfo, key_types(os.environ.get("CLOSEBOOK_KEYS", "")))
    _print("".join(f"applied {name}\n" for name in applied) or "already up to date\n")
    return EXIT_OK


def _decision_key(options: argparse.Namespace) -> int:
    from closebook.store.decision_key import set_decision_key  # a verifier needs no database

    set_decision_key(options.conninfo, sys.stdin.readline().strip())
    _print("the key of decisions is set\n")
    return EXIT_OK


def _verify(options: argparse.Namespace) -> int:
    from closebook.statements.bounded_process import BoundedTask, LimitExceeded, run_within
    from closebook.statements.verify.report import Report
    from closebook.statements.verify.verification import (
        VerifyInputs,
        limits_for,
        unreadable_file_report,
        verify,
        verify_proof,
    )

    def verify_content() -> Report:
        logging.disable()  # the PDF readers log errors that the report explains
        return (
            verify_proof(inputs.proof or b"", inputs)
            if content is None
            else verify(content, inputs)
        )

    if options.file is None and options.proof is None:
        raise Misconfigured(
            "CB-CONFIG-NOTHING-TO-VERIFY", "name the PDF of a statement, or its proof (--proof)"
        )
    content = _content_of(options.file)
    inputs = VerifyInputs(
        manifest=_content_of(options.manifest),
        previous=_content_of(options.previous),
        trust=_content_of(options.trust),
        proof=_content_of(options.proof),
        root=options.root,
        manifest_sha256=options.manifest_sha256,
        read_part=None if options.manifest is None else partial(_part_beside, options.manifest),
    )
    # A hostile file could use all memory: it is read in a child process with limits.
    [result] = run_within(limits_for(content, inputs), [BoundedTask("the report", verify_content)])
    too_much = "reading it takes more time or memory than any statement does"
    if isinstance(result, WrongData) and not isinstance(result, LimitExceeded):
        raise result
    report = unreadable_file_report(too_much) if isinstance(result, LimitExceeded) else result
    encoding = sys.stdout.encoding
    _print(report.text.encode(encoding, "backslashreplace").decode(encoding))
    if report.has_failed:
        return EXIT_FAILED
    if not report.is_in_manifest:
        return EXIT_NOT_COMPARED
    return EXIT_OK if report.is_proven else EXIT_NOT_PROVEN


def _part_beside(manifest: Path, object_name: str) -> bytes:
    """Return a part of a manifest, from the folder beside it: so the ZIP of a month has them."""
    from closebook.statements.manifest_parts import FOLDER

    return _content(manifest.parent / FOLDER / PurePosixPath(object_name).name, _MAX_PART_BYTES)


def _content_of(path: Path | None) -> bytes | None:
    return None if path is None else _content(path)


def _content(path: Path, most_bytes: int = _MAX_FILE_BYTES) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(most_bytes + 1)
    except OSError as error:
        raise Misconfigured(
            "CB-CONFIG-FILE-UNREADABLE", f"{path} cannot be read: {error.strerror}"
        ) from error
    if len(content) > most_bytes:
        raise Misconfigured(
            "CB-CONFIG-FILE-TOO-LARGE", f"{path} has more than {most_bytes // 1024**2} MB"
        )
    return content


def _desk_roles(_: argparse.Namespace) -> int:
    from closebook.desk.roles import make_roles  # it imports Airflow, which the others run without

    _print("".join(f"role {name}\n" for name in make_roles()))
    return EXIT_OK


def _verify_log(options: argparse.Namespace) -> int:
    from closebook.statements.document_store import DocumentStore
    from closebook.statements.log_anchors import read_anchors
    from closebook.store.audit_chain import verify_log

    url = options.documents or os.environ.get("CLOSEBOOK_DOCUMENTS_URL")
    anchors = read_anchors(DocumentStore(url)) if url else []
    chain = verify_log(options.conninfo, options.seen, anchors)
    _print(f"{chain.entry_count} entries verified; the last hash is {chain.last_sha256}\n")
    _print(
        f"{len(anchors)} anchors in the document store agree\n"
        if url
        else "no document store was given, so the log was compared with no anchors\n"
    )
    return EXIT_OK


def _acknowledge_failover(options: argparse.Namespace) -> int:
    from closebook.closes import exceptions, failover  # a verifier needs no database
    from closebook.settings import Run, from_airflow

    logging.basicConfig(format="%(message)s", level=logging.INFO)
    _read_connections_of_airflow()
    run = Run("acknowledge-failover", reason=options.reason, requested_by=options.by)
    settings = from_airflow()
    acknowledgement = failover.Acknowledgement.parsed(options.timeline, options.common_lsn)
    is_new = failover.acknowledge(settings, run, acknowledgement)
    _print("acknowledged\n" if is_new else "acknowledged before\n")
    failover.close_again(settings, run)
    close_ids = failover.closed_again(settings, run)
    _print(f"{len(close_ids)} periods are closed again\n")
    exceptions.refuse_exceptions(settings, close_ids)
    return EXIT_OK


def _register(options: argparse.Namespace) -> "RegisterSettings":
    """Return the stores that the options name. Raises Misconfigured without a document store."""
    from closebook.server_identity import command_conninfo
    from closebook.settings.store_settings import RegisterSettings

    url = options.documents or os.environ.get("CLOSEBOOK_DOCUMENTS_URL")
    if not url:
        raise Misconfigured(
            "CB-CONFIG-NO-DOCUMENT-STORE", "give --documents, or set CLOSEBOOK_DOCUMENTS_URL"
        )
    return RegisterSettings(command_conninfo(options.conninfo), url)


def _retention(options: argparse.Namespace) -> int:
    from closebook.environment import DEFAULT_YEARS, retention_years
    from closebook.settings import Run  # a verifier needs no database
    from closebook.statements.line_removal import remove_old_lines

    given = options.years or os.environ.get("CLOSEBOOK_RETENTION_YEARS", "")
    years = retention_years(given) or DEFAULT_YEARS
    run = Run("closebook retention", requested_by=options.by)
    removal = remove_old_lines(_register(options), years, run)
    _print("".join(f"{month}: its lines are in the document store\n" for month in removal.months))
    _print(
        f"{removal.line_count} lines have left the reporting store, "
        f"in {removal.document_count} documents\n"
    )
    return EXIT_OK


def _archived_lines(options: argparse.Namespace) -> int:
    from closebook.periods import month_of  # a verifier needs no database
    from closebook.statements.archived_lines import archived_lines, csv_row

    year, _, month = options.month.partition("-")
    if not (year.isdecimal() and month.isdecimal()):
        raise Misconfigured("CB-CONFIG-NO-MONTH", f"{options.month!r} is no month such as 2016-03")
    first_date = month_of(int(year), int(month), "UTC").first_date
    lines = archived_lines(
        _register(options), first_date, options.account, all_versions=options.all_versions
    )
    for place, line in enumerate(lines):
        _print(csv_row(line) if place else csv_row() + csv_row(line))
    return EXIT_OK


def _legal_hold(options: argparse.Namespace) -> int:
    _read_connections_of_airflow()
    with redirect_stdout(sys.stderr):
        from closebook.settings import airflow_connections
        from closebook.store import legal_holds

        conninfo = airflow_connections.postgres_conninfo(airflow_connections.DESK_CONNECTION)
        key = airflow_connections.decision_key()
    if options.act == "list":
        for hold in legal_holds.listed(conninfo):
            decided = f"{hold['decided_at']:%Y-%m-%d} by {hold['decided_by']}"
            _print(f"account {hold['account_id']}: {decided}: {hold['reason']}\n")
        return EXIT_OK
    decision: legal_holds.HoldDecision = "set" if options.act == "set" else "lifted"
    is_new = legal_holds.decide(
        conninfo, key, options.account, decision, options.reason, options.by
    )
    _print(
        f"the legal hold is {decision}\n" if is_new else f"the legal hold was {decision} before\n"
    )
    return EXIT_OK


def _audit(options: argparse.Namespace) -> int:
    from closebook.audit.register_audit import audit

    report = audit(_register(options))
    if options.json:
        _print(json.dumps(report.as_json, indent=1) + "\n")
    else:
        _print("".join(f"{finding}\n" for finding in report.findings) + f"{report.summary}\n")
    return EXIT_FAILED if report.findings else EXIT_OK


def _doctor(options: argparse.Namespace) -> int:
    _read_connections_of_airflow()
    # Airflow logs to standard output, also what others warn of while it is imported.
    with redirect_stdout(sys.stderr):
        from closebook.doctor.diagnosis import diagnose  # a verifier needs no database
        from closebook.doctor.installation import Part
        from closebook.orchestration.doctor_task import installation

        here = installation(is_full=options.full, parts=frozenset(map(Part, options.only or Part)))
        logging.disable()
        report = diagnose(here)
    _print(json.dumps(report.as_json, indent=1) + "\n" if options.json else report.text)
    return EXIT_OK if report.is_healthy else EXIT_FAILED


def _init(options: argparse.Namespace) -> int:
    from closebook.adoption.draft import draft
    from closebook.adoption.platform_catalog import read_catalog  # a verifier needs no database

    drafted = draft(read_catalog(options.conninfo))
    if options.output is None:
        _print(drafted.text + "".join(f"-- {line}\n" for line in drafted.settings_lines))
        return EXIT_OK
    try:
        with options.output.open("x", encoding="utf-8") as file:
            file.write(drafted.text)
    except OSError as error:
        raise Misconfigured(
            "CB-CONFIG-DRAFT-UNWRITABLE",
            f"{options.output} cannot be written: {error.strerror}; a file that is there is never "
            "overwritten",
        ) from error
    _print("".join(f"{line}\n" for line in drafted.settings_lines))
    return EXIT_OK


def _trial_hour(options: argparse.Namespace) -> int:
    from closebook.closes.trial_hour import try_hour  # a verifier needs no database
    from closebook.periods import hour_of, parsed_instant
    from closebook.settings import platform_from_airflow
    from closebook.store.migrations import expected_key_types

    hour = hour_of(parsed_instant(options.hour))
    _read_connections_of_airflow()
    with redirect_stdout(sys.stderr):
        settings = platform_from_airflow()
        logging.disable()
    tried = try_hour(settings, hour, expected_key_types(settings, os.environ))
    _print(json.dumps(tried.as_json, indent=1) + "\n" if options.json else tried.text)
    return EXIT_FAILED if tried.left_out else EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
