"""The pages Volume and Health, and the metrics for Prometheus."""

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
from closebook.monitoring.thresholds import INDEX_BLOCKS_MIN
from closebook.periods import HOUR, day_of, hour_of
from closebook.settings import Replica
from tests.close_fixtures import RUN
from tests.desk.browser_pages import serious_violations, session_page
from tests.desk.conftest import Desk
from tests.desk.prometheus_server import prometheus_server
from tests.platform_rows import utc
from tests.test_prometheus import dashboard, documented

LAST_HOUR = utc("2026-11-01T03:00Z")
COUNTER_KEYS = {"served_at", "counter"}


@dataclass
class MonitoredDesk:
    """A desk with settled payments in the last hours of October and two collections of health."""

    desk: Desk
    token: str

    def metrics(self) -> dict[str, dict[frozenset[tuple[str, str]], float]]:
        """The values of all metrics, by name and labels."""
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
def monitored(desk: Desk) -> MonitoredDesk:
    settings = desk.settings
    hours = [LAST_HOUR - back * HOUR for back in range(30)]
    # The last hour has a row in a code that is no currency, which hour and day leave out.
    settled = [
        (number * 2 + (currency == "JPY"), hour, currency, amount_minor + 7919 * number)
        for number, hour in enumerate(hours)
        for currency, amount_minor in (("USD", 123_456), ("JPY", 5_000))
    ]
    settled.append((len(settled), LAST_HOUR, "BTC", 77))
    with psycopg.connect(desk.platform.conninfo) as platform:
        for row in settled:
            platform.execute(
                "insert into platform.transactions (transaction_id, settled_at, currency,"
                " kind, amount_minor, fee_minor, discount_minor, user_id, merchant_id, status)"
                " values (%s, %s, %s, 'payment', %s, 0, 0, 1, 10, 'settled')",
                row,
            )
    for hour in hours:
        close_hour(settings, hour_of(hour), RUN)
    close_day(settings, day_of(date(2026, 10, 31), "America/New_York"), RUN)
    # Redis can contain a higher publication, from the store of another test.
    with redis.Redis.from_url(desk.stack.redis_admin) as server:
        server.delete(publisher.COUNTER_KEY)
    publisher.publish(settings, RUN)
    collect.collect(settings)
    collect.collect(settings)
    return MonitoredDesk(desk, desk.stack.secrets["metrics"])


# ---- volume ------------------------------------------------------------------------------


def test_the_volume_page_shows_closed_totals_by_hour_and_day(monitored: MonitoredDesk) -> None:
    html = monitored.desk.get("operator", "/volume").text
    assert "2026-10-31 23:00" in html
    assert "1,234.56" in html
    assert html.count('role="img"') == 4
    # An hour that is not closed is not shown as an hour without payments.
    assert "2026-10-30 17:00 (not closed)" in html


def test_the_volume_page_names_what_the_hours_and_days_have_left_out(
    monitored: MonitoredDesk,
) -> None:
    html = monitored.desk.get("operator", "/volume").text
    assert html.count("<li>BTC in 1 ") == 2
    assert "BTC in 1 hour, 1 row: it is no ISO 4217 currency with a minor unit" in html
    assert "BTC in 1 day, 1 row: it is no ISO 4217 currency with a minor unit" in html


def test_the_counter_route_returns_the_document_in_redis_and_the_time(
    monitored: MonitoredDesk,
) -> None:
    answer = monitored.desk.get("operator", "/volume/counter")
    body = answer.json()
    assert body.keys() == COUNTER_KEYS
    assert body["counter"] == publisher.read(monitored.desk.settings)
    assert abs(datetime.fromisoformat(body["served_at"]) - datetime.now(UTC)) < timedelta(minutes=1)
    assert answer.headers["Cache-Control"] == "private, no-store"


def test_the_counter_in_a_browser_never_falls_and_never_exceeds_the_total(
    monitored: MonitoredDesk, browser: Browser
) -> None:
    """It runs for one hour of simulated time, and the visitor's clock is wrong by years."""
    document = publisher.read(monitored.desk.settings)
    assert document is not None
    totals = document["currencies"]["USD"]
    gross, previous = int(totals["gross_minor"]), int(totals["previous_gross_minor"])
    as_of = publisher.instant(document["as_of"])
    page = session_page(browser, monitored.desk, "operator", locale="en-US")
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
    # The simulated clock of the page does not wait for answers, which take real time.
    for _ in range(30):
        page.clock.fast_forward(58_000)
        page.clock.run_for(2_000)
        if "late" in (page.locator(".counter-status").text_content() or ""):
            break
    assert "late" in (page.locator(".counter-status").text_content() or "")
    assert int(re.sub(r"\D", "", amount.text_content() or "")) == gross
    page.context.close()


def test_the_counter_is_announced_once_and_not_at_every_frame(
    monitored: MonitoredDesk, browser: Browser
) -> None:
    page = session_page(browser, monitored.desk, "operator", locale="en-US")
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


