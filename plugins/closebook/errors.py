"""The errors of Closebook. The class says what to do next; the code names the error.

A code is ``CB-``, the class's word and a name: ``CB-WAIT-PERIOD-NOT-ENDED``. It never changes once
it was released, so that alerts and runbooks can name it. docs/errors.md lists all codes: `make
docs` makes that page from the source and from local/error_advice.py.
"""

from typing import Any, ClassVar


class ClosebookError(Exception):
    """Every error that Closebook raises on purpose. Its text begins with its ``code``.

    A pickled error keeps its code, its text and the attributes of its subclass: errors are passed
    from one process to another.
    """

    code_prefix: ClassVar[str] = "CB-"

    def __init__(self, code: str, text: str) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text

    def __str__(self) -> str:
        return f"{self.code}: {self.text}"

    def __reduce__(self) -> tuple[Any, ...]:
        # A subclass's constructor may take other arguments, so it is not called.
        return _unpickled, (type(self), self.args), self.__dict__


def _unpickled(kind: type[ClosebookError], arguments: tuple[Any, ...]) -> ClosebookError:
    return kind.__new__(kind, *arguments)


class NotReady(ClosebookError):
    """A period is not complete yet, or something else has to happen first: try again later."""

    code_prefix = "CB-WAIT-"


class Transient(ClosebookError):
    """A server failed or the connection was lost: try again, on another server if there is one."""

    code_prefix = "CB-RETRY-"


class WrongData(ClosebookError):
    """Numbers do not tie out: stop. Nothing was written, and the text names the rows."""

    code_prefix = "CB-DATA-"


class Misconfigured(ClosebookError):
    """A setting, a connection or a parameter is wrong: no retry helps until it is corrected."""

    code_prefix = "CB-CONFIG-"
