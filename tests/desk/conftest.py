"""A desk with two months.

October is released, and one of its statements was corrected after the release. September is issued
and not released.
"""

import itertools
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from playwright.sync_api import Browser, sync_playwright
from psycopg.rows import dict_row

from benchmarks.large_month import ContentOf, LargeMonth, empty
from closebook import periods
from closebook.closes.month import close_month
from closebook.desk.current_user import csrf_token
from closebook.periods import HOUR, Period
from closebook.settings import Run, Settings
from closebook.statements import issue, release
from closebook.statements.document_store import DocumentStore, StoredDocument
from closebook.statements.manifest import write_manifest
from closebook.statements.release import Person, RunAct
from local.airflow_api import AirflowApi
from local.processes import find
from local.stack import Stack
from tests.close_fixtures import RUN, settings_on
from tests.closes.october import OCTOBER, SEPTEMBER
from tests.decisions import DECISION_KEY
from tests.platform_rows import Platform

ADA, GRACE, MARY = 1, 2, 3
CURRENCY_OF = {ADA: "USD", GRACE: "USD", MARY: "JPY"}
LONG_LINES = 60
HOSTILE = "Grace <script>alert(1)</script> Höpper"
PLATFORM = "platform_desk"
PLATFORM_TEMPLATE, STORE_TEMPLATE = "platform_desk_template", "closebook_desk_template"
MANUAL_RUN = replace(RUN, run_id="manual", reason="a late card payment", requested_by="ada")
NAMES = {ADA: "Ada Plantedname", GRACE: HOSTILE, MARY: "مريم الحسن"}

_numbers = itertools.count(1)


@dataclass
class Desk:
    """The desk over HTTP, and the store behind it."""

    stack: Stack
    settings: Settings
    platform: Platform
    database: str
    closes: dict[str, int] = field(default_factory=dict)
    clients: dict[str, httpx.Client] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"{self.stack.ui_url}/closebook"

    def client(self, user: str) -> httpx.Client:
        """An HTTP client with the session of the user, who logs in once."""
        if user not in self.clients:
            self.clients[user] = logged_in(self.stack, user)
        return self.clients[user]

    def get(self, user: str, path: str, **options: Any) -> httpx.Response:
        return self.client(user).get(f"/closebook{path}", **options)

    def post(self, user: str, path: str, **fields: Any) -> httpx.Response:
        """Send a form as the user's browser would."""
        client = self.client(user)
        return client.post(
            f"/closebook{path}",
            data={"csrf_token": csrf_token(client.cookies["_token"]), **fields},
            headers={"Origin": self.stack.ui_url},
        )

    def rows(self, query: str, *parameters: object) -> list[dict[str, Any]]:
        """The rows of a query on the store, which runs as the store's owner."""
        with self.owner() as store:
            return store.execute(query.encode(), parameters or None).fetchall()

    def registered(self, close: str, account_id: int) -> dict[str, object]:
        """The register's row of a document."""
        [row] = self.rows(
            "select sha256, object_name from reporting.statement_documents"
            " where close_id = %s and account_id = %s",
            self.closes[close],
            account_id,
        )
        return row

    @contextmanager
    def owner(self) -> Iterator[psycopg.Connection[dict[str, Any]]]:
        conninfo = self.stack.store_owner(self.database)
        with psycopg.connect(conninfo, row_factory=dict_row) as store:
            yield store

    def audit_log(self, act: str | None = None) -> list[dict[str, Any]]:
        """The entries of the audit log in their order, of one action or of all."""
        rows = self.rows("select * from reporting.desk_log order by entry_id")
        return [row for row in rows if act in (None, row["act"])]

    def path(self, close: str, account_id: int) -> str:
        return f"/statements/{self.closes[close]}/{account_id}/{CURRENCY_OF[account_id]}"


