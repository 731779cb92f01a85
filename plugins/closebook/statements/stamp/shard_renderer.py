"""Which renderer makes each document of a shard, and how many were made by which."""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

from closebook.keys import label
from closebook.statements.bounded_process import BoundedTask
from closebook.statements.model import Statement
from closebook.statements.render.document import RenderedStatement, render
from closebook.statements.stamp.stamped_renderer import NOT_COMPILED, STAMPED, StampedRenderer

Row = dict[str, Any]
"""A row of statement_documents/of_shard: what is registered of the statement's document."""

RowAndStatement = tuple[Row, Statement]


class ShardRenderer:
    """Makes the documents of a shard. ``stamps`` says whether new ones are stamped."""

    def __init__(self, *, stamps: bool) -> None:
        self._stamps = stamps
        self._renderer: StampedRenderer | None = None
        self._outside: Counter[str | None] = Counter()

    def tasks(self, statements: Sequence[RowAndStatement]) -> list[BoundedTask[RenderedStatement]]:
        """Return the tasks that make some documents; a lost one by the renderer that made it."""
        new = [each for row, each in statements if self._stamps and row["object_name"] is None]
        again = [each for row, each in statements if _was_stamped(row)]
        if new or again:
            self._stamped.prepare(new, again=again)
        return [
            BoundedTask(
                f"the statement of account {label(statement.account_id)}",
                partial(self._make, statement, row),
            )
            for row, statement in statements
        ]

    def count(self, made: RenderedStatement) -> None:
        """Count a document that was filed."""
        reason = None if STAMPED in made.renderer.renderer_version else made.outside_reason
        self._outside[reason] += 1

    @property
    def report(self) -> str | None:
        """How many statements were stamped, and how many were not for each reason."""
        if not self._stamps:
            return None
        stamped, total = self._outside[None], self._outside.total()
        why = f" ({'; '.join(self._stamped.not_compiled)})" if self._stamped.not_compiled else ""
        others = ", ".join(
            f"{count} for {reason}{why if reason == NOT_COMPILED else ''}"
            for reason, count in sorted(
                (reason, count) for reason, count in self._outside.items() if reason
            )
        )
        said = f"{stamped} of {total} statements are stamped"
        return f"{said}, the others are laid out one by one: {others}" if others else said

    def _make(self, statement: Statement, row: Row) -> RenderedStatement:
        # guard: stamp.lost-one-is-made-by-its-renderer
        if _was_stamped(row) or (self._stamps and row["object_name"] is None):
            return self._stamped.render(statement)
        return render(statement)

    @property
    def _stamped(self) -> StampedRenderer:
        if self._renderer is None:
            self._renderer = StampedRenderer.of_settings()
        return self._renderer


def _was_stamped(row: Row) -> bool:
    """Return whether the document of this row was made by the second renderer."""
    return STAMPED in (row["renderer_version"] or "")
