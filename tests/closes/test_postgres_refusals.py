"""What PostgreSQL or a pooler refuses gets the class of error that says who has to act."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from closebook.closes.day import close_day
from closebook.closes.hour import close_hour
from closebook.errors import ClosebookError, Misconfigured, NotReady, Transient, WrongData
from closebook.periods import day_of, hour_of
from closebook.platform.fence import take_fence
from closebook.settings import Replica, Settings
from closebook.store.session import Store, on_store
from local.addresses import REPLICAS
from local.pgbouncer import console
from local.stack import Stack
from tests.books import Books
from tests.close_fixtures import ONE_REPLICA, transactions_with
from tests.closes.business_day import contradicting
from tests.platform_rows import Platform, utc

NINE = hour_of(utc("2026-10-31T13:00Z"))
NEW_YORK = "America/New_York"
DAY = day_of(NINE.start.date(), NEW_YORK)
WRONG = "not-the-password"


def refusal(settings: Settings, **changed: object) -> ClosebookError:
    """The error of an hour under changed settings; it is refused at once, or the test fails."""
    with pytest.raises(ClosebookError) as refused:
        close_hour(replace(settings, **changed), NINE, ONE_REPLICA)  # type: ignore[arg-type]
    return refused.value


def test_a_wrong_password_for_the_primary_is_not_retried(
    settings: Settings, platform: Platform
) -> None:
    refused = refusal(settings, primary=make_conninfo(settings.primary, password=WRONG))

    assert isinstance(refused, Misconfigured)
    assert refused.code == "CB-CONFIG-PRIMARY-LOGIN"
    assert "closebook_primary" in refused.text
    assert WRONG not in refused.text


@pytest.mark.parametrize("direct", [False, True], ids=["through PgBouncer", "without a pooler"])
def test_a_wrong_password_for_all_replicas_is_not_retried(
    stack: Stack, settings: Settings, platform: Platform, direct: bool
) -> None:
    def wrong(replica: Replica) -> Replica:
        conninfo = replica.conninfo
        if direct:
            conninfo = make_conninfo(
                stack.replica_admin(replica.name, platform.database), user="closebook_reader"
            )
        return Replica(replica.name, make_conninfo(conninfo, password=WRONG))

    refused = refusal(settings, replicas=tuple(wrong(each) for each in settings.replicas))

    assert isinstance(refused, Misconfigured)
    assert refused.text.count("CB-CONFIG-REPLICA-LOGIN") == len(REPLICAS)
    assert WRONG not in refused.text


def test_a_replica_that_refuses_the_log_in_is_passed_over(
    settings: Settings, platform: Platform, books: Books
) -> None:
    first, second = settings.replicas
    wrong = Replica(first.name, make_conninfo(first.conninfo, password=WRONG))
    close_hour(replace(settings, replicas=(wrong, second)), NINE, ONE_REPLICA)

    [version] = books.versions(NINE)
    assert version["replica_name"] == second.name


def test_a_database_that_is_not_there_is_not_retried(
    stack: Stack, settings: Settings, platform: Platform
) -> None:
    refused = refusal(settings, primary=stack.fence("no_such_platform"))

    assert refused.code == "CB-CONFIG-PRIMARY-LOGIN"


def test_a_fence_on_a_replica_is_misconfigured(
    stack: Stack, settings: Settings, platform: Platform
) -> None:
    on_replica = make_conninfo(stack.fence(platform.database), port=str(stack.ports["replica_a"]))
    with pytest.raises(Misconfigured, match="closebook_primary leads to a replica") as refused:
        take_fence(replace(settings, primary=on_replica), NINE)

    assert refused.value.code == "CB-CONFIG-PRIMARY-IS-REPLICA"


@contextmanager
def pool_mode(stack: Stack, mode: str) -> Iterator[None]:
    """Let both poolers have another mode within the block."""
    for replica in REPLICAS:
        with console(stack.pool_admin(replica)) as admin:
            admin.execute(sql.SQL("set pool_mode = {}").format(sql.Literal(mode)))
    try:
        yield
    finally:
        for replica in REPLICAS:
            with console(stack.pool_admin(replica)) as admin:
                admin.execute("set pool_mode = 'transaction'")


def test_a_pooler_in_statement_mode_is_misconfigured(
    stack: Stack, settings: Settings, platform: Platform
) -> None:
    with pool_mode(stack, "statement"):
        refused = refusal(settings)

    assert isinstance(refused, Misconfigured)
    assert refused.code == "CB-CONFIG-READ-REFUSED"
    assert "pool_mode transaction" in refused.text


def test_a_reader_without_a_right_on_one_view_is_sent_to_the_grants(
    settings: Settings, platform: Platform
) -> None:
    execute = platform.connection.execute
    execute("revoke select on reporting_source.transactions from closebook_reader")
    try:
        refused = refusal(settings)
    finally:
        execute("grant select on reporting_source.transactions to closebook_reader")

    assert isinstance(refused, Misconfigured)
    assert refused.code == "CB-CONFIG-READER-RIGHTS"
    assert "permission denied for view transactions" in refused.text
    assert "sql/platform/grants.sql" in refused.text


def test_a_view_that_cannot_compute_a_row_is_wrong_data_and_quotes_no_value(
    settings: Settings, platform: Platform
) -> None:
    platform.settle(NINE.start, 100)
    with transactions_with(platform, currency="(currency || ' 4711')::bigint::text"):
        refused = refusal(settings)

    assert isinstance(refused, WrongData)
    assert refused.code == "CB-DATA-QUERY-REFUSED"
    assert "InvalidTextRepresentation" in refused.text
    assert "4711" not in refused.text


def test_a_function_of_the_platform_that_refuses_quotes_no_value(
    settings: Settings, platform: Platform
) -> None:
    platform.settle(NINE.start, 100)
    platform.connection.execute(
        "create or replace function platform.refuse(amount bigint) returns bigint"
        " language plpgsql as 'begin raise exception ''row 4711 of Ada''; end'"
    )
    with transactions_with(platform, amount_minor="platform.refuse(amount_minor)"):
        refused = refusal(settings)

    assert isinstance(refused, Misconfigured)
    assert "RaiseException" in refused.text
    assert "4711" not in refused.text


def test_a_store_that_is_not_migrated_is_misconfigured(
    stack: Stack, settings: Settings, platform: Platform
) -> None:
    stack.drop_store("unmigrated_closes")
    with psycopg.connect(stack.store_admin(), autocommit=True) as admin:
        admin.execute("create database unmigrated_closes owner closebook_owner")
    try:
        refused = refusal(settings, store=stack.store("unmigrated_closes"))
    finally:
        stack.drop_store("unmigrated_closes")

    assert isinstance(refused, Misconfigured)
    assert "run closebook migrate" in refused.text


def test_a_wrong_password_for_the_store_is_not_retried(
    settings: Settings, platform: Platform
) -> None:
    refused = refusal(settings, store=make_conninfo(settings.store, password=WRONG))

    assert isinstance(refused, Misconfigured)
    assert refused.code == "CB-CONFIG-LOGIN-REFUSED"
    assert WRONG not in refused.text


def test_a_store_that_is_down_is_tried_again(settings: Settings, platform: Platform) -> None:
    refused = refusal(settings, store=make_conninfo(settings.store, port="1"))

    assert isinstance(refused, Transient)


def test_what_the_store_refuses_outside_of_a_close_has_a_class_too(
    settings: Settings, platform: Platform
) -> None:
    with pytest.raises(Misconfigured) as no_right, on_store(settings) as store:
        store.execute("delete from reporting.closes")
    with pytest.raises(WrongData) as no_text, on_store(settings) as store:
        store.execute("select %s::text", ["a\0b"])
    read_only = make_conninfo(settings.store, options="-c default_transaction_read_only=on")
    with pytest.raises(Misconfigured) as refused, on_store(replace(settings, store=read_only)) as s:
        s.execute("insert into reporting.tie_outs default values")

    assert no_right.value.code == "CB-CONFIG-STORE-RIGHTS"
    assert no_text.value.code == "CB-DATA-ROWS-REFUSED"
    assert refused.value.code == "CB-CONFIG-STORE-REFUSED"


def test_bytes_of_another_type_are_wrong_data_and_name_their_column(
    settings: Settings, platform: Platform
) -> None:
    """PostgreSQL gives them the code of a broken connection, 08P01."""

    def send(store: Store) -> None:
        store.execute("create temporary table sums (currency text, amount_minor bigint)")
        with store.cursor().copy("copy sums from stdin (format binary)") as copy:
            copy.set_types(["text", "int4"])
            copy.write_row(("EUR", 402))

    with (
        pytest.raises(WrongData, match=r"ProtocolViolation at sums\.amount_minor"),
        on_store(settings) as store,
    ):
        send(store)


def test_rows_that_the_store_refuses_are_named_by_table_and_constraint(
    settings: Settings, platform: Platform
) -> None:
    platform.settle(NINE.start, 100)
    with (
        contradicting(platform, kind="'a tip'"),
        pytest.raises(WrongData) as refused,
    ):
        close_day(settings, DAY, ONE_REPLICA)

    assert refused.value.code == "CB-DATA-ROWS-REFUSED"
    assert f"{DAY}: " in refused.value.text
    assert "CheckViolation at hourly_volume.hourly_volume_kind_check" in refused.value.text
    assert "a tip" not in refused.value.text


def test_a_null_that_the_store_refuses_is_named_by_table_and_column(
    settings: Settings, platform: Platform
) -> None:
    """A close leaves rows with nulls out; if one came through, the error would not be "at None"."""

    def send(store: Store) -> None:
        store.execute("create temporary table holders (holder_name text not null)")
        with store.cursor().copy("copy holders from stdin (format binary)") as copy:
            copy.write_row((None,))

    with (
        pytest.raises(WrongData, match=r"NotNullViolation at holders\.holder_name"),
        on_store(settings) as store,
    ):
        send(store)


def test_a_pool_without_room_is_tried_again(
    stack: Stack, settings: Settings, platform: Platform
) -> None:
    for replica in REPLICAS:
        with console(stack.pool_admin(replica)) as admin:
            admin.execute("pause")
    try:
        refused = refusal(settings, replica_wait_seconds=0.1)
    finally:
        for replica in REPLICAS:
            with console(stack.pool_admin(replica)) as admin:
                admin.execute("resume")

    assert isinstance(refused, NotReady)
