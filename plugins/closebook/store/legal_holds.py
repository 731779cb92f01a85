"""Legal holds: decisions that keep the lines of an account in the store, whatever their age.

Each is an entry of the desk's log too, and is written with a proof by the key of decisions.
"""

import socket
from typing import Literal

import psycopg
from psycopg.rows import DictRow, dict_row

from closebook.errors import Misconfigured
from closebook.keys import Key
from closebook.sql import query
from closebook.store.administration import store_transaction
from closebook.store.decision_key import write_proven
from closebook.store.key_types import key_types_of

HoldDecision = Literal["set", "lifted"]


def decide(
    conninfo: str, key: str, account: str, decision: HoldDecision, reason: str, person: str
) -> bool:
    """Set or lift the hold of an account; return False if it is set, or is not, already.

    Raises Misconfigured for a text that is no key of an account, for an empty reason or name, and
    what `store_transaction` raises.
    """
    if not reason.strip() or not person.strip():
        raise Misconfigured(
            "CB-CONFIG-HOLD-UNREASONED", "a legal hold needs a reason and the name of a person"
        )
    with store_transaction(conninfo) as store:
        store.row_factory = dict_row
        account_id = _account(store, account)
        is_held = any(each["account_id"] == account_id for each in in_force(store))
        if is_held == (decision == "set"):
            return False
        values = {
            "account_id": account_id,
            "decision": decision,
            "reason": reason.strip(),
            "person": person.strip(),
            "address": socket.gethostname(),
        }
        write_proven(store, key, "legal_holds/insert", values)
    return True


def listed(conninfo: str) -> list[DictRow]:
    """Return the holds that are in force. Raises what `store_transaction` raises."""
    with store_transaction(conninfo) as store:
        store.row_factory = dict_row
        return in_force(store)


def in_force(store: psycopg.Connection[DictRow]) -> list[DictRow]:
    """Return the holds that are in force, the oldest first."""
    return store.execute(query("legal_holds/in_force")).fetchall()


def _account(store: psycopg.Connection[DictRow], text: str) -> Key:
    account_id = key_types_of(store).accounts.parse(text)
    if account_id is None:
        raise Misconfigured(
            "CB-CONFIG-HOLD-NO-ACCOUNT",
            f"{text!r} is no key of an account of this platform: give the account's id, not its "
            "number",
        )
    return account_id
