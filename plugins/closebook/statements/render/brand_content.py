"""Read what a brand asks for beyond the page of every statement: [content], [issuer], notices/."""

import re
from pathlib import Path
from types import MappingProxyType
from typing import Any

from closebook.errors import Misconfigured
from closebook.statements.formats.bank_transaction_codes import KindCodes
from closebook.statements.render.brand_files import BrandFolder, Table
from closebook.statements.render.content import Content, Notice

_NOTICES = "notices"
_KIND = re.compile(r"[a-z0-9_-]{1,35}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_CODE = re.compile(r"([A-Z]{4})/([A-Z]{4})/([A-Z]{4})")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z]{2,4})?")
_ISSUER = ("registration", "regulator", "telephone", "web")
_FLAGS = (
    *("statement_number", "bic", "value_dates", "original_amounts"),
    *("customer_references", "interest_rates", "overdraft_limit"),
    *("carried_forward", "page_totals"),
)


def read_content(folder: BrandFolder, content: Table, issuer: Table) -> Content:
    """Return what a brand asks for. Raises Misconfigured for what cannot be printed."""
    flags = {name: content.flag(name, default=False) for name in _FLAGS}
    country = content.text("country", "")
    if country and not _COUNTRY.fullmatch(country):
        raise content.wrong("country", f'{country!r} is no country: write a code, such as "US"')
    kinds = content.value("fee_summary", list, [], 'kinds of entries, such as ["fee", "interest"]')
    for kind in kinds:
        if not isinstance(kind, str) or not _KIND.fullmatch(kind) or kinds.count(kind) > 1:
            raise content.wrong(
                "fee_summary",
                f"{kind!r} is no kind of entries, or stands there twice: write kinds of "
                "ledger_entries, in small letters and figures",
            )
    codes = {kind: _codes(content, kind, values) for kind, values in _tables(content)}
    content.end()
    texts = tuple((name, text) for name in _ISSUER if (text := issuer.text(name, "").strip()))
    issuer.end()
    notices = tuple(_notice(folder, file) for file in folder.names(_NOTICES, ".toml"))
    return Content(
        country=country,
        fee_summary=tuple(kinds),
        transaction_codes=MappingProxyType(codes),
        issuer=texts,
        notices=notices,
        **flags,
    )


def _tables(content: Table) -> list[tuple[str, Any]]:
    tables: dict[str, Any] = content.value(
        "transaction_codes", dict, {}, "a table of kinds, [content.transaction_codes]"
    )
    return list(tables.items())


def _codes(content: Table, kind: str, values: Any) -> KindCodes:
    """Return the codes of a kind: of credits and of debits, or the same for both."""
    both = values if isinstance(values, dict) else {"credit": values, "debit": values}
    found = [_CODE.fullmatch(str(both.get(side, ""))) for side in ("credit", "debit")]
    credit, debit = found
    if {*both} != {"credit", "debit"} or credit is None or debit is None:
        raise content.wrong(
            "transaction_codes",
            f"{kind} = {values!r} is no bank transaction code of ISO 20022: write "
            f'{kind} = {{ credit = "PMNT/RCDT/ESCT", debit = "PMNT/ICDT/ESCT" }}',
        )
    return (credit[1], credit[2], credit[3]), (debit[1], debit[2], debit[3])


def _notice(folder: BrandFolder, file: str) -> Notice:
    def wrong(key: str, what: str) -> Misconfigured:
        return folder.wrong(file, f"{key}: {what}")

    values = folder.toml(file)
    countries = values.pop("countries", [])
    if not isinstance(countries, list) or not all(
        isinstance(each, str) and _COUNTRY.fullmatch(each) for each in countries
    ):
        raise wrong("countries", 'write codes of countries, such as countries = ["US"]')
    place = values.pop("place", "after")
    if place not in ("before", "after"):
        raise wrong("place", 'write place = "before" or place = "after", of the lines')
    if not values:
        raise wrong("[en]", 'write a table for each language, such as [en] with text = ["…"]')
    texts, headings = {}, {}
    for tag, table in values.items():
        if not _LANGUAGE.fullmatch(tag) or not isinstance(table, dict):
            raise wrong(tag, "write a table for each language, such as [en] or [pt-BR]")
        heading, paragraphs = table.get("heading", ""), table.get("text", [])
        if {*table} - {"heading", "text"} or not _are_texts([heading, *_listed(paragraphs)]):
            raise wrong(tag, 'write heading = "…", which may be missing, and text = ["…", "…"]')
        if not paragraphs:
            raise wrong(tag, 'the text is missing: write text = ["…"], a text for each paragraph')
        texts[tag] = tuple(_listed(paragraphs))
        if heading:
            headings[tag] = heading
    return Notice(
        name=Path(file).stem,
        texts=MappingProxyType(texts),
        headings=MappingProxyType(headings),
        countries=tuple(countries),
        is_before_lines=place == "before",
    )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _are_texts(values: list[Any]) -> bool:
    return all(isinstance(each, str) and each.isprintable() for each in values)
