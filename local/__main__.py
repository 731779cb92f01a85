"""`python -m local demo|cluster|soak|up|down|status|clean`: a stack of servers in a folder."""

import argparse
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.table import Table

from closebook.errors import ClosebookError
from local import REPOSITORY
from local.cluster import Cluster, stack_in
from local.errors import FOR_EXPLANATION, explained
from local.folders import summary_file
from local.progress import Steps
from local.stack import Stack

ROOT = REPOSITORY / ".local" / "stack"

console = Console(highlight=False, soft_wrap=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is 1 for an error that the printed line explains."""
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    parser.add_argument("--root", type=Path, default=ROOT, help="the stack's folder")
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser("demo", help="start the stack, fill it, let Airflow close it")
    cluster = commands.add_parser("cluster", help="the same on RabbitMQ and workers")
    for command in (demo, cluster):
        command.add_argument("--small", action="store_true", help="a few days and statements only")
    soak = commands.add_parser("soak", help="close on a cluster whose parts are killed at random")
    soak.add_argument("--seconds", type=float, default=3_600.0, help="for how long rounds begin")
    soak.add_argument("--seed", type=int, default=1, help="of the faults and the payments")
    starting = commands.add_parser("up", help="start the stack")
    starting.add_argument("--new-ports", action="store_true", help="choose other ports first")
    commands.add_parser("down", help="stop the stack, keep its data")
    commands.add_parser("status", help="what runs, and where")
    commands.add_parser("clean", help="stop the stack and remove it")
    chosen = parser.parse_args(arguments)
    # SIGTERM and SIGHUP stop what the command started, as Ctrl-C does. nohup ignores SIGHUP.
    signal.signal(signal.SIGTERM, _interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, _interrupt)
    try:
        return _run(chosen)
    except ClosebookError as error:
        return _failed(chosen.command, error)
    except FOR_EXPLANATION as error:
        return _failed(chosen.command, explained(error, chosen.root / "logs"))
    except KeyboardInterrupt:
        console.print("interrupted: an unfinished start was undone; `make status` shows what runs")
        return 130


def _failed(command: str, error: ClosebookError) -> int:
    console.print(f"[red]{command} failed:[/red]", end=" ")
    console.print(str(error), markup=False)
    return 1


def _run(chosen: argparse.Namespace) -> int:
    if chosen.command in {"demo", "cluster"}:
        # Imported here: only the demo needs the whole package; `down` must work without it.
        demo = import_module("local.demo")
        kind = Cluster if chosen.command == "cluster" else Stack
        made = kind.build(chosen.root, airflow=True, fast=False)
        return int(demo.main(made, demo.SMALL if chosen.small else demo.Scale()))
    if chosen.command == "soak":
        soak = import_module("local.soak")
        return int(soak.main(soak.new_cluster(chosen.root), chosen.seconds, chosen.seed))
    stack = stack_in(chosen.root)
    match chosen.command:
        case "up":
            if chosen.new_ports:
                stack.down()
                stack.renumber()
            stack.up(Steps(stack.server_steps + stack.airflow_steps))
            _print_status(stack)
        case "down":
            stack.down()
            console.print("the stack is stopped; `make up` starts it again, with its data")
        case "status":
            _print_status(stack)
        case "clean":
            stack.clean()
            summary_file(chosen.root).unlink(missing_ok=True)
            console.print("the stack is stopped and removed")
    return 0


def _print_status(stack: Stack) -> None:
    table = Table("component", "state", "pid", "port")
    for name in stack.component_names:
        alive = stack.is_running(name)
        table.add_row(
            name,
            "[green]running[/green]" if alive else "[dim]stopped[/dim]",
            str(stack.running[name].process.pid) if alive else "",
            str(stack.ports.get(name, "")) if alive else "",
        )
    console.print(table)
    console.print(f"logs: {stack.root / 'logs'}")
    if stack.is_running("api_server"):
        console.print(f"UI: {stack.ui_url}")
        for user, password in stack.credentials.items():
            console.print(f"    {user:<8} {password}", markup=False)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
