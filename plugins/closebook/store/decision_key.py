"""The key of decisions, by which the API server proves which logged-in person writes a record.

The password of closebook_desk alone is not enough to write a decision, a request, an answer to one,
a legal hold or an entry of the desk's log. The API server has the key in an Airflow connection. The
store has it in a table that only the owner reads, in the form that PostgreSQL can compute
HMAC-SHA256 with.
"""

import hmac
import json
from collections.abc import Mapping
from functools import partial
from hashlib import sha256
from typing import Any, Literal, LiteralString

import psycopg
from psycopg.errors import InvalidAuthorizationSpecification
from psycopg.rows import DictRow

from closebook.errors import Misconfigured
from closebook.sql import query
from closebook.store.administration import store_transaction

_dumps = partial(json.dumps, default=str)  # with instants as text

Record = Literal["decision", "request", "answer", "log entry", "legal hold"]

# By their record, the queries that write something with a proof.
RECORDS: Mapping[LiteralString, Record] = {
    "statement_decisions/insert": "decision",
    "desk/insert_reissue_request": "request",
    "desk/insert_reissue_answer": "answer",
    "desk/insert_log_entry": "log entry",
    "legal_holds/insert": "legal hold",
}

MIN_LETTERS = 32
_BLOCK_BYTES = 64  # of SHA-256


def set_decision_key(conninfo: str, key: str) -> None:
    """Make this the store's key of decisions, as its owner.

    Raises Misconfigured for a key that is too short, and what `store_transaction` raises.
    """
    if len(key) < MIN_LETTERS:  # guard: store.decision-key-is-long
        raise Misconfigured(
            "CB-CONFIG-DECISION-KEY-SHORT",
            f"the key of decisions has fewer than {MIN_LETTERS} characters: make one with "
            "openssl rand -hex 32",
        )
    inner_block, outer_block = _blocks(key)
    with store_transaction(conninfo) as store:
        store.execute(
            query("decision_key/insert"),
            {"inner_block": inner_block, "outer_block": outer_block},
        )


def write_proven(
    store: psycopg.Connection[DictRow], key: str, name: LiteralString, values: Mapping[str, object]
) -> DictRow | None:
    """Write something by sql/<name>.sql, with a proof; return its row, if there is one.

    Raises Misconfigured when the store has another key.
    """
    try:
        written = store.execute(query(name), proven(store, key, name, values))
    except InvalidAuthorizationSpecification:
        raise Misconfigured(
            "CB-CONFIG-DECISION-KEY",
            "the reporting store has no key of decisions, or another one than the Airflow "
            "connection closebook_decisions: run closebook decision-key with the password of that "
            "connection",
        ) from None
    return written.fetchone()


def proven(
    store: psycopg.Connection[Any], key: str, name: LiteralString, values: Mapping[str, object]
) -> dict[str, object]:
    """Return a claim with its proof: the parameters of a query of RECORDS, in this transaction."""
    now = store.execute(query("session/transaction")).fetchone()
    assert now is not None  # noqa: S101  # the query returns one row
    claimed = {**values, "record": RECORDS[name], "transaction": now["transaction_id"]}
    claim = _dumps(claimed)
    return {"claim": claim, "proof": proof_of(claim, key)}


def proof_of(claim: str, key: str) -> bytes:
    """Return the proof of a claim, as reporting.proven_claim computes it."""
    return hmac.digest(key.encode(), claim.encode(), sha256)


def _blocks(key: str) -> tuple[bytes, bytes]:
    """Return the inner and the outer block of RFC 2104."""
    secret = key.encode()
    if len(secret) > _BLOCK_BYTES:
        secret = sha256(secret).digest()
    padded = secret.ljust(_BLOCK_BYTES, b"\0")
    return bytes(byte ^ 0x36 for byte in padded), bytes(byte ^ 0x5C for byte in padded)