def test_the_health_page_shows_the_metrics_of_each_server(monitored: MonitoredDesk) -> None:
    html = monitored.desk.get("operator", "/health").text
    for text in ("primary", "replica_a", "replica_b", "Index hit rate", "Replication lag"):
        assert text in html
    assert html.count("badge good") >= 3
    assert "hourly_volume" in html
    assert "too few reads" in html


def test_an_alert_is_shown_and_html_in_it_is_escaped(monitored: MonitoredDesk) -> None:
    settings = monitored.desk.settings
    away = Replica("<b>away</b>", make_conninfo(settings.replicas[0].conninfo, port=1))
    collect.collect(replace(settings, replicas=(*settings.replicas, away)))
    try:
        html = monitored.desk.get("operator", "/health?span=week").text
        assert "found 1 problem." in html
        assert "server down" in html
        assert "<b>away" not in html
        metrics = monitored.metrics()
        down = {"server": "<b>away</b>", "alert": "server_down"}
        assert metrics["closebook_health_alerts"][frozenset(down.items())] == 1
    finally:
        collect.collect(settings)


@pytest.mark.parametrize("span", ["day", "week", "quarter", "../../etc", ""])
def test_each_time_range_is_shown_and_an_unknown_one_is_a_day(
    monitored: MonitoredDesk, span: str
) -> None:
    answer = monitored.desk.get("operator", "/health", params={"span": span})
    assert answer.status_code == 200
    assert answer.text.count('class="chart"') == 4


# ---- metrics -----------------------------------------------------------------------------


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer wrong", "Basic x"])
def test_a_scrape_without_the_token_is_refused(
    monitored: MonitoredDesk, authorization: str | None
) -> None:
    assert monitored.scrape(authorization).status_code == 401


def test_a_scrape_with_the_session_of_a_user_is_refused(monitored: MonitoredDesk) -> None:
    assert monitored.desk.get("admin", "/metrics").status_code == 401


def test_the_metrics_have_the_values_of_the_store(monitored: MonitoredDesk) -> None:
    metrics = monitored.metrics()
    last = metrics["closebook_last_period_end_timestamp_seconds"]
    assert last[frozenset({("grain", "hour")})] == (LAST_HOUR + HOUR).timestamp()
    new_hours = frozenset({("grain", "hour"), ("outcome", "new")})
    assert metrics["closebook_closes_total"][new_hours] >= 30
    document = publisher.read(monitored.desk.settings)
    assert document is not None
    assert metrics["closebook_counter_publication"][frozenset()] == document["publication"]
    assert set(metrics["closebook_server_up"].values()) == {1.0}
    assert metrics["closebook_statements"][frozenset({("state", "released")})] >= 0
    for grain in ("hour", "day"):
        labels = frozenset({("grain", grain), ("reason", "unknown_currency")})
        assert metrics["closebook_exceptions"][labels] == 1
    left_out = frozenset({("currency", "BTC"), ("reason", "unknown_currency")})
    assert metrics["closebook_counter_currency_excluded"] == {left_out: 1}


def test_the_metrics_contain_no_personal_data(monitored: MonitoredDesk) -> None:
    text = monitored.scrape(f"Bearer {monitored.token}").text
    for secret in ("Plantedname", "ACC-", monitored.token):
        assert secret not in text


def test_every_metric_is_documented(monitored: MonitoredDesk) -> None:
    text = monitored.scrape(f"Bearer {monitored.token}").text
    given = set(re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE))
    assert given == documented()


# ---- Prometheus --------------------------------------------------------------------------


def test_each_panel_and_each_rule_finds_its_metrics_in_prometheus(
    monitored: MonitoredDesk, tmp_path: Path
) -> None:
    """One server is down, so that one alert fires."""
    settings = monitored.desk.settings
    away = Replica("away", make_conninfo(settings.replicas[0].conninfo, port=1))
    read_indexes(monitored.desk.platform.conninfo)
    collect.collect(replace(settings, replicas=(*settings.replicas, away)))
    try:
        with prometheus_server(
            urlsplit(monitored.desk.url).netloc, monitored.token, tmp_path
        ) as prometheus:
            # A rate needs two scrapes.
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
            # Prometheus has every series that the rules use, except alerts that do not exist now.
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
    """Read enough index blocks on the primary for a hit rate."""
    with psycopg.connect(conninfo) as primary:
        primary.execute("set enable_seqscan = off; set enable_hashjoin = off")
        primary.execute("set enable_mergejoin = off; set enable_memoize = off")
        primary.execute(
            "select count(*) from generate_series(1, %s) as number"
            " inner join platform.users on users.user_id = number",
            [2 * INDEX_BLOCKS_MIN],
        )


# ---- accessibility -----------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/volume", "/health"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_violation(
    monitored: MonitoredDesk, browser: Browser, path: str, width: int, scheme: str
) -> None:
    page = session_page(
        browser,
        monitored.desk,
        "operator",
        viewport={"width": width, "height": 800},
        color_scheme=scheme,
        # The content security policy of the page would block the script of axe.
        bypass_csp=True,
    )
    page.goto(f"/closebook{path}")
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    serious = serious_violations(page)
    page.context.close()
    assert serious == []
