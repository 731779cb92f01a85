"""A server of the stack whose clock is wrong: it runs under libfaketime within a block."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import PropertyMock, patch

from local.servers import Servers
from local.stack import Stack
from tests.faults.server_restart import start_again

LIBRARIES = Path("/usr/lib")


@contextmanager
def clock_of(stack: Stack, server: str, offset: str) -> Iterator[None]:
    """Let a server's clock be wrong by an offset such as `-55m`; the server is started again."""
    library = next(LIBRARIES.glob("*/faketime/libfaketime.so.1"))
    environment = stack._servers._environment | {
        "LD_PRELOAD": str(library),
        "FAKETIME": offset,
        # Its waits go by the clock that nobody sets.
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    stack.stop(server)
    try:
        with patch.object(
            Servers, "_environment", new_callable=PropertyMock, return_value=environment
        ):
            start_again(stack, server)
        yield
    finally:
        stack.stop(server)
        start_again(stack, server)
        stack.replica_wait()
