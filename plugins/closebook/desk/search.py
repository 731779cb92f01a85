"""What a person looks for among the statements, and how it travels in a URL.

Airflow logs the URL of each request. So the number of an account and the name of a holder travel
sealed, by a key that only the person's own session has.
"""

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlencode

from cryptography.fernet import InvalidToken

from closebook.desk.current_user import Person

STATES = ("released", "superseded", "issued", "missing")
PAGE_ROWS = 50
_LONGEST_TEXT = 100
_PLACE = re.compile(r"([0-9]{1,18})-([0-9]{1,18})")


@dataclass(frozen=True)
class Place:
    """The last statement of a page, after which the next one begins."""

    close_id: int
    account_id: int

    def __str__(self) -> str:
        return f"{self.close_id}-{self.account_id}"

    @staticmethod
    def read(text: str) -> "Place | None":
        """The place that a URL names; None for what is none."""
        named = _PLACE.fullmatch(text)
        return Place(int(named[1]), int(named[2])) if named else None


@dataclass(frozen=True)
class Search:
    """What to look for; an empty text looks for all. ``month`` is such as 2026-10."""

    account: str = ""
    holder: str = ""
    month: str = ""
    currency: str = ""
    state: str = ""

    @staticmethod
    def entered(account: str, holder: str, month: str, currency: str, state: str) -> "Search":
        """The search as a person typed it."""
        return Search(
            account=_tidy(account),
            holder=_tidy(holder),
            month=_tidy(month),
            currency=_tidy(currency).upper()[:3],
            state=state if state in STATES else "",
        )

    @property
    def is_by_name(self) -> bool:
        """Whether it looks for an account or a holder."""
        return bool(self.account or self.holder)

    @property
    def is_of_all(self) -> bool:
        """Whether it leaves nothing out."""
        return self == Search()

    @property
    def kinds(self) -> str:
        """What it looks by, for the log: no name, no number."""
        named = {"account": self.account, "holder": self.holder}
        shown = {"month": self.month, "currency": self.currency, "state": self.state}
        parts = [kind for kind, text in named.items() if text]
        parts += [f"{kind} {text}" for kind, text in shown.items() if text]
        return ", ".join(parts) or "all"

    def url_query(self, person: Person, after: Place | None = None) -> str:
        """The search in a URL's query."""
        shown = {"month": self.month, "currency": self.currency, "state": self.state}
        named = {"account": self.account, "holder": self.holder}
        parts = {kind: text for kind, text in shown.items() if text}
        if self.is_by_name:
            parts["find"] = person.seal.encrypt(json.dumps(named).encode()).decode()
        if after is not None:
            parts["after"] = str(after)
        return urlencode(parts)

    @staticmethod
    def read(person: Person, find: str, month: str, currency: str, state: str) -> "Search":
        """The search that a URL holds. One that another session sealed looks for all."""
        named = {"account": "", "holder": ""}
        if find:
            with suppress(InvalidToken):
                named = json.loads(person.seal.decrypt(find))
        return Search.entered(named["account"], named["holder"], month, currency, state)

    def parameters(self) -> dict[str, object]:
        """What sql/desk/found_statements.sql takes of it, but for the month.

        The account's number begins with the text; the holder's name has it anywhere.
        """
        return {
            "account_pattern": f"{_literal(self.account)}%" if self.account else None,
            "holder_pattern": f"%{_literal(self.holder)}%" if self.holder else None,
            "currency": self.currency or None,
            "statement_state": self.state or None,
        }


def _tidy(text: str) -> str:
    return " ".join(text.replace("\0", "").split())[:_LONGEST_TEXT]


def _literal(text: str) -> str:
    return text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
