"""The counter's document: its totals are right and never fall, and it is valid by its schema."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it ships none
from jsonschema.exceptions import ValidationError  # type: ignore[import-untyped]

from closebook.closes.day import close_day
from closebook.closes.month import close_month
from closebook.counter import publisher
from closebook.counter.publisher import COUNTER_KEY, NothingClosed, publish
from closebook.periods import HOUR, parse_month
from closebook.settings import Settings
from local import REPOSITORY
from tests.close_fixtures import RUN, transactions_with
from tests.counter.closed_hours import ELEVEN, NINE, TEN, close, fill
from tests.platform_rows import Platform, Transaction, utc

if TYPE_CHECKING:
    import redis

pytestmark = pytest.mark.usefixtures("server")

SCHEMA_FILE = REPOSITORY / "docs" / "counter.schema.json"
OCTOBER = parse_month("2026-10", "America/New_York")


@pytest.fixture(scope="module")
def schema() -> Draft202012Validator:
    """The schema that apps read."""
    contents = json.loads(Path(SCHEMA_FILE).read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(contents)
    return Draft202012Validator(contents, format_checker=Draft202012Validator.FORMAT_CHECKER)


def recount(transactions: list[Transaction], previous_end: datetime) -> dict[str, Any]:
    """The document's currencies, counted in Python."""
    exponents = {"USD": 2, "JPY": 0, "KWD": 3}

    def total(currency: str, kind: str, before: datetime | None = None) -> tuple[str, int]:
        amounts = [
            t.amount_minor
            for t in transactions
            if (t.currency, t.kind) == (currency, kind)
            and (before is None or t.settled_at < before)
        ]
        return str(sum(amounts)), len(amounts)

    counted = {}
    for currency in {t.currency for t in transactions}:
        gross, payments = total(currency, "payment")
        previous_gross, previous_payments = total(currency, "payment", previous_end)
        refunded, refunds = total(currency, "refund")
        charged_back, chargebacks = total(currency, "chargeback")
        counted[currency] = {
            "exponent": exponents[currency],
            "gross_minor": gross,
            "previous_gross_minor": previous_gross,
            "payment_count": payments,
            "previous_payment_count": previous_payments,
            "refund_minor": refunded,
            "refund_count": refunds,
            "chargeback_minor": charged_back,
            "chargeback_count": chargebacks,
        }
    return counted


# ---- what it says -----------------------------------------------------------------------


def test_the_document_is_valid_by_its_schema(
    settings: Settings, platform: Platform, schema: Draft202012Validator
) -> None:
    fill(platform)
    close(settings, NINE, TEN)

    schema.validate(publish(settings, RUN))
    schema.validate(publisher.read(settings))


@pytest.mark.parametrize("path", [("publication",), ("currencies", "USD", "gross_minor")])
def test_the_schema_refuses_a_document_without_one_of_its_parts(
    settings: Settings, platform: Platform, schema: Draft202012Validator, path: tuple[str, ...]
) -> None:
    fill(platform)
    close(settings, NINE, TEN)
    document = publish(settings, RUN)
    part = document
    for name in path[:-1]:
        part = part[name]
    del part[path[-1]]

    with pytest.raises(ValidationError, match=path[-1]):
        schema.validate(document)


def test_the_examples_of_the_schema_are_valid(schema: Draft202012Validator) -> None:
    assert isinstance(schema.schema, dict)
    examples = schema.schema["examples"]

    assert examples
    for example in examples:
        schema.validate(example)


def test_the_totals_equal_a_recount_and_refunds_count_apart(
    settings: Settings, platform: Platform
) -> None:
    fill(platform)
    close(settings, NINE, TEN)

    document = publish(settings, RUN)

    counted = [t for t in platform.transactions if t.settled_at < TEN.end]
    assert document["currencies"] == recount(counted, TEN.start)
    assert document["currencies"]["USD"]["gross_minor"] == "3570"
    assert document["currencies"]["USD"]["refund_minor"] == "310"
    assert document["currencies"]["JPY"]["gross_minor"] == "9007199254740993"


def test_the_counter_ends_with_the_last_closed_hour_and_says_when_the_next_is_due(
    settings: Settings, platform: Platform
) -> None:
    fill(platform)
    close(settings, NINE, TEN)

    document = publish(settings, RUN)

    assert document["counted_from"] == "2026-10-15T09:00:00Z"
    assert document["previous_as_of"] == "2026-10-15T10:00:00Z"
    assert document["as_of"] == "2026-10-15T11:00:00Z"
    assert document["next_update_at"] == "2026-10-15T12:00:00Z"
    assert document["missing_hour_count"] == 0


