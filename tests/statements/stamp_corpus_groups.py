"""The statements of the corpus, in groups of one brand and one language (stamp_corpus.py).

The first groups have each brand with each language once. The statements of a group share a layout,
so they differ in their lines only: none, some, as many as end near the end of a page, and many.
The number of a group decides all that it has, so one group can be made again alone.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import local  # noqa: F401  # puts plugins/ on the path
from closebook.statements.holder_reasons import HOLDER_REASONS
from closebook.statements.model import Holder, Original, Statement, StatementLine
from tests.statements.brands import BRANDS, write_brand
from tests.statements.names_in_scripts import NAMES
from tests.statements.samples import HOLDER, corrected, entry, statement

LOCALES = (
    *("en_GB", "de_DE", "fr_FR", "ar_EG", "ja_JP", "he_IL", "hi_IN", "th_TH", "zh_CN", "ko_KR"),
    *("ru_RU", "en_US", "es_ES", "pt_PT", "pt_BR", "it_IT", "nl_NL", "pl_PL", "cs_CZ", "sv_SE"),
    *("tr_TR", "zh_TW"),
)
"""One locale of each language that the template has."""

DESIGNS = (
    "body { font-size: 8.6pt } col.party { width: 22mm }",
    ".letterhead { height: 24mm } .issuer { font-size: 15pt }",
    ".lines td { padding: 1.6mm 0 } .notes { margin-top: 12mm }",
)
"""Changes of a designer: widths and font size, letterhead, room in the rows."""

_NOTICES = {
    "notices/1-branch.toml": """place = "before"
[en]
heading = "Our branch in Bath"
text = ["It opens at nine.", "On Saturdays it is closed, and our telephone is answered until noon."]
[de]
text = "Unsere Filiale öffnet um neun Uhr."
""",
    "notices/2-errors.toml": """countries = ["US", "GB", "JP"]
[en]
heading = "In case of errors or questions about your electronic transfers"
text = ["Telephone us or write to us as soon as you can, if you think that it is wrong.",
    "We must hear from you no later than 60 days after we sent the first statement."]
""",
    "notices/3-deposits.toml": """[en]
