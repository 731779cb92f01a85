"""What a brand's page has beyond that of every statement: each is printed only if asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from closebook.statements.formats.bank_transaction_codes import KindCodes

_DEFAULT_LANGUAGE = "en"
KIND_WORD = "kind_"
"""The name of a brand's text for a kind of entry: this, and the kind."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A text of the bank, such as a message, or the notice of errors that a law asks for.

    ``texts`` has the paragraphs of each language, the first of which is a heading if ``headings``
    has the language. ``countries`` are those of the holders who get it, and all if it is empty.
    """

    name: str
    texts: Mapping[str, tuple[str, ...]]
    headings: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    countries: tuple[str, ...] = ()
    is_before_lines: bool = False

    def is_for(self, country: str) -> bool:
        """Return whether holders of this country get the notice."""
        return not self.countries or country in self.countries

    def language(self, tag: str) -> str:
        """Return the language of the notice for a page: the page's own, or the nearest."""
        wanted = (tag, tag.partition("-")[0], _DEFAULT_LANGUAGE)
        return next((each for each in wanted if each in self.texts), next(iter(self.texts)))


@dataclass(frozen=True, slots=True)
class Content:
    """What is printed beyond the rest.

    ``country`` is that of holders whose locale names none. ``fee_summary`` are the kinds of entries
    whose totals are printed. ``transaction_codes`` are those of the XML for kinds of entries that
    have other ones than ours. ``issuer`` has texts about the issuer by the names of their labels.
    """

    country: str = ""
    statement_number: bool = False
    bic: bool = False
    value_dates: bool = False
    original_amounts: bool = False
    customer_references: bool = False
    interest_rates: bool = False
    overdraft_limit: bool = False
    fee_summary: tuple[str, ...] = ()
    carried_forward: bool = False
    page_totals: bool = False
    transaction_codes: Mapping[str, KindCodes] = field(default_factory=lambda: MappingProxyType({}))
    issuer: tuple[tuple[str, str], ...] = ()
    notices: tuple[Notice, ...] = ()

    @property
    def has_rows_at_page_breaks(self) -> bool:
        """Whether rows stand where a page of lines ends."""
        return self.carried_forward or self.page_totals


NOTHING_MORE = Content()
