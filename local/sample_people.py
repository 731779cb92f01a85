"""The sample platform's users, merchants and promotions, and how they trade."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from itertools import accumulate
from random import Random

from local.sample_names import REGIONS, Region
from local.sample_plan import HOUR_MS, Plan, SampleSize

CATEGORIES = (
    "groceries",
    "restaurants",
    "travel",
    "electronics",
    "fashion",
    "fuel",
    "streaming",
    "pharmacy",
    "games",
)
FUNDINGS = ("platform", "merchant", "shared")
MAX_DELAY_MS = 36 * HOUR_MS  # from a transaction's creation to its settlement

# The sizes of lookup tables, in which a few bits of a random number select an entry, a ticket.
# PROMOTED_TICKETS of the PROMOTION_TICKETS entries name a promotion.
MERCHANT_TICKETS = 8192
AMOUNT_TICKETS = 16384
DELAY_TICKETS = 4096
PROMOTION_TICKETS = 4096
PROMOTED_TICKETS = 736


@dataclass(frozen=True)
class Currency:
    """The typical sizes of amounts in a currency, in minor units."""

    code: str
    median_minor: int
    fee_minor: int
    """The fixed part of a payment's fee; the other part is 2.9 %."""
    chargeback_fee_minor: int
    account_fee_minor: int


CURRENCIES = (
    Currency("USD", 3_000, 30, 1_500, 199),
    Currency("EUR", 2_800, 25, 1_400, 190),
    Currency("GBP", 2_400, 20, 1_200, 150),
    Currency("JPY", 4_500, 10, 2_200, 300),
    Currency("KWD", 9_000, 50, 4_500, 500),
)
CURRENCY_OF_REGION = {
    region.country: [currency.code for currency in CURRENCIES].index(region.currency)
    for region in REGIONS
}


@dataclass(frozen=True)
class Merchant:
    """A merchant, with a wallet for each currency they trade in, by the currency's index."""

    merchant_id: int
    name: str
    category: str
    region: Region
    popularity: int
    wallets: dict[int, int]

    @property
    def is_paid_out(self) -> bool:
        """Whether each day's settlement leaves for a bank account the morning after."""
        return self.merchant_id % 3 == 0


class People:
    """Who trades on the platform of one plan, and the tickets that their trade is drawn from.

    Users are numbered from 1, and so are their wallets; merchants' wallets come after them.
    The last three users never pay: the first of them has a balance, the second has never had an
    entry, the third owes account fees.
    """

    def __init__(self, plan: Plan) -> None:
        size = plan.size
        self.active_users = range(1, size.users - 2)
        self.dormant, self.untouched, self.overdrawn = size.users - 2, size.users - 1, size.users
        # Who is active and has a wallet. The last three users have one too.
        holders = len(self.active_users) if size.account_holders is None else size.account_holders
        self.holders = self.active_users[:holders]

        random = plan.random("users")
        self.user_regions = _regions(random, size.users)
        self.user_countries = ["", *(region.country for region in self.user_regions)]
        self.user_currency = [0, *(CURRENCY_OF_REGION[r.country] for r in self.user_regions)]
        ranks = random.sample(self.active_users, k=len(self.active_users))
        self.user_activity = tuple(accumulate((rank + 10) ** -0.4 for rank in ranks))
        self.opened_at = [
            plan.days[0].period.start - timedelta(days=30, seconds=random.randrange(60_000_000))
            for _ in range(size.users)
        ]

        self.merchants = tuple(_merchants(plan.random("merchants"), size))
        self.wallet_codes = [""] + [region.currency for region in self.user_regions]
        for merchant in self.merchants:
            self.wallet_codes += [CURRENCIES[index].code for index in merchant.wallets]
        self._draw_tickets(plan.random("tickets"), size)

    def _draw_tickets(self, random: Random, size: SampleSize) -> None:
        self.merchant_tickets: list[list[Merchant]] = []
        self.amounts: list[list[int]] = []
        for index, currency in enumerate(CURRENCIES):
            trading = [merchant for merchant in self.merchants if index in merchant.wallets]
            popularity = [merchant.popularity for merchant in trading]
            more = random.choices(trading, popularity, k=max(0, MERCHANT_TICKETS - len(trading)))
            self.merchant_tickets.append([*trading, *more][:MERCHANT_TICKETS])
            # Floats only choose the size of a random amount; no money is computed with them.
            least = currency.median_minor // 20
            self.amounts.append(
                [
                    least + int(currency.median_minor * random.lognormvariate(0, 1.1))
                    for _ in range(AMOUNT_TICKETS)
                ]
            )
        self.delays_ms = [
            min(20_000 + int(1_500_000 * random.lognormvariate(0, 1.3)), MAX_DELAY_MS)
            for _ in range(DELAY_TICKETS)
        ]
        promoted = random.choices(range(1, size.promotions + 1), k=PROMOTED_TICKETS)
        self.promotions = promoted + [0] * (PROMOTION_TICKETS - PROMOTED_TICKETS)
        self.discount_percent = [0, *random.choices((5, 10, 15, 20, 25, 50), k=size.promotions)]


@cache
def people_of(plan: Plan) -> People:
    """Return the people of a plan, made once a process."""
    return People(plan)


def full_name(random: Random, region: Region) -> str:
    """Draw a person's name."""
    return region.full_name.format(
        given=random.choice(region.given), family=random.choice(region.family)
    )


def address(random: Random, region: Region) -> str:
    """Draw a postal address of two lines."""
    return region.address.format(
        number=random.randrange(1, 200),
        street=random.choice(region.streets),
        city=random.choice(region.cities),
    )


def account_number(country: str, wallet_id: int) -> str:
    """Return a wallet's number, in the form of an IBAN with its ISO 7064 check digits."""
    own_part = f"CLBK{wallet_id:014}"
    digits = "".join(str(int(character, 36)) for character in f"{own_part}{country}00")
    return f"{country}{98 - int(digits) % 97:02}{own_part}"


def _regions(random: Random, people: int) -> list[Region]:
    """Draw regions by their shares; each of them at least once."""
    shares = [region.share for region in REGIONS]
    return [*REGIONS, *random.choices(REGIONS, shares, k=people - len(REGIONS))]


def _merchants(random: Random, size: SampleSize) -> Iterator[Merchant]:
    """Draw merchants whose popularity follows a power law.

    The most popular ones trade in all currencies, the next also in US dollars and euros, the
    others in their region's alone.
    """
    ranks = random.sample(range(1, size.merchants + 1), k=size.merchants)
    wallet_id = size.users + 1
    for merchant_id, (rank, region) in enumerate(
        zip(ranks, _regions(random, size.merchants), strict=True), start=1
    ):
        currencies = {CURRENCY_OF_REGION[region.country]}
        if rank <= size.merchants // 20:
            currencies.update(range(len(CURRENCIES)))
        elif rank <= size.merchants // 5:
            currencies.update((0, 1))
        wallets = {index: wallet_id + n for n, index in enumerate(sorted(currencies))}
        wallet_id += len(wallets)
        yield Merchant(
            merchant_id=merchant_id,
            name=region.shop.format(
                family=random.choice(region.family), trade=random.choice(region.trades)
            ),
            category=random.choice(CATEGORIES),
            region=region,
            popularity=1_000_000 // (rank + 3),
            wallets=wallets,
        )
