"""The operator's commands: ``python -m closebook migrate`` (connects by libpq's PG variables)."""

import argparse
import sys

from closebook.desk_log import verify_log
from closebook.errors import WrongData
from closebook.migrations import migrate


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    parser = argparse.ArgumentParser(prog="closebook", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    migrating = commands.add_parser("migrate", help="bring the reporting store up to date")
    migrating.add_argument("--conninfo", default="", help="libpq connection string of the owner")
    commands.add_parser("desk-roles", help="make the desk's roles in Airflow")
    verifying = commands.add_parser("verify-log", help="check the chain of the desk's log")
    verifying.add_argument("--conninfo", default="", help="libpq connection string of a reader")
    verifying.add_argument("--seen", metavar="SHA256", help="a hash that was printed before")
    options = parser.parse_args(arguments)
    if options.command == "desk-roles":
        # Airflow is imported here alone: migrate runs without it.
        from closebook.desk.roles import make_roles

        sys.stdout.write("".join(f"role {name}\n" for name in make_roles()))
        return 0
    if options.command == "verify-log":
        return _verify_log(options.conninfo, options.seen)
    applied = migrate(options.conninfo)
    sys.stdout.write("".join(f"applied {name}\n" for name in applied) or "already up to date\n")
    return 0


def _verify_log(conninfo: str, seen_sha256: str | None) -> int:
    try:
        chain = verify_log(conninfo, seen_sha256)
    except WrongData as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{chain.entry_count} entries follow; the last is {chain.last_sha256}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
