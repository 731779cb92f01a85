"""Identifiers of accounts and institutions by ISO: IBAN (13616), BIC (9362) and LEI (17442)."""

import re

# They are 98 less a remainder of 0 to 96: 00, 01 and 99 would count as 97, 98 and 02.
_CHECK_DIGITS = r"(?!00|01|99)\d{2}"
# An IBAN has at least the 15 characters of Norway's.
_IBAN = re.compile(rf"[A-Z]{{2}}{_CHECK_DIGITS}[A-Z0-9]{{11,30}}", re.ASCII)
_BIC = re.compile(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?", re.ASCII)
_LEI = re.compile(rf"[A-Z0-9]{{18}}{_CHECK_DIGITS}", re.ASCII)
_MODULUS = 97


def iban_of(text: str) -> str | None:
    """Return an account number without blanks if it is an IBAN whose check digits are right."""
    plain = "".join(text.split())
    if _IBAN.fullmatch(plain) is None:
        return None
    if _remainder(plain[4:] + plain[:4]) != 1:  # guard: documents.iban-check-digits
        return None
    return plain


def is_bic(text: str) -> bool:
    """Whether a text has the form of a BIC; it has no check digits."""
    return _BIC.fullmatch(text) is not None


def is_lei(text: str) -> bool:
    """Whether a text is an LEI whose check digits are right."""
    return _LEI.fullmatch(text) is not None and _remainder(text) == 1


def _remainder(text: str) -> int:
    """Return the remainder by which check digits are counted (ISO 7064); letters are 10 to 35."""
    return int("".join(str(int(each, 36)) for each in text)) % _MODULUS
