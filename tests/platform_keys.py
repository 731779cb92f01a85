"""The keys of a platform as uuid, text or integer, made of the numbers of the tests."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import fields
from hashlib import md5
from uuid import UUID

from closebook.keys import Key, KeyType, KeyTypes
from closebook.platform.contract import CONTRACT, KEY_COLUMNS
from tests.close_fixtures import retyped
from tests.platform_rows import Platform

EXPRESSIONS: Mapping[KeyType, str] = {
    KeyType.BIGINT: "{column}",
    KeyType.INTEGER: "{column}::integer",
    KeyType.UUID: "md5('{name}' || {column})::uuid",
    # A varchar has the bytes of a text.
    KeyType.TEXT: "('{name}:' || {column})::varchar(60)",
}
ALL_OF = {
    key_type: KeyTypes(*[key_type] * len(fields(KeyTypes)))
    for key_type in (KeyType.BIGINT, KeyType.INTEGER, KeyType.UUID, KeyType.TEXT)
}

OF_DIFFERENT_TYPES = KeyTypes(
    accounts=KeyType.UUID,
    entries=KeyType.TEXT,
    transactions=KeyType.INTEGER,
    merchants=KeyType.BIGINT,
    promotions=KeyType.TEXT,
)
"""No two keys that stand in one view have the same type."""


def key(key_type: KeyType, name: str, number: int) -> Key:
    """The key that the views give for a number of the tests, such as users:1."""
    if key_type is KeyType.UUID:
        return str(UUID(md5(f"{name}{number}".encode(), usedforsecurity=False).hexdigest()))
    return f"{name}:{number}" if key_type is KeyType.TEXT else number


@contextmanager
def keyed(platform: Platform, keys: KeyTypes, **others: str) -> Iterator[None]:
    """Let all views have keys of these types; ``others`` are expressions of some columns."""
    with ExitStack() as views:
        for view, columns in CONTRACT.items():
            replaced: dict[str, str | None] = {}
            for column in columns:
                if column in KEY_COLUMNS:
                    name = KEY_COLUMNS[column]
                    expression = others.get(column, EXPRESSIONS[getattr(keys, name)])
                    replaced[column] = expression.format(column=column, name=name)
            views.enter_context(retyped(platform, view, replaced))
        yield
