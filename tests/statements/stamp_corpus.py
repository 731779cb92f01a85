"""A corpus of generated statements, each made by both renderers and compared.

    .venv/bin/python -m tests.statements.stamp_corpus 2000

Every brand, every language, texts of every script, lines of each number, wraps and page breaks at
each offset. The same number gives the same statements again. The corpus says how many are equal,
how many the second renderer has left to the first and why, and what differs.
"""

import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import islice
from multiprocessing import Pool
from pathlib import Path

import local  # noqa: F401  # puts plugins/ on the path
from closebook.statements.model import Original, Statement, StatementLine
from closebook.statements.render.document import render
from closebook.statements.stamp.outside_layout import OutsideLayout
from closebook.statements.stamp.stamped_renderer import StampedRenderer
from tests.statements.brands import BRANDS, in_brand, write_brand
from tests.statements.equal_documents import differences
from tests.statements.samples import HOLDER, corrected, entry, statement

STATEMENTS_OF_A_GROUP = 20
LOCALES = (
    *("en_GB", "de_DE", "fr_FR", "ar_EG", "ja_JP", "he_IL", "hi_IN", "th_TH", "zh_CN", "ko_KR"),
    *("ru_RU", "en_US", "es_ES", "pt_PT", "pt_BR", "it_IT", "nl_NL", "pl_PL", "cs_CZ", "sv_SE"),
    *("tr_TR", "zh_TW"),
)
"""One locale of each language that the template has."""

CONTENTS = (
    "[content]\nvalue_dates = true\noriginal_amounts = true",
    "[content]\ncarried_forward = true\npage_totals = true\nstatement_number = true",
    '[content]\nbic = true\nfee_summary = ["payment"]\n[issuer]\ntelephone = "+1 555 010"',
    '[paper]\nsize = "Letter"\n[layout]\nrows = "bands"\noverview = "after"',
)
"""What brands print, in brand.toml."""

DESIGNS = (
    "body { font-size: 8.6pt } col.party { width: 22mm }",
    ".letterhead { height: 24mm } .issuer { font-size: 15pt }",
    ".lines td { padding: 1.6mm 0 } .notes { margin-top: 12mm }",
)
"""Changes of a designer: widths and font size, letterhead, room in the rows."""

_WORDS = (
    *("Card", "payment", "to", "the merchant", "at", "Bath,", "refund", "12/10", "-", "order"),
    *("Naive", "invoice", "INV-2026/0042", "www.example.com/orders", "supercalifragilistic"),
)
_OTHER_WORDS = (
    *("café", "Łódź", "Ελλάδα", "Москва", "רחל", "שלום", "فاتورة", "متجر", "東京", "株式会社"),
    *("ภาษาไทย", "त्रिपाठी", "한국어", "日本", "Gift 🎁"),
)


@dataclass(frozen=True)
class Group:
    """Statements of one brand and language."""

    name: str
    brand: Path | None
    statements: tuple[Statement, ...]


def groups(folder: Path, seed: int = 1) -> Iterator[Group]:
    """Yield groups without end. Brands are written into ``folder``."""
    draw = random.Random(seed)  # noqa: S311  # a corpus must be the same again
    brands: list[Path | None] = [None, BRANDS / "alder", BRANDS / "harbour", BRANDS / "lumo"]
    for number, toml in enumerate(CONTENTS):
        brands.append(write_brand(folder / f"content{number}", toml))
    for number, style in enumerate(DESIGNS):
        brands.append(write_brand(folder / f"design{number}", files={"style.css": style}))
    number = 0
    while True:
        # Every brand meets every language, in another order each time round.
        brand = brands[number % len(brands)]
        locale = LOCALES[(number + number // len(brands)) % len(LOCALES)]
        has_all_letters = brand is None or brand.parent == folder
        made = tuple(
            _statement(draw, locale, has_all_letters=has_all_letters)
            for _ in range(STATEMENTS_OF_A_GROUP)
        )
        yield Group(f"{brand.name if brand else 'ours'}, {locale}", brand, made)
        number += 1


def _statement(draw: random.Random, locale: str, *, has_all_letters: bool) -> Statement:
    words = _WORDS + (_OTHER_WORDS if has_all_letters and draw.random() < 0.4 else ())
    count = draw.choice([0, draw.randint(1, 12), draw.randint(10, 45), draw.randint(40, 90)])
    lines = [_line(draw, words, 1 + number * 30 // max(1, count)) for number in range(count)]
    name = draw.choice(["Eleanor Whitfield", "Bo", "Wilhelmina Featherstonehaugh"])
    if has_all_letters and draw.random() < 0.3:
        name = draw.choice(["佐藤花子", "רחל כהן", "فاطمة الزهراء", "त्रिपाठी किराना"])
    holder = replace(HOLDER, name=name, locale=locale)
    opening = draw.choice([100_000_000, 10_000_000, 0])
    made = statement(*lines, opening_minor=opening, holder=holder)
    made = replace(made, number=draw.randint(1, 300))
    return corrected(made, None) if draw.random() < 0.1 else made


def _line(draw: random.Random, words: tuple[str, ...], day: int) -> StatementLine:
    def text(most: int) -> str:
        return " ".join(draw.choices(words, k=draw.randint(1, most)))

    line = entry(
        draw.choice([-1, 1]) * draw.randint(1, 50_000),
        text(9),
        counterparty=draw.choice([None, "Alder & Finch", text(3)]),
        kind=draw.choice(["payment", "payment", "fee"]),
        day=day,
    )
    if draw.random() < 0.3:
        line = replace(line, value_date=date(2026, 10, draw.randint(1, 31)))
    if draw.random() < 0.3:
        original = Original(line.amount_minor * 2, "USD", Decimal("0.5001"))
        line = replace(line, original=original)
    return line


@dataclass(frozen=True)
class Outcome:
    """What came of a statement: nothing differs, the first renderer made it, or what differs."""

    group: str
    number: int
    outside: str | None
    differences: tuple[str, ...]


def outcomes(group: Group) -> Iterator[Outcome]:
    """Make each statement of a group by both renderers, and compare the documents."""
    with nullcontext() if group.brand is None else in_brand(group.brand):
        renderer = StampedRenderer.of_settings()
        renderer.prepare([], again=group.statements)
        for number, made in enumerate(group.statements):
            try:
                stamped = renderer.stamp(made).pdf
            except OutsideLayout as outside:
                yield Outcome(group.name, number, str(outside), ())
                continue
            found = differences(render(made).pdf, stamped)
            yield Outcome(group.name, number, None, tuple(found))


def _all_outcomes(group: Group) -> list[Outcome]:
    return list(outcomes(group))


def main(count: int) -> int:
    """Compare so many statements, and print what came of them; return how many differ."""
    outside: Counter[str] = Counter()
    equal = different = 0
    # The memory of a group, such as that of its fonts, ends with its process.
    with tempfile.TemporaryDirectory() as folder, Pool(1, maxtasksperchild=1) as pool:
        wanted = islice(groups(Path(folder)), -(-count // STATEMENTS_OF_A_GROUP))
        every = (one for found in pool.imap(_all_outcomes, wanted) for one in found)
        for done, one in enumerate(islice(every, count), start=1):
            if one.outside is not None:
                outside[one.outside.partition(":")[0]] += 1
            elif one.differences:
                different += 1
            else:
                equal += 1
            if one.differences or one.outside:
                _say(f"{one.group} {one.number}: {one.outside or one.differences}")
            if done % STATEMENTS_OF_A_GROUP == 0:
                _say(f"{done}: {equal} equal, {different} different, {dict(outside)}")
    return different


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])) > 0)
