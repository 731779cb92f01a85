"""The statement as MT940, the text that SWIFT's customers read before camt.053.

SWIFT's character set has no accents and no other scripts. So a letter with an accent is written
without it, and a character that has no such letter is a full stop.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from closebook.errors import WrongData
from closebook.iso_identifiers import iban_of
from closebook.keys import label, short_reference
from closebook.money import to_major
from closebook.statements.model import FEE, Statement, StatementLine
from closebook.statements.printable import printable

MEDIA_TYPE, FILE_NAME = "application/x-mt940", "statement.sta"

_LINE_END = "\r\n"
_MAX_REFERENCE, _MAX_ACCOUNT, _MAX_NUMBER = 16, 35, 100_000
_MAX_DIGITS = 14
_LINE_LENGTH, _MAX_LINES = 65, 6
_NOT_IN_THE_SET = re.compile(r"[^A-Za-z0-9/\-?:().,'+ ]")
_SPELLED = str.maketrans({"ß": "ss", "æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L"})
# Transaction types of SWIFT, without the N that stands before them.
_TYPES: Mapping[str, str] = MappingProxyType(
    {FEE: "CHG", "interest": "INT", "transfer": "TRF", "payout": "TRF", "chargeback": "RTI"}
)
_OTHER = "MSC"


def mt940(statement: Statement) -> bytes:
    """Return the statement as one MT940 message, without SWIFT's blocks around it.

    ``:28C:`` has the statement's number, or without one the month's number in its year. ``:61:``
    has the value date (or the day of the entry), the day of the entry, and the last 16 characters
    of the entry's reference; ``:86:`` has the whole reference. Raises WrongData for an
    amount of more than 14 digits.
    """
    return _LINE_END.join([*_fields(statement), "-", ""]).encode("ascii")


def _fields(statement: Statement) -> Iterator[str]:
    _refuse_long_amounts(statement)
    number = (statement.number or statement.period_start.month) % _MAX_NUMBER
    account = iban_of(statement.holder.account_number) or _text(statement.holder.account_number)
    identity = f"{statement.close_id}-{statement.version}"
    yield f":20:{identity[-_MAX_REFERENCE:]}"
    yield f":25:{account[:_MAX_ACCOUNT] or short_reference(statement.account_id)}"
    yield f":28C:{number}/1"
    yield f":60F:{_balance(statement, statement.opening_minor, f'{statement.period_start:%y%m%d}')}"
    for line in statement.lines:
        yield from _line(statement, line)
    last = f"{statement.period_end_inclusive:%y%m%d}"
    yield f":62F:{_balance(statement, statement.closing_minor, last)}"


def _line(statement: Statement, line: StatementLine) -> Iterator[str]:
    value_date = line.value_date or line.posted_on
    amount = _amount(line.amount_minor, statement.currency)
    side = "D" if line.amount_minor < 0 else "C"
    kind = _TYPES.get(line.kind, _OTHER)
    reference = _text(line.reference).replace("/", "-")
    yield (
        f":61:{value_date:%y%m%d}{line.posted_on:%m%d}{side}{amount}N{kind}NONREF"
        f"//{reference[-_MAX_REFERENCE:]}"
    )
    texts = [line.counterparty or "", line.description]
    if len(reference) > _MAX_REFERENCE:
        texts.insert(0, reference)
    yield f":86:{_LINE_END.join(_wrapped(' '.join(filter(None, map(_text, texts)))))}"


def _wrapped(text: str) -> Iterator[str]:
    """Yield the lines of a text. No line begins like a field or like the end of a message."""
    for at in range(0, min(len(text), _LINE_LENGTH * _MAX_LINES), _LINE_LENGTH):
        line = text[at : at + _LINE_LENGTH]
        # guard: documents.mt940-text-is-no-field
        if line[0] in ":-":
            line = f".{line[1:]}"
        yield line.rstrip() or "."


def _balance(statement: Statement, minor: int, day: str) -> str:
    side = "D" if minor < 0 else "C"
    return f"{side}{day}{statement.currency}{_amount(minor, statement.currency)}"


def _amount(minor: int, code: str) -> str:
    """Return an amount without its sign. It has a comma even if it has no decimals."""
    major, _, decimals = f"{to_major(abs(minor), code):f}".partition(".")
    return f"{major},{decimals}"


def _text(text: str) -> str:
    plain = " ".join(printable(text).translate(_SPELLED).split())
    letters = "".join(
        character
        for character in unicodedata.normalize("NFKD", plain)
        if not unicodedata.combining(character)
    )
    return _NOT_IN_THE_SET.sub(".", letters)


def _refuse_long_amounts(statement: Statement) -> None:
    amounts = [statement.opening_minor, statement.closing_minor]
    amounts += [line.amount_minor for line in statement.lines]
    largest = max(map(abs, amounts))
    if largest >= 10**_MAX_DIGITS:  # guard: documents.mt940-amount-has-room
        raise WrongData(
            "CB-DATA-AMOUNT-TOO-LONG-FOR-MT940",
            f"the statement of account {label(statement.account_id)} has an amount of {largest} "
            f"minor units, and MT940 has room for {_MAX_DIGITS} digits: take mt940 out of "
            "CLOSEBOOK_STATEMENT_FILES, or correct the ledger entries of this account",
        )
