"""The tables and columns of a platform that are candidates for the views of the contract."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from closebook.adoption.platform_catalog import Catalog, Column, Table
from closebook.adoption.vocabulary import COLUMNS, NEEDED, TABLES, TYPES, Kind, snake_case

_POINTS_OF_A_NAME, _POINTS_OF_AN_ENDING, _POINTS_OF_A_COLUMN = 40, 20, 1


@dataclass(frozen=True)
class FoundColumn:
    """A platform's column for one of the contract. ``joined`` is its table if that is joined."""

    column: Column
    joined: Table | None = None


@dataclass(frozen=True)
class Candidate:
    """The most likely table for a view. ``others`` are less likely ones.

    ``found`` has the table's column for each column of the contract. ``joins`` has for each joined
    table, by its id, the column that refers to it, and the column that it refers to.
    """

    view: str
    table: Table
    found: Mapping[str, FoundColumn]
    joins: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    others: Sequence[Table] = ()


def candidate(view: str, catalog: Catalog) -> Candidate | None:
    """Return the most likely table for a view; None if none has a name and columns for it."""
    scored = sorted(_scored(view, catalog), key=lambda pair: pair[0], reverse=True)
    if not scored:
        return None
    best = scored[0][1]
    own = columns_of(view, best)
    joined, joins = _joined(view, best, own, catalog)
    others = tuple(table for _, table in scored[1:])
    return Candidate(view, best, {**joined, **own}, joins, others)


def columns_of(view: str, table: Table) -> dict[str, FoundColumn]:
    """Return the columns of a table that may be those of a view, by the contract's name."""
    found: dict[str, FoundColumn] = {}
    taken: set[str] = set()
    for wanted, (kind, words) in COLUMNS[view].items():
        column = _column_for(table, kind, words, taken if kind is not Kind.INSTANT else set())
        if kind is Kind.KEY and wanted == own_key(view) and table.primary_key is not None:
            column = table.primary_key
        if column is not None:
            found[wanted] = FoundColumn(column)
            # A key may be its own number: an address, for instance.
            if kind is not Kind.KEY:
                taken.add(column.name)
    return found


def own_key(view: str) -> str:
    """Return the column of a view that is its own key, which is the first one."""
    return next(iter(COLUMNS[view]))


def _scored(view: str, catalog: Catalog) -> Iterator[tuple[tuple[int, int, str], Table]]:
    for table in catalog.values():
        points = _points_of_name(view, snake_case(table.name))
        found = columns_of(view, table)
        if points and all(name in found for name in NEEDED[view]):
            score = points + _POINTS_OF_A_COLUMN * len(found)
            yield (score, table.row_estimate, table.sql), table


def _points_of_name(view: str, name: str) -> int:
    forms = [
        (word, word[:-3] + "y" if word.endswith("ies") else word.removesuffix("s"))
        for word in TABLES[view]
    ]
    for place, words in enumerate(forms):
        if name in words:
            return _POINTS_OF_A_NAME - place
    for place, words in enumerate(forms):
        if name.endswith(tuple(f"_{word}" for word in words)):
            return _POINTS_OF_AN_ENDING - place
    return 0


def _column_for(table: Table, kind: Kind, words: Sequence[str], taken: set[str]) -> Column | None:
    fitting = [
        column
        for column in table.columns
        if column.name not in taken
        and (column.base_type in TYPES[kind] or (kind is Kind.TEXT and column.is_enum))
    ]
    by_name = {snake_case(column.name): column for column in reversed(fitting)}
    return next((by_name[word] for word in words if word in by_name), None)


def _joined(
    view: str, table: Table, own: Mapping[str, FoundColumn], catalog: Catalog
) -> tuple[dict[str, FoundColumn], dict[int, tuple[str, str]]]:
    """Return columns for those that a table lacks, from the tables that it refers to, and joins."""
    found: dict[str, FoundColumn] = {}
    joins: dict[int, tuple[str, str]] = {}
    if view not in ("accounts", "ledger_entries"):
        return found, joins
    wanted = {
        "accounts": ("holder_name", "holder_address", "locale_code"),
        "ledger_entries": ("currency",),
    }[view]
    for reference in table.references:
        referred = catalog.get(reference.table_id)
        if referred is None or referred.table_id == table.table_id:
            continue
        for name in wanted:
            kind, words = COLUMNS[view][name]
            column = _column_for(referred, kind, words, set())
            if name not in own and name not in found and column is not None:
                found[name] = FoundColumn(column, referred)
                joins[referred.table_id] = (reference.column, reference.referred_column)
    return found, joins
