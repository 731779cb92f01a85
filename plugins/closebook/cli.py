"""The commands of Closebook: ``closebook`` where it is installed, else ``python -m closebook``."""

import argparse
import logging
import sys
from pathlib import Path

from closebook.errors import Misconfigured, WrongData

_VERIFY = """\
Verify the file of a statement, offline. Prints a line for each check: OK, FAILED or NOT CHECKED.
"""
_EXIT_CODES = """\
exit codes:
  0  nothing failed, and the file's hash is in the register
  1  something failed
  2  the arguments, or the files that they name, cannot be used
  3  nothing failed, but no register was given to compare the file's hash with
"""
FINE, FAILED, UNUSABLE, NOT_COMPARED = range(4)
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
    verifying.add_argument("file", type=Path, help="the PDF of the statement")
    verifying.add_argument(
        "--register", type=Path, metavar="MANIFEST.json", help="the manifest of its month"
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
    options = parser.parse_args(arguments)
    run = {
        "migrate": _migrate,
        "verify": _verify,
        "desk-roles": _desk_roles,
        "verify-log": _verify_log,
    }[options.command]
    return run(options)


def _migrate(options: argparse.Namespace) -> int:
    from closebook.store.migrations import migrate  # a verifier needs no database

    applied = migrate(options.conninfo)
    sys.stdout.write("".join(f"applied {name}\n" for name in applied) or "already up to date\n")
    return FINE


def _verify(options: argparse.Namespace) -> int:
    from closebook.statements.bounded_process import BoundedTask, LimitExceeded, run_within
    from closebook.statements.verify.report import (
        LIMITS,
        Report,
        VerifyInputs,
        unreadable_file_report,
        verify,
    )

    def verify_content() -> Report:
        logging.disable()  # the report says in better words what the PDF readers log
        return verify(content, inputs)

    try:
        content = _content(options.file)
        inputs = VerifyInputs(
            *map(_content_of, (options.register, options.previous, options.trust))
        )
        # A hostile file could use all memory: it is read in a child process with limits.
        [result] = run_within(LIMITS, [BoundedTask("the report", verify_content)])
    except Misconfigured as error:
        sys.stderr.write(f"closebook verify: {error}\n")
        return UNUSABLE
    too_much = "reading it takes more time or memory than any statement does"
    report = unreadable_file_report(too_much) if isinstance(result, LimitExceeded) else result
    encoding = sys.stdout.encoding
    sys.stdout.write(report.text.encode(encoding, "backslashreplace").decode(encoding))
    if report.has_failed:
        return FAILED
    return FINE if report.is_registered else NOT_COMPARED


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
    from closebook.store.audit_chain import verify_log

    try:
        chain = verify_log(options.conninfo, options.seen)
    except WrongData as error:
        sys.stderr.write(f"{error}\n")
        return FAILED
    sys.stdout.write(f"{chain.entry_count} entries follow; the last is {chain.last_sha256}\n")
    return FINE


if __name__ == "__main__":
    sys.exit(main())
