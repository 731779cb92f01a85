"""What the doctor finds in the platform's views: rows, keys, times, totals, plans, rights."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from closebook.doctor.diagnosis import diagnose
from closebook.doctor.finding import Severity
from closebook.doctor.installation import Installation, Part
from closebook.settings import Replica
from local.addresses import PRIMARY, REPLICAS
from local.stack import Stack
from tests.close_fixtures import retyped, transactions_with, view_of
from tests.doctor.conftest import Diagnosis, codes, only
from tests.platform_rows import Platform

ACCOUNTS = (
    "select wallet_id as account_id, account_number, currency, opened_at, 'Ada'::text as"
    " holder_name, 'a street'::text as holder_address, 'en'::text as locale_code"
    " from platform.wallets"
)


@pytest.fixture
def healthy(healthy: Installation) -> Installation:
    """The installation without its document, which would be rendered in each test."""
    return replace(healthy, parts=frozenset(Part) - {Part.DOCUMENTS})


@pytest.mark.parametrize(
    ("code", "columns", "what"),
    [
        ("key-null", {"transaction_id": "nullif(transaction_id, 1000)"}, "1 of 2 rows"),
        ("key-repeated", {"transaction_id": "1000::bigint"}, "1 of 2 rows"),
        ("settled-without-time", {"settled_at": "null::timestamptz"}, "2 of 2"),
        ("time-without-settled", {"status": "'paid'"}, "2 of 2"),
        ("kind-unknown", {"kind": "'sale'"}, "2 of 2"),
        ("amount-null", {"fee_minor": "null::bigint"}, "2 of 2"),
        ("amount-negative", {"amount_minor": "-amount_minor"}, "2 of 2"),
        ("time-in-future", {"settled_at": "settled_at + interval '3 hours'"}, "2 of 2"),
        ("currency-unknown", {"currency": "lower(currency)"}, "1 rows"),
    ],
)
def test_transactions_that_no_close_counts_are_found(
    diagnosis: Diagnosis, platform: Platform, code: str, columns: dict[str, str], what: str
) -> None:
    with transactions_with(platform, **columns):
        report = diagnosis()

    assert codes(report) == {code}, report.text
    assert all(what in finding.what for finding in report.findings)
    assert not report.is_healthy


def test_a_sample_is_bounded_and_a_full_look_is_not(
    diagnosis: Diagnosis, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("closebook.doctor.platform_rows.SAMPLE_ROWS", 1)
    with transactions_with(platform, kind="case when currency = 'JPY' then 'sale' else kind end"):
        assert codes(diagnosis()) == set()
        assert codes(diagnosis(is_full=True)) == {"kind-unknown"}


@pytest.mark.parametrize(
    ("code", "view", "columns"),
    [
        ("key-repeated", "ledger_entries", {"entry_id": "1::bigint"}),
        ("key-null", "ledger_entries", {"entry_id": "null::bigint"}),
        ("entry-incomplete", "ledger_entries", {"amount_minor": "null::bigint"}),
        ("time-in-future", "ledger_entries", {"posted_at": "posted_at + interval '3 hours'"}),
        ("entry-without-account", "ledger_entries", {"account_id": "account_id + 900"}),
        ("key-repeated", "accounts", {"account_id": "1::bigint"}),
        ("account-incomplete", "accounts", {"holder_address": "null::text"}),
        ("key-repeated", "merchants", {"merchant_id": "10::bigint"}),
        ("key-null", "promotions", {"promotion_id": "null::bigint"}),
    ],
)
def test_rows_of_the_other_views_are_looked_at(
    diagnosis: Diagnosis, platform: Platform, code: str, view: str, columns: dict[str, str]
) -> None:
    platform.open_account(2)
    platform.post(1, platform.now() - timedelta(hours=2), 5)
    with retyped(platform, view, columns):
        report = diagnosis()

    assert codes(report) == {code}, report.text
    assert only(report, code).subject.startswith(f"reporting_source.{view}")


def test_a_platform_without_transactions_is_told_of(
    diagnosis: Diagnosis, platform: Platform
) -> None:
    platform.connection.execute("delete from platform.transactions")
    report = diagnosis()

    assert codes(report) == {"no-transactions"}
    assert report.is_healthy


def test_a_view_that_is_missing_is_found(diagnosis: Diagnosis, platform: Platform) -> None:
    execute = platform.connection.execute
    execute("drop view reporting_source.promotions")
    try:
        report = diagnosis()
    finally:
        execute(
            "create view reporting_source.promotions as"
            " select promotion_id, funding from platform.promotions"
        )
        execute("grant select on reporting_source.promotions to closebook_reader")

    assert codes(report) == {"view-missing"}


def test_a_platform_without_the_contract_is_found_once_for_each_server(
    stack: Stack, healthy: Installation
) -> None:
    report = diagnose(
        replace(
            healthy,
            settings=replace(
                healthy.settings,
                primary=stack.fence("postgres"),
                replicas=tuple(Replica(r, stack.reader(r, "postgres")) for r in REPLICAS),
            ),
        )
    )

    assert codes(report) == {"contract-missing"}


# ---- an hour's totals --------------------------------------------------------------------


@pytest.mark.parametrize("is_full", [False, True], ids=["sample", "full"])
def test_an_hour_whose_totals_are_not_those_of_a_bare_scan_is_found(
    diagnosis: Diagnosis, platform: Platform, is_full: bool
) -> None:
    for number in range(200):
        platform.settle(platform.now() - timedelta(hours=2), 1000 + number)
    rows = (
        "select transaction_id, user_country, merchant_id, promotion_id, kind, currency,"
        " amount_minor, fee_minor, discount_minor, status, created_at, settled_at"
        " from platform.transactions where random() < 0.5"
    )
    with view_of(platform, "transactions", rows):
        report = diagnosis(is_full=is_full)

    assert "hour-differs" in codes(report), report.text
    assert "USD payment" in only(report, "hour-differs").what


def test_a_time_that_the_sessions_zone_decides_is_found(
    diagnosis: Diagnosis, platform: Platform
) -> None:
    cast = "(settled_at at time zone 'UTC')::timestamptz"
    with transactions_with(platform, settled_at=cast):
        report = diagnosis()

    assert codes(report) == {"time-depends-on-session"}, report.text


# ---- plans -------------------------------------------------------------------------------


@pytest.fixture
def many_transactions(platform: Platform) -> None:
    """So many that no close may read them one after another."""
    platform.connection.execute(
        "insert into platform.transactions (transaction_id, user_id, merchant_id, kind, currency,"
        " amount_minor, status, settled_at) select g, 1, 10, 'payment', 'USD', g, 'settled',"
        " now() - interval '3 hours' - g * interval '10 minutes'"
        " from generate_series(5000, 25000) g"
    )
    platform.connection.execute("analyze platform.transactions")


@pytest.mark.usefixtures("many_transactions")
def test_a_query_without_its_index_is_found_on_each_replica(
    diagnosis: Diagnosis, platform: Platform
) -> None:
    assert codes(diagnosis()) == set()
    index = "transactions_settled_hour"
    [(definition,)] = platform.connection.execute(
        "select pg_get_indexdef(%s::regclass)", [f"platform.{index}"]
    )
    platform.connection.execute(f"drop index platform.{index}")
    try:
        report = diagnosis()
    finally:
        platform.connection.execute(definition)

    assert codes(report) == {"index-not-used"}
    assert {f.subject for f in report.findings} >= {
        f"hourly_volume/read on {replica}" for replica in REPLICAS
    }
    assert all(f.severity is Severity.WARNING for f in report.findings)


def test_a_joined_table_that_is_read_whole_for_few_rows_is_found(
    diagnosis: Diagnosis, platform: Platform
) -> None:
    platform.connection.execute(
        "insert into platform.merchants select g, 'M', 'c', 'a mall', 'US', 'en_US'"
        " from generate_series(1000, 16000) g"
    )
    # What earlier tests of the module left behind is no part of what the planner expects.
    platform.connection.execute("analyze")
    report = diagnosis()

    assert codes(report) == {"joined-table-read-whole"}, report.text
    # The accounts are joined with merchants too, and there is one account.
    assert {f.subject for f in report.findings} == {
        f"{name} on {replica}"
        for name in ("daily_volume/read", "statement_accounts/read")
        for replica in REPLICAS
    }
    assert "merchants (15003 rows)" in report.findings[0].what


# ---- roles -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("grant", "revoke", "what"),
    [
        (
            "grant select on platform.users to closebook_reader",
            "revoke select on platform.users from closebook_reader",
            "closebook_reader may read platform.users",
        ),
        (
            "grant insert on platform.users to closebook_fence",
            "revoke insert on platform.users from closebook_fence",
            "closebook_fence may write to platform.users",
        ),
        (
            "grant pg_read_server_files to closebook_reader",
            "revoke pg_read_server_files from closebook_reader",
            "closebook_reader is a member of pg_read_server_files",
        ),
        (
            "alter role closebook_fence createrole",
            "alter role closebook_fence nocreaterole",
            "closebook_fence is createrole",
        ),
        (
            "alter role closebook_reader superuser",
            "alter role closebook_reader nosuperuser",
            "closebook_reader is superuser",
        ),
    ],
)
def test_a_role_that_may_more_than_it_needs_is_found(
    diagnosis: Diagnosis, platform: Platform, grant: str, revoke: str, what: str
) -> None:
    platform.connection.execute(grant)
    try:
        report = diagnosis()
    finally:
        platform.connection.execute(revoke)

    assert codes(report) == {"role-too-strong"}, report.text
    assert what in {finding.what for finding in report.findings}
    assert all(finding.severity is Severity.WARNING for finding in report.findings)


def test_a_grant_to_everybody_counts(diagnosis: Diagnosis, platform: Platform) -> None:
    platform.connection.execute("grant select on platform.users to public")
    try:
        report = diagnosis()
    finally:
        platform.connection.execute("revoke select on platform.users from public")

    assert {finding.subject for finding in report.findings} == {
        f"closebook_fence on {PRIMARY}",
        *(f"closebook_reader on {replica}" for replica in REPLICAS),
    }


@pytest.fixture
def store_admin(stack: Stack, healthy: Installation) -> Iterator[psycopg.Connection[object]]:
    conninfo = make_conninfo(
        healthy.settings.store, user="postgres", password=stack.secrets["postgres"]
    )
    with psycopg.connect(conninfo, autocommit=True) as admin:
        yield admin


@pytest.mark.parametrize("role", ["postgres", "closebook_owner"])
def test_a_store_role_that_may_change_what_was_closed_is_found(
    stack: Stack, diagnosis: Diagnosis, healthy: Installation, role: str
) -> None:
    store = make_conninfo(healthy.settings.store, user=role, password=stack.secrets[role])
    assert codes(diagnosis(store=store)) == {"store-role-too-strong"}


def test_a_role_without_rights_on_the_store_is_found(
    stack: Stack, diagnosis: Diagnosis, healthy: Installation
) -> None:
    user = "closebook_desk"
    desk = make_conninfo(healthy.settings.store, user=user, password=stack.secrets[user])
    assert codes(diagnosis(store=desk)) == {"store-not-granted"}


def test_a_store_of_a_later_version_is_found(
    diagnosis: Diagnosis, store_admin: psycopg.Connection[object]
) -> None:
    store_admin.execute("insert into reporting.migrations (migration) values ('9999_later')")
    try:
        report = diagnosis()
    finally:
        store_admin.execute("delete from reporting.migrations where migration = '9999_later'")

    assert codes(report) == {"store-newer"}
    assert "9999_later" in report.findings[0].what


@pytest.mark.parametrize(
    ("changed", "code"),
    [({"password": "wrong"}, "store-login-refused"), ({"port": 1}, "store-unreachable")],
)
def test_a_store_that_cannot_be_reached_is_found(
    diagnosis: Diagnosis, healthy: Installation, changed: dict[str, object], code: str
) -> None:
    assert codes(diagnosis(store=make_conninfo(healthy.settings.store, **changed))) == {code}  # type: ignore[arg-type]


def test_a_database_that_does_not_know_its_encoding_is_no_store(
    stack: Stack, diagnosis: Diagnosis
) -> None:
    name = sql.Identifier("store_of_bytes")
    making = (
        "create database {} owner closebook_owner template template0 encoding 'SQL_ASCII'"
        " lc_collate 'C' lc_ctype 'C'"
    )
    with psycopg.connect(stack.store_admin(), autocommit=True) as admin:
        admin.execute(sql.SQL(making).format(name))
    try:
        report = diagnosis(store=stack.store("store_of_bytes"))
    finally:
        stack.drop_store("store_of_bytes")

    assert codes(report) == {"store-encoding", "store-not-migrated"}
