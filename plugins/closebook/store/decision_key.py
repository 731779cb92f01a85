"""The key of decisions: the API server proves by it that a decision is a person's who logged in.

The password of closebook_desk alone is not enough to write a decision. The API server has the key
in an Airflow connection. The store has it in a table that only the owner reads, in the form that
PostgreSQL can compute HMAC-SHA256 with.
"""

import hmac
from hashlib import sha256

from closebook.errors import Misconfigured
from closebook.sql import query
from closebook.store.administration import store_transaction

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


def proof_of(claim: str, key: str) -> bytes:
    """Return the proof of a claim, as reporting.record_decision computes it."""
    return hmac.digest(key.encode(), claim.encode(), sha256)


def _blocks(key: str) -> tuple[bytes, bytes]:
    """Return the inner and the outer block of RFC 2104."""
    secret = key.encode()
    if len(secret) > _BLOCK_BYTES:
        secret = sha256(secret).digest()
    padded = secret.ljust(_BLOCK_BYTES, b"\0")
    return bytes(byte ^ 0x36 for byte in padded), bytes(byte ^ 0x5C for byte in padded)
