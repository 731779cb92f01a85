"""The statement as ISO 20022 XML: camt.053, bank to customer statement, in several versions."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from xml.sax.saxutils import escape

from closebook.environment import CAMT053_VERSIONS, OLDEST_CAMT053
from closebook.errors import WrongData
from closebook.iso_identifiers import iban_of
from closebook.keys import label, short_reference
from closebook.money import exponent, major_text, major_writer
from closebook.statements.formats.bank_transaction_codes import KindCodes, bank_transaction_code
from closebook.statements.formats.postal_address import structured
from closebook.statements.holder_reasons import HOLDER_REASONS
from closebook.statements.model import Holder, Issuer, Statement, StatementLine
from closebook.statements.printable import printable

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001."
"""The namespace of all versions, without the version."""

# The lengths that the schema allows for texts and numbers.
MAX_REFERENCE_LENGTH, MAX_NAME_LENGTH = 35, 140
_MAX_ACCOUNT_LENGTH, _MAX_ADDRESS_LINE_LENGTH = 34, 70
_MAX_REMITTANCE_LENGTH, _MAX_ADDITIONAL_INFORMATION_LENGTH = 140, 500
_MAX_ADDRESS_LINES = 7
_MAX_DIGITS, _MAX_PLACES = 18, 5
# What ISO 20022 writes where an identifier is required and there is none.
_NOT_PROVIDED = "NOTPROVIDED"
# aqbanking does not read AcctSvcrRef. It takes the bank's reference from one of this type, which
# the savings banks of Germany write.
_REFERENCE_TYPE = "FI-UMSATZ-ID"
# Texts that lines share are kept: some MB of a worker, since no text has more than 1,000 letters.
_MANY = 5_000
# A text of these characters only is one line, and has nothing to escape.
_PLAIN = re.compile("[A-Za-z0-9~_.:/-]*")


@dataclass(frozen=True, slots=True)
class Form:
    """In which form the XML is written.

    ``version`` is one of CAMT053_VERSIONS. ``codes`` has the bank transaction codes of kinds of
    entries that are other ones than ours.
    """

    version: str = CAMT053_VERSIONS[0]
    codes: Mapping[str, KindCodes] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def is_oldest(self) -> bool:
        """Whether it is 001.02 of 2009, which has other elements than those that follow it."""
        return self.version == OLDEST_CAMT053


_DEFAULT = Form()


def camt053(statement: Statement, form: Form = _DEFAULT) -> bytes:
    """Return the statement as a camt.053 document with one statement, in UTF-8.

    Entries have the order of the lines, ``NtryRef`` is the line's number, ``AcctSvcrRef`` the id of
    its ledger entry, ``TxId`` the id of its transaction, and the kind of an entry is its
    proprietary bank transaction code, beside ISO's own. A value date is ``ValDt``, an original
    amount ``InstdAmt`` with its exchange, and the counterparty's account an ``IBAN``, or else
    ``Othr``. The customer's reference is ``EndToEndId``, a rate of interest stands in ``Intrst``,
    and an overdraft limit is the ``CdtLine`` of the closing balance. The sequence numbers are the
    statement's number, or without one the month's number in its year: a statement that replaces
    another one has the same. The balances are the booked opening and closing balance (OPBD, CLBD).
    The message's identifier consists of close, account and version, and of the currency where the
    account has statements in several. Raises WrongData when an amount has more than the 18 digits,
    or a currency more than the 5 decimal places, that the standard allows.
    """
    _refuse_many_places(statement)
    _refuse_long_amounts(statement)
    return "".join(_document(statement, form)).encode()


def _document(statement: Statement, form: Form) -> Iterator[str]:
    account = short_reference(statement.account_id)
    if statement.is_one_of_several:  # guard: documents.camt-identifier-has-the-currency
        account = f"{account}~{statement.currency}"
    identifier = f"{statement.close_id}-{account}-{statement.version}"
    created = f"{statement.made_at:%Y-%m-%dT%H:%M:%SZ}"
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f'<Document xmlns="{NAMESPACE}{form.version}"><BkToCstmrStmt>\n'
    yield f"<GrpHdr><MsgId>{identifier}</MsgId><CreDtTm>{created}</CreDtTm></GrpHdr>\n"
    number = statement.number or statement.period_start.month
    yield f"<Stmt><Id>{identifier}</Id><ElctrncSeqNb>{number}</ElctrncSeqNb>"
    yield f"<LglSeqNb>{number}</LglSeqNb><CreDtTm>{created}</CreDtTm>\n"
    first, last = (
        at.isoformat(timespec="seconds") for at in (statement.begins_at, statement.last_second)
    )
    yield f"<FrToDt><FrDtTm>{first}</FrDtTm><ToDtTm>{last}</ToDtTm></FrToDt>\n"
    yield from _account(statement, form)
    code = statement.currency
    for kind, amount_minor, day in (
        ("OPBD", statement.opening_minor, statement.period_start),
        ("CLBD", statement.closing_minor, statement.period_end_inclusive),
    ):
        yield f"<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp>"
        yield _overdraft_limit(statement) if kind == "CLBD" else ""
        yield f"{_amount(amount_minor, code)}<Dt><Dt>{day}</Dt></Dt></Bal>\n"
    yield from _summary(statement, form)
    yield from _entries(statement, form)
    yield from _correction(statement)
    yield "</Stmt>\n</BkToCstmrStmt></Document>\n"


def _overdraft_limit(statement: Statement) -> str:
    limit = statement.overdraft_limit_minor
    if limit is None:
        return ""
    amount = f'<Amt Ccy="{statement.currency}">{_decimal(limit, statement.currency)}</Amt>'
    return f"<CdtLine><Incl>false</Incl>{amount}</CdtLine>"


def _correction(statement: Statement) -> Iterator[str]:
    if corrects := statement.corrects:
        texts = (
            f"Corrected statement: version {statement.version} replaces version "
            f"{corrects.superseded_version} of {corrects.superseded_issued_on}.",
            HOLDER_REASONS.get(corrects.holder_reason or "", ""),
            corrects.holder_text or "",
        )
        information = _cut(" ".join(filter(None, texts)), _MAX_ADDITIONAL_INFORMATION_LENGTH)
        yield f"<AddtlStmtInf>{information}</AddtlStmtInf>\n"


def _account(statement: Statement, form: Form) -> Iterator[str]:
    holder = statement.holder
    yield f"<Acct><Id>{_account_identifier(statement)}</Id><Ccy>{statement.currency}</Ccy>"
    yield f"<Ownr>{_element('Nm', _cut(holder.name, MAX_NAME_LENGTH))}"
    yield f"{_element('PstlAdr', _address(holder))}</Ownr>"
    yield f"<Svcr><FinInstnId>{_institution(statement.issuer, form)}</FinInstnId></Svcr></Acct>\n"


def _account_identifier(statement: Statement) -> str:
    number = statement.holder.account_number
    iban = iban_of(number)
    if iban is not None:  # guard: documents.iban-has-its-check-digits
        return _element("IBAN", iban)
    other = _cut(number, _MAX_ACCOUNT_LENGTH) or short_reference(statement.account_id)
    return _element("Othr", _element("Id", other))


def _address(holder: Holder) -> str:
    lines = [" ".join(line.split()) for line in printable(holder.address).split("\n")]
    lines = [*filter(None, lines)]
    parts = structured(lines, holder.locale)
    if parts is None:
        parts = [("AdrLine", line) for line in lines[:_MAX_ADDRESS_LINES]]
    return "".join(_element(name, _cut(text, _MAX_ADDRESS_LINE_LENGTH)) for name, text in parts)


def _institution(issuer: Issuer, form: Form) -> str:
    """Return the issuer's identifiers. ``Othr`` is always there, since some readers require it."""
    other = issuer.bic or issuer.lei or _NOT_PROVIDED
    return (
        _element("BIC" if form.is_oldest else "BICFI", issuer.bic)
        + _element("LEI", "" if form.is_oldest else issuer.lei)
        + _element("Nm", _cut(issuer.name, MAX_NAME_LENGTH))
        + _element("Othr", _element("Id", other))
    )


