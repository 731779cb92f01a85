"""The five views of the source contract: their columns and the types of these."""

from collections.abc import Iterator, Sequence

from closebook.doctor.finding import Finding
from closebook.doctor.platform_session import PlatformSession
from closebook.keys import KeyTypes
from closebook.platform.contract import (
    CONTRACT,
    DATE,
    INSTANT,
    KEY_COLUMNS,
    NUMERIC,
)
from closebook.platform.contract_differences import Difference, differences

_NOTHING_IS_READ = "No close reads a row while a view differs from docs/contract.md."
_WHY_OF_TYPES = {
    "amount-type": "Rows leave the replica as bytes of a type. Of another type, an amount would be "
    "added up in other units, or read as another number.",
    "instant-type": "A time without its zone is another instant in each zone: a close would have "
    "another hour's rows.",
    "date-type": "A time has another date in each zone: the value date would depend on who asks.",
    "text-type": "char(n) has blanks at its end, an enum cannot be compared with each word, and "
    "citext compares without case.",
    "key-type": "The store keeps keys in the types that it was migrated for, and a key of another "
    "type would be read as other bytes.",
}


def differing_columns(session: PlatformSession, keys: KeyTypes) -> Sequence[Difference]:
    """Return how the platform's views differ from the contract, for a store with these keys."""
    columns = session.rows("replica/contract_columns", {"views": [*CONTRACT]})
    return differences(columns, session.in_major, keys)


def view_observations(differing: Sequence[Difference]) -> Iterator[Finding]:
    """Tell of each view or column that is missing, and of each type that is another one."""
    for each in differing:
        if each.column is None:
            yield Finding(
                code="view-missing",
                subject=f"reporting_source.{each.view}",
                what=str(each),
                why=_NOTHING_IS_READ,
                mend=f"Create the view {each.view} as sql/platform/contract.sql shows, also if it "
                "has no rows (where false), and run grants.sql again.",
            )
        elif each.found is None:
            yield Finding(
                code="column-missing",
                subject=f"reporting_source.{each.view}.{each.column}",
                what=str(each),
                why=_NOTHING_IS_READ,
                mend=f"{_sentence(each.correction)}Select it in the view {each.view}: "
                f"null::{each.wanted} as {each.column}, if docs/contract.md allows null for it.",
            )
        else:
            code = _code_of_type(each.column, each.wanted)
            yield Finding(
                code=code,
                subject=f"reporting_source.{each.view}.{each.column}",
                what=f"its type is {each.found} and must be {each.wanted}",
                why=f"{_WHY_OF_TYPES[code]} {_NOTHING_IS_READ}",
                mend=f"For the view {each.view}: {each.correction}.",
            )


def _sentence(correction: str) -> str:
    return f"Correct it so: {correction}. Else: " if correction else ""


def _code_of_type(column: str, wanted: str) -> str:
    if column in KEY_COLUMNS:
        return "key-type"
    if column.endswith(("_minor", "_major")) or wanted == NUMERIC:
        return "amount-type"
    if wanted == DATE:
        return "date-type"
    if wanted == INSTANT:
        return "instant-type"
    return "text-type"