def filled(path: str, desk: Desk, *, month: str = "2026-09") -> str:
    """The path of a route with a value for each of its parameters."""
    values = {
        "{close_id}": str(desk.closes["october"]),
        "{account}": str(ADA),
        "{currency}": CURRENCY_OF[ADA],
        "{month}": month,
        "{request_id}": "4711",
        "{number}": "1",
        "{form}": "csv",
        "{day}": "2026-10-01",
        "{digest}": "0",
        "{name}": "desk.css",
    }
    return re.sub(r"\{\w+\}", lambda found: values[found[0]], path)


def logged_in(stack: Stack, user: str) -> httpx.Client:
    """A client with a session, after a log-in with Airflow's form."""
    client = httpx.Client(base_url=stack.ui_url, trust_env=False, timeout=30)
    page = client.get("/auth/login/").text
    fields = {"username": user, "password": stack.credentials[user]}
    if 'name="csrf_token"' in page:
        fields["csrf_token"] = page.split('name="csrf_token"')[1].split('value="')[1].split('"')[0]
    client.post("/auth/login/", data=fields)
    assert "_token" in client.cookies, f"{user} cannot log in"
    return client


def issue_month(settings: Settings, month: Period, run: Run) -> int:
    close_id = close_month(settings, month, run).close_id
    for shard in issue.plan_shards(settings, close_id, None):
        issue.render_shard(settings, close_id, issue.Shard(**shard), None, run)
    write_manifest(settings, close_id, run)
    return close_id


@contextmanager
def connections_to(stack: Stack, databases: Mapping[str, str]) -> Iterator[None]:
    """Inside the with block, Airflow's connections lead to these databases."""
    with AirflowApi.login(stack.ui_url, "admin", stack.credentials["admin"]) as api:

        def point_to(connection_id: str, database: str) -> str:
            previous: str = api.get(f"connections/{connection_id}")["schema"]
            api.client.patch(
                f"/api/v2/connections/{connection_id}",
                params={"update_mask": "schema"},
                json={
                    "connection_id": connection_id,
                    "conn_type": "postgres",
                    "schema": database,
                },
            ).raise_for_status()
            return previous

        original = {name: point_to(name, database) for name, database in databases.items()}
        try:
            yield
        finally:
            for name, database in original.items():
                point_to(name, database)


@contextmanager
def moved_away(path: Path) -> Iterator[None]:
    """Inside the with block, the file is moved away. A replacement is removed at the end."""
    moved = path.with_suffix(".moved")
    path.rename(moved)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        moved.rename(path)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=find("chromium"), args=["--no-sandbox"]
        )
        yield launched
        launched.close()


@dataclass(frozen=True)
class Issued:
    """A platform and a store whose months are issued, as templates of databases."""

    platform: Platform
    closes: Mapping[str, int]


@pytest.fixture(scope="session")
def issued(stack: Stack, platform_template: str, store_template: str) -> Issued:
    """September and October, of which October is released and then corrected.

    Each module has a copy of its own, since the documents take seconds.
    """
    stack.clone_platform(platform_template, PLATFORM)
    stack.clone_store(store_template, STORE_TEMPLATE)
    settings = settings_on(stack, PLATFORM, STORE_TEMPLATE, stack.root / "documents")
    platform = Platform(stack.primary_admin(PLATFORM))
    closes = _issue(stack, settings, platform)
    platform.connection.close()
    # A store knows its platform by the name of the database: each copy has the same one.
    stack.clone_platform(PLATFORM, PLATFORM_TEMPLATE)
    stack.drop_platform(PLATFORM)
    return Issued(platform, closes)


