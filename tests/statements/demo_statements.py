"""Which share of statements like the demo's is stamped.

    .venv/bin/python -m tests.statements.demo_statements 1000

The holders, their locales, currencies and shops are drawn as `local/sample_people.py` draws them,
six in ten statements for people. Every fiftieth document is compared with that of the first
renderer. Exit status 1 if one differs.
"""

import random
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import local  # noqa: F401  # puts plugins/ on the path
from closebook.statements.model import Holder, Statement, StatementLine
from closebook.statements.render.document import render
from closebook.statements.stamp.outside_layout import OutsideLayout
from closebook.statements.stamp.stamped_renderer import StampedRenderer
from local.sample_names import REGIONS, Region
from local.sample_people import CURRENCIES, CURRENCY_OF_REGION, account_number, address, full_name
from tests.statements.equal_documents import differences
from tests.statements.samples import entry, statement

COMPARED = 50
"""Each document whose number is a multiple of this is compared."""

_PEOPLE = 0.6
_DAYS = 31


def demo_statements(seed: int = 1) -> Iterator[Statement]:
    """Yield statements without end; the same seed gives the same ones again."""
    draw = random.Random(seed)  # noqa: S311  # a corpus must be the same again
    shares = [region.share for region in REGIONS]
    number = 0
    while True:
        number += 1
        [region] = draw.choices(REGIONS, shares)
        is_person = draw.random() < _PEOPLE
        lines = _of_a_person(draw) if is_person else _of_a_shop(draw)
        holder = Holder(
            full_name(draw, region) if is_person else _shop(draw, region),
            address(draw, region),
            account_number(region.country, number),
            region.locale_code,
        )
        median = CURRENCIES[CURRENCY_OF_REGION[region.country]].median_minor
        opening = median * draw.randrange(-2, 61)
        made = statement(*lines, opening_minor=opening, currency=region.currency, holder=holder)
        yield replace(made, account_id=number)


def _shop(draw: random.Random, region: Region) -> str:
    return region.shop.format(family=draw.choice(region.family), trade=draw.choice(region.trades))


def _of_a_person(draw: random.Random) -> list[StatementLine]:
    shops = random.Random(7)  # noqa: S311  # all pay in the same fifty shops
    names = [_shop(shops, shops.choice(REGIONS)) for _ in range(50)]
    made = []
    for number in range(count := draw.randrange(0, 60)):
        kind, text = draw.choice(
            [*[("payment", "Card payment")] * 8, ("refund", "Refund"), ("top_up", "Top-up")]
        )
        sign = -1 if kind == "payment" else 1
        amount = sign * int(3000 * draw.lognormvariate(0, 1.1))
        party = None if kind == "top_up" else draw.choice(names)
        day = 1 + number * (_DAYS - 1) // count
        made.append(entry(amount or 1, text, counterparty=party, kind=kind, day=day))
    return [*made[:1], entry(-199, "Account fee", kind="fee"), *made[1:]] if made else []


def _of_a_shop(draw: random.Random) -> list[StatementLine]:
    made = []
    for day in range(1, _DAYS + 1):
        net = draw.randrange(10_000, 900_000)
        label = f"2026-10-{day:02}"
        made += [
            entry(net, f"Settlement of {label}", kind="settlement", day=day),
            entry(-net // 30, f"Transaction fees of {label}", kind="fee", day=day),
            entry(-net // 2, "Pay-out to your bank account", kind="payout", day=day),
        ]
    return made


def main(count: int) -> int:
    """Stamp so many statements, print what came of them, and return how many differ."""
    made = [*islice(demo_statements(), count)]
    renderer = StampedRenderer.of_settings()
    renderer.prepare(made)
    outside: Counter[str] = Counter()
    locales: Counter[str] = Counter()
    compared = different = 0
    for number, each in enumerate(made):
        try:
            pdf = renderer.stamp(each).pdf
        except OutsideLayout as found:
            outside[found.reason] += 1
            locales[each.holder.locale] += 1
            continue
        if number % COMPARED == 0:
            compared += 1
            if found_differences := differences(render(each).pdf, pdf):
                different += 1
                sys.stdout.write(f"{number}, {each.holder.locale}: {found_differences}\n")
    stamped = count - outside.total()
    sys.stdout.write(
        f"{stamped} of {count} statements are stamped ({stamped / count:.2%}); the others by "
        f"reason: {dict(outside)}, by locale: {dict(locales)}; {compared} compared, "
        f"{different} differ; not compiled: {renderer.not_compiled}\n"
    )
    return different


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])) > 0)