def _bank_transaction_code(kind: str, form: Form, *, is_credit: bool) -> str:
    code = bank_transaction_code(kind, form.codes, is_credit=is_credit)
    family = f"<Cd>{code.family}</Cd><SubFmlyCd>{code.sub_family}</SubFmlyCd>"
    proprietary = _cut(kind, MAX_REFERENCE_LENGTH) or "other"
    return (
        f"<BkTxCd><Domn><Cd>{code.domain}</Cd><Fmly>{family}</Fmly></Domn>"
        f"<Prtry><Cd>{proprietary}</Cd></Prtry></BkTxCd>"
    )


def _references(line: StatementLine, reference: str) -> str:
    """Return the references of an entry; ``reference`` is its own, cut."""
    found = f"<AcctSvcrRef>{reference}</AcctSvcrRef>" if reference else ""
    if line.customer_reference:
        found += _element("EndToEndId", _cut(line.customer_reference, MAX_REFERENCE_LENGTH))
    if line.transaction_reference:
        found += _element("TxId", _cut(line.transaction_reference, MAX_REFERENCE_LENGTH))
    if reference:
        found += f"<Prtry><Tp>{_REFERENCE_TYPE}</Tp><Ref>{reference}</Ref></Prtry>"
    return _element("Refs", found)