def _issue(stack: Stack, settings: Settings, platform: Platform) -> dict[str, int]:
    with psycopg.connect(stack.store_owner(STORE_TEMPLATE)) as owner:
        # The runs of this desk are not Airflow's.
        owner.execute(
            "insert into reporting.named_people (run_id, user_name, user_id, reason)"
            " values (%s, 'ada', '4711', 'she started the runs of these tests')",
            [MANUAL_RUN.run_id],
        )
    for account_id, name in NAMES.items():
        currency = "JPY" if account_id == MARY else "USD"
        platform.open_account(account_id, currency, name)
        for month in (SEPTEMBER, OCTOBER):
            platform.post(account_id, month.start + HOUR, 10_000 * account_id, currency)
    # Enough lines for three pages
    for number in range(LONG_LINES):
        platform.post(MARY, OCTOBER.start + HOUR, 5 if number % 2 else -5, "JPY")
    closes = {
        "september": issue_month(settings, SEPTEMBER, MANUAL_RUN),
        "october": issue_month(settings, OCTOBER, MANUAL_RUN),
    }
    with psycopg.connect(stack.desk(STORE_TEMPLATE), row_factory=dict_row) as store:
        issued = release.latest_issued_month(store, OCTOBER)
        started = [RunAct(MANUAL_RUN.run_id, "triggered", "4711", "ada")]
        release.release(
            store, DECISION_KEY, OCTOBER, issued.sha256, Person("4712", "bob"), lambda _: started
        )
    platform.post(GRACE, OCTOBER.end - HOUR, -55)
    return closes | {"corrected": issue_month(settings, OCTOBER, MANUAL_RUN)}


@pytest.fixture(scope="module")
def desk(airflow_stack: Stack, issued: Issued) -> Iterator[Desk]:
    stack, database = airflow_stack, f"closebook_desk_{next(_numbers)}"
    stack.clone_platform(PLATFORM_TEMPLATE, PLATFORM)
    stack.clone_store(STORE_TEMPLATE, database)
    platform = issued.platform.on_copy(stack.primary_admin(PLATFORM))
    settings = settings_on(stack, PLATFORM, database, stack.root / "documents")
    desk = Desk(stack, settings, platform, database, {**issued.closes})
    with connections_to(stack, {"closebook_desk": database}):
        yield desk
        for client in desk.clients.values():
            client.close()
    platform.connection.close()
    stack.drop_platform(PLATFORM)
    stack.drop_store(database)


@pytest.fixture
def incomplete(desk: Desk) -> Iterator[None]:
    """During the test September has no document of Mary, as after a run for others only."""

    def move(old: int, new: int, missing_count: int) -> None:
        with psycopg.connect(desk.stack.store_admin(desk.database)) as admin:
            admin.execute("set local session_replication_role = replica")
            admin.execute(
                "update reporting.statement_documents set account_id = %s"
                " where close_id = %s and account_id = %s",
                [new, desk.closes["september"], old],
            )
            admin.execute(
                "update reporting.statement_manifests set missing_count = %s where close_id = %s",
                [missing_count, desk.closes["september"]],
            )

    move(MARY, -MARY, 1)
    yield
    move(-MARY, MARY, 0)


@pytest.fixture
def ten_thousand(desk: Desk) -> Iterator[StoredDocument]:
    """During the test the store has ten thousand statements of March 2024, with one document."""
    content = os.urandom(50_000)
    with large_month(desk, 10_000, lambda _: content):
        yield DocumentStore.name_of(content, folder="statements/2024-03", suffix="pdf")


@contextmanager
def large_month(desk: Desk, count: int, content_of: ContentOf) -> Iterator[None]:
    """Inside the with block the store has many released statements of March 2024."""
    month = LargeMonth(periods.month_of(2024, 3, "America/New_York"), count, content_of)
    with psycopg.connect(desk.stack.store_admin(desk.database)) as admin:
        month.fill(admin, DocumentStore(desk.settings.documents_url))
        admin.execute("analyze")
        admin.commit()
        try:
            yield
        finally:
            admin.rollback()
            empty(admin)


def zip_stem(account_id: int, version: int = 1) -> str:
    """The name of an account's files of October in a ZIP, without its end."""
    currency = CURRENCY_OF[account_id]
    return f"statement-2026-10-ACC-{account_id}_{account_id}-{currency}-v{version}"


def digest(content: bytes) -> str:
    return sha256(content).hexdigest()
