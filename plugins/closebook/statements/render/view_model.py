"""What a statement's page says: amounts, dates and words as text, in the holder's language."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from babel import Locale
from babel.dates import format_date, format_interval, format_skeleton
from babel.numbers import get_currency_name

from closebook.money import format_minor, locale_of
from closebook.statements.model import Holder, Statement, StatementLine
from closebook.statements.render.balance_chart import daily_balances
from closebook.statements.render.catalog import Words, language_of, words_in
from closebook.statements.render.sanitize import Shown
from closebook.statements.weasyprint_adapter.layout import Press

CHART_SOURCE = "asset:daily-balance.svg"

_LONGEST_NORMAL_AMOUNT = 14
_LONGEST_MONTH = 31


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it is printed."""

    number: int
    day: str
    description: str
    counterparty: str
    reference: str
    debit: str
    credit: str
    balance: str


@dataclass(frozen=True)
class View:
    """A statement's texts; ``variables`` are the template's, all but the lines."""

    title: str
    language: str
    direction: str
    words: Words
    variables: dict[str, Any]
    lines: tuple[Line, ...]
    replaced_count: int


def view(statement: Statement, press: Press) -> View:
    """Write out a statement for the press's template: text of the platform is fit to be shown,
    and not yet escaped."""
    locale = language_of(press.folder, statement.holder.locale)
    words = words_in(press.folder, locale.language)
    shown = Shown(press.typefaces, locale.text_direction)
    holder = Holder(
        name=shown(statement.holder.name),
        address=shown(statement.holder.address),
        account_number=shown(statement.holder.account_number),
        locale=statement.holder.locale,
    )
    code = statement.currency
    days = _Days(locale)
    lines = tuple(_line(line, code, holder.locale, days, shown) for line in statement.lines)
    totals = _totals(statement)
    widest = max(len(text) for text in (*totals.values(), *(line.balance for line in lines)))
    period = _period(statement, locale)
    title_period = _month(statement, locale) or period
    title = words.document_title.format(period=period, account=holder.account_number)
    first, last = days[statement.period_start], days[statement.period_end_inclusive]
    variables = {
        "words": words,
        "page": {
            "language": str(locale.language),
            "direction": locale.text_direction,
            "title": title,
            "folio": re.split(r"\{pages?\}", words.page_of),
            "han": _han_shapes(locale_of(holder.locale)),
            "wide": widest > _LONGEST_NORMAL_AMOUNT,
            "version": statement.version,
            "correction": _correction(statement, words, locale, shown),
            "period": period,
            "title_period": title_period,
            "running": f"{words.account_statement}, {title_period}",
            "account_line": words.account_line.format(account=holder.account_number),
            "first_day": first,
            "last_day": last,
            "issued_on": statement.issued_on and days[statement.issued_on],
        },
        "issuer": {
            "name": shown(statement.issuer.name),
            "address": shown(statement.issuer.address),
        },
        "holder": holder,
        "currency": {"code": code, "name": get_currency_name(code, locale=locale)},
        "totals": totals | _counts(statement),
        "chart": _chart(statement, words, locale),
        "notes": _notes(statement, words, locale, shown.replaced_count),
    }
    return View(
        title, locale.language, locale.text_direction, words, variables, lines, shown.replaced_count
    )


def _line(line: StatementLine, code: str, locale: str, days: "_Days", shown: Shown) -> Line:
    amount = format_minor(abs(line.amount_minor), code, locale, with_currency=False)
    return Line(
        number=line.line_number,
        day=days[line.posted_on],
        description=shown(line.description),
        counterparty=shown(line.counterparty or ""),
        reference=shown(line.reference),
        debit=amount if line.amount_minor < 0 else "",
        credit=amount if line.amount_minor >= 0 else "",
        balance=format_minor(line.balance_minor, code, locale, with_currency=False),
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


def _chart(statement: Statement, words: Words, locale: Locale) -> dict[str, str]:
    balances = daily_balances(statement)
    first, last = (
        format_date(day, "long", locale=locale)
        for day in (statement.period_start, statement.period_end_inclusive)
    )
    lowest, highest = (
        format_minor(balance, statement.currency, statement.holder.locale, with_currency=False)
        for balance in (min(balances), max(balances))
    )
    return {
        "source": CHART_SOURCE,
        "range": words.from_to.format(lowest=lowest, highest=highest),
        "text": words.daily_balance_text.format(
            first=first, last=last, lowest=lowest, highest=highest
        ),
    }


def _correction(
    statement: Statement, words: Words, locale: Locale, shown: Shown
) -> list[str] | None:
    corrects = statement.corrects
    if corrects is None:
        return None
    day = format_date(corrects.superseded_issued_on, "long", locale=locale)
    texts = [words.corrected.format(version=corrects.superseded_version, date=day)]
    if corrects.reason:
        texts.append(words.correction_reason.format(reason=shown(corrects.reason)))
    return texts


def _notes(
    statement: Statement, words: Words, locale: Locale, replaced_count: int
) -> dict[str, str | None]:
    code, count = statement.currency, len(statement.fee_lines)
    charged = format_minor(statement.fee_minor, code, statement.holder.locale, with_currency=True)
    return {
        "fees": words.fees_charged.format(amount=charged, count=count) if count else words.no_fees,
        "amounts": words.about_amounts.format(
            currency=code,
            currency_name=get_currency_name(code, locale=locale),
            time_zone=statement.time_zone,
        ),
        "replaced": words.replaced.format(count=replaced_count) if replaced_count else None,
    }


class _Days(dict[date, str]):
    """Each day as the locale writes it, once."""

    def __init__(self, locale: Locale) -> None:
        self._locale = locale

    def __missing__(self, day: date) -> str:
        made = self[day] = format_date(day, "medium", locale=self._locale)
        return made


def _period(statement: Statement, locale: Locale) -> str:
    return format_interval(
        statement.period_start, statement.period_end_inclusive, "yMMMd", locale=locale
    )


def _month(statement: Statement, locale: Locale) -> str | None:
    first, after = statement.period_start, statement.period_end_inclusive + timedelta(days=1)
    if first.day != 1 or after.day != 1 or (after - first).days > _LONGEST_MONTH:
        return None
    return format_skeleton("yMMMM", first, locale=locale)


@lru_cache(maxsize=64)
def _han_shapes(locale: Locale) -> str:
    """Which nation's shapes of the shared Han characters the holder reads."""
    if locale.language == "zh" and locale.script == "Hant":
        return "hk" if locale.territory in ("HK", "MO") else "tc"
    return {"ja": "jp", "ko": "kr"}.get(locale.language, "sc")
