"""The view model of a page: all amounts, dates and texts as they are printed."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, timedelta
from functools import cached_property, lru_cache
from typing import Any

from babel import Locale
from babel.dates import format_date, format_interval, format_skeleton
from babel.numbers import get_currency_name
from markupsafe import Markup

from closebook.money import amount_writer, format_minor, locale_of
from closebook.statements.model import Holder, Issuer, Statement, StatementLine
from closebook.statements.printable import printable
from closebook.statements.printed_days import printed_day
from closebook.statements.printed_rates import printed_original, printed_percent, printed_rate
from closebook.statements.render.balance_chart import daily_balances
from closebook.statements.render.catalog import (
    Catalog,
    language_tag,
    load_language,
    missing_language,
    page_locale,
)
from closebook.statements.render.content import Content
from closebook.statements.render.content_view import content_view
from closebook.statements.render.page_breaks import Amounts
from closebook.statements.render.sanitize import Sanitizer, as_markup
from closebook.statements.render.template import StatementTemplate

CHART_SOURCE = "asset:daily-balance.svg"

_MAX_CHARACTERS_OF_AN_AMOUNT = 14
_MAX_DAYS_OF_A_MONTH = 31
# An address of the Universal Postal Union has seven lines at most.
_MAX_ADDRESS_LINES = 12
# With more, the name and address could reach into the next page; in the small font they cannot.
_MAX_HOLDER_LINES = 20
_WIDE_LETTERS_OF_A_LINE = 24


@dataclass(frozen=True, slots=True)
class LineView:
    """The texts of one line; the last five are empty where the brand does not ask for them."""

    number: int
    day: str
    description: str
    counterparty: str
    reference: str
    debit: str
    credit: str
    balance: str
    value_day: str = ""
    original: str = ""
    rate: str = ""
    customer_reference: str = ""
    interest: str = ""


@dataclass(frozen=True)
class StatementView:
    """The texts of a statement. ``variables`` are those of the template, except for the lines.

    ``missing_language`` is the holder's language if there are no texts of it: then all is English.
    """

    title: str
    language: str
    direction: str
    catalog: Catalog
    variables: dict[str, Any]
    lines: tuple[LineView, ...]
    amounts: Amounts
    replaced_count: int
    missing_language: str | None

    @cached_property
    def named_variables(self) -> Sequence[tuple[str, Any]]:
        """The variables by their names, such as ``totals.opening``."""
        return _flat(self.variables)


def _flat(value: Any, name: str = "") -> list[tuple[str, Any]]:
    """Return the variables by their names, such as ``totals.opening``.

    The catalog is one variable, though it has a hundred texts: it is the same for all statements.
    """
    if is_dataclass(value) and not isinstance(value, (type, Catalog)):
        value = {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, dict):
        return [
            pair
            for key, each in value.items()
            for pair in _flat(each, f"{name}.{key}" if name else str(key))
        ]
    if isinstance(value, list) and any(isinstance(each, dict) for each in value):
        return [pair for place, each in enumerate(value) for pair in _flat(each, f"{name}.{place}")]
    return [(name, list(value) if isinstance(value, tuple) else value)]


def statement_view(statement: Statement, template: StatementTemplate) -> StatementView:
    """Return the texts of a statement, in the holder's language where the template has it.

    Texts of the platform are sanitized, and not yet escaped.
    """
    locale = page_locale(template.folder, template.brand, statement.holder.locale)
    tag = language_tag(template.folder, template.brand, locale) or locale.language
    language = load_language(template.folder, template.brand, tag)
    catalog = language.catalog
    sanitize = Sanitizer(template.fonts, locale.text_direction)
    account_number = sanitize(statement.holder.account_number)
    holder = Holder(
        name=sanitize(statement.holder.name),
        address=sanitize(_address(statement.holder.address)),
        account_number=account_number,
        locale=statement.holder.locale,
    )
    issuer_name = sanitize(statement.issuer.name)
    code = statement.currency
    days = _Days(locale)
    content = template.brand.content
    write = amount_writer(code, holder.locale)
    lines = tuple(
        _line(line, write, code, holder.locale, days, sanitize, content) for line in statement.lines
    )
    amounts = Amounts(tuple(line.amount_minor for line in statement.lines), code, holder.locale)
    totals = _totals(statement)
    widest = max(len(text) for text in (*totals.values(), *(line.balance for line in lines)))
    dates = statement.period_start, statement.period_end_inclusive
    period = _period(*dates, locale)
    title_period = _month(*dates, locale) or period
    title = catalog.document_title.format(period=period, account=str(account_number))
    first, last = days[statement.period_start], days[statement.period_end_inclusive]
    variables = {
        "catalog": catalog,
        "words": language.added,
        "page": {
            "language": tag,
            "direction": locale.text_direction,
            "title": title,
            "page_number_parts": re.split(r"\{pages?\}", catalog.page_of),
            "han": _han_shapes(locale_of(holder.locale)),
            "wide": widest > _MAX_CHARACTERS_OF_AN_AMOUNT,
            "long_holder": _is_long(holder),
            "version": statement.version,
            "correction": _correction(statement, catalog, locale, sanitize),
            "period": period,
            "title_period": title_period,
            "running": f"{catalog.account_statement}, {title_period}",
            "account_line": catalog.account_line.format(account=account_number.isolated),
            "first_day": first,
            "last_day": last,
            "issued_on": statement.issued_on and days[statement.issued_on],
        },
        "issuer": {
            "name": issuer_name,
            "isolated_name": issuer_name.isolated,
            "address": sanitize(statement.issuer.address),
            "sender": sanitize(_sender(statement.issuer)),
        },
        "holder": holder,
        "currency": {"code": code, "name": get_currency_name(code, locale=locale)},
        "totals": totals | _counts(statement),
        "chart": _chart(statement, catalog, locale),
        "content": content_view(statement, content, language, sanitize),
        "notes": _notes(statement, catalog, locale, sanitize.replaced_count),
    }
    return StatementView(
        title,
        tag,
        locale.text_direction,
        catalog,
        variables,
        lines,
        amounts,
        sanitize.replaced_count,
        missing_language(template.folder, template.brand, statement.holder.locale),
    )


def _sender(issuer: Issuer) -> str:
    """Return the issuer's name and address on one line, for the address window."""
    parts = [part.strip() for part in printable(issuer.address).split("\n")]
    if not issuer.address.startswith(issuer.name):
        parts.insert(0, issuer.name)
    return " · ".join(filter(None, parts))


