"""What can go wrong with the stack: one line that says what, where, and how to mend it."""


class StackError(Exception):
    """The stack cannot do what was asked; `log_tail` holds the last lines of the log, if any."""

    def __init__(self, line: str, log_tail: str = "") -> None:
        super().__init__(line)
        self.line = line
        self.log_tail = log_tail

    def __str__(self) -> str:
        if not self.log_tail:
            return self.line
        quoted = "\n".join(f"    {line}" for line in self.log_tail.splitlines())
        return f"{self.line}\n{quoted}"


class PortInUseError(StackError):
    """Another program listens on a port that the stack has chosen."""
