"""The key of decisions of the tests' stack, and decisions that are proven by it."""

import json
from collections.abc import Mapping
from typing import Any, TypedDict

import psycopg
from psycopg.types.json import Jsonb

from closebook.sql import query
from closebook.store.decision_key import proof_of

DECISION_KEY = "the key of decisions of the tests"


class Proven(TypedDict):
    """The parameters of statement_decisions/insert."""

    claim: str
    proof: bytes


def proven(connection: psycopg.Connection[dict[str, Any]], decision: Mapping[str, Any]) -> Proven:
    """The parameters of statement_decisions/insert, in the connection's transaction."""
    now = connection.execute(query("session/transaction")).fetchone()
    assert now is not None
    plain = {
        name: value.obj if isinstance(value, Jsonb) else value for name, value in decision.items()
    }
    claim = json.dumps({**plain, "transaction": now["transaction_id"]}, default=str)
    return {"claim": claim, "proof": proof_of(claim, DECISION_KEY)}
