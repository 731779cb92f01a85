"""One business day of the sample platform: its transactions and ledger entries.

A day is made by a random generator of its own, from what settles on it, so no day needs
another's rows. Rows are lines of COPY's text format.
"""

from functools import cache
from itertools import accumulate
from struct import unpack

from closebook import periods
from local.sample_people import CURRENCIES, MAX_DELAY_MS, people_of
from local.sample_plan import HOUR_MS, MILLISECOND, Plan, PlannedDay

KINDS = ("payment",) * 973 + ("refund",) * 46 + ("chargeback",) * 5
STATUSES = ("settled",) * 998 + ("failed",) * 18 + ("pending",) * 8
ENTRY_TEXT = {
    "payment": "payment\tCard payment\t{name}\n",
    "refund": "refund\tRefund\t{name}\n",
    "chargeback": "chargeback\tChargeback\t{name}\n",
}
NULL = "\\N"

MINUTE_MS = 60_000
ACCOUNT_FEE_MS = 3 * HOUR_MS  # into the first day of a month
SETTLEMENT_MS = 2 * HOUR_MS  # after a business day's end; pay-outs an hour later
TOP_UP_EVERY = 10  # transactions
ON_THE_HOUR_EVERY = 997  # transactions


def copy_text(value: str) -> str:
    """Return a value as COPY's text format writes it."""
    return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")


