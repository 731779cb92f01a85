"""The key of decisions of the tests' stack, and what the desk writes with a proof by it."""

from collections.abc import Mapping
from typing import Any, LiteralString

import psycopg
from psycopg.types.json import Jsonb

from closebook.store import decision_key

DECISION_KEY = "the key of decisions of the tests"


def proven(
    connection: psycopg.Connection[dict[str, Any]],
    values: Mapping[str, Any],
    name: LiteralString = "statement_decisions/insert",
) -> dict[str, Any]:
    """The parameters of a query that writes something, in the connection's transaction."""
    plain = {
        column: value.obj if isinstance(value, Jsonb) else value for column, value in values.items()
    }
    return decision_key.proven(connection, DECISION_KEY, name, plain)
