"""The commands of Closebook: ``closebook`` where it is installed, else ``python -m closebook``."""

import argparse
import json
import logging
import os
import sys
from pathlib import Path

from closebook.errors import Misconfigured, Transient, WrongData

_VERIFY = """\
Verify the file of a statement, offline. Prints a line for each check: OK, FAILED or NOT CHECKED.
"""
_EXIT_CODES = """\
exit codes:
  0  nothing failed, the file's hash is in the register, and the register is proven: its root or
     its sha256 is the published one, or a trusted key has signed it
  1  something failed
  2  the arguments, or the files that they name, cannot be used
  3  nothing failed, but no register was given to compare the file's hash with
  4  nothing failed, but nothing proves that the register is the one that was issued
"""
_DOCUMENTS_HELP = "URL of the document store; without it CLOSEBOOK_DOCUMENTS_URL is used"
_AUDIT = """\
Walk the register, the manifests, the document store, the decisions and the desk's log, both ways.
Prints a line for each thing that does not agree, by its ids. All documents are read and hashed.
"""
_AUDIT_EXIT_CODES = """\
exit codes:
  0  everything agrees
  1  there are findings
  2  the arguments cannot be used, or a store cannot be reached
"""
FINE, FAILED, UNUSABLE, NOT_COMPARED, NOT_PROVEN = range(5)
_MOST_BYTES = 512 * 1024**2


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    parser = argparse.ArgumentParser(prog="closebook", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    migrating = commands.add_parser("migrate", help="bring the reporting store up to date")
    migrating.add_argument(
        "--conninfo",
        default="",
        help="libpq connection string of the owner; without it libpq's PG variables are used",
    )
    verifying = commands.add_parser(
        "verify",
        help="verify the file of a statement",
        description=_VERIFY,
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verifying.add_argument(
        "file", type=Path, nargs="?", help="the PDF of the statement; not needed with --proof"
    )
    verifying.add_argument(
        "--register", type=Path, metavar="MANIFEST.json", help="the manifest of its month"
    )
    verifying.add_argument(
        "--proof", type=Path, metavar="PROOF.json", help="the proof of the statement"
    )
    verifying.add_argument("--root", metavar="SHA256", help="the root that the issuer published")
    verifying.add_argument(
        "--manifest-sha256", metavar="SHA256", help="the manifest's hash that the issuer published"
    )
    verifying.add_argument(
        "--previous", type=Path, metavar="OTHER.pdf", help="the statement of the period before"
    )
    verifying.add_argument(
        "--trust", type=Path, metavar="CERTIFICATE.pem", help="whom to trust to sign statements"
    )
    commands.add_parser("desk-roles", help="make the desk's roles in Airflow")
    chained = commands.add_parser("verify-log", help="check the chain of the desk's log")
    chained.add_argument("--conninfo", default="", help="libpq connection string of a reader")
    chained.add_argument("--seen", metavar="SHA256", help="a hash that was printed before")
    chained.add_argument("--documents", metavar="URL", help=_DOCUMENTS_HELP)
    auditing = commands.add_parser(
        "audit",
        help="compare register, manifests, documents, decisions and log",
        description=_AUDIT,
        epilog=_AUDIT_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    auditing.add_argument(
        "--conninfo", default="", help="libpq connection string of closebook_store"
    )
    auditing.add_argument("--documents", metavar="URL", help=_DOCUMENTS_HELP)
    auditing.add_argument("--json", action="store_true", help="print the findings as JSON")
    options = parser.parse_args(arguments)
    run = {
        "migrate": _migrate,
        "verify": _verify,
        "desk-roles": _desk_roles,
        "verify-log": _verify_log,
        "audit": _audit,
    }[options.command]
    return run(options)


def _migrate(options: argparse.Namespace) -> int:
    # A verifier needs no database.
    from closebook.server_identity import command_conninfo
    from closebook.store.migrations import migrate

    try:
        applied = migrate(command_conninfo(options.conninfo))
    except Misconfigured as error:
        sys.stderr.write(f"closebook migrate: {error}\n")
        return UNUSABLE
    sys.stdout.write("".join(f"applied {name}\n" for name in applied) or "already up to date\n")
    return FINE


def _verify(options: argparse.Namespace) -> int:
    from closebook.statements.bounded_process import BoundedTask, LimitExceeded, run_within
    from closebook.statements.verify.report import (
        Report,
        VerifyInputs,
        limits_for,
        unreadable_file_report,
        verify,
        verify_proof,
    )

    def verify_content() -> Report:
        logging.disable()  # the report says in better words what the PDF readers log
        return (
            verify_proof(inputs.proof or b"", inputs)
            if content is None
            else verify(content, inputs)
        )

    if options.file is None and options.proof is None:
        sys.stderr.write("closebook verify: name the PDF of a statement, or its proof (--proof)\n")
        return UNUSABLE
    try:
        content = _content_of(options.file)
        inputs = VerifyInputs(
            register=_content_of(options.register),
            previous=_content_of(options.previous),
            trust=_content_of(options.trust),
            proof=_content_of(options.proof),
            root=options.root,
            manifest_sha256=options.manifest_sha256,
        )
        # A hostile file could use all memory: it is read in a child process with limits.
        [result] = run_within(
            limits_for(content, inputs), [BoundedTask("the report", verify_content)]
        )
    except Misconfigured as error:
        sys.stderr.write(f"closebook verify: {error}\n")
        return UNUSABLE
    too_much = "reading it takes more time or memory than any statement does"
    report = unreadable_file_report(too_much) if isinstance(result, LimitExceeded) else result
    encoding = sys.stdout.encoding
    sys.stdout.write(report.text.encode(encoding, "backslashreplace").decode(encoding))
    if report.has_failed:
        return FAILED
    if not report.is_registered:
        return NOT_COMPARED
    return FINE if report.is_proven else NOT_PROVEN


def _content_of(path: Path | None) -> bytes | None:
    return None if path is None else _content(path)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise Misconfigured(
            "CB-CONFIG-FILE-UNREADABLE", f"{path} cannot be read: {error.strerror}"
        ) from error
    if len(content) > _MOST_BYTES:
        raise Misconfigured(
            "CB-CONFIG-FILE-TOO-LARGE", f"{path} has more than {_MOST_BYTES // 1024**2} MB"
        )
    return content


def _desk_roles(_: argparse.Namespace) -> int:
    from closebook.desk.roles import make_roles  # it imports Airflow, which the others run without

    sys.stdout.write("".join(f"role {name}\n" for name in make_roles()))
    return FINE


def _verify_log(options: argparse.Namespace) -> int:
    from closebook.server_identity import command_conninfo
    from closebook.statements.document_store import DocumentStore
    from closebook.statements.log_anchors import read_anchors
    from closebook.store.audit_chain import verify_log

    url = options.documents or os.environ.get("CLOSEBOOK_DOCUMENTS_URL")
    try:
        anchors = read_anchors(DocumentStore(url)) if url else []
        chain = verify_log(command_conninfo(options.conninfo), options.seen, anchors)
    except WrongData as error:
        sys.stderr.write(f"{error}\n")
        return FAILED
    except Misconfigured as error:
        sys.stderr.write(f"closebook verify-log: {error}\n")
        return UNUSABLE
    sys.stdout.write(f"{chain.entry_count} entries follow; the last is {chain.last_sha256}\n")
    sys.stdout.write(
        f"{len(anchors)} anchors in the document store agree\n"
        if url
        else "no document store was given, so the log was compared with no anchors\n"
    )
    return FINE


def _audit(options: argparse.Namespace) -> int:
    from closebook.audit.register_audit import audit
    from closebook.server_identity import command_conninfo
    from closebook.settings import RegisterSettings

    url = options.documents or os.environ.get("CLOSEBOOK_DOCUMENTS_URL")
    if not url:
        sys.stderr.write("closebook audit: give --documents, or set CLOSEBOOK_DOCUMENTS_URL\n")
        return UNUSABLE
    try:
        report = audit(RegisterSettings(command_conninfo(options.conninfo), url))
    except (Misconfigured, Transient) as error:
        sys.stderr.write(f"closebook audit: {error}\n")
        return UNUSABLE
    if options.json:
        sys.stdout.write(json.dumps(report.as_json, indent=1) + "\n")
    else:
        sys.stdout.write("".join(f"{finding}\n" for finding in report.findings))
        sys.stdout.write(f"{report.summary}\n")
    return FAILED if report.findings else FINE


if __name__ == "__main__":
    sys.exit(main())