class Day:
    """The rows of one business day: transactions that settle, that fail, and ledger entries.

    ``transactions`` and ``entries`` are lines; ``moved_minor`` is the entries' sum by wallet.
    """

    def __init__(self, plan: Plan, day: PlannedDay) -> None:
        self._plan, self._day, self._people = plan, day, people_of(plan)
        self._random = plan.random(f"day {day.period.label}")
        self._codes = self._people.wallet_codes
        self._next_entry_id = day.first_entry_id

        # The text of an instant is _minutes[…] + _seconds[…]: up to the minute, and the rest of it.
        hour = day.period.start.replace(minute=0) - MAX_DELAY_MS * MILLISECOND
        self._shift_ms = (day.period.start - hour) // MILLISECOND
        self._end_ms = (day.period.end - day.period.start) // MILLISECOND
        hours = range((self._shift_ms + self._end_ms + 2 * SETTLEMENT_MS) // HOUR_MS + 1)
        self._minutes = [
            f"{text}{minute:02}:"
            for text in [f"{hour + n * periods.HOUR:%Y-%m-%d %H:}" for n in hours]
            for minute in range(60)
        ]
        self._seconds = _seconds(plan)

        self.transactions: list[str] = []
        self.entries: list[str] = []
        self.moved_minor = [0] * len(self._codes)
        self._settled_minor = [0] * len(self._codes)
        self._fees_minor = [0] * len(self._codes)
        self._trade()
        self._top_up()
        if day.period.first_date.day == 1:
            self._charge_account_fees()
        self._settle()

    def _post(self, wallet: int, posted_ms: int, amount: int, text: str) -> None:
        """Post an entry without a transaction, unless its amount is zero."""
        if amount:
            at_ms = posted_ms + self._shift_ms
            posted_at = self._minutes[at_ms // MINUTE_MS] + self._seconds[at_ms % MINUTE_MS]
            self.moved_minor[wallet] += amount
            self.entries.append(
                f"{self._next_entry_id}\t{wallet}\t{NULL}\t{posted_at}\t{amount}"
                f"\t{self._codes[wallet]}\t{text}\n"
            )
            self._next_entry_id += 1

    def _stamps(self, draws: tuple[int, ...]) -> list[tuple[int, int]]:
        """Return the pairs (created, settled), by creation, in milliseconds since ``_minutes[0]``.

        All settle on this day, more by day than by night; some exactly on an hour's boundary,
        the first on the day's own and the last just before its end.
        """
        hours = list(self._day.hours())
        weights = tuple(accumulate(weight for _, _, weight in hours))
        drawn = self._random.choices(hours, cum_weights=weights, k=len(draws))
        settled = [
            first_ms + ((draw & 0xFFFFF) * length_ms >> 20)
            for (first_ms, length_ms, _), draw in zip(drawn, draws, strict=True)
        ]
        for index in range(0, len(settled), ON_THE_HOUR_EVERY):
            settled[index] -= settled[index] % HOUR_MS
        settled[0], settled[-1] = 0, self._day.length_ms - 1
        delays, shift_ms = self._people.delays_ms, self._shift_ms
        return sorted(
            [
                (ms + shift_ms - delays[draw >> 20], ms + shift_ms)
                for ms, draw in zip(settled, draws, strict=True)
            ]
        )

    def _trade(self) -> None:
        """Make the transactions with the users' entries; add up the merchants' by wallet."""
        n, people = self._day.transactions, self._people
        if not n:
            return
        draws = unpack(f"<{3 * n}I", self._random.randbytes(12 * n))
        stamps = self._stamps(draws[2 * n :])
        users = self._random.choices(people.active_users, cum_weights=people.user_activity, k=n)
        # This loop makes millions of rows: each look-up and call that is saved matters.
        minutes, seconds = self._minutes, self._seconds
        add_transaction, add_entry = self.transactions.append, self.entries.append
        moved_minor, entry_id = self.moved_minor, self._next_entry_id
        settled_minor, fees_minor = self._settled_minor, self._fees_minor
        texts, user_currency = _entry_texts(self._plan), people.user_currency
        countries = people.user_countries
        first_without_wallet = people.holders.stop
        for transaction_id, user, (created_ms, settled_ms), draw, other in zip(
            range(self._day.first_transaction_id, self._day.first_transaction_id + n),
            users,
            stamps,
            draws[:n],
            draws[n : 2 * n],
            strict=True,
        ):
            index = user_currency[user]
            currency = CURRENCIES[index]
            code = currency.code
            merchant = people.merchant_tickets[index][draw & 8191]
            amount = people.amounts[index][draw >> 13 & 16383]
            kind, status = KINDS[other & 1023], STATUSES[other >> 10 & 1023]
            promotion, discount, fee, credit = 0, 0, 0, amount
            if kind == "payment":
                if promotion := people.promotions[other >> 20]:
                    discount = amount * people.discount_percent[promotion] // 100
                fee = (amount * 29 + 500) // 1000 + currency.fee_minor
                credit = discount - amount
            elif kind == "chargeback":
                fee = currency.chargeback_fee_minor
            created = minutes[created_ms // MINUTE_MS] + seconds[created_ms % MINUTE_MS]
            settled = NULL
            if status == "settled":
                settled = minutes[settled_ms // MINUTE_MS] + seconds[settled_ms % MINUTE_MS]
                wallet = merchant.wallets[index]
                settled_minor[wallet] += amount if kind == "payment" else -amount
                fees_minor[wallet] += fee
                if user < first_without_wallet:
                    moved_minor[user] += credit
                    add_entry(
                        f"{entry_id}\t{user}\t{transaction_id}\t{settled}\t{credit}\t{code}"
                        f"\t{texts[kind][merchant.merchant_id]}"
                    )
                    entry_id += 1
            add_transaction(
                f"{transaction_id}\t{user}\t{countries[user]}\t{merchant.merchant_id}"
                f"\t{promotion or NULL}\t{kind}\t{code}\t{amount}\t{fee}\t{discount}\t{status}"
                f"\t{created}\t{settled}\n"
            )
        self._next_entry_id = entry_id

    def _top_up(self) -> None:
        people, random = self._people, self._random
        users = random.choices(
            people.active_users,
            cum_weights=people.user_activity,
            k=self._day.transactions // TOP_UP_EVERY,
        )
        for user in users:
            currency = CURRENCIES[people.user_currency[user]]
            amount = currency.median_minor * random.randrange(12, 33)
            posted_ms = random.randrange(self._day.length_ms)
            if user in people.holders:
                self._post(user, posted_ms, amount, f"top_up\tTop-up by card\t{NULL}")

    def _charge_account_fees(self) -> None:
        """Charge every user with a wallet but the dormant and the untouched one."""
        people = self._people
        for user in (*people.holders, people.overdrawn):
            posted_ms = ACCOUNT_FEE_MS + user * 37 % HOUR_MS
            if posted_ms < self._day.length_ms:
                currency = CURRENCIES[people.user_currency[user]]
                self._post(
                    user,
                    posted_ms,
                    -currency.account_fee_minor,
                    f"fee\tAccount fee for {self._day.period.first_date:%Y-%m}\t{NULL}",
                )

    def _settle(self) -> None:
        """Settle the merchants' day: payments less refunds and chargebacks, then the fees."""
        day, label = self._day.period, self._day.period.label
        left_ms = (self._plan.until - day.start) // MILLISECOND
        settlement = f"settlement\tSettlement of {label}\t{NULL}"
        charge = f"fee\tTransaction fees of {label}\t{NULL}"
        for merchant in self._people.merchants:
            payout = f"payout\tPay-out to your bank account\t{copy_text(merchant.name)}"
            for wallet in merchant.wallets.values():
                net, fees = self._settled_minor[wallet], self._fees_minor[wallet]
                posted_ms = self._end_ms + SETTLEMENT_MS + wallet * 83 % HOUR_MS
                if (net or fees) and posted_ms < left_ms:
                    self._post(wallet, posted_ms, net, settlement)
                    self._post(wallet, posted_ms, -fees, charge)
                paid_out_ms = posted_ms + HOUR_MS
                if merchant.is_paid_out and net > fees and paid_out_ms < left_ms:
                    self._post(wallet, paid_out_ms, fees - net, payout)


@cache
def _entry_texts(plan: Plan) -> dict[str, list[str]]:
    """The kind, description and counterparty of users' entries, by kind and merchant."""
    names = ["", *(copy_text(merchant.name) for merchant in people_of(plan).merchants)]
    return {kind: [text.format(name=name) for name in names] for kind, text in ENTRY_TEXT.items()}


@cache
def _seconds(plan: Plan) -> list[str]:
    """Seconds and microseconds of a minute, by its milliseconds.

    Whole seconds have no microseconds: what is meant to lie on a boundary lies on it exactly.
    """
    random = plan.random("microseconds")
    return [
        f"{ms // 1000:02}.{ms % 1000:03}{random.randrange(1000) if ms % 1000 else 0:03}+00"
        for ms in range(MINUTE_MS)
    ]
