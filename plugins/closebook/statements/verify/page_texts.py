"""The texts of a page as they are compared with the XML, such as amounts."""

import re
from dataclasses import dataclass
from decimal import Decimal

from closebook.money import format_minor
from closebook.statements.model import Original
from closebook.statements.printed_rates import printed_original, printed_percent, printed_rate
from closebook.statements.verify.embedded_fonts import SILENT
from closebook.statements.verify.untrusted_pdf import CheckFailed

_MINUS = "\N{MINUS SIGN}"
# Characters without a glyph: direction marks, joiners, and spaces of no width.
_INVISIBLE = re.compile("[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")


def plain(text: str) -> str:
    """Return the text with plain spaces and hyphens, and without invisible characters.

    The page shows a minus sign, and its text has the hyphen that people type.
    """
    return " ".join(_INVISIBLE.sub("", text).replace(_MINUS, "-").split())


def amount_text(cell: str) -> str:
    """Return the text of an amount's cell. No glyph of an amount is without a character."""
    if SILENT in cell:  # guard: verify.amounts-have-no-silent-glyph
        raise CheckFailed("an amount on the page has a glyph for which its text has no character")
    return plain(cell)


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount of the XML, and the text that the page has in its place."""

    what: str
    minor: int
    printed: str

    def is_written_by(self, locale: str, currency: str) -> bool:
        """Return whether the page has the amount as this locale writes it."""
        written = format_minor(self.minor, currency, locale, with_currency=False)
        return plain(written) == self.printed

    def in_xml(self, currency: str) -> str:
        """Return what the XML has, for the report."""
        return format_minor(self.minor, currency, "en", with_currency=True)


@dataclass(frozen=True, slots=True)
class OriginalAmount:
    """An original amount of the XML with its rate, and the text of the cell that ends with both.

    The cell begins with the platform's text, which may have glyphs without a character.
    """

    what: str
    original: Original
    printed: str

    def is_written_by(self, locale: str, currency: str) -> bool:
        """Return whether the cell ends with the amount and the rate as this locale writes them.

        Lines may break anywhere in the cell, so blanks are not compared.
        """
        written = plain("".join(self._texts(locale, currency)))
        # guard: verify.original-amounts-are-those-of-the-xml
        return _without_blanks(self.printed).endswith(_without_blanks(written))

    def in_xml(self, currency: str) -> str:
        """Return what the XML has, for the report."""
        return " at ".join(self._texts("en", currency))

    def _texts(self, locale: str, currency: str) -> tuple[str, str]:
        return _texts_of(self.original, locale, currency)


@dataclass(frozen=True, slots=True)
class InterestRate:
    """A rate of interest of the XML, and the text of its cell.

    ``after`` is the original amount that follows the rate in the cell, if there is one.
    """

    what: str
    rate: Decimal
    after: Original | None
    printed: str

    def is_written_by(self, locale: str, currency: str) -> bool:
        """Return whether the cell ends with rate and original amount as this locale writes them."""
        after = _texts_of(self.after, locale, currency) if self.after else ()
        written = plain("".join((printed_percent(self.rate, locale), *after)))
        # guard: verify.interest-rates-are-those-of-the-xml
        return _without_blanks(self.printed).endswith(_without_blanks(written))

    def in_xml(self, currency: str) -> str:
        """Return what the XML has, for the report."""
        return printed_percent(self.rate, "en")


AnyAmount = Amount | OriginalAmount | InterestRate


def _texts_of(found: Original, locale: str, currency: str) -> tuple[str, str]:
    return (
        printed_original(found.amount_minor, found.currency, locale),
        printed_rate(found.rate, found.currency, currency, locale),
    )


def _without_blanks(text: str) -> str:
    return "".join(text.split())
