"""A search for statements, and its form in a URL.

Airflow logs the URL of each request. Account numbers and holder names must not be in that log, so
the URL contains them only encrypted, with a key of the user's session.
"""

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlencode

from cryptography.fernet import InvalidToken

from closebook.desk.current_user import User
from closebook.keys import Key, KeyType, from_path_part, path_part, statement_name

STATES = ("released", "superseded", "issued", "missing")
PAGE_ROWS = 50
MAX_SELECTED = 500
"""How many statements one ZIP of selected ones takes."""
_MAX_TEXT_LENGTH = 100
_STATEMENT_KEY = re.compile(r"([0-9]{1,18})-(.+)-([A-Z]{3})")


@dataclass(frozen=True)
class StatementKey:
    """The key of one version of a statement. As text it is ``<close_id>-<account>-<currency>``."""

    close_id: int
    account_id: Key
    currency: str

    def __str__(self) -> str:
        return statement_name(self.close_id, self.account_id, self.currency)

    @classmethod
    def parse(cls, text: str, key_type: KeyType) -> Self | None:
        """Return the key that the text contains, or None if the text is not a key.

        ``key_type`` is the type of the store's accounts.
        """
        found = _STATEMENT_KEY.fullmatch(text)
        account_id = from_path_part(found[2], key_type) if found else None
        if found is None or account_id is None:
            return None
        return cls(int(found[1]), account_id, found[3])


def statement_url(account_id: Key, close_id: int, currency: str) -> str:
    """Return the address of a version of a statement below the desk's own."""
    return f"/statements/{close_id}/{path_part(account_id)}/{currency}"


@dataclass(frozen=True)
class Search:
    """The criteria of a search. An empty criterion matches everything.

    ``account`` is the beginning of an account number, ``holder`` a part of a name, ``month`` a
    month such as 2026-10.
    """

    account: str = ""
    holder: str = ""
    month: str = ""
    currency: str = ""
    state: str = ""

    @classmethod
    def from_form(cls, account: str, holder: str, month: str, currency: str, state: str) -> Self:
        """Return the search that a user typed into the form."""
        return cls(
            account=_normalized(account),
            holder=_normalized(holder),
            month=_normalized(month),
            currency=_normalized(currency).upper()[:3],
            state=state if state in STATES else "",
        )

    @classmethod
    def from_url(cls, user: User, find: str, month: str, currency: str, state: str) -> Self:
        """Return the search of a URL. ``find`` contains the encrypted account and holder.

        Both are empty if another session encrypted them.
        """
        confidential = {"account": "", "holder": ""}
        if find:
            with suppress(InvalidToken):
                confidential = json.loads(user.search_cipher.decrypt(find))
        return cls.from_form(
            confidential["account"], confidential["holder"], month, currency, state
        )

    @property
    def is_empty(self) -> bool:
        """Whether the search has no criterion, so that it finds all statements."""
        return self == Search()

    @property
    def audit_subject(self) -> str:
        """The criteria for the audit log, without the account number and the name themselves."""
        parts = [name for name, text in self._confidential.items() if text]
        parts += [f"{name} {text}" for name, text in self._plain.items() if text]
        return ", ".join(parts) or "all"

    def url_query(self, user: User, after: StatementKey | None = None) -> str:
        """Return the query of the URL with this search, for the page that follows ``after``."""
        parameters = {name: text for name, text in self._plain.items() if text}
        if any(self._confidential.values()):
            clear_text = json.dumps(self._confidential).encode()
            parameters["find"] = user.search_cipher.encrypt(clear_text).decode()
        if after is not None:
            parameters["after"] = str(after)
        return urlencode(parameters)

    def parameters(self) -> dict[str, object]:
        """Return the bind parameters of sql/desk/found_statements.sql that need no month."""
        return {
            "account_pattern": f"{_like_escaped(self.account)}%" if self.account else None,
            "holder_pattern": f"%{_like_escaped(self.holder)}%" if self.holder else None,
            "currency": self.currency or None,
            "statement_state": self.state or None,
        }

    @property
    def _confidential(self) -> dict[str, str]:
        return {"account": self.account, "holder": self.holder}

    @property
    def _plain(self) -> dict[str, str]:
        return {"month": self.month, "currency": self.currency, "state": self.state}


def _normalized(text: str) -> str:
    return " ".join(text.replace("\0", "").split())[:_MAX_TEXT_LENGTH]


def _like_escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
