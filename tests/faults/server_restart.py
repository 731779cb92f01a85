"""Servers that come back after a test has ended them."""

from local.ports import is_free
from local.stack import Stack
from tests.close_fixtures import eventually


def start_again(stack: Stack, name: str) -> None:
    """Start a server once the kernel has closed what the dead one left open."""
    if not stack.is_running(name):
        eventually(lambda: is_free(stack.ports[name]))
    stack.start(name)