def _summary(statement: Statement, form: Form) -> Iterator[str]:
    code = statement.currency
    net_minor = statement.credit_minor - statement.debit_minor
    credit_count = sum(line.amount_minor >= 0 for line in statement.lines)
    yield f"<TxsSummry><TtlNtries><NbOfNtries>{statement.line_count}</NbOfNtries>"
    yield f"<Sum>{_decimal(statement.credit_minor + statement.debit_minor, code)}</Sum>"
    net, side = _decimal(abs(net_minor), code), _credit_or_debit(net_minor)
    if form.is_oldest:
        yield f"<TtlNetNtryAmt>{net}</TtlNetNtryAmt>{side}</TtlNtries>"
    else:
        yield f"<TtlNetNtry><Amt>{net}</Amt>{side}</TtlNetNtry></TtlNtries>"
    for name, count, total_minor in (
        ("TtlCdtNtries", credit_count, statement.credit_minor),
        ("TtlDbtNtries", statement.line_count - credit_count, statement.debit_minor),
    ):
        yield f"<{name}><NbOfNtries>{count}</NbOfNtries>"
        yield f"<Sum>{_decimal(total_minor, code)}</Sum></{name}>"
    yield "</TxsSummry>\n"


def _entries(statement: Statement, form: Form) -> Iterator[str]:
    code, decimal, is_oldest = statement.currency, major_writer(statement.currency), form.is_oldest
    status = "<Sts>BOOK</Sts>" if is_oldest else "<Sts><Cd>BOOK</Cd></Sts>"
    kinds: dict[tuple[str, bool], str] = {}
    for line in statement.lines:
        # This is done for each line: what many lines share is kept.
        is_credit = line.amount_minor >= 0
        own = f'<Amt Ccy="{code}">{decimal(abs(line.amount_minor))}</Amt>'
        amount = f"{own}<CdtDbtInd>{'CRDT' if is_credit else 'DBIT'}</CdtDbtInd>"
        reference = _cut(line.reference, MAX_REFERENCE_LENGTH)
        kind = kinds.get((line.kind, is_credit))
        if kind is None:
            kind = _bank_transaction_code(line.kind, form, is_credit=is_credit)
            kinds[line.kind, is_credit] = kind
        original = _original(line, code) if line.original else ""
        details = (
            f"{amount}{_element('AmtDtls', original)}"
            if not is_oldest
            else f"<AmtDtls>{original}<TxAmt>{own}</TxAmt></AmtDtls>"
        )
        parties = _parties(
            "Dbtr" if is_credit else "Cdtr",
            line.counterparty or "",
            line.counterparty_account or "",
            is_oldest=is_oldest,
        )
        value_date = line.value_date
        yield (
            f"<Ntry><NtryRef>{line.line_number}</NtryRef>{amount}{status}"
            f"<BookgDt><Dt>{line.posted_on.isoformat()}</Dt></BookgDt>"
            f"{f'<ValDt><Dt>{value_date}</Dt></ValDt>' if value_date else ''}"
            f"{f'<AcctSvcrRef>{reference}</AcctSvcrRef>' if reference else ''}{kind}"
            f"<NtryDtls><TxDtls>{_references(line, reference)}{details}"
            f"{'' if line.interest_rate is None else _interest(line, amount, is_oldest=is_oldest)}"
            f"{parties}{_remittance(line.description)}</TxDtls></NtryDtls></Ntry>\n"
        )


