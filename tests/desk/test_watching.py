"""The pages that an operator watches, and what Prometheus gets: volume, health, metrics."""

import json
import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
import redis
from playwright.sync_api import Browser
from prometheus_client.parser import text_string_to_metric_families
from psycopg.conninfo import make_conninfo

from closebook.closes.day import close_day
from closebook.closes.hour import close_hour
from closebook.counter import publisher
from closebook.monitoring import collect
from closebook.monitoring.thresholds import INDEX_BLOCKS_JUDGED_MIN
from closebook.periods import HOUR, day_of, hour_of
from closebook.settings import Replica
from tests.close_fixtures import RUN
from tests.desk.conftest import Desk
from tests.desk.desk_browser import bars_people, page_of
from tests.desk.prometheus_server import scraping
from tests.platform_rows import utc
from tests.test_prometheus import dashboard, documented

LAST_HOUR = utc("2026-11-01T03:00Z")
COUNTER_KEYS = {"served_at", "counter"}


@dataclass
class Watched:
    """A desk whose platform settled something in the last hours of October, and was asked twice."""

    desk: Desk
    token: str

    def metrics(self) -> dict[str, dict[frozenset[tuple[str, str]], float]]:
        """The metrics by name and labels."""
        answer = self.scrape(f"Bearer {self.token}")
        assert answer.status_code == 200, answer.text
        found: dict[str, dict[frozenset[tuple[str, str]], float]] = {}
        for family in text_string_to_metric_families(answer.text):
            for sample in family.samples:
                labels = frozenset(sample.labels.items())
                found.setdefault(sample.name, {})[labels] = sample.value
        return found

    def scrape(self, authorization: str | None) -> httpx.Response:
        headers = {} if authorization is None else {"Authorization": authorization}
        return httpx.get(f"{self.desk.url}/metrics", headers=headers, trust_env=False, timeout=30)


@pytest.fixture(scope="module")
def watched(desk: Desk, module_platform_database: str) -> Watched:
    settings = desk.settings
    hours = [LAST_HOUR - back * HOUR for back in range(30)]
    with psycopg.connect(desk.stack.primary_admin(module_platform_database)) as platform:
        for number, hour in enumerate(hours):
            for currency, amount_minor in (("USD", 123_456), ("JPY", 5_000)):
                platform.execute(
                    "insert into platform.transactions (transaction_id, settled_at, currency,"
                    " kind, amount_minor, fee_minor, discount_minor, user_id, merchant_id, status)"
                    " values (%s, %s, %s, 'payment', %s, 0, 0, 1, 10, 'settled')",
                    [
                        number * 2 + (currency == "JPY"),
                        hour,
                        currency,
                        amount_minor + 7919 * number,
                    ],
                )
    for hour in hours:
        close_hour(settings, hour_of(hour), RUN)
    close_day(settings, day_of(date(2026, 10, 31), "America/New_York"), RUN)
    # The stack's Redis may hold the higher publication of another test's store.
    with redis.Redis.from_url(settings.redis_url) as server:
        server.delete(publisher.COUNTER_KEY)
    publisher.publish(settings, RUN)
    collect.collect(settings)
    collect.collect(settings)
    return Watched(desk, desk.stack.secrets["metrics"])


# ---- volume ------------------------------------------------------------------------------


def test_the_volume_page_has_the_closed_numbers_by_hour_and_day(watched: Watched) -> None:
    html = watched.desk.get("operator", "/volume").text
    assert "2026-10-31 23:00" in html
    assert "1,234.56" in html
    assert html.count('role="img"') == 4
    # An hour that nobody closed is not an hour without payments.
    assert "2026-10-30 17:00 (not closed)" in html


def test_the_counter_is_the_document_in_redis_with_the_time_of_the_answer(
    watched: Watched,
) -> None:
    answer = watched.desk.get("operator", "/volume/counter")
    body = answer.json()
    assert body.keys() == COUNTER_KEYS
    assert body["counter"] == publisher.read(watched.desk.settings)
    assert abs(datetime.fromisoformat(body["served_at"]) - datetime.now(UTC)) < timedelta(minutes=1)
    assert answer.headers["Cache-Control"] == "private, no-store"