def _line(
    line: StatementLine,
    write: Callable[[int], str],
    code: str,
    locale: str,
    days: "_Days",
    sanitize: Sanitizer,
    content: Content,
) -> LineView:
    amount = write(abs(line.amount_minor))
    original = line.original if content.original_amounts else None
    interest = line.interest_rate if content.interest_rates else None
    customer_reference = line.customer_reference if content.customer_references else None
    return LineView(
        number=line.line_number,
        day=days[line.posted_on],
        description=sanitize(line.description),
        counterparty=sanitize(line.counterparty or ""),
        reference=sanitize(line.reference),
        debit=amount if line.amount_minor < 0 else "",
        credit=amount if line.amount_minor >= 0 else "",
        balance=write(line.balance_minor),
        value_day=days[line.value_date] if content.value_dates and line.value_date else "",
        original=printed_original(original.amount_minor, original.currency, locale)
        if original
        else "",
        rate=printed_rate(original.rate, original.currency, code, locale) if original else "",
        customer_reference=sanitize(customer_reference or ""),
        interest="" if interest is None else printed_percent(interest, locale),
    )


def _totals(statement: Statement) -> dict[str, str]:
    def amount(amount_minor: int, *, with_currency: bool = False) -> str:
        return format_minor(
            amount_minor, statement.currency, statement.holder.locale, with_currency=with_currency
        )

    return {
        "opening": amount(statement.opening_minor),
        "credit": amount(statement.credit_minor),
        "debit": amount(statement.debit_minor),
        "fee": amount(statement.fee_minor),
        "closing": amount(statement.closing_minor),
        "closing_with_currency": amount(statement.closing_minor, with_currency=True),
    }


def _counts(statement: Statement) -> dict[str, int]:
    credit_count = sum(line.amount_minor >= 0 for line in statement.lines)
    return {"credit_count": credit_count, "debit_count": statement.line_count - credit_count}


