"""Compare the attached MT940 and OFX, which some issuers add, with the XML."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from closebook.money import exponent
from closebook.statements.formats import mt940, ofx
from closebook.statements.verify.attached_statement import AttachedStatement
from closebook.statements.verify.untrusted_pdf import CheckFailed

OTHER_FILES = {mt940.FILE_NAME: "MT940", ofx.FILE_NAME: "OFX"}

_BALANCE = re.compile(r"([CD])(\d{6})([A-Z]{3})(\d{1,14},\d{0,5})", re.ASCII)
_ENTRY = re.compile(r"(\d{6})(\d{4})([CD])(\d{1,14},\d{0,5})N[A-Z]{3}NONREF//(.{0,16})", re.ASCII)
_OFX_LIST = "BANKMSGSRSV1/STMTTRNRS/STMTRS"


@dataclass(frozen=True, slots=True)
class _Entry:
    """An entry as a file states it: ``value_day`` is the day itself where there is none."""

    day: str
    value_day: str
    amount: str
    reference: str


@dataclass(frozen=True, slots=True)
class _Stated:
    """What a file states of a statement. Amounts are signed decimals of its currency."""

    currency: str
    opening: tuple[str, str]
    closing: tuple[str, str]
    entries: tuple[_Entry, ...]


def refuse_differing_file(name: str, content: bytes, xml: AttachedStatement) -> None:
    """Raise CheckFailed, with the first difference, if an MT940 or OFX file differs from the XML.

    Currency, opening, closing, and the days, amount and reference of each entry are compared.
    """
    is_mt940 = name == mt940.FILE_NAME
    try:
        stated = _of_mt940(content) if is_mt940 else _of_ofx(content)
    except (DefusedXmlException, ParseError, ValueError) as error:
        raise CheckFailed(f"the attached {OTHER_FILES[name]} cannot be read") from error
    wanted = _expected(xml, is_mt940=is_mt940)
    for what, found, expected in (
        ("currency", stated.currency, wanted.currency),
        ("opening", stated.opening, wanted.opening),
        ("closing", stated.closing, wanted.closing),
        ("number of lines", len(stated.entries), len(wanted.entries)),
    ):
        if found != expected:  # guard: verify.other-files-are-as-the-xml
            raise CheckFailed(f"the {what} of the attached {OTHER_FILES[name]} is another one")
    for number, (entry, as_in_xml) in enumerate(
        zip(stated.entries, wanted.entries, strict=True), start=1
    ):
        if entry != as_in_xml:
            raise CheckFailed(
                f"line {number} is not the same in the XML and in the attached {OTHER_FILES[name]}"
            )


def _expected(xml: AttachedStatement, *, is_mt940: bool) -> _Stated:
    def amount(minor: int) -> str:
        places = exponent(xml.currency)
        digits = f"{abs(minor):0{places + 1}d}"
        whole, decimals = (digits[:-places], digits[-places:]) if places else (digits, "")
        return f"{'-' if minor < 0 else ''}{whole}{'.' if decimals else ''}{decimals}"

    def day(of: date) -> str:
        return of.strftime("%Y%m%d")[2 if is_mt940 else 0 :]

    return _Stated(
        xml.currency,
        (day(xml.first_day), amount(xml.opening_minor)),
        (day(xml.last_day), amount(xml.closing_minor)),
        tuple(
            _Entry(
                day(line.day)[-4:] if is_mt940 else day(line.day),
                day(line.value_date or line.day),
                amount(line.amount_minor),
                line.reference.replace("/", "-")[-16:] if is_mt940 else line.reference,
            )
            for line in xml.lines
        ),
    )


def _of_mt940(content: bytes) -> _Stated:
    fields: dict[str, list[str]] = {}
    for line in content.decode("ascii").split("\r\n"):
        found = re.match(r":(\w{2,3}):(.*)", line)
        if found:
            fields.setdefault(found[1], []).append(found[2])
    balances = []
    for tag in ("60F", "62F"):
        [text] = fields[tag] if len(fields.get(tag, ())) == 1 else [""]
        found = _BALANCE.fullmatch(text)
        if found is None:
            raise ValueError(tag)
        balances.append((found[3], (found[2], _signed(found[1], found[4]))))
    (currency, opening), (other, closing) = balances
    if other != currency:
        raise ValueError(other)
    return _Stated(currency, opening, closing, tuple(map(_mt940_entry, fields.get("61", ()))))


def _mt940_entry(text: str) -> _Entry:
    found = _ENTRY.fullmatch(text)
    if found is None:
        raise ValueError(text)
    return _Entry(found[2], found[1], _signed(found[3], found[4]), found[5])


def _signed(side: str, amount: str) -> str:
    number = amount.replace(",", ".").removesuffix(".")
    return f"-{number}" if side == "D" else number


def _of_ofx(content: bytes) -> _Stated:
    root = fromstring(content, forbid_dtd=True)
    [found] = root.findall(_OFX_LIST)
    [closing], [opening] = found.findall("LEDGERBAL"), found.findall("BALLIST/BAL")
    return _Stated(
        _text(found, "CURDEF"),
        (_text(opening, "DTASOF"), _text(opening, "VALUE")),
        (_text(closing, "DTASOF"), _text(closing, "BALAMT")),
        tuple(_ofx_entries(found)),
    )


def _ofx_entries(found: Element) -> Iterator[_Entry]:
    for entry in found.findall("BANKTRANLIST/STMTTRN"):
        day = _text(entry, "DTPOSTED")
        value_day = _text(entry, "DTAVAIL") if entry.find("DTAVAIL") is not None else day
        yield _Entry(day, value_day, _text(entry, "TRNAMT"), _text(entry, "FITID"))


def _text(element: Element, name: str) -> str:
    [found] = element.findall(name)
    return found.text or ""
