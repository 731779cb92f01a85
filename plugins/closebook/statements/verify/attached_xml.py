"""Read the statement from the XML of a received PDF, and compute its totals again."""

import re
from datetime import date
from decimal import Decimal
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from closebook.environment import CAMT053_VERSIONS, OLDEST_CAMT053
from closebook.statements.formats.camt053 import NAMESPACE
from closebook.statements.model import FEE, Original
from closebook.statements.verify.attached_statement import (
    AttachedLine,
    AttachedStatement,
    refuse_wrong_totals,
)
from closebook.statements.verify.attached_values import (
    PERCENT,
    comparable,
    day_of,
    decimals_of,
    minor_of,
    number_of,
    rate_of,
)
from closebook.statements.verify.untrusted_pdf import CheckFailed

_IDENTIFIER = re.compile(r"(\d{1,19})-(.{1,20}?)(?:~([A-Z]{3}))?-(\d{1,9})")
_TRANSACTION_DETAILS = "NtryDtls/TxDtls"
_OWN_REFERENCES = ("Refs/AcctSvcrRef", "Refs/Prtry/Ref")
# The path of an element in later versions, and its path in camt.053.001.02.
_PATHS_OF_OLDEST = {
    "Acct/Svcr/FinInstnId/BICFI": "Acct/Svcr/FinInstnId/BIC",
    f"{_TRANSACTION_DETAILS}/RltdPties/*/Pty/Nm": f"{_TRANSACTION_DETAILS}/RltdPties/*/Nm",
    f"{_TRANSACTION_DETAILS}/Intrst/Rcrd": f"{_TRANSACTION_DETAILS}/Intrst",
}


def read_xml(content: bytes) -> AttachedStatement:
    """Return the statement as the camt.053 attachment states it.

    Its totals are computed again. Raises CheckFailed for XML that declares entities or a document
    type, is not a statement, or does not add up.
    """
    try:
        root = fromstring(content, forbid_dtd=True)
    except DefusedXmlException as error:
        raise CheckFailed(
            f"the XML declares a document type or entities ({type(error).__name__}), and a "
            "statement does not"
        ) from error
    except (ParseError, ValueError, LookupError) as error:
        raise CheckFailed(f"the XML cannot be read: {error}") from error
    return _XmlReader(root).read()


