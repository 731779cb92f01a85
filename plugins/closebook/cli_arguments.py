"""The arguments of each command, and what its help says."""

import argparse
from pathlib import Path

PARTS = ("airflow", "platform", "store", "redis", "documents", "desk")
_CLOSEBOOK = "The commands of Closebook."
_VERIFY = """\
Verify the file of a statement, offline. Prints a line for each check: OK, FAILED or NOT CHECKED.
"""
_DECISION_KEY = """\
Read a key from standard input. From then on the reporting store takes decisions, requests, answers
and entries of the desk's log only with a proof by this key. The same key is the password of the
Airflow connection closebook_decisions.
"""
_OWNER_HELP = "libpq connection string of the owner; without it libpq's PG variables are used"
_ACKNOWLEDGE_FAILOVER = """\
Make the history of closebook_primary the one that closes are read from, and close again each hour,
day and month that was read from the part of the former log which the new primary does not have. Run
it where the tasks run: it reads Airflow's connections, and CLOSEBOOK_* settings.
"""
_EXIT_CODES = """\
exit codes:
  0  nothing failed, the file's hash is in the manifest or the proof, and that is proven: its root
     or its sha256 is the published one, or a trusted key has signed it
  1  something failed
  2  the arguments, or the files that they name, cannot be used
  3  nothing failed, but no manifest and no proof was given to compare the file's hash with
  5  nothing failed, but nothing proves that the manifest or the proof is the one that was issued
"""
_DOCUMENTS_HELP = "URL of the document store; without it CLOSEBOOK_DOCUMENTS_URL is used"
_AUDIT = """\
Compare the register, the manifests, the document store, the decisions and the desk's log.
Prints a line for each thing that does not agree, by its ids. All documents are read and hashed.
"""
_AUDIT_EXIT_CODES = """\
exit codes:
  0  everything agrees
  1  there are findings
  2  the arguments, a connection or a right is wrong
  4  a server cannot be reached: try again
"""
_DOCTOR = """\
Look at the installation: settings, servers, roles, views and their rows, plans, clocks, store,
Redis, Airflow, one document, and the desk's log-ins. Prints each finding with what is wrong, why it
matters, and what mends it. Run it where the tasks run: it reads Airflow's connections, and
CLOSEBOOK_* settings. It closes nothing, and writes nothing that lasts.
"""
_DOCTOR_EXIT_CODES = """\
exit codes:
  0  nothing has to be mended; notes may be there
  1  there are findings
"""
_INIT = """\
Draft the five views of the contract from the catalog of a platform's database: which table may be
which view, which column which, with the casts. Reads no row, and writes nothing to the database. It
prints the settings that the draft needs. Edit the draft: guesses are marked in it.
"""
_TRIAL_HOUR = """\
Read one hour as its close would: take the fence on the primary, wait for a replica that is past it,
read the hour in one snapshot, and compare its rows with a second count. Prints the totals by
currency and kind, and how long it took. It needs no store, and writes nothing anywhere. Run it
where the tasks run: it reads Airflow's connections, and CLOSEBOOK_* settings.
"""
_TRIAL_HOUR_EXIT_CODES = """\
exit codes:
  0  all rows of the hour are counted
  1  a close would leave out a currency, or would be refused
  2  a setting, a connection, a right or a view is wrong
  4  the hour has not ended, or a server cannot be reached: try again
"""
_RETENTION = """\
Move the lines of months that ended long ago from the reporting store to the document store, as
Parquet. A line is removed only after its document was read back and compared. Lines of accounts
under a legal hold stay. It can be run again at any time: it continues where it stopped.
"""
_ARCHIVED_LINES = """\
Print lines that have left the reporting store, as CSV. Each document is compared with its hash.
"""
_LEGAL_HOLD = """\
Set or lift the legal hold of an account, or list those that are in force. While it is set, the
account's lines stay in the reporting store, whatever their age. Each decision is an entry of the
desk's log. Run it where the API server runs: it reads Airflow's connections.
"""
_EXIT_CODES_OF_ALL = """\
exit codes:
  0    done
  1    data is wrong: a check failed (verify, verify-log, audit), or the periods that the error
       names are not closed again (acknowledge-failover), or something is to be mended (doctor),
       or a currency would be left out (trial-hour)
  2    the arguments, a connection, a right or the installation is wrong
  3    nothing was compared (verify without --manifest and --proof)
  4    a server failed or cannot be reached: try again
  5    nothing proves that the manifest or the proof is the one that was issued (verify)
  130  interrupted
  141  the program that read the output has ended (broken pipe)
An error is one line: the command, the error's code, what to do. docs/errors.md lists the codes.
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands and their arguments."""
    closebook = argparse.ArgumentParser(
        prog="closebook",
        description=_CLOSEBOOK,
        epilog=_EXIT_CODES_OF_ALL,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = closebook.add_subparsers(dest="command", required=True)
    migrate = commands.add_parser("migrate", help="bring the reporting store up to date")
    migrate.add_argument("--conninfo", default="", help=_OWNER_HELP)
    decision_key = commands.add_parser(
        "decision-key",
        help="set the key of decisions in the reporting store",
        description=_DECISION_KEY,
    )
    decision_key.add_argument("--conninfo", default="", help=_OWNER_HELP)
    _add_verify_arguments(
        commands.add_parser(
            "verify",
            help="verify the file of a statement",
            description=_VERIFY,
            epilog=_EXIT_CODES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
    )
    commands.add_parser("desk-roles", help="make the desk's roles in Airflow")
    _add_verify_log_arguments(
        commands.add_parser("verify-log", help="check the chain of the desk's log")
    )
    _add_audit_arguments(
        commands.add_parser(
            "audit",
            help="compare register, manifests, documents, decisions and log",
            description=_AUDIT,
            epilog=_AUDIT_EXIT_CODES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
    )
    _add_doctor_arguments(
        commands.add_parser(
            "doctor",
            help="find what is wrong with the installation, and what mends it",
            description=_DOCTOR,
            epilog=_DOCTOR_EXIT_CODES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
    )
    _add_init_arguments(
        commands.add_parser(
            "init",
            help="draft the five views of the contract over the tables of a platform",
            description=_INIT,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
    )
    _add_trial_hour_arguments(
        commands.add_parser(
            "trial-hour",
            help="read one hour as its close would, print its totals, and write nothing",
            description=_TRIAL_HOUR,
            epilog=_TRIAL_HOUR_EXIT_CODES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
    )
    _add_acknowledge_failover_arguments(
        commands.add_parser(
            "acknowledge-failover",
            help="accept a new primary, and close again the periods that may hold rows which it "
            "does not have",
            description=_ACKNOWLEDGE_FAILOVER,
        )
    )
    _add_retention_arguments(
        commands.add_parser(
            "retention",
            help="move the lines of old months to the document store",
            description=_RETENTION,
        )
    )
    _add_archived_lines_arguments(
        commands.add_parser(
            "archived-lines",
            help="print the lines of an old month, from the document store",
            description=_ARCHIVED_LINES,
        )
    )
    _add_legal_hold_arguments(
        commands.add_parser(
            "legal-hold",
            help="keep the lines of an account in the reporting store, or no longer",
            description=_LEGAL_HOLD,
        )
    )
    return closebook


def _add_verify_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "file", type=Path, nargs="?", help="the PDF of the statement; not needed with --proof"
    )
    command.add_argument(
        "--manifest",
        "--register",  # an older name
        type=Path,
        metavar="MANIFEST.json",
        help="the manifest of its month",
    )
    command.add_argument(
        "--proof", type=Path, metavar="PROOF.json", help="the proof of the statement"
    )
    command.add_argument("--root", metavar="SHA256", help="the root that the issuer published")
    command.add_argument(
        "--manifest-sha256", metavar="SHA256", help="the manifest's hash that the issuer published"
    )
    command.add_argument(
        "--previous", type=Path, metavar="OTHER.pdf", help="the statement of the period before"
    )
    command.add_argument(
        "--trust",
        type=Path,
        metavar="CERTIFICATE.pem",
        help="a certificate that is trusted to sign statements",
    )


def _add_verify_log_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("--conninfo", default="", help="libpq connection string of a reader")
    command.add_argument(
        "--seen", metavar="SHA256", help="the hash that an earlier verify-log printed"
    )
    command.add_argument("--documents", metavar="URL", help=_DOCUMENTS_HELP)


def _add_audit_arguments(command: argparse.ArgumentParser) -> None:
    _add_store_arguments(command)
    command.add_argument("--json", action="store_true", help="print the findings as JSON")


def _add_store_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--conninfo", default="", help="libpq connection string of closebook_store"
    )
    command.add_argument("--documents", metavar="URL", help=_DOCUMENTS_HELP)


def _add_retention_arguments(command: argparse.ArgumentParser) -> None:
    _add_store_arguments(command)
    command.add_argument(
        "--years",
        metavar="N",
        help="how many years after its end a month's lines stay; without it "
        "CLOSEBOOK_RETENTION_YEARS, else 10",
    )
    command.add_argument("--by", required=True, metavar="NAME", help="who asks for it")


def _add_archived_lines_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("month", metavar="MONTH", help="such as 2016-03")
    _add_store_arguments(command)
    command.add_argument("--account", metavar="ID", help="the key of one account")
    command.add_argument(
        "--all-versions", action="store_true", help="also those that a later close has replaced"
    )


def _add_legal_hold_arguments(command: argparse.ArgumentParser) -> None:
    acts = command.add_subparsers(dest="act", required=True)
    for act, said in (("set", "set the hold"), ("lift", "lift the hold")):
        decided = acts.add_parser(act, help=said)
        decided.add_argument("account", metavar="ID", help="the key of the account")
        decided.add_argument("--reason", required=True, help="why; kept in the register")
        decided.add_argument("--by", required=True, metavar="NAME", help="who decides it")
    acts.add_parser("list", help="list the holds that are in force")


def _add_doctor_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--full", action="store_true", help="read all rows of the views, not a sample of them"
    )
    command.add_argument("--json", action="store_true", help="print the report as JSON")
    command.add_argument(
        "--only",
        action="append",
        choices=PARTS,
        metavar="PART",
        help=f"look at one part only, or at several: {', '.join(PARTS)}",
    )


def _add_init_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--conninfo", default="", help="libpq connection string of the platform's database"
    )
    command.add_argument(
        "--output",
        type=Path,
        metavar="FILE.sql",
        help="where the draft is written; the file must not be there yet. Without it the draft is "
        "printed",
    )


def _add_trial_hour_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "hour", metavar="HOUR", help="an instant of the UTC hour, such as 2026-11-01T13:00Z"
    )
    command.add_argument("--json", action="store_true", help="print the totals as JSON")


def _add_acknowledge_failover_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--timeline", required=True, metavar="N", help="the timeline that the new primary writes"
    )
    command.add_argument("--reason", required=True, help="what happened; kept in the register")
    command.add_argument("--by", required=True, metavar="NAME", help="who acknowledges it")
    command.add_argument(
        "--common-lsn",
        metavar="LSN",
        help="the last log position that the old and the new primary share; needed only if the "
        "command asks for it",
    )
