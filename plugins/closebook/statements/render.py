"""From a statement to its PDF: Jinja2 writes the page, WeasyPrint sets it, nothing is fetched."""

import gc
import logging
import os
import re
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from babel import Locale
from babel.dates import format_date, format_interval, format_skeleton
from babel.numbers import get_currency_name
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from closebook.errors import Misconfigured, WrongData
from closebook.money import format_minor, locale_of
from closebook.statements.chart import daily_balances, draw
from closebook.statements.model import Statement

TEMPLATE_VERSION = "v1"

_CHART_SOURCE = "asset:daily-balance.svg"
_LONGEST_NORMAL_AMOUNT = 14
_LONGEST_MONTH = 31
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_LINE_END = re.compile("\r\n|[\r\n\x0b\x0c\x85\u2028\u2029]")
# What has no picture (controls, lone surrogates, noncharacters), and what would reorder the text
# around it (bidi embeddings, overrides, isolates): shown, never obeyed.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufff9-\uffff]"
)


def render(statement: Statement) -> bytes:
    """The statement as a tagged PDF (PDF/UA-1): equal statements give equal bytes.

    Raises WrongData, naming the account, when the page asks for anything but its own assets,
    and Misconfigured when the templates are not where they should be.
    """
    press = _press(_template_folder())
    document = press.set(
        page(statement),
        assets={_CHART_SOURCE: draw(daily_balances(statement))},
        identifier=_identifier(statement),
        account_id=statement.account_id,
    )
    _freeze_what_stays()
    return document


def page(statement: Statement) -> str:
    """The statement as the HTML that is set into pages: all text of the platform is escaped."""
    return _press(_template_folder()).template.render(_view(statement))


def renderer_version() -> str:
    """What a document's bytes depend on besides its statement, its template and the fonts."""
    import weasyprint
    from weasyprint.text.ffi import pango

    number = pango.pango_version()
    pango_version = f"{number // 10000}.{number // 100 % 100}.{number % 100}"
    return f"weasyprint {weasyprint.__version__}, pango {pango_version}"


def printable(text: str) -> str:
    """The text as it can be shown: line ends as newlines, what has no picture as U+FFFD."""
    return _UNPRINTABLE.sub(_REPLACEMENT, _LINE_END.sub("\n", text))


# -- What the page says --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Line:
    day: str
    description: str
    counterparty: str | None
    reference: str
    debit: str
    credit: str
    balance: str


def _view(statement: Statement) -> dict[str, Any]:
    """The template's variables, by its own names; amounts and dates are text by now."""
    holder, code = statement.holder, statement.currency
    words = _page_locale(holder.locale)

    def amount(amount_minor: int, *, with_currency: bool = False) -> str:
        return format_minor(amount_minor, code, holder.locale, with_currency=with_currency)

    day_of = {when: format_date(when, "medium", locale=words) for when in _dates(statement)}
    lines = [
        _Line(
            day=day_of[line.posted_on],
            description=line.description,
            counterparty=line.counterparty,
            reference=line.reference,
            debit=amount(-line.amount_minor) if line.amount_minor < 0 else "",
            credit=amount(line.amount_minor) if line.amount_minor >= 0 else "",
            balance=amount(line.balance_minor),
        )
        for line in statement.lines
    ]
    balances = daily_balances(statement)
    totals = {
        "opening": amount(statement.opening_minor),
        "credit": amount(statement.credit_minor),
        "debit": amount(statement.debit_minor),
        "fee": amount(statement.fee_minor),
        "closing": amount(statement.closing_minor),
    }
    widest = max(len(text) for text in (*totals.values(), *(line.balance for line in lines)))
    return {
        "page": {
            "language": words.language,
            "han": _han_shapes(locale_of(holder.locale)),
            "wide": widest > _LONGEST_NORMAL_AMOUNT,
            "template_version": TEMPLATE_VERSION,
            "created": (statement.issued_on or statement.period_end_inclusive).isoformat(),
            "version": statement.version,
            "period": _period(statement, words),
            "title_period": _month(statement, words) or _period(statement, words),
            "first_day": day_of[statement.period_start],
            "last_day": day_of[statement.period_end_inclusive],
            "issued_on": statement.issued_on
            and format_date(statement.issued_on, "medium", locale=words),
            "time_zone": statement.time_zone,
        },
        "issuer": statement.issuer,
        "holder": holder,
        "currency": {"code": code, "name": get_currency_name(code, locale=words)},
        "totals": totals
        | {
            "credit_count": sum(line.amount_minor >= 0 for line in statement.lines),
            "debit_count": sum(line.amount_minor < 0 for line in statement.lines),
            "fee_count": len(statement.fee_lines),
            "fee_with_currency": amount(statement.fee_minor, with_currency=True),
            "closing_with_currency": amount(statement.closing_minor, with_currency=True),
        },
        "lines": lines,
        "chart": {
            "source": _CHART_SOURCE,
            "lowest": amount(min(balances)),
            "highest": amount(max(balances)),
        },
    }


