"""A search for statements, and its form in a URL.

Airflow logs the URL of each request. Account numbers and holder names must not be in that log, so
the URL contains them only encrypted, with a key of the user's session.
"""

import json
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Self
from urllib.parse import urlencode

from cryptography.fernet import InvalidToken

from closebook.desk.current_user import User
from closebook.keys import Key, KeyType, from_path_part, path_part, statement_name

STATES = ("released", "superseded", "issued", "missing")
SORTS = ("month", "account", "holder", "closing")
PAGE_ROWS = 50
MOST_COUNTED = 10_000
"""As many statements that fit are counted. Of more the page says that they are more."""
MOST_IN_ZIP = 1_000
"""How many statements one ZIP of a search takes."""
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
    """The criteria of a search, and the order. An empty criterion matches everything.

    ``account`` is a part of an account number, ``holder`` words of a name, ``quoted`` an amount or
    the reference of a line, ``month`` a month such as 2026-10. A ``sort`` that begins with ``-`` is
    descending.
    """

    account: str = ""
    holder: str = ""
    quoted: str = ""
    month: str = ""
    currency: str = ""
    state: str = ""
    sort: str = ""

    @classmethod
    def from_form(
        cls,
        account: str,
        holder: str,
        quoted: str,
        month: str,
        currency: str,
        state: str,
        sort: str,
    ) -> Self:
        """Return the search that a user typed into the form."""
        return cls(
            account=_normalized(account),
            holder=_normalized(holder),
            quoted=_normalized(quoted),
            month=_normalized(month),
            currency=_normalized(currency).upper()[:3],
            state=state if state in STATES else "",
            sort=sort if sort.removeprefix("-") in SORTS else "",
        )

    @classmethod
    def from_url(
        cls, user: User, find: str, month: str, currency: str, state: str, sort: str
    ) -> Self:
        """Return the search of a URL. ``find`` contains what is confidential, encrypted.

        The confidential criteria are empty if another session encrypted them.
        """
        confidential = {"account": "", "holder": "", "quoted": ""}
        if find:
            with suppress(InvalidToken):
                confidential |= json.loads(user.search_cipher.decrypt(find))
        return cls.from_form(**confidential, month=month, currency=currency, state=state, sort=sort)

    @property
    def is_empty(self) -> bool:
        """Whether the search has no criterion, so that it finds all statements."""
        return replace(self, sort="") == Search()

    @property
    def is_of_a_month(self) -> bool:
        """Whether a month is the only criterion, so that the search finds all of it."""
        return bool(self.month) and replace(self, month="").is_empty

    @property
    def audit_subject(self) -> str:
        """The criteria for the audit log: of a confidential one its name only."""
        parts = [name for name, text in self._confidential.items() if text]
        parts += [f"{name} {text}" for name, text in self._plain.items() if text]
        return ", ".join(parts) or "all"

    def url_query(self, user: User, **place: object) -> str:
        """Return the query of the URL with this search, for the page at a place of it."""
        parameters = {name: text for name, text in self._plain.items() if text}
        if self.sort:
            parameters["sort"] = self.sort
        if any(self._confidential.values()):
            clear_text = json.dumps(self._confidential).encode()
            parameters["find"] = user.search_cipher.encrypt(clear_text).decode()
        return urlencode(parameters | {name: str(each) for name, each in place.items()})

    def sorted_by(self, column: str) -> Self:
        """Return the search in the order of a column; in the opposite if it has that now."""
        opposite = {column: f"-{column}", f"-{column}": column}
        # The newest month comes first where nobody chose another order.
        return replace(self, sort=opposite.get(self.sort or "-month", column))

    @property
    def _confidential(self) -> dict[str, str]:
        return {"account": self.account, "holder": self.holder, "quoted": self.quoted}

    @property
    def _plain(self) -> dict[str, str]:
        return {"month": self.month, "currency": self.currency, "state": self.state}


def _normalized(text: str) -> str:
    return " ".join(text.replace("\0", "").split())[:_MAX_TEXT_LENGTH]
