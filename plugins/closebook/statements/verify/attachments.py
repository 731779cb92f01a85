"""Read the statement from an attachment of a received PDF, and compute its totals again."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from io import StringIO
from typing import Any, NoReturn
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from closebook.environment import CAMT053_VERSIONS, OLDEST_CAMT053
from closebook.errors import WrongData
from closebook.money import exponent, format_minor
from closebook.statements.formats.camt053 import (
    MAX_NAME_LENGTH,
    MAX_REFERENCE_LENGTH,
    NAMESPACE,
    account_text,
)
from closebook.statements.formats.statement_csv import (
    COLUMNS,
    COLUMNS_OF_DETAILS,
    COLUMNS_OF_MORE_DETAILS,
    COLUMNS_WITHOUT_MINOR_UNITS,
    OVERDRAFT_LIMIT,
    original_text,
    original_text_of_older_csv,
)
from closebook.statements.model import FEE, Original
from closebook.statements.verify.untrusted_pdf import CheckFailed

_AMOUNT = re.compile(r"(-?)(\d{1,18})(?:\.(\d{1,5}))?", re.ASCII)
_WITH_POWER_OF_TEN = re.compile(r"(-?\d{1,18})E-(\d)", re.ASCII)
_MINOR_UNITS = re.compile(r"-?\d{1,18}", re.ASCII)
_IDENTIFIER = re.compile(r"(\d{1,19})-(.{1,20}?)(?:~([A-Z]{3}))?-(\d{1,9})")
_PERCENT = re.compile(r"-?\d{1,11}(?:\.\d{1,10}|E-?\d{1,2})?", re.ASCII)
_RATE = re.compile(r"\d{1,11}(?:\.\d{1,10}|E-?\d{1,2})?", re.ASCII)
_COUNT = re.compile(r"\d{1,9}")
_TRANSACTION_DETAILS = "NtryDtls/TxDtls"
_OWN_REFERENCES = ("Refs/AcctSvcrRef", "Refs/Prtry/Ref")
# Where camt.053.001.02 has what later versions have elsewhere.
_PATHS_OF_OLDEST = {
    "Acct/Svcr/FinInstnId/BICFI": "Acct/Svcr/FinInstnId/BIC",
    f"{_TRANSACTION_DETAILS}/RltdPties/*/Pty/Nm": f"{_TRANSACTION_DETAILS}/RltdPties/*/Nm",
    f"{_TRANSACTION_DETAILS}/Intrst/Rcrd": f"{_TRANSACTION_DETAILS}/Intrst",
}
_MAX_CELL_CHARACTERS = 1_000_000


@dataclass(frozen=True, slots=True)
class AttachedLine:
    """A line as an attachment states it; ``balance_minor`` is the balance after this line.

    Each text is on one line, and is cut to the length that the XML allows.
    """

    number: int
    day: date
    amount_minor: int
    balance_minor: int
    kind: str
    reference: str = field(repr=False)
    counterparty: str = field(repr=False)
    description: str = field(repr=False)
    value_date: date | None = None
    original: Original | None = None
    counterparty_account: str = field(default="", repr=False)
    customer_reference: str = field(default="", repr=False)
    interest_rate: Decimal | None = None


@dataclass(frozen=True, slots=True)
class AttachedStatement:
    """A statement as the XML or the CSV attachment states it.

    A field is None when the attachment does not have it. ``account_reference`` is what
    `closebook.keys.short_reference` gives for the account.
    """

    currency: str
    first_day: date
    last_day: date
    opening_minor: int
    closing_minor: int
    credit_minor: int
    debit_minor: int
    lines: tuple[AttachedLine, ...] = field(repr=False)
    account_reference: str | None = None
    account_number: str | None = field(default=None, repr=False)
    fee_minor: int | None = None
    number: str | None = None
    bic: str | None = None
    overdraft_limit_minor: int | None = None

    def money(self, amount_minor: int) -> str:
        """Return an amount as text with its currency, for the report."""
        return format_minor(amount_minor, self.currency, "en", with_currency=True)


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


def read_csv(content: bytes) -> AttachedStatement:
    """Return the statement as the CSV attachment states it.

    Its totals are computed again. Raises CheckFailed when it is not a statement, or does not add
    up.
    """
    try:
        csv.field_size_limit(_MAX_CELL_CHARACTERS)
        rows = list(csv.reader(StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
    except (csv.Error, UnicodeDecodeError) as error:
        raise CheckFailed(f"the CSV cannot be read: {error}") from error
    return _CsvReader(rows).read()


class _XmlReader:
    def __init__(self, root: Element) -> None:
        namespace = root.tag.partition("}")[0].removeprefix("{")
        self._version = namespace.removeprefix(NAMESPACE)
        # guard: verify.version-of-camt-is-known
        if not namespace.startswith(NAMESPACE) or self._version not in CAMT053_VERSIONS:
            raise CheckFailed("the XML is no camt.053 of a version that Closebook writes")
        self._statement = self._one(root, "BkToCstmrStmt/Stmt")
        self._currency = self._text(self._statement, "Acct/Ccy")
        self._decimals = _decimals(self._currency)

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
            first_day=_day(self._text(statement, "FrToDt/FrDtTm").partition("T")[0], "the XML"),
            last_day=_day(self._text(statement, "FrToDt/ToDtTm").partition("T")[0], "the XML"),
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
        _check_totals(attached, "the XML")
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
                    number=_number(self._text(entry, "NtryRef")),
                    day=_day(self._text(entry, "BookgDt/Dt"), f"line {place} of the XML"),
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
        return _day(self._text(entry, "ValDt/Dt"), what)

    def _original(self, entry: Element, what: str) -> Original | None:
        if not self._all(entry, f"{_TRANSACTION_DETAILS}/AmtDtls/InstdAmt"):
            return None
        instructed = self._one(entry, f"{_TRANSACTION_DETAILS}/AmtDtls/InstdAmt")
        amount = self._one(instructed, "Amt")
        currency = amount.get("Ccy", "")
        minor = _minor(amount.text or "", _decimals(currency), f"{what} of the XML")
        exchange = [
            self._text(instructed, f"CcyXchg/{name}") for name in ("SrcCcy", "TrgtCcy", "UnitCcy")
        ]
        if exchange != [currency, self._currency, currency]:  # guard: verify.exchange-of-currencies
            raise CheckFailed(f"{what} of the XML is exchanged between other currencies")
        rate = self._text(instructed, "CcyXchg/XchgRate")
        is_debit = self._text(entry, "CdtDbtInd") == "DBIT"
        return Original(-minor if is_debit else minor, currency, _rate(rate, f"{what} of the XML"))

    def _interest_rate(self, entry: Element, what: str) -> Decimal | None:
        record = f"{_TRANSACTION_DETAILS}/Intrst/Rcrd"
        if not self._all(entry, record):
            return None
        found = self._one(entry, record)
        # guard: verify.interest-is-that-of-the-entry
        if self._signed(found, f"the interest of {what}") != self._signed(entry, what):
            raise CheckFailed(f"{what} has another amount of interest in its details")
        return _rate(self._text(found, "Rate/Tp/Pctg"), what, "the rate of interest", _PERCENT)

    def _party_account(self, entry: Element) -> str:
        paths = (f"{_TRANSACTION_DETAILS}/RltdPties/{role}Acct/Id" for role in ("Dbtr", "Cdtr"))
        found = [each for path in paths for each in self._all(entry, path)]
        return "".join(self._texts(each, path) for each in found for path in ("IBAN", "Othr/Id"))

    def _check_details(self, entry: Element, amount_minor: int, what: str) -> None:
        """Raise CheckFailed if the details have another amount or reference than their entry.

        Some programs read these, and not those of the entry. Older statements have neither.
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
                if _comparable(found.text or "") != reference:
                    raise CheckFailed(f"{what} of the XML has another reference in its details")

    def _check_summary(self, attached: AttachedStatement) -> None:
        credit_count = sum(line.amount_minor >= 0 for line in attached.lines)
        for name, expected in (
            ("TtlNtries", len(attached.lines)),
            ("TtlCdtNtries", credit_count),
            ("TtlDbtNtries", len(attached.lines) - credit_count),
        ):
            stated = self._text(self._statement, f"TxsSummry/{name}/NbOfNtries")
            if _number(stated) != expected:
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
        return _minor(text, self._decimals, f"{what} of the XML")

    def _text(self, element: Element, path: str) -> str:
        return self._one(element, path).text or ""

    def _texts(self, element: Element, path: str) -> str:
        return _comparable("".join(found.text or "" for found in self._all(element, path)))

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


