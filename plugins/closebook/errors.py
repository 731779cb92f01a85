"""All errors that Closebook raises on purpose. The class says what to do next.

The text says what happened, where, and what the operator does about it.
"""


class ClosebookError(Exception):
    """Every error that Closebook raises on purpose."""


class NotReady(ClosebookError):
    """The period cannot be proved complete yet: try again later, nothing was written."""


class Transient(ClosebookError):
    """A server failed or the connection was lost: try again, on another server if there is one."""


class WrongData(ClosebookError):
    """Numbers do not tie out: stop. Nothing was written, and the text names the rows."""


class Misconfigured(ClosebookError):
    """A setting, a connection or a parameter is wrong: no retry helps until it is mended."""