def test_the_previous_total_is_the_last_hours_total(settings: Settings, platform: Platform) -> None:
    fill(platform)
    close(settings, NINE)
    at_nine = publish(settings, RUN)["currencies"]
    close(settings, TEN)
    at_ten = publish(settings, RUN)["currencies"]

    for currency, totals in at_ten.items():
        before = at_nine.get(currency, {"gross_minor": "0", "payment_count": 0})
        assert totals["previous_gross_minor"] == before["gross_minor"]
        assert totals["previous_payment_count"] == before["payment_count"]


def test_a_quiet_hour_moves_the_previous_total_up_to_the_current_one(
    settings: Settings, platform: Platform
) -> None:
    platform.settle(NINE.start, 1000)
    close(settings, NINE, TEN)

    document = publish(settings, RUN)

    assert document["as_of"] == "2026-10-15T11:00:00Z"
    assert document["currencies"]["USD"]["previous_gross_minor"] == "1000"


def test_a_payment_found_late_in_an_earlier_hour_counts_as_previous(
    settings: Settings, platform: Platform
) -> None:
    fill(platform)
    close(settings, NINE, TEN)
    publish(settings, RUN)
    platform.settle(NINE.start, 40)
    close(settings, NINE)

    totals = publish(settings, RUN)["currencies"]["USD"]

    assert (totals["previous_gross_minor"], totals["gross_minor"]) == ("3540", "3610")


@pytest.mark.parametrize("with_month", [False, True], ids=["day", "month"])
def test_what_a_day_or_a_month_finds_late_in_closed_hours_is_in_the_counter(
    settings: Settings, platform: Platform, with_month: bool
) -> None:
    fill(platform)
    last_day = list(OCTOBER.days())[-1]
    close_day(settings, last_day, RUN)
    assert publish(settings, RUN)["currencies"] == {}
    platform.settle(last_day.start, 4000)
    platform.settle(last_day.start, 5, "KWD", kind="refund")

    if with_month:
        close_month(settings, OCTOBER, RUN)
    else:
        close_day(settings, last_day, RUN)

    publish(settings, RUN)
    document = publisher.read(settings)
    assert document is not None
    counted = platform.settled_in(last_day)
    assert document["currencies"] == recount(counted, last_day.end - HOUR)
    assert document["currencies"]["USD"]["gross_minor"] == "4000"


def test_hours_that_are_not_closed_are_counted_as_missing(
    settings: Settings, platform: Platform
) -> None:
    fill(platform)
    close(settings, NINE, ELEVEN)

    assert publish(settings, RUN)["missing_hour_count"] == 1


def test_without_a_closed_hour_there_is_nothing_to_publish(
    settings: Settings, server: "redis.Redis"
) -> None:
    with pytest.raises(NothingClosed, match="no hour is closed"):
        publish(settings, RUN)

    assert server.get(COUNTER_KEY) is None
    assert publisher.read(settings) is None


# ---- what it leaves out ------------------------------------------------------------------


def test_a_gross_total_that_would_fall_is_left_out_with_its_last_total_and_no_other_is(
    settings: Settings, platform: Platform, schema: Draft202012Validator
) -> None:
    fill(platform)
    close(settings, NINE, TEN)
    before = publish(settings, RUN)
    platform.connection.execute("delete from platform.transactions where amount_minor = 70")
    close(settings, TEN)

    document = publish(settings, RUN)

    schema.validate(document)
    assert document["currencies"].keys() == {"JPY", "KWD"}
    assert document["excluded_currencies"] == {
        "USD": {
            "reason": "would_fall",
            "last": {"as_of": before["as_of"], "exponent": 2, "gross_minor": "3570"},
        }
    }
    assert publisher.read(settings) == document


def test_a_currency_that_disappears_is_a_gross_total_that_fell(
    settings: Settings, platform: Platform
) -> None:
    fill(platform)
    close(settings, NINE, TEN)
    publish(settings, RUN)
    platform.connection.execute("delete from platform.transactions where currency = 'KWD'")
    close(settings, TEN)

    excluded = publish(settings, RUN)["excluded_currencies"]

    assert excluded["KWD"]["reason"] == "would_fall"
    assert excluded["KWD"]["last"]["gross_minor"] == "55"


def test_a_total_that_fell_is_remembered_until_it_is_reached_again(
    settings: Settings, platform: Platform
) -> None:
    fill(platform)
    close(settings, NINE, TEN)
    publish(settings, RUN)
    platform.connection.execute("delete from platform.transactions where amount_minor = 70")
    close(settings, TEN)
    publish(settings, RUN)

    platform.settle(TEN.start, 69)
    close(settings, TEN)
    still_below = publish(settings, RUN)
    platform.settle(TEN.start, 2)
    close(settings, TEN)
    above = publish(settings, RUN)

    assert still_below["excluded_currencies"]["USD"]["reason"] == "would_fall"
    assert above["excluded_currencies"] == {}
    assert above["currencies"]["USD"]["gross_minor"] == "3571"


