"""`closebook init` drafts the five views over schemas of several shapes, and writes nothing."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from closebook.adoption.draft import draft
from closebook.adoption.platform_catalog import read_catalog
from closebook.cli import EXIT_OK, EXIT_UNUSABLE
from closebook.errors import Misconfigured, Transient
from closebook.platform.contract import CONTRACT, OPTIONAL
from local import REPOSITORY
from local.stack import Stack
from tests.adoption.shapes import (
    ASSETS,
    HOSTILE,
    MINOR,
    NUMERIC_CENTS,
    SHAPES,
    UUIDS,
    Shape,
)

TODO = re.compile(r"^\s*-- .*TODO", re.MULTILINE)


@pytest.fixture
def database(stack: Stack) -> Iterator[str]:
    """An empty database on the primary."""
    name = "adopted"
    stack.drop_platform(name)
    with psycopg.connect(stack.primary_admin("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    yield stack.primary_admin(name)
    stack.drop_platform(name)


def make(database: str, shape: Shape) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(shape.tables.encode())


def dump_of(database: str) -> str:
    dumped = subprocess.run(
        ["pg_dump", "--dbname", database], check=True, capture_output=True, text=True
    )
    return "".join(line for line in dumped.stdout.splitlines(True) if not line.startswith("\\"))


def types_of(connection: psycopg.Connection[tuple[str, str, str]]) -> dict[str, dict[str, str]]:
    types: dict[str, dict[str, str]] = {}
    for view, column, data_type in connection.execute(
        "select table_name::text, column_name::text, data_type::text"
        " from information_schema.columns where table_schema = 'reporting_source'"
        " order by ordinal_position"
    ).fetchall():
        # The contract takes varchar for text.
        of_contract = "text" if data_type == "character varying" else data_type
        types.setdefault(view, {})[column] = of_contract
    return types


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_a_draft_runs_as_it_is_names_its_settings_and_changes_nothing(
    stack: Stack, database: str, shape: Shape
) -> None:
    make(database, shape)
    before = dump_of(database)

    drafted = draft(read_catalog(database))

    assert dump_of(database) == before
    assert drafted.settings == shape.settings
    for line in shape.lines:
        assert line in drafted.text
    assert len(TODO.findall(drafted.text.partition("create schema")[2])) == shape.todo_count, (
        drafted.text
    )
    with psycopg.connect(database) as connection:
        for _ in range(2):  # it may be run again
            connection.execute(drafted.text.encode())
        made = types_of(connection)
        for view in CONTRACT:
            connection.execute(
                sql.SQL("select * from reporting_source.{}").format(sql.Identifier(view))
            )
        connection.rollback()
    if shape is NUMERIC_CENTS:  # no cast rounds it: the close refuses its type
        assert made["transactions"].pop("amount_minor") == "numeric"
        made["transactions"] |= {"amount_minor": "bigint"}
    major = drafted.settings.get("CLOSEBOOK_MAJOR_AMOUNTS", "").split(",")
    keys = dict(
        pair.split("=") for pair in drafted.settings.get("CLOSEBOOK_KEYS", "").split(",") if pair
    )
    assert made == {
        view: {
            column.replace("_minor", "_major") if view in major else column: (
                wanted_type(column, wanted, keys, in_major=view in major)
            )
            for column, wanted in columns.items()
        }
        for view, columns in CONTRACT.items()
    }


def wanted_type(column: str, wanted: str, keys: dict[str, str], *, in_major: bool) -> str:
    plural = {"account_id": "accounts", "entry_id": "entries", "transaction_id": "transactions"}
    plural |= {"merchant_id": "merchants", "promotion_id": "promotions"}
    if column in plural:
        return keys.get(plural[column], "bigint")
    return "numeric" if in_major and column.endswith("_minor") else wanted


@pytest.mark.parametrize(
    ("shape", "rows", "found"),
    [
        (
            MINOR,
            """
            insert into wallets values (1, 'IBAN', 'EUR', 'Ada', null, null, now());
            insert into payments values
                (7, null, 'GB', 'Refund', 'EUR', 250, null, 'paid', '2026-11-01Z', '2026-11-02Z'),
                (8, null, 'GB', 'sale', 'EUR', 1, 3, 'failed', '2026-11-01Z', '2026-11-02Z');
            insert into postings values
                (1, 1, 7, '2026-11-02Z', 'debit', 250, null),
                (2, 1, 7, '2026-11-02Z', 'credit', 3, '');
            """,
            {
                "transactions": "kind, amount_minor, fee_minor, status, settled_at is not null",
                "ledger_entries": "account_id, amount_minor, currency",
            },
        ),
        (
            ASSETS,
            "insert into ledger.moves (transactions_id, accounts_address, asset, amount,"
            " is_source, insertion_date) values (1, 'users:1', 'BTC/8', 123456789, false, now())",
            {"ledger_entries": "transaction_id, currency, amount_major"},
        ),
    ],
    ids=lambda value: value.name if isinstance(value, Shape) else "",
)
def test_the_rows_of_a_draft_are_those_of_the_platform(
    database: str, shape: Shape, rows: str, found: dict[str, str]
) -> None:
    make(database, shape)
    text = draft(read_catalog(database)).text
    expected = {
        "MINOR.transactions": [
            ("payment", 1, 3, "failed", False),
            ("refund", 250, 0, "settled", True),
        ],
        "MINOR.ledger_entries": [(1, -250, "EUR"), (1, 3, "EUR")],
    }
    with psycopg.connect(database) as connection:
        connection.execute((text + rows).encode())
        for view, columns in found.items():
            read = connection.execute(
                f"select {columns} from reporting_source.{view}".encode()  # noqa: S608  # of this file
            ).fetchall()
            if shape is MINOR:
                assert sorted(read) == expected[f"MINOR.{view}"]
            else:
                # 1.23456789 BTC, exactly; -0.03 dollars of the third move, -1 yen of the first
                assert [str(row[2]).rstrip("0") for row in read if row[:2] == ("1", "BTC")] == [
                    "1.23456789"
                ]
                assert {str(row[2]).rstrip("0") for row in read if row[:2] == ("3", "USD")} == {
                    "-0.03"
                }
        connection.rollback()


def test_optional_columns_are_drafted_where_the_ledger_has_them(database: str) -> None:
    make(database, MINOR)
    with psycopg.connect(database, autocommit=True) as connection:
        optional = {column for columns in OPTIONAL.values() for column in columns}
        assert not optional & {*re.findall(r"\w+", draft_of(database))}
        # An amount without its rate is none
        connection.execute(
            "alter table postings add value_date date, add original_amount_cents integer,"
            " add original_currency char(3), add payee_iban text, add end_to_end_id varchar(35),"
            " add interest_rate float8;"
            "alter table wallets add overdraft_limit_cents integer"
        )
        assert "original" not in draft_of(database)
        connection.execute("alter table postings add fx_rate float8")
        connection.execute(
            "insert into wallets values (1, 'IBAN', 'EUR', 'Ada', null, null, now(), 50000);"
            "insert into postings values (1, 1, null, now(), 'debit', 92, 'memo', '2026-11-05',"
            " 100, 'USD', 'GB33', 'Order 7', 1.5, 0.92)"
        )
        connection.execute(draft_of(database).encode())
        made = types_of(connection)
        row = connection.execute(
            "select amount_minor, value_date::text, original_amount_minor, original_currency,"
            " exchange_rate::text, counterparty_account, customer_reference, interest_rate::text,"
            " overdraft_limit_minor"
            " from reporting_source.ledger_entries inner join reporting_source.accounts"
            " using (account_id)"
        ).fetchone()

    for view, optional_columns in OPTIONAL.items():
        assert made[view] == {**CONTRACT[view], **optional_columns}
    others = ("GB33", "Order 7", "1.500000", 50_000)
    assert row == (-92, "2026-11-05", -100, "USD", "0.920000", *others)


def draft_of(database: str) -> str:
    return draft(read_catalog(database)).text


def test_a_draft_without_a_sign_of_settlement_counts_no_row(database: str) -> None:
    # Given payments whose status is a number, without a settlement time
    make(database, UUIDS)
    text = draft(read_catalog(database)).text
    with psycopg.connect(database) as connection:
        connection.execute(text.encode())
        connection.execute(
            "insert into organizations values (gen_random_uuid(), 'x', null);"
            "insert into payments select gen_random_uuid(), id, 5, null, 'EUR', 1, now()"
            " from organizations"
        )
        [(status, settled_at)] = connection.execute(
            "select status, settled_at from reporting_source.transactions"
        ).fetchall()
        connection.rollback()
    assert (status, settled_at) == ("pending", None)


# ---- the command -------------------------------------------------------------------------


def init(*arguments: str) -> tuple[int, str, str]:
    ran = subprocess.run(
        [sys.executable, "-m", "closebook", "init", *arguments],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY / "plugins")},
        check=False,
        capture_output=True,
        text=True,
    )
    return ran.returncode, ran.stdout, ran.stderr


def test_the_command_writes_the_draft_once_and_prints_the_settings(
    database: str, tmp_path: Path
) -> None:
    make(database, HOSTILE)
    file = tmp_path / "our_contract.sql"

    code, said, complaint = init("--conninfo", database, "--output", str(file))

    assert (code, complaint) == (EXIT_OK, "")
    assert said.splitlines() == [f"export {n}={v}" for n, v in HOSTILE.settings.items()]
    drafted = file.read_text()
    with psycopg.connect(database) as connection:
        connection.execute(drafted.encode())
        connection.rollback()
    file.write_text("edited")
    code, said, complaint = init("--conninfo", database, "--output", str(file))
    assert (code, said, file.read_text()) == (EXIT_UNUSABLE, "", "edited")
    assert complaint.startswith("closebook init: CB-CONFIG-DRAFT-UNWRITABLE: ")
    code, said, _ = init("--conninfo", database)
    assert code == EXIT_OK
    assert said.startswith(drafted)


def test_a_refused_log_in_and_an_unreachable_server_have_errors_of_two_kinds(database: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        read_catalog(psycopg.conninfo.make_conninfo(database, password="wrong"))  # noqa: S106
    assert refused.value.code == "CB-CONFIG-PLATFORM-REFUSES"
    with pytest.raises(Transient):
        read_catalog(psycopg.conninfo.make_conninfo(database, port=1))