def _dates(statement: Statement) -> set[date]:
    return {
        statement.period_start,
        statement.period_end_inclusive,
        *(line.posted_on for line in statement.lines),
    }


def _page_locale(locale_code: str) -> Locale:
    """The locale of the page's words, which are English: the holder's, if that is English too."""
    found = locale_of(locale_code)
    return found if found.language == "en" else Locale("en", "GB")


def _period(statement: Statement, words: Locale) -> str:
    return format_interval(
        statement.period_start, statement.period_end_inclusive, "yMMMd", locale=words
    )


def _month(statement: Statement, words: Locale) -> str | None:
    first, after = statement.period_start, statement.period_end_inclusive + timedelta(days=1)
    if first.day != 1 or after.day != 1 or (after - first).days > _LONGEST_MONTH:
        return None
    return format_skeleton("yMMMM", first, locale=words)


def _han_shapes(locale: Locale) -> str:
    """Which nation's shapes of the shared Han characters the holder reads."""
    if locale.language == "zh" and locale.script == "Hant":
        return "hk" if locale.territory in ("HK", "MO") else "tc"
    return {"ja": "jp", "ko": "kr"}.get(locale.language, "sc")


# -- How it is set --------------------------------------------------------------------------


def _template_folder() -> Path:
    templates = os.environ.get("CLOSEBOOK_TEMPLATES")
    root = Path(templates) if templates else Path(__file__).parents[3] / "templates"
    return root / "statement" / TEMPLATE_VERSION


class _Press:
    """All that stays the same from document to document in one process."""

    def __init__(self, folder: Path) -> None:
        # Imported here because it takes a second, and a DAG file's parse must not pay for it.
        from weasyprint import CSS
        from weasyprint.text.fonts import FontConfiguration
        from weasyprint.urls import FatalURLFetchingError

        # A line for each step of each page would bury what a task's log has to say.
        logging.getLogger("weasyprint.progress").setLevel(logging.WARNING)
        for name in ("statement.html.j2", "statement.css"):
            if not (folder / name).is_file():
                raise Misconfigured(
                    f"{folder / name} is missing; set CLOSEBOOK_TEMPLATES to the folder that "
                    f"holds statement/{TEMPLATE_VERSION}"
                )
        self.template: Template = Environment(
            loader=FileSystemLoader(folder),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=_finalize,
            trim_blocks=True,
        ).get_template("statement.html.j2")
        self._fonts = FontConfiguration()
        try:
            self._css = CSS(
                string=(folder / "statement.css").read_text(encoding="utf-8"),
                base_url="asset:",
                url_fetcher=_fetcher({}),
                font_config=self._fonts,
            )
        except FatalURLFetchingError as error:
            raise Misconfigured(
                f"{folder / 'statement.css'} asks for a {error} address, and statements are made "
                "from installed fonts and the template's own assets only; take the address out"
            ) from None

    def set(
        self, page: str, *, assets: dict[str, bytes], identifier: bytes, account_id: int
    ) -> bytes:
        from weasyprint import HTML
        from weasyprint.urls import FatalURLFetchingError

        fetcher = _fetcher(assets)
        try:
            pdf: bytes = HTML(string=page, base_url="asset:", url_fetcher=fetcher).write_pdf(
                stylesheets=[self._css],
                font_config=self._fonts,
                pdf_variant="pdf/ua-1",
                pdf_identifier=identifier,
            )
        except FatalURLFetchingError as error:
            raise WrongData(
                f"the statement of account {account_id} was not made: its page asked for a "
                f"{error} address, and only the template's own assets are allowed; look for the "
                f"address in templates/statement/{TEMPLATE_VERSION}"
            ) from None
        return pdf


def _finalize(value: object) -> object:
    return printable(value) if type(value) is str else value


@lru_cache(maxsize=4)
def _press(folder: Path) -> _Press:
    return _Press(folder)


def _fetcher(assets: dict[str, bytes]) -> Any:
    """A URL fetcher that knows these assets; any other URL ends the document."""
    from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

    class OnlyAssets(URLFetcher):  # type: ignore[misc]
        def fetch(self, url: str, headers: object = None) -> URLFetcherResponse:
            if url in assets:
                return URLFetcherResponse(url, assets[url], {"Content-Type": "image/svg+xml"})
            # An ordinary exception would be swallowed, and the page set without it. The rest
            # of the address is kept back: it may hold what a stranger wrote.
            raise FatalURLFetchingError(url.partition(":")[0])

    return OnlyAssets()


def _identifier(statement: Statement) -> bytes:
    named = (
        statement.close_id,
        statement.account_id,
        statement.version,
        statement.currency,
        statement.period_start,
        statement.period_end_inclusive,
    )
    return sha256("/".join(map(str, named)).encode()).hexdigest()[:32].encode()


@lru_cache(maxsize=1)
def _freeze_what_stays() -> None:
    """Take what the first document loaded out of every later garbage collection."""
    gc.collect()
    gc.freeze()