class _CsvReader:
    def __init__(self, rows: list[list[str]]) -> None:
        columns = tuple(rows[0]) if rows else ()
        with_details = (*COLUMNS, *COLUMNS_OF_DETAILS)
        with_more = (*with_details, *COLUMNS_OF_MORE_DETAILS)
        known = (COLUMNS, with_details, with_more, COLUMNS_WITHOUT_MINOR_UNITS)
        if columns not in known or any(len(row) != len(columns) for row in rows):
            raise CheckFailed("the CSV does not have a statement's columns")
        self._has_details = columns in (with_details, with_more)
        self._has_more_details = columns == with_more
        self._has_minor_units = columns != COLUMNS_WITHOUT_MINOR_UNITS
        self._original_text = original_text if self._has_minor_units else original_text_of_older_csv
        self._rows = [dict(zip(columns, row, strict=True)) for row in rows[1:]]
        has_limit = bool(self._rows) and self._rows[-1]["record"] == OVERDRAFT_LIMIT
        self._limit = self._rows.pop() if has_limit else None
        records = [row["record"] for row in self._rows]
        count = len(records) - 4
        if records != ["opening", *["line"] * count, "credits", "debits", "closing"]:
            raise CheckFailed(
                "the CSV does not have an opening, lines, credits, debits and a closing"
            )
        self._currency = self._rows[0]["currency"]
        self._decimals = _decimals(self._currency)
        stated = [*self._rows, *([self._limit] if self._limit else [])]
        if {row["currency"] for row in stated} != {self._currency}:
            raise CheckFailed("the CSV has more than one currency")
        if self._has_minor_units and {row["currency_exponent"] for row in stated} != {
            str(self._decimals)
        }:
            raise CheckFailed(f"the CSV has another exponent than that of {self._currency}")

    def read(self) -> AttachedStatement:
        opening, *lines, credit, debit, closing = self._rows
        attached = AttachedStatement(
            currency=self._currency,
            first_day=_day(opening["date"], "the opening of the CSV"),
            last_day=_day(closing["date"], "the closing of the CSV"),
            opening_minor=self._minor(opening, "balance", "the opening"),
            closing_minor=self._minor(closing, "balance", "the closing"),
            credit_minor=self._minor(credit, "amount", "the credits"),
            debit_minor=-self._minor(debit, "amount", "the debits"),
            lines=tuple(self._lines(lines)),
            overdraft_limit_minor=None
            if self._limit is None
            else self._minor(self._limit, "amount", "the overdraft limit"),
        )
        _check_totals(attached, "the CSV")
        return attached

    def _lines(self, rows: list[dict[str, str]]) -> Iterator[AttachedLine]:
        for place, row in enumerate(rows, start=1):
            yield AttachedLine(
                number=_number(row["line_number"]),
                day=_day(row["date"], f"line {place} of the CSV"),
                amount_minor=self._minor(row, "amount", f"line {place}"),
                balance_minor=self._minor(row, "balance", f"the balance of line {place}"),
                kind=self._text(row["kind"], MAX_REFERENCE_LENGTH) or "other",
                reference=self._text(row["reference"], MAX_REFERENCE_LENGTH),
                counterparty=self._text(row["counterparty"], MAX_NAME_LENGTH),
                description=self._text(row["description"]),
                **self._details(row, f"line {place} of the CSV"),
            )

    def _details(self, row: dict[str, str], what: str) -> dict[str, Any]:
        if not self._has_details:
            return {}
        value_date, account = row["value_date"], self._original_text(row["counterparty_account"])
        return {
            "value_date": _day(value_date, what) if value_date else None,
            "original": self._original(row, f"the original amount of {what}"),
            "counterparty_account": _comparable(account_text(account)),
            **(self._more_details(row, what) if self._has_more_details else {}),
        }

    def _more_details(self, row: dict[str, str], what: str) -> dict[str, Any]:
        rate = row["interest_rate"]
        return {
            "customer_reference": self._text(row["customer_reference"], MAX_REFERENCE_LENGTH),
            "interest_rate": _rate(rate, what, "the rate of interest", _PERCENT) if rate else None,
        }

    def _original(self, row: dict[str, str], what: str) -> Original | None:
        cells = {name: row[name] for name in COLUMNS_OF_DETAILS if "original" in name}
        cells["exchange_rate"] = row["exchange_rate"]
        if not any(cells.values()):
            return None
        currency = cells["original_currency"]
        decimals = _decimals(currency)
        if cells["original_currency_exponent"] != str(decimals):
            raise CheckFailed(f"{what} has another exponent than that of {currency}")
        minor = _minor_of_csv(cells["original_amount"], decimals, what)
        _refuse_other_minor_units(minor, cells["original_amount_minor"], what)
        return Original(minor, currency, _rate(cells["exchange_rate"], what))

    def _text(self, cell: str, length: int | None = None) -> str:
        return _comparable(self._original_text(cell), length)

    def _minor(self, row: dict[str, str], column: str, what: str) -> int:
        what = f"{what} of the CSV"
        minor = _minor_of_csv(row[column], self._decimals, what)
        if self._has_minor_units:
            _refuse_other_minor_units(minor, row[f"{column}_minor"], what)
        return minor


