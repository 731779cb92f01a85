"""The operator's commands: ``python -m closebook migrate`` (connects by libpq's PG variables)."""

import argparse
import sys

from closebook.migrations import migrate


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    parser = argparse.ArgumentParser(prog="closebook", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    migrating = commands.add_parser("migrate", help="bring the reporting store up to date")
    migrating.add_argument("--conninfo", default="", help="libpq connection string of the owner")
    options = parser.parse_args(arguments)
    applied = migrate(options.conninfo)
    sys.stdout.write("".join(f"applied {name}\n" for name in applied) or "already up to date\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