text = "Deposits are protected up to 85,000 pounds for each person."
[fr]
heading = "Garantie des dépôts"
text = "Vos dépôts sont garantis."
""",
}
CONTENTS = (
    "[content]\nvalue_dates = true\noriginal_amounts = true",
    "[content]\ncarried_forward = true\npage_totals = true\nstatement_number = true",
    "[content]\nbic = true\noverdraft_limit = true\n"
    'fee_summary = ["payment", "fee", "interest"]\n'
    '[issuer]\ntelephone = "+1 555 010"\nregistration = "HRB 1234"\nweb = "example.com"',
    '[paper]\nsize = "Letter"\n[layout]\nrows = "bands"\noverview = "after"\n'
    'summary = "start"\n[content]\ncarried_forward = true',
    "[content]\ncustomer_references = true\ninterest_rates = true\nvalue_dates = true",
    '[layout]\nwindow = "end"\nchart = false\n[content]\npage_totals = true\n'
    'original_amounts = true\nfee_summary = ["fee"]\nstatement_number = true',
)
"""What brands print, in brand.toml. The last two have notices too."""
_WITH_NOTICES = 4

BRAND_COUNT = 4 + len(CONTENTS) + len(DESIGNS)

_WORDS = (
    *("Card", "payment", "to", "the merchant", "at", "Bath,", "refund", "12/10", "-", "order"),
    *("Naive", "invoice", "INV-2026/0042", "www.example.com/orders", "supercalifragilistic"),
    *("(ref. 7)", "5 % off", "office", "3.50", "a/b/c", "well-known", "O'Brien & Sons", "no.", "1"),
)
_OTHER_WORDS = (
    *("café", "Łódź", "Ελλάδα", "Москва", "רחל", "שלום", "فاتورة", "متجر", "東京", "株式会社"),
    *("ภาษาไทย", "त्रिपाठी", "한국어", "日本", "Gift 🎁", "fin", "½", "№ 5", "İstanbul", "ß"),
)
_FOREIGN_NAMES = ("佐藤花子", "רחל כהן", "فاطمة الزهراء", "त्रिपाठी किराना", *NAMES.values())
_CURRENCIES = ("EUR", "EUR", "EUR", "USD", "GBP", "JPY", "KWD", "INR", "CHF")
_OF_A_LANGUAGE = {"ja": "JPY", "ar": "KWD", "he": "ILS", "hi": "INR"}
_USUAL, _OVERDRAWN, _BIG, _WIDE, _FROM_NOTHING = "usual", "overdrawn", "big", "wide", "nothing"
_SIZES = (_USUAL, _USUAL, _USUAL, _OVERDRAWN, _BIG, _WIDE, _FROM_NOTHING)
_OPENINGS = {_USUAL: 100_000_000, _OVERDRAWN: -900_000_000, _BIG: 98_765_432_109, _WIDE: 10**17}
_MOST_OF_A_LINE = {_WIDE: 10**14, _BIG: 10**9}
_PAGES_END_AT = range(6, 46)


@dataclass(frozen=True)
class Group:
    """Statements of one brand and language."""

    name: str
    brand: Path | None
    statements: tuple[Statement, ...]


def groups(folder: Path, seed: int = 1) -> Iterator[Group]:
    """Yield groups without end. Brands are written into ``folder``."""
    brands: list[Path | None] = [None, BRANDS / "alder", BRANDS / "harbour", BRANDS / "lumo"]
    for number, toml in enumerate(CONTENTS):
        files = _NOTICES if number >= _WITH_NOTICES else None
        brands.append(write_brand(folder / f"content{number}", toml, files))
    for number, style in enumerate(DESIGNS):
        brands.append(write_brand(folder / f"design{number}", files={"style.css": style}))
    number = 0
    while True:
        turn, place = divmod(number, len(brands))
        brand, locale = brands[place], LOCALES[(place + turn) % len(LOCALES)]
        draw = random.Random(f"{seed} {number}")  # noqa: S311  # a corpus must be the same again
        made = _Situation.drawn(draw, locale, number).statements(draw)
        yield Group(f"{number} {brand.name if brand else 'ours'} {locale}", brand, made)
        number += 1


@dataclass(frozen=True)
class _Situation:
    """What the statements of a group share."""

    holder: Holder
    currency: str
    size: str
    fees_are_returned: bool
    has_number: bool
    correction: tuple[str | None, str | None] | None
    words: tuple[str, ...]

    @classmethod
    def drawn(cls, draw: random.Random, locale: str, number: int) -> "_Situation":
        """Return what a group has."""
        has_other_words = draw.random() < 0.5
        name = draw.choice(["Eleanor Whitfield", "Bo", "Wilhelmina Featherstonehaugh", "Łukasz Öz"])
        if has_other_words and draw.random() < 0.5:
            name = draw.choice(_FOREIGN_NAMES)
        lines = ["27 Lansdowne Crescent", "Bath BA1 5EX", "United Kingdom", "Flat 3", "1-1", "東京"]
        address = "\n".join(lines[: draw.choice([0, 1, 2, 3, 3, 3, 5, 6])])
        holder = replace(HOLDER, name=name, address=address, locale=locale)
        currency = draw.choice((*_CURRENCIES, _OF_A_LANGUAGE.get(locale[:2], "EUR")))
        reasons = [None, *HOLDER_REASONS]
        text = "Two entries came <late> & were added; 遅い" if draw.random() < 0.5 else None
        reason = reasons[number // 2 % len(reasons)]
        return cls(
            holder,
            currency,
            draw.choice(_SIZES),
            fees_are_returned=draw.random() < 0.1,
            has_number=draw.random() < 0.8,
            correction=(reason, text) if draw.random() < 0.3 else None,
            words=_WORDS + (_OTHER_WORDS if has_other_words else ()),
        )

    def statements(self, draw: random.Random) -> tuple[Statement, ...]:
        """Return the statements of a group: without lines, with some, and to the end of a page."""
        near = draw.choice(_PAGES_END_AT)
        counts = [0, draw.randint(1, 9), *range(near, near + 4), draw.randint(40, 80)]
        return tuple(self._statement(draw, count, near) for count in counts)

    def _statement(self, draw: random.Random, count: int, near: int) -> Statement:
        # Rows of one height, so that each further line moves the break of the page by one row.
        is_plain = near <= count < near + 4 and draw.random() < 0.7
        lines = [
            self._line(draw, 1 + number * 30 // max(1, count), is_plain=is_plain)
            for number in range(count)
        ]
        opening = _OPENINGS.get(self.size, 0)
        if self.size == _FROM_NOTHING:
            lines = [replace(line, amount_minor=abs(line.amount_minor)) for line in lines]
        made = statement(*lines, opening_minor=opening, holder=self.holder, currency=self.currency)
        made = replace(
            made,
            account_id=draw.randint(1, 10**9),
            number=draw.randint(1, 3000) if self.has_number else None,
            overdraft_limit_minor=draw.choice([None, 50_000]) if count == near else 50_000,
            issuer=replace(made.issuer, bic="NORTIE2D"),
        )
        return made if self.correction is None else corrected(made, *self.correction[::-1])

    def _line(self, draw: random.Random, day: int, *, is_plain: bool) -> StatementLine:
        def text(most: int) -> str:
            if draw.random() < 0.1:
                # One word of each length, and two words that meet at each width.
                return "n" * draw.randint(1, 60) + draw.choice(["", " i", " of"])
            return " ".join(draw.choices(self.words, k=draw.randint(1, most)))

        kind = draw.choice(["payment", "payment", "payment", "fee", "interest"])
        amount = draw.randint(1, draw.choice([99, 50_000, _MOST_OF_A_LINE.get(self.size, 50_000)]))
        sign = draw.choice([-1, 1])
        if kind == "fee":
            sign = 1 if self.fees_are_returned else -1
        line = entry(
            sign * amount,
            draw.choice(["Card payment", "Salary"]) if is_plain else text(9),
            counterparty=draw.choice([None, "Bo", "Al"] if is_plain else [None, "A & B", text(3)]),
            kind=kind,
            day=day,
        )
        if is_plain:
            return line
        if draw.random() < 0.3:
            line = replace(line, value_date=date(2026, 10, draw.randint(1, 31)))
        if draw.random() < 0.3:
            rate = Decimal(draw.choice(["0.5001", "1", "148.25", "0.00000731"]))
            currency = draw.choice(["USD", "SEK", "JPY"])
            line = replace(line, original=Original(line.amount_minor * 2, currency, rate))
        if draw.random() < 0.05:
            line = replace(line, customer_reference=draw.choice(["RF18539007547034", "Bill 42/ü"]))
        if kind == "interest" and draw.random() < 0.3:
            line = replace(line, interest_rate=Decimal(draw.choice(["1.25", "-0.5"])))
        return line