def test_the_counter_runs_for_an_hour_in_a_real_browser_and_keeps_its_promises(
    watched: Watched, browser: Browser
) -> None:
    """Over an hour of simulated time, with a visitor's clock that is years off."""
    document = publisher.read(watched.desk.settings)
    assert document is not None
    totals = document["currencies"]["USD"]
    gross, previous = int(totals["gross_minor"]), int(totals["previous_gross_minor"])
    as_of = publisher.instant(document["as_of"])
    page = page_of(browser, watched.desk, "operator", locale="en-US")
    page.clock.install(time=datetime(2031, 1, 1, tzinfo=UTC))
    served = {"at": as_of}

    def answer(route: object) -> None:
        body = {"served_at": served["at"].isoformat(), "counter": document}
        route.fulfill(body=json.dumps(body), content_type="application/json")  # type: ignore[attr-defined]

    page.route("**/volume/counter", answer)
    page.goto("/closebook/volume")
    amount = page.locator('.counter-amount[data-currency="USD"]')
    amount.wait_for()
    shown: list[int] = []
    for minute in range(66):
        served["at"] = as_of + timedelta(minutes=minute)
        text = amount.text_content() or ""
        shown.append(int(re.sub(r"\D", "", text)))
        page.clock.fast_forward(58_000)
        page.clock.run_for(2_000)
    assert shown == sorted(shown)
    assert previous <= shown[0] < shown[30] < shown[59] <= gross
    assert max(shown) == gross
    assert abs(shown[30] - (previous + (gross - previous) // 2)) <= (gross - previous) // 50
    served["at"] = as_of + timedelta(hours=2)
    # The page's clock does not wait for the answers, which take real time.
    for _ in range(30):
        page.clock.fast_forward(58_000)
        page.clock.run_for(2_000)
        if "late" in (page.locator(".counter-status").text_content() or ""):
            break
    assert "late" in (page.locator(".counter-status").text_content() or "")
    assert int(re.sub(r"\D", "", amount.text_content() or "")) == gross
    page.context.close()


def test_a_screen_reader_hears_the_counter_once_and_not_at_every_frame(
    watched: Watched, browser: Browser
) -> None:
    page = page_of(browser, watched.desk, "operator", locale="en-US")
    page.goto("/closebook/volume")
    page.locator(".counter-amount").first.wait_for()
    page.evaluate(
        "() => { window.heard = 0; new MutationObserver(() => window.heard++).observe("
        "document.querySelector('[role=status]'), {childList: true, characterData: true,"
        " subtree: true}) }"
    )
    page.wait_for_timeout(1500)
    assert page.evaluate("window.heard") == 0
    assert "Settled volume" in (page.locator("[role=status]").text_content() or "")
    assert page.locator(".counter-amounts").get_attribute("aria-hidden") == "true"
    page.context.close()


# ---- health ------------------------------------------------------------------------------


def test_the_health_page_shows_each_server_with_the_four(watched: Watched) -> None:
    html = watched.desk.get("operator", "/health").text
    for text in ("primary", "replica_a", "replica_b", "Index hit rate", "Replication lag"):
        assert text in html
    assert html.count("badge good") >= 3
    assert "hourly_volume" in html
    assert "too few reads to say" in html


def test_an_alert_is_shown_and_a_hostile_problem_is_text(watched: Watched) -> None:
    settings = watched.desk.settings
    away = Replica("<b>away</b>", make_conninfo(settings.replicas[0].conninfo, port=1))
    collect.collect(replace(settings, replicas=(*settings.replicas, away)))
    try:
        html = watched.desk.get("operator", "/health?span=week").text
        assert "1 thing is" in html
        assert "server down" in html
        assert "<b>away" not in html
        metrics = watched.metrics()
        down = {"server": "<b>away</b>", "alert": "server_down"}
        assert metrics["closebook_health_alerts"][frozenset(down.items())] == 1
    finally:
        collect.collect(settings)


@pytest.mark.parametrize("span", ["day", "week", "quarter", "../../etc", ""])
def test_each_span_is_shown_and_an_unknown_one_is_the_day(watched: Watched, span: str) -> None:
    answer = watched.desk.get("operator", "/health", params={"span": span})
    assert answer.status_code == 200
    assert answer.text.count('class="chart"') == 4


# ---- metrics -----------------------------------------------------------------------------


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer wrong", "Basic x"])
def test_without_its_token_nobody_scrapes(watched: Watched, authorization: str | None) -> None:
    assert watched.scrape(authorization).status_code == 401


def test_a_session_of_a_person_is_no_token(watched: Watched) -> None:
    assert watched.desk.get("admin", "/metrics").status_code == 401


def test_the_metrics_are_those_of_the_store(watched: Watched) -> None:
    metrics = watched.metrics()
    last = metrics["closebook_last_period_end_timestamp_seconds"]
    assert last[frozenset({("grain", "hour")})] == (LAST_HOUR + HOUR).timestamp()
    new_hours = frozenset({("grain", "hour"), ("outcome", "new")})
    assert metrics["closebook_closes_total"][new_hours] >= 30
    document = publisher.read(watched.desk.settings)
    assert document is not None
    assert metrics["closebook_counter_publication"][frozenset()] == document["publication"]
    assert set(metrics["closebook_server_up"].values()) == {1.0}
    assert metrics["closebook_statements"][frozenset({("state", "released")})] >= 0


def test_a_scrape_names_nobody(watched: Watched) -> None:
    text = watched.scrape(f"Bearer {watched.token}").text
    for secret in ("Plantedname", "ACC-", watched.token):
        assert secret not in text


def test_the_documented_metrics_are_those_of_the_endpoint(watched: Watched) -> None:
    text = watched.scrape(f"Bearer {watched.token}").text
    given = set(re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE))
    assert given == documented()


# ---- what Prometheus makes of them -------------------------------------------------------


def test_each_panel_and_each_rule_finds_its_metrics_in_a_real_prometheus(
    watched: Watched, module_platform_database: str, tmp_path: Path
) -> None:
    """One server is away, so that there is something to alert of."""
    settings, stack = watched.desk.settings, watched.desk.stack
    away = Replica("away", make_conninfo(settings.replicas[0].conninfo, port=1))
    read_indexes(stack.primary_admin(module_platform_database))
    collect.collect(replace(settings, replicas=(*settings.replicas, away)))
    try:
        with scraping(urlsplit(watched.desk.url).netloc, watched.token, tmp_path) as prometheus:
            # Rates take two scrapes.
            prometheus.wait_for("count_over_time(closebook_redis_up[1m]) > 2")
            for panel in dashboard()["panels"]:
                for target in panel["targets"]:
                    found = prometheus.series(target["expr"])
                    assert found, panel["title"]
                    named = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
                    assert all(named <= labels.keys() for labels in found), panel["title"]
            assert {each["server"] for each in prometheus.series("closebook_server_up == 0")} == {
                "away"
            }
            [down] = prometheus.wait_for('ALERTS{alertname="ClosebookServerDown"}')
            assert (down["server"], down["severity"]) == ("away", "page")
            groups = prometheus.api("rules")["groups"]
            rules = [rule for group in groups for rule in group["rules"]]
            assert len(rules) > 10
            assert {(rule["health"], rule.get("lastError")) for rule in rules} == {("ok", None)}
            # What the rules ask for is there, labels included, but alerts that nobody has now.
            selectors = {
                selector
                for rule in rules
                for selector in re.findall(r"closebook_\w+(?:\{[^}]*\})?", rule["query"])
            }
            missing = {each for each in selectors if not prometheus.series(each)}
            assert {each.partition("{")[0] for each in missing} <= {"closebook_health_alerts"}
    finally:
        collect.collect(settings)


def read_indexes(conninfo: str) -> None:
    """Blocks of an index on the primary, as many as a hit rate is said of."""
    with psycopg.connect(conninfo) as primary:
        primary.execute("set enable_seqscan = off; set enable_hashjoin = off")
        primary.execute("set enable_mergejoin = off; set enable_memoize = off")
        primary.execute(
            "select count(*) from generate_series(1, %s) as number"
            " inner join platform.users on users.user_id = number",
            [2 * INDEX_BLOCKS_JUDGED_MIN],
        )


# ---- for everybody -----------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/volume", "/health"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_that_bars_people(
    watched: Watched, browser: Browser, path: str, width: int, scheme: str
) -> None:
    page = page_of(
        browser,
        watched.desk,
        "operator",
        viewport={"width": width, "height": 800},
        color_scheme=scheme,
        # The page's own policy lets no script of ours in.
        bypass_csp=True,
    )
    page.goto(f"/closebook{path}")
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    serious = bars_people(page)
    page.context.close()
    assert serious == []
