"""The statement as OFX 2.2, which personal finance programs and small ledgers import."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from xml.sax.saxutils import escape

from closebook.iso_identifiers import iban_of
from closebook.keys import short_reference
from closebook.money import to_major
from closebook.statements.model import FEE, Statement, StatementLine
from closebook.statements.printable import printable

MEDIA_TYPE, FILE_NAME = "application/x-ofx", "statement.ofx"

# The lengths that OFX allows.
_MAX_BANK, _MAX_ACCOUNT, _MAX_NAME, _MAX_MEMO = 9, 22, 32, 255
_HEAD = (
    '<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n'
    '<?OFX OFXHEADER="200" VERSION="220" SECURITY="NONE" OLDFILEUID="NONE" NEWFILEUID="NONE"?>\n'
)
_OK = "<STATUS><CODE>0</CODE><SEVERITY>INFO</SEVERITY></STATUS>"
_TYPES: Mapping[str, str] = MappingProxyType({FEE: "FEE", "interest": "INT", "transfer": "XFER"})


def ofx(statement: Statement) -> bytes:
    """Return the statement as an OFX document with one account, in UTF-8.

    ``FITID`` is the entry's reference. OFX has an element for the closing balance only, so the
    opening balance is in its list of other balances (``BALLIST``). An account number of more than
    22 characters has its last 22, and a BIC its first 8: OFX has no room for more.
    """
    return "".join(_document(statement)).encode()


def _document(statement: Statement) -> Iterator[str]:
    yield _HEAD
    yield f"<OFX><SIGNONMSGSRSV1><SONRS>{_OK}"
    yield f"<DTSERVER>{statement.made_at:%Y%m%d%H%M%S}</DTSERVER><LANGUAGE>ENG</LANGUAGE>"
    yield f"</SONRS></SIGNONMSGSRSV1>\n<BANKMSGSRSV1><STMTTRNRS><TRNUID>0</TRNUID>{_OK}<STMTRS>"
    number = iban_of(statement.holder.account_number) or _cut(
        statement.holder.account_number or short_reference(statement.account_id), None
    )
    bank = statement.issuer.bic[: _MAX_BANK - 1] or "0"
    yield f"<CURDEF>{statement.currency}</CURDEF><BANKACCTFROM><BANKID>{bank}</BANKID>"
    yield f"<ACCTID>{escape(number[-_MAX_ACCOUNT:])}</ACCTID><ACCTTYPE>CHECKING</ACCTTYPE>"
    yield f"</BANKACCTFROM>\n<BANKTRANLIST><DTSTART>{statement.period_start:%Y%m%d}</DTSTART>"
    yield f"<DTEND>{statement.period_end_inclusive:%Y%m%d}</DTEND>\n"
    for line in statement.lines:
        yield from _transaction(statement, line)
    last = f"{statement.period_end_inclusive:%Y%m%d}"
    yield "</BANKTRANLIST>\n"
    yield f"<LEDGERBAL><BALAMT>{_decimal(statement, statement.closing_minor)}</BALAMT>"
    yield f"<DTASOF>{last}</DTASOF></LEDGERBAL>\n"
    yield "<BALLIST><BAL><NAME>Opening balance</NAME><DESC>Balance before the first entry</DESC>"
    yield f"<BALTYPE>DOLLAR</BALTYPE><VALUE>{_decimal(statement, statement.opening_minor)}</VALUE>"
    yield f"<DTASOF>{statement.period_start:%Y%m%d}</DTASOF></BAL></BALLIST>\n"
    yield "</STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>\n"


def _transaction(statement: Statement, line: StatementLine) -> Iterator[str]:
    kind = _TYPES.get(line.kind, "DEBIT" if line.amount_minor < 0 else "CREDIT")
    yield f"<STMTTRN><TRNTYPE>{kind}</TRNTYPE><DTPOSTED>{line.posted_on:%Y%m%d}</DTPOSTED>"
    if line.value_date is not None:
        yield f"<DTAVAIL>{line.value_date:%Y%m%d}</DTAVAIL>"
    yield f"<TRNAMT>{_decimal(statement, line.amount_minor)}</TRNAMT>"
    yield f"<FITID>{escape(_cut(line.reference, None))}</FITID>"
    name = _cut(line.counterparty or "", _MAX_NAME) or _cut(line.description, _MAX_NAME)
    memo = _cut(line.description, _MAX_MEMO)
    yield f"<NAME>{escape(name)}</NAME>" if name else ""
    yield f"<MEMO>{escape(memo)}</MEMO>" if memo else ""
    yield "</STMTTRN>\n"


def _cut(text: str, length: int | None) -> str:
    return " ".join(printable(text).split())[:length].strip()


def _decimal(statement: Statement, minor: int) -> str:
    return f"{to_major(minor, statement.currency):f}"