def _chart(statement: Statement, catalog: Catalog, locale: Locale) -> dict[str, str]:
    balances = daily_balances(statement)
    first, last = (
        _long_day(day, locale) for day in (statement.period_start, statement.period_end_inclusive)
    )
    lowest, highest = (
        format_minor(balance, statement.currency, statement.holder.locale, with_currency=False)
        for balance in (min(balances), max(balances))
    )
    return {
        "source": CHART_SOURCE,
        "range": catalog.from_to.format(lowest=lowest, highest=highest),
        "text": catalog.daily_balance_text.format(
            first=first, last=last, lowest=lowest, highest=highest
        ),
    }


def _correction(
    statement: Statement, catalog: Catalog, locale: Locale, sanitize: Sanitizer
) -> list[str] | None:
    corrects = statement.corrects
    if corrects is None:
        return None
    day = format_date(corrects.superseded_issued_on, "long", locale=locale)
    texts = [catalog.corrected.format(version=corrects.superseded_version, date=day)]
    text = sanitize(corrects.holder_text) if corrects.holder_text else None
    said: list[str] = catalog.holder_texts(corrects.holder_reason, text)
    if text and len(said) == 1:
        # The sentence ends with the text, which may have another direction than the sentence.
        sentence = Markup.escape(catalog.correction_reason)
        said = [sentence.format(reason=as_markup(text))]
    return texts + said


def _notes(
    statement: Statement, catalog: Catalog, locale: Locale, replaced_count: int
) -> dict[str, str | None]:
    code, count = statement.currency, len(statement.fee_lines)
    charged = format_minor(statement.fee_minor, code, statement.holder.locale, with_currency=True)
    return {
        "fees": catalog.fees_charged.format(amount=charged, count=count)
        if count
        else catalog.no_fees,
        "amounts": catalog.about_amounts.format(
            currency=code,
            currency_name=get_currency_name(code, locale=locale),
            time_zone=statement.time_zone,
        ),
        "replaced": catalog.replaced.format(count=replaced_count) if replaced_count else None,
    }


def _address(text: str) -> str:
    """Return an address with few line breaks: what stands on further lines is put on the last."""
    lines = text.splitlines()
    first, rest = lines[: _MAX_ADDRESS_LINES - 1], lines[_MAX_ADDRESS_LINES - 1 :]
    return "\n".join([*first, ", ".join(rest)]) if rest else text


def _is_long(holder: Holder) -> bool:
    """Whether name and address fill so many lines that they could reach into the next page."""
    lines = [holder.name, *holder.address.splitlines()]
    line_count = sum(max(1, -(-len(line) // _WIDE_LETTERS_OF_A_LINE)) for line in lines)
    return line_count > _MAX_HOLDER_LINES  # guard: documents.holder-ends-on-its-page


class _Days(dict[date, str]):
    """The text of each day in a locale, formatted once."""

    def __init__(self, locale: Locale) -> None:
        self._locale = locale

    def __missing__(self, day: date) -> str:
        text = self[day] = printed_day(day, self._locale)
        return text


@lru_cache(maxsize=256)
def _period(first: date, last: date, locale: Locale) -> str:
    return str(format_interval(first, last, "yMMMd", locale=locale))


@lru_cache(maxsize=256)
def _long_day(day: date, locale: Locale) -> str:
    return format_date(day, "long", locale=locale)


@lru_cache(maxsize=256)
def _month(first: date, last: date, locale: Locale) -> str | None:
    """Return the month's name when the period is a calendar month, otherwise None."""
    after = last + timedelta(days=1)
    if first.day != 1 or after.day != 1 or (after - first).days > _MAX_DAYS_OF_A_MONTH:
        return None
    return format_skeleton("yMMMM", first, locale=locale)


@lru_cache(maxsize=64)
def _han_shapes(locale: Locale) -> str:
    """Return the style sheet's name of the national shapes of Han characters for this locale."""
    if locale.language == "zh" and locale.script == "Hant":
        return "hk" if locale.territory in ("HK", "MO") else "tc"
    return {"ja": "jp", "ko": "kr"}.get(locale.language, "sc")
