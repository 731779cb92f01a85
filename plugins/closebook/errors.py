"""The one tree of errors: what to do next is the class, what happened and where is the text."""


class ClosebookError(Exception):
    """Every error that Closebook raises on purpose."""


class NotReady(ClosebookError):
    """The period cannot be proved complete yet: try again later, nothing was written."""


class Transient(ClosebookError):
    """A server failed or was lost half-way: try again, elsewhere if there is an elsewhere."""


class WrongData(ClosebookError):
    """Numbers do not tie out: stop, nothing was written; the text says which rows."""


class Misconfigured(ClosebookError):
    """A setting, a connection or a parameter is wrong: no retry helps until it is mended."""