def _check_totals(attached: AttachedStatement, name: str) -> None:
    balance_minor, day = attached.opening_minor, attached.first_day
    for place, line in enumerate(attached.lines, start=1):
        if line.number != place:
            raise CheckFailed(f"line {place} of {name} has the number {line.number}")
        if not day <= line.day <= attached.last_day:
            raise CheckFailed(
                f"line {place} of {name} has the day {line.day}, which is out of order or outside "
                "the period"
            )
        day = line.day
        balance_minor += line.amount_minor
        if line.balance_minor != balance_minor:
            raise CheckFailed(
                f"line {place} of {name} has the balance {attached.money(line.balance_minor)}, and "
                f"the lines so far make {attached.money(balance_minor)}"
            )
    if attached.closing_minor != balance_minor:
        raise CheckFailed(
            f"opening {attached.money(attached.opening_minor)} and the {len(attached.lines)} lines "
            f"of {name} make {attached.money(balance_minor)}, and its closing is "
            f"{attached.money(attached.closing_minor)}"
        )
    credit_minor = sum(line.amount_minor for line in attached.lines if line.amount_minor > 0)
    debit_minor = -sum(line.amount_minor for line in attached.lines if line.amount_minor < 0)
    for total, stated_minor, computed_minor in (
        ("credits", attached.credit_minor, credit_minor),
        ("debits", attached.debit_minor, debit_minor),
    ):
        if stated_minor != computed_minor:
            raise CheckFailed(
                f"the {total} of {name} are {attached.money(stated_minor)}, and its lines make "
                f"{attached.money(computed_minor)}"
            )