@lru_cache(maxsize=_MANY)
def _parties(role: str, name: str, account: str, *, is_oldest: bool) -> str:
    named = _element("Nm", _cut(name, MAX_NAME_LENGTH))
    named = named if is_oldest else _element("Pty", named)
    party = _element(role, named) + _element(f"{role}Acct", _party_account(account))
    return _element("RltdPties", party)


@lru_cache(maxsize=_MANY)
def _remittance(description: str) -> str:
    text = printable(description)
    texts = [
        text[at : at + _MAX_REMITTANCE_LENGTH] for at in range(0, len(text), _MAX_REMITTANCE_LENGTH)
    ]
    return _element("RmtInf", "".join(f"<Ustrd>{escape(piece)}</Ustrd>" for piece in texts))


def _original(line: StatementLine, code: str) -> str:
    original = line.original
    if original is None:
        return ""
    amount = _decimal(abs(original.amount_minor), original.currency)
    return (
        f'<InstdAmt><Amt Ccy="{original.currency}">{amount}</Amt><CcyXchg>'
        f"<SrcCcy>{original.currency}</SrcCcy><TrgtCcy>{code}</TrgtCcy>"
        f"<UnitCcy>{original.currency}</UnitCcy><XchgRate>{original.rate:f}</XchgRate>"
        "</CcyXchg></InstdAmt>"
    )


def _interest(line: StatementLine, amount: str, *, is_oldest: bool) -> str:
    rate = f"<Rate><Tp><Pctg>{line.interest_rate:f}</Pctg></Tp></Rate>"
    record = amount + rate
    return _element("Intrst", record if is_oldest else _element("Rcrd", record))


def _party_account(text: str) -> str:
    account = account_text(text)
    if iban_of(account) is not None:
        return f"<Id><IBAN>{account}</IBAN></Id>"
    return _element("Id", _element("Othr", _element("Id", escape(account))))


def account_text(text: str) -> str:
    """Return an account number as the XML has it: an IBAN without blanks, else cut to its limit."""
    plain = " ".join(printable(text).split())
    return iban_of(plain) or plain[:_MAX_ACCOUNT_LENGTH]


def _amount(amount_minor: int, code: str) -> str:
    amount = f'<Amt Ccy="{code}">{_decimal(abs(amount_minor), code)}</Amt>'
    return amount + _credit_or_debit(amount_minor)


def _credit_or_debit(amount_minor: int) -> str:
    return f"<CdtDbtInd>{'DBIT' if amount_minor < 0 else 'CRDT'}</CdtDbtInd>"


def _decimal(amount_minor: int, code: str) -> str:
    return major_text(amount_minor, code)


def _cut(text: str, length: int) -> str:
    """Return the first characters of the text, on one line and escaped for XML."""
    if _PLAIN.fullmatch(text):
        return text[:length]  # most references: this saves time
    return escape(" ".join(printable(text).split())[:length])


def _element(name: str, content: str) -> str:
    """Return an XML element around this markup; an empty string when the markup is empty."""
    return f"<{name}>{content}</{name}>" if content else ""


def _refuse_many_places(statement: Statement) -> None:
    originals = {line.original.currency for line in statement.lines if line.original}
    currency = max(sorted({statement.currency, *originals}), key=exponent)
    places = exponent(currency)
    if places > _MAX_PLACES:  # guard: documents.camt-decimal-places
        raise WrongData(
            "CB-DATA-TOO-MANY-DECIMAL-PLACES",
            f"the statement of account {label(statement.account_id)} has amounts in {currency}, "
            f"which has {places} decimal places in CLOSEBOOK_CURRENCIES, and camt.053 has room for "
            f"{_MAX_PLACES}: its month is closed, and it gets no document",
        )


def _refuse_long_amounts(statement: Statement) -> None:
    largest = max(
        statement.credit_minor + statement.debit_minor,
        *(abs(minor) for minor in (statement.opening_minor, statement.closing_minor)),
        *(abs(line.balance_minor) for line in statement.lines),
        *(abs(line.original.amount_minor) for line in statement.lines if line.original),
        statement.overdraft_limit_minor or 0,
    )
    if largest >= 10**_MAX_DIGITS:
        raise WrongData(
            "CB-DATA-AMOUNT-TOO-LONG",
            f"the statement of account {label(statement.account_id)} has an amount of {largest} "
            f"minor units, and camt.053 has room for {_MAX_DIGITS} digits: "
            "correct the ledger entries of this account on the platform",
        )