def test_a_code_that_is_no_currency_is_left_out_and_no_other_is(
    settings: Settings, platform: Platform, schema: Draft202012Validator
) -> None:
    fill(platform)
    platform.settle(TEN.start, 9, "BTC")
    close(settings, NINE, TEN)

    document = publish(settings, RUN)

    schema.validate(document)
    assert document["currencies"].keys() == {"USD", "JPY", "KWD"}
    assert document["excluded_currencies"] == {"BTC": {"reason": "unknown_currency", "last": None}}


def test_a_currency_of_ones_own_is_counted_with_its_places(
    settings: Settings,
    platform: Platform,
    schema: Draft202012Validator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CLOSEBOOK_CURRENCIES", "BTC=8")
    fill(platform)
    platform.settle(TEN.start, 9, "BTC")
    close(settings, NINE, TEN)

    document = publish(settings, RUN)

    schema.validate(document)
    counted = document["currencies"]["BTC"]
    assert (counted["exponent"], counted["gross_minor"]) == (8, "9")
    assert document["excluded_currencies"] == {}


def test_an_unknown_code_in_hours_that_an_older_version_closed_is_left_out(
    settings: Settings, platform: Platform
) -> None:
    fill(platform)
    close(settings, NINE, TEN)
    with psycopg.connect(settings.store) as store:
        store.execute(
            "insert into reporting.hourly_volume select close_id, hour_start, 'BTC', kind, 1, 9, 0,"
            " 0 from reporting.hourly_volume where kind = 'payment' and currency = 'USD'"
        )

    document = publish(settings, RUN)

    assert document["currencies"].keys() == {"USD", "JPY", "KWD"}
    assert document["excluded_currencies"]["BTC"]["reason"] == "unknown_currency"


def test_a_currency_that_an_hour_left_out_keeps_its_last_total_until_the_hour_is_corrected(
    settings: Settings, platform: Platform
) -> None:
    fill(platform)
    close(settings, NINE)
    publish(settings, RUN)
    status = (
        f"case when settled_at >= '{TEN.start}' and currency = 'USD' then 'failed' else status end"
    )
    with transactions_with(platform, status=status):
        close(settings, TEN)
    left_out = publish(settings, RUN)
    close(settings, TEN)
    corrected = publish(settings, RUN)

    assert left_out["currencies"].keys() == {"JPY", "KWD"}
    assert left_out["excluded_currencies"]["USD"] == {
        "reason": "incomplete",
        "last": {"as_of": "2026-10-15T10:00:00Z", "exponent": 2, "gross_minor": "3500"},
    }
    assert corrected["excluded_currencies"] == {}
    assert corrected["currencies"]["USD"]["gross_minor"] == "3570"


def test_a_total_beyond_bigint_is_exact(settings: Settings, platform: Platform) -> None:
    for hour in (NINE, TEN):
        platform.settle(hour.start, 9 * 10**18, "IRR")
    close(settings, NINE, TEN)

    assert publish(settings, RUN)["currencies"]["IRR"]["gross_minor"] == str(18 * 10**18)


# ---- the promise to apps ----------------------------------------------------------------


def shown(totals: dict[str, Any], document: dict[str, Any], instant: datetime) -> int:
    """What an app shows at an instant, as the schema tells it to."""
    as_of, next_update_at = utc(document["as_of"]), utc(document["next_update_at"])
    passed = min(max(instant - as_of, timedelta(0)), next_update_at - as_of)
    previous, gross = int(totals["previous_gross_minor"]), int(totals["gross_minor"])
    return previous + (gross - previous) * passed // (next_update_at - as_of)


def test_an_app_that_follows_the_schema_never_shows_more_than_is_true_and_never_falls(
    settings: Settings, platform: Platform
) -> None:
    for minutes in range(0, 180, 7):
        platform.settle(NINE.start + timedelta(minutes=minutes), 1000 + minutes)
    on_screen = 0
    for hour in (NINE, TEN, ELEVEN):
        close(settings, hour)
        document = publish(settings, RUN)
        for minutes in range(61):
            instant = hour.end + timedelta(minutes=minutes)
            now = shown(document["currencies"]["USD"], document, instant)
            true = sum(t.amount_minor for t in platform.transactions if t.settled_at < instant)
            assert on_screen <= now <= true
            on_screen = now
    assert on_screen == sum(t.amount_minor for t in platform.transactions)