def _comparable(text: str, length: int | None = None) -> str:
    """Return a text in the form in which XML and CSV are compared.

    It is on one line, at most as long as the XML allows, and without an apostrophe that an older
    CSV may have put in front.
    """
    cut = " ".join(text.split())[:length]
    return " ".join(original_text_of_older_csv(cut).split())


def _decimals(currency: str) -> int:
    try:
        return exponent(currency)
    except WrongData as error:
        raise CheckFailed(f"{currency[:10]!r} is no currency with a minor unit") from error


def _minor(text: str, decimals: int, what: str) -> int:
    found = _AMOUNT.fullmatch(text)
    if found is None or len(found[3] or "") != decimals:
        _refuse_value(text, what, f"an amount with {decimals} decimals")
    return int(f"{found[1]}{found[2]}{found[3] or ''}")


def _minor_of_csv(text: str, decimals: int, what: str) -> int:
    with_power = _WITH_POWER_OF_TEN.fullmatch(text)
    if with_power is not None and int(with_power[2]) == decimals:
        return int(with_power[1])
    return _minor(text, decimals, what)


def _refuse_other_minor_units(minor: int, stated: str, what: str) -> None:
    if not _MINOR_UNITS.fullmatch(stated) or int(stated) != minor:
        raise CheckFailed(f"{what} is {minor}, and {stated[:40]!r} in minor units")


def _rate(
    text: str, what: str, name: str = "the exchange rate", form: re.Pattern[str] = _RATE
) -> Decimal:
    if not form.fullmatch(text):
        _refuse_value(text, f"{name} of {what}", "a rate")
    return Decimal(text)


def _number(text: str) -> int:
    if not _COUNT.fullmatch(text) or not text.isascii():
        _refuse_value(text, "the number of a line or a count", "a whole number")
    return int(text)


def _day(text: str, what: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        _refuse_value(text, f"the day of {what}", "a day")


def _refuse_value(text: str, what: str, wanted: str) -> NoReturn:
    raise CheckFailed(f"{what} is {text[:40]!r}, and not {wanted}")
