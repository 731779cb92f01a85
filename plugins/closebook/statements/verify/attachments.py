"""What the two twins of a received statement tell: each read by itself, and recomputed."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from io import StringIO
from typing import NoReturn
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from closebook.errors import WrongData
from closebook.money import exponent, format_minor
from closebook.statements.formats.camt053 import NAME, NAMESPACE, REFERENCE
from closebook.statements.formats.statement_csv import COLUMNS, text_of
from closebook.statements.model import FEE
from closebook.statements.verify.untrusted_pdf import Refused

_AMOUNT = re.compile(r"(-?)(\d{1,18})(?:\.(\d{1,4}))?")
_IDENTIFIER = re.compile(r"(\d{1,19})-(\d{1,19})-(\d{1,9})")
_COUNT = re.compile(r"\d{1,9}")
_DETAILS = "NtryDtls/TxDtls"
_LONGEST_CELL = 1_000_000


@dataclass(frozen=True, slots=True)
class Line:
    """A line as a twin tells it; ``balance_minor`` is the balance after it.

    Texts are on one line, and of the length that the XML has room for.
    """

    number: int
    day: date
    amount_minor: int
    balance_minor: int
    kind: str
    reference: str = field(repr=False)
    counterparty: str = field(repr=False)
    description: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Told:
    """A statement by one of its twins. What a twin does not have is None."""

    currency: str
    first_day: date
    last_day: date
    opening_minor: int
    closing_minor: int
    credit_minor: int
    debit_minor: int
    lines: tuple[Line, ...] = field(repr=False)
    account_id: int | None = None
    account_number: str | None = field(default=None, repr=False)
    fee_minor: int | None = None

    def money(self, amount_minor: int) -> str:
        """An amount in words for whoever checks, the same in every country."""
        return format_minor(amount_minor, self.currency, "en", with_currency=True)


def told_by_xml(content: bytes) -> Told:
    """What the camt.053 twin tells, once its totals were computed again and found the same.

    Raises Refused for XML that declares anything (entities, a type), is not a statement, or does
    not add up.
    """
    try:
        root = fromstring(content, forbid_dtd=True)
    except DefusedXmlException as error:
        raise Refused(
            f"the XML declares a document type or entities ({type(error).__name__}), and no "
            "statement's does"
        ) from error
    except (ParseError, ValueError, LookupError) as error:
        raise Refused(f"the XML cannot be read: {error}") from error
    return _Xml(root).told()


def told_by_csv(content: bytes) -> Told:
    """What the CSV twin tells, once its totals were computed again and found the same.

    Raises Refused when it is not a statement's, or does not add up.
    """
    try:
        csv.field_size_limit(_LONGEST_CELL)
        rows = list(csv.reader(StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
    except (csv.Error, UnicodeDecodeError) as error:
        raise Refused(f"the CSV cannot be read: {error}") from error
    return _Csv(rows).told()


class _Xml:
    def __init__(self, root: Element) -> None:
        self._statement = self._one(root, "BkToCstmrStmt/Stmt")
        self._currency = self._text(self._statement, "Acct/Ccy")
        self._places = _places(self._currency)

    def told(self) -> Told:
        statement = self._statement
        identifier = _IDENTIFIER.fullmatch(self._text(statement, "Id"))
        if identifier is None:
            raise Refused("the XML's identifier is not one of Closebook")
        opening, closing = (
            self._signed(self._one(statement, f"Bal[{place}]"), f"the {name} balance")
            for place, name in ((1, "opening"), (2, "closing"))
        )
        kinds = [self._text(balance, "Tp/CdOrPrtry/Cd") for balance in self._all(statement, "Bal")]
        if kinds != ["OPBD", "CLBD"]:
            raise Refused("the XML does not have one opening and one closing balance")
        lines, fee_minor = self._lines(opening)
        told = Told(
            currency=self._currency,
            first_day=_day(self._text(statement, "FrToDt/FrDtTm").partition("T")[0], "the XML"),
            last_day=_day(self._text(statement, "FrToDt/ToDtTm").partition("T")[0], "the XML"),
            opening_minor=opening,
            closing_minor=closing,
            credit_minor=self._sum("TtlCdtNtries"),
            debit_minor=self._sum("TtlDbtNtries"),
            lines=lines,
            account_id=int(identifier[2]),
            account_number=self._text(statement, "Acct/Id/Othr/Id"),
            fee_minor=fee_minor,
        )
        _refuse_what_does_not_add_up(told, "the XML")
        self._refuse_wrong_summary(told)
        return told

    def _lines(self, opening_minor: int) -> tuple[tuple[Line, ...], int]:
        balance_minor, fee_minor, lines = opening_minor, 0, []
        for place, entry in enumerate(self._all(self._statement, "Ntry"), start=1):
            amount_minor = self._signed(entry, f"line {place}")
            balance_minor += amount_minor
            if self._text(entry, "BkTxCd/Prtry/Cd") == FEE:
                fee_minor -= amount_minor
            lines.append(
                Line(
                    number=_number(self._text(entry, "NtryRef")),
                    day=_day(self._text(entry, "BookgDt/Dt"), f"line {place} of the XML"),
                    amount_minor=amount_minor,
                    balance_minor=balance_minor,
                    kind=self._texts(entry, "BkTxCd/Prtry/Cd"),
                    reference=self._texts(entry, "AcctSvcrRef"),
                    counterparty=self._texts(entry, f"{_DETAILS}/RltdPties/*/Pty/Nm"),
                    description=self._texts(entry, f"{_DETAILS}/RmtInf/Ustrd"),
                )
            )
        return tuple(lines), fee_minor

    def _refuse_wrong_summary(self, told: Told) -> None:
        credit_count = sum(line.amount_minor >= 0 for line in told.lines)
        for name, expected in (
            ("TtlNtries", len(told.lines)),
            ("TtlCdtNtries", credit_count),
            ("TtlDbtNtries", len(told.lines) - credit_count),
        ):
            stated = self._text(self._statement, f"TxsSummry/{name}/NbOfNtries")
            if _number(stated) != expected:
                raise Refused(
                    f"the XML says that there are {stated} entries ({name}), and has {expected}"
                )
        net = self._one(self._statement, "TxsSummry/TtlNtries/TtlNetNtry")
        for stated_minor, expected_minor in (
            (self._sum("TtlNtries"), told.credit_minor + told.debit_minor),
            (self._signed(net, "the net total"), told.credit_minor - told.debit_minor),
        ):
            if stated_minor != expected_minor:
                raise Refused(
                    f"the XML's summary says {told.money(stated_minor)}, and its lines make "
                    f"{told.money(expected_minor)}"
                )

    def _sum(self, name: str) -> int:
        return self._minor(self._text(self._statement, f"TxsSummry/{name}/Sum"), f"the sum {name}")

    def _signed(self, element: Element, what: str) -> int:
        amount = self._one(element, "Amt")
        if amount.get("Ccy", self._currency) != self._currency:
            raise Refused(f"{what} of the XML is not in {self._currency}")
        side = self._text(element, "CdtDbtInd")
        if side not in ("CRDT", "DBIT"):
            raise Refused(f"{what} of the XML is neither a credit nor a debit")
        minor = self._minor(amount.text or "", what)
        return -minor if side == "DBIT" else minor

    def _minor(self, text: str, what: str) -> int:
        if text.startswith("-"):
            raise Refused(f"{what} of the XML has a sign")
        return _minor(text, self._places, f"{what} of the XML")

    def _text(self, element: Element, path: str) -> str:
        return self._one(element, path).text or ""

    def _texts(self, element: Element, path: str) -> str:
        return _comparable("".join(found.text or "" for found in self._all(element, path)))

    def _one(self, element: Element, path: str) -> Element:
        found = self._all(element, path)
        if len(found) != 1:
            raise Refused(f"the XML has {len(found)} of {path} where a statement has one")
        return found[0]

    def _all(self, element: Element, path: str) -> list[Element]:
        return element.findall(_path(path))


class _Csv:
    def __init__(self, rows: list[list[str]]) -> None:
        if not rows or tuple(rows[0]) != COLUMNS or any(len(row) != len(COLUMNS) for row in rows):
            raise Refused("the CSV does not have a statement's columns")
        self._rows = [dict(zip(COLUMNS, row, strict=True)) for row in rows[1:]]
        records = [row["record"] for row in self._rows]
        count = len(records) - 4
        if records != ["opening", *["line"] * count, "credits", "debits", "closing"]:
            raise Refused("the CSV does not have an opening, lines, credits, debits and a closing")
        self._currency = self._rows[0]["currency"]
        self._places = _places(self._currency)
        if {row["currency"] for row in self._rows} != {self._currency}:
            raise Refused("the CSV has more than one currency")

    def told(self) -> Told:
        opening, *lines, credit, debit, closing = self._rows
        told = Told(
            currency=self._currency,
            first_day=_day(opening["date"], "the opening of the CSV"),
            last_day=_day(closing["date"], "the closing of the CSV"),
            opening_minor=self._minor(opening["balance"], "the opening"),
            closing_minor=self._minor(closing["balance"], "the closing"),
            credit_minor=self._minor(credit["amount"], "the credits"),
            debit_minor=-self._minor(debit["amount"], "the debits"),
            lines=tuple(self._lines(lines)),
        )
        _refuse_what_does_not_add_up(told, "the CSV")
        return told

    def _lines(self, rows: list[dict[str, str]]) -> Iterator[Line]:
        for place, row in enumerate(rows, start=1):
            yield Line(
                number=_number(row["line_number"]),
                day=_day(row["date"], f"line {place} of the CSV"),
                amount_minor=self._minor(row["amount"], f"line {place}"),
                balance_minor=self._minor(row["balance"], f"the balance of line {place}"),
                kind=_comparable(row["kind"], REFERENCE) or "other",
                reference=_comparable(row["reference"], REFERENCE),
                counterparty=_comparable(row["counterparty"], NAME),
                description=_comparable(row["description"]),
            )

    def _minor(self, text: str, what: str) -> int:
        return _minor(text, self._places, f"{what} of the CSV")


def _refuse_what_does_not_add_up(told: Told, twin: str) -> None:
    balance_minor, day = told.opening_minor, told.first_day
    for place, line in enumerate(told.lines, start=1):
        if line.number != place:
            raise Refused(f"line {line.number} of {twin} stands where line {place} belongs")
        if not day <= line.day <= told.last_day:
            raise Refused(f"line {place} of {twin} is of {line.day}, out of order or of the period")
        day = line.day
        balance_minor += line.amount_minor
        if line.balance_minor != balance_minor:
            raise Refused(
                f"line {place} of {twin} has the balance {told.money(line.balance_minor)}, and the "
                f"lines so far make {told.money(balance_minor)}"
            )
    if told.closing_minor != balance_minor:
        raise Refused(
            f"opening {told.money(told.opening_minor)} and the {len(told.lines)} lines of {twin} "
            f"make {told.money(balance_minor)}, and its closing is {told.money(told.closing_minor)}"
        )
    credit_minor = sum(line.amount_minor for line in told.lines if line.amount_minor > 0)
    debit_minor = -sum(line.amount_minor for line in told.lines if line.amount_minor < 0)
    for name, stated_minor, made_minor in (
        ("credits", told.credit_minor, credit_minor),
        ("debits", told.debit_minor, debit_minor),
    ):
        if stated_minor != made_minor:
            raise Refused(
                f"the {name} of {twin} are {told.money(stated_minor)}, and its lines make "
                f"{told.money(made_minor)}"
            )


def _path(path: str) -> str:
    return "/".join(f"{{{NAMESPACE}}}{step}" for step in path.split("/"))


def _comparable(text: str, length: int | None = None) -> str:
    """A text on one line, as long as the XML lets it be, without the apostrophe of a CSV's cell."""
    return " ".join(text_of(text).split())[:length]


def _places(currency: str) -> int:
    try:
        return exponent(currency)
    except WrongData as error:
        raise Refused(f"{currency[:10]!r} is no currency with a minor unit") from error


def _minor(text: str, places: int, what: str) -> int:
    found = _AMOUNT.fullmatch(text)
    if found is None or len(found[3] or "") != places:
        _refuse_value(text, what, f"an amount with {places} decimals")
    return int(f"{found[1]}{found[2]}{found[3] or ''}")


def _number(text: str) -> int:
    if not _COUNT.fullmatch(text) or not text.isascii():
        _refuse_value(text, "a number", "one")
    return int(text)


def _day(text: str, what: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        _refuse_value(text, f"the day of {what}", "a day")


def _refuse_value(text: str, what: str, wanted: str) -> NoReturn:
    raise Refused(f"{what} is {text[:40]!r}, which is not {wanted}")