class _XmlReader:
    def __init__(self, root: Element) -> None:
        namespace = root.tag.partition("}")[0].removeprefix("{")
        self._version = namespace.removeprefix(NAMESPACE)
        # guard: verify.version-of-camt-is-known
        if not namespace.startswith(NAMESPACE) or self._version not in CAMT053_VERSIONS:
            raise CheckFailed("the XML is no camt.053 of a version that Closebook writes")
        self._statement = self._one(root, "BkToCstmrStmt/Stmt")
        self._currency = self._text(self._statement, "Acct/Ccy")
        self._decimals = decimals_of(self._currency)

    def read(self) -> AttachedStatement:
        statement = self._statement
        identifier = _IDENTIFIER.fullmatch(self._text(statement, "Id"))
        if identifier is None:
            raise CheckFailed("the XML's identifier does not have the form that Closebook writes")
        if identifier[3] not in (None, self._currency):
            raise CheckFailed(f"the XML's identifier is of {identifier[3]}, not {self._currency}")
        opening, closing = (
            self._signed(self._one(statement, f"Bal[{place}]"), f"the {name} balance")
            for place, name in ((1, "opening"), (2, "closing"))
        )
        kinds = [self._text(balance, "Tp/CdOrPrtry/Cd") for balance in self._all(statement, "Bal")]
        if kinds != ["OPBD", "CLBD"]:
            raise CheckFailed("the XML does not have one opening and one closing balance")
        lines, fee_minor = self._lines(opening)
        attached = AttachedStatement(
            currency=self._currency,
            first_day=day_of(self._text(statement, "FrToDt/FrDtTm").partition("T")[0], "the XML"),
            last_day=day_of(self._text(statement, "FrToDt/ToDtTm").partition("T")[0], "the XML"),
            opening_minor=opening,
            closing_minor=closing,
            credit_minor=self._sum("TtlCdtNtries"),
            debit_minor=self._sum("TtlDbtNtries"),
            lines=lines,
            account_reference=identifier[2],
            account_number=self._account_number(),
            fee_minor=fee_minor,
            number=self._texts(statement, "LglSeqNb"),
            bic=self._texts(statement, "Acct/Svcr/FinInstnId/BICFI"),
            overdraft_limit_minor=self._overdraft_limit(),
        )
        refuse_wrong_totals(attached, "the XML")
        self._check_summary(attached)
        return attached

    def _overdraft_limit(self) -> int | None:
        if not self._all(self._statement, "Bal/CdtLine"):
            return None
        amount = self._one(self._statement, "Bal/CdtLine/Amt")
        if amount.get("Ccy") != self._currency:
            raise CheckFailed(f"the overdraft limit of the XML is not in {self._currency}")
        return self._minor(amount.text or "", "the overdraft limit")

    def _account_number(self) -> str:
        found = self._all(self._statement, "Acct/Id/IBAN")
        if found:
            return self._text(self._statement, "Acct/Id/IBAN")
        return self._text(self._statement, "Acct/Id/Othr/Id")

    def _lines(self, opening_minor: int) -> tuple[tuple[AttachedLine, ...], int]:
        balance_minor, fee_minor, lines = opening_minor, 0, []
        for place, entry in enumerate(self._all(self._statement, "Ntry"), start=1):
            amount_minor = self._signed(entry, f"line {place}")
            self._check_details(entry, amount_minor, f"line {place}")
            balance_minor += amount_minor
            if self._text(entry, "BkTxCd/Prtry/Cd") == FEE:
                fee_minor -= amount_minor
            lines.append(
                AttachedLine(
                    number=number_of(self._text(entry, "NtryRef")),
                    day=day_of(self._text(entry, "BookgDt/Dt"), f"line {place} of the XML"),
                    amount_minor=amount_minor,
                    balance_minor=balance_minor,
                    kind=self._texts(entry, "BkTxCd/Prtry/Cd"),
                    reference=self._texts(entry, "AcctSvcrRef"),
                    counterparty=self._texts(entry, f"{_TRANSACTION_DETAILS}/RltdPties/*/Pty/Nm"),
                    description=self._texts(entry, f"{_TRANSACTION_DETAILS}/RmtInf/Ustrd"),
                    value_date=self._value_date(entry, f"line {place} of the XML"),
                    original=self._original(entry, f"the original amount of line {place}"),
                    counterparty_account=self._party_account(entry),
                    customer_reference=self._texts(
                        entry, f"{_TRANSACTION_DETAILS}/Refs/EndToEndId"
                    ),
                    interest_rate=self._interest_rate(entry, f"line {place} of the XML"),
                )
            )
        return tuple(lines), fee_minor

    def _value_date(self, entry: Element, what: str) -> date | None:
        if not self._all(entry, "ValDt"):
            return None
        return day_of(self._text(entry, "ValDt/Dt"), what)

    def _original(self, entry: Element, what: str) -> Original | None:
        if not self._all(entry, f"{_TRANSACTION_DETAILS}/AmtDtls/InstdAmt"):
            return None
        instructed = self._one(entry, f"{_TRANSACTION_DETAILS}/AmtDtls/InstdAmt")
        amount = self._one(instructed, "Amt")
        currency = amount.get("Ccy", "")
        minor = minor_of(amount.text or "", decimals_of(currency), f"{what} of the XML")
        exchange = [
            self._text(instructed, f"CcyXchg/{name}") for name in ("SrcCcy", "TrgtCcy", "UnitCcy")
        ]
        if exchange != [currency, self._currency, currency]:  # guard: verify.exchange-of-currencies
            raise CheckFailed(f"{what} of the XML is exchanged between other currencies")
        rate = self._text(instructed, "CcyXchg/XchgRate")
        is_debit = self._text(entry, "CdtDbtInd") == "DBIT"
        return Original(
            -minor if is_debit else minor, currency, rate_of(rate, f"{what} of the XML")
        )

    def _interest_rate(self, entry: Element, what: str) -> Decimal | None:
        record = f"{_TRANSACTION_DETAILS}/Intrst/Rcrd"
        if not self._all(entry, record):
            return None
        found = self._one(entry, record)
        interest_minor = self._signed(found, f"the interest of {what}")
        # guard: verify.interest-is-that-of-the-entry
        if interest_minor != self._signed(entry, what):
            raise CheckFailed(f"{what} has another amount of interest in its details")
        return rate_of(self._text(found, "Rate/Tp/Pctg"), what, "the rate of interest", PERCENT)

    def _party_account(self, entry: Element) -> str:
        paths = (f"{_TRANSACTION_DETAILS}/RltdPties/{role}Acct/Id" for role in ("Dbtr", "Cdtr"))
        found = [each for path in paths for each in self._all(entry, path)]
        return "".join(self._texts(each, path) for each in found for path in ("IBAN", "Othr/Id"))

    def _check_details(self, entry: Element, amount_minor: int, what: str) -> None:
        """Raise CheckFailed if the details have another amount or reference than their entry.

        Some programs read the details, and not amount and reference of the entry. Older statements
        have neither in the details.
        """
        reference = self._texts(entry, "AcctSvcrRef")
        for details in self._all(entry, _TRANSACTION_DETAILS):
            # guard: verify.details-are-those-of-the-entry
            if self._all(details, "Amt") and self._signed(details, what) != amount_minor:
                raise CheckFailed(f"{what} of the XML has another amount in its details")
            for own in self._all(details, "AmtDtls/TxAmt/Amt"):
                if self._minor(own.text or "", what) != abs(amount_minor):
                    raise CheckFailed(f"{what} of the XML has another amount in its details")
            references = (it for path in _OWN_REFERENCES for it in self._all(details, path))
            for found in references:
                if comparable(found.text or "") != reference:
                    raise CheckFailed(f"{what} of the XML has another reference in its details")

    def _check_summary(self, attached: AttachedStatement) -> None:
        credit_count = sum(line.amount_minor >= 0 for line in attached.lines)
        for name, expected in (
            ("TtlNtries", len(attached.lines)),
            ("TtlCdtNtries", credit_count),
            ("TtlDbtNtries", len(attached.lines) - credit_count),
        ):
            stated = self._text(self._statement, f"TxsSummry/{name}/NbOfNtries")
            if number_of(stated) != expected:
                raise CheckFailed(f"the XML states {stated} entries ({name}), and has {expected}")
        for stated_minor, expected_minor in (
            (self._sum("TtlNtries"), attached.credit_minor + attached.debit_minor),
            (self._net_minor(), attached.credit_minor - attached.debit_minor),
        ):
            if stated_minor != expected_minor:
                raise CheckFailed(
                    f"the XML's summary says {attached.money(stated_minor)}, and its lines make "
                    f"{attached.money(expected_minor)}"
                )

    def _net_minor(self) -> int:
        totals = self._one(self._statement, "TxsSummry/TtlNtries")
        if self._version != OLDEST_CAMT053:
            return self._signed(self._one(totals, "TtlNetNtry"), "the net total")
        minor = self._minor(self._text(totals, "TtlNetNtryAmt"), "the net total")
        return minor * self._sign(totals, "the net total")

    def _sum(self, name: str) -> int:
        return self._minor(self._text(self._statement, f"TxsSummry/{name}/Sum"), f"the sum {name}")

    def _signed(self, element: Element, what: str) -> int:
        amount = self._one(element, "Amt")
        if amount.get("Ccy", self._currency) != self._currency:
            raise CheckFailed(f"{what} of the XML is not in {self._currency}")
        return self._minor(amount.text or "", what) * self._sign(element, what)

    def _sign(self, element: Element, what: str) -> int:
        side = self._text(element, "CdtDbtInd")
        if side not in ("CRDT", "DBIT"):
            raise CheckFailed(f"{what} of the XML is neither a credit nor a debit")
        return -1 if side == "DBIT" else 1

    def _minor(self, text: str, what: str) -> int:
        if text.startswith("-"):
            raise CheckFailed(f"{what} of the XML has a sign")
        return minor_of(text, self._decimals, f"{what} of the XML")

    def _text(self, element: Element, path: str) -> str:
        return self._one(element, path).text or ""

    def _texts(self, element: Element, path: str) -> str:
        return comparable("".join(found.text or "" for found in self._all(element, path)))

    def _one(self, element: Element, path: str) -> Element:
        found = self._all(element, path)
        if len(found) != 1:
            raise CheckFailed(f"the XML has {len(found)} elements {path}, and a statement has one")
        return found[0]

    def _all(self, element: Element, path: str) -> list[Element]:
        if self._version == OLDEST_CAMT053:
            path = _PATHS_OF_OLDEST.get(path, path)
        return element.findall(
            "/".join(f"{{{NAMESPACE}{self._version}}}{step}" for step in path.split("/"))
        )
