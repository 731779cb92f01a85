"""`python -m benchmarks [volume] [statements] [latency]`: all of them, or those that are named."""

import sys

from benchmarks import latency, platform, statements, volume
from benchmarks.timing import console
from local.errors import StackError

NAMES = ("volume", "statements", "latency")


def main(wanted: list[str]) -> int:
    """Run the benchmarks and stop the stack; its data stay for the next time."""
    chosen = wanted or [*NAMES]
    if unknown := set(chosen).difference(NAMES):
        console.print(f"no benchmark is called {', '.join(sorted(unknown))}: {', '.join(NAMES)}")
        return 2
    try:
        stage = platform.set_up()
        try:
            if "volume" in chosen:
                volume.measure(stage)
            if "statements" in chosen:
                statements.measure()
            if "latency" in chosen:
                latency.measure(stage)
        finally:
            stage.stack.down()
    except StackError as error:
        console.print(f"[red]benchmark failed:[/red] {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
