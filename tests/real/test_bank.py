"""A real bank's entries, month by month, against the balances that the bank itself recorded."""

import csv
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from pathlib import Path
from urllib.parse import unquote, urlparse

import psycopg
import pytest
from psycopg import sql
from pypdf import PdfReader

from closebook.closes.day import close_day
from closebook.closes.month import close_month
from closebook.closes.values import Close
from closebook.periods import Period, parse_month
from closebook.settings import Settings
from closebook.statements import issue
from closebook.statements.issue import Shard
from local.stack import Stack
from tests.books import Books
from tests.close_fixtures import RUN, settings_on

PRAGUE = "Europe/Prague"
AccountMonth = tuple[int, str]


@dataclass(frozen=True)
class Closing:
    """What one statement says: entries, opening and closing balance."""

    line_count: int
    opening_minor: int
    closing_minor: int


@dataclass(frozen=True)
class Bank:
    """The bank's files, and what the closes of all its months made of them."""

    data: Path
    settings: Settings
    books: Books
    closes: dict[str, Close]

    def csv(self, name: str) -> list[dict[str, str]]:
        """The rows of one of the bank's files."""
        return rows_of(self.data / f"{name}.csv")

    def statements(self) -> dict[AccountMonth, Closing]:
        """Every statement of every month."""
        return {
            (account_id, month): Closing(lines, opening, closing)
            for month, close in self.closes.items()
            for account_id, (opening, closing, lines) in self.books.statements(
                close.close_id
            ).items()
        }


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def load(conninfo: str, data: Path) -> None:
    """Copy the bank's accounts and entries into the platform; an entry is posted at midnight."""
    with psycopg.connect(conninfo) as platform:
        for name in ("accounts", "ledger_entries"):
            with (data / f"{name}.csv").open("rb") as file:
                columns = file.readline().decode().strip().split(",")
                platform.execute(
                    sql.SQL("create temporary table {} ({})").format(
                        sql.Identifier(f"bank_{name}"),
                        sql.SQL(", ").join(
                            sql.SQL("{} text").format(sql.Identifier(column)) for column in columns
                        ),
                    )
                )
                copying = sql.SQL("copy {} from stdin (format csv)").format(
                    sql.Identifier(f"bank_{name}")
                )
                with platform.cursor().copy(copying) as copy:
                    copy.write(file.read())
        platform.execute(
            """
            insert into platform.users
            select
                account_id::bigint, 'Client ' || account_id, 'Okres ' || district_id, 'CZ', 'cs_CZ'
            from bank_accounts
            """
        )
        platform.execute(
            """
            insert into platform.wallets (
                wallet_id, account_number, user_id, currency, balance_minor, opened_at
            )
            select
                account_id::bigint,
                'CZ-' || account_id,
                account_id::bigint,
                (select min(currency) from bank_ledger_entries),
                0,
                opened_on::timestamp at time zone %(zone)s
            from bank_accounts
            """,
            {"zone": PRAGUE},
        )
        platform.execute(
            """
            insert into platform.ledger_entries (
                entry_id, wallet_id, posted_at, amount_minor, currency, kind, description,
                counterparty
            )
            select
                entry_id::bigint,
                account_id::bigint,
                posted_on::timestamp at time zone %(zone)s,
                amount_minor::bigint,
                currency,
                case purpose when 'statement_fee' then 'fee' else 'payment' end,
                concat_ws(', ', operation, purpose),
                concat_ws('/', counterparty_account, counterparty_bank)
            from bank_ledger_entries
            """,
            {"zone": PRAGUE},
        )


@pytest.fixture(scope="module")
def bank(
    stack: Stack,
    module_platform_database: str,
    module_store_database: str,
    bank_data: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Bank:
    """The bank loaded, and all its months closed in their order."""
    load(stack.primary_admin(module_platform_database), bank_data)
    settings = settings_on(
        stack,
        module_platform_database,
        module_store_database,
        tmp_path_factory.mktemp("documents"),
        PRAGUE,
    )
    closes = {
        month.label: close_month(settings, month, RUN)
        for month in months(rows_of(bank_data / "ledger_entries.csv"))
    }
    return Bank(bank_data, settings, Books(stack.store(module_store_database)), closes)


def months(entries: list[dict[str, str]]) -> list[Period]:
    """Every month from the first entry to the last."""
    labels = [entry["posted_on"][:7] for entry in entries]
    first, last = (int(label[:4]) * 12 + int(label[5:]) - 1 for label in (min(labels), max(labels)))
    return [parse_month(f"{n // 12:04}-{n % 12 + 1:02}", PRAGUE) for n in range(first, last + 1)]


def balances_by_the_bank(bank: Bank) -> dict[AccountMonth, list[int]]:
    """Each balance that the bank recorded on an account's last active day of a month."""
    return {
        (int(row["account_id"]), row["month"]): [
            int(balance) for balance in row["bank_closing_minor_candidates"].split()
        ]
        for row in bank.csv("bank_month_end")
    }


def differences(
    closings: dict[AccountMonth, int], by_the_bank: dict[AccountMonth, list[int]]
) -> list[int]:
    """How far each closing balance is from the nearest one that the bank recorded."""
    return [
        min(abs(closings[key] - balance) for balance in balances)
        for key, balances in by_the_bank.items()
    ]


# ---- every statement --------------------------------------------------------------------


def test_every_month_is_closed_once_from_the_first_entry_to_the_last(bank: Bank) -> None:
    entries = bank.csv("ledger_entries")

    assert {close.outcome for close in bank.closes.values()} == {"new"}
    assert min(bank.closes) == min(entry["posted_on"] for entry in entries)[:7]
    assert max(bank.closes) == max(entry["posted_on"] for entry in entries)[:7]


def test_opening_and_lines_make_the_closing_of_every_statement(bank: Bank) -> None:
    lines: dict[AccountMonth, list[int]] = defaultdict(list)
    for entry in bank.csv("ledger_entries"):
        key = (int(entry["account_id"]), entry["posted_on"][:7])
        lines[key].append(int(entry["amount_minor"]))

    statements = bank.statements()

    assert lines.keys() <= statements.keys()
    for key, statement in statements.items():
        assert statement.opening_minor + sum(lines[key]) == statement.closing_minor, key
        assert statement.line_count == len(lines[key]), key


def test_every_opening_is_the_closing_before(bank: Bank) -> None:
    statements = bank.statements()
    labels = sorted(bank.closes)
    nothing = Closing(0, 0, 0)
    accounts = {account_id for account_id, _ in statements}

    for account_id in accounts:
        closing_minor = 0
        for label in labels:
            statement = statements.get((account_id, label), nothing)
            assert statement.opening_minor == closing_minor, (account_id, label)
            closing_minor = statement.closing_minor


def test_every_entry_is_on_one_statement_and_no_other(bank: Bank) -> None:
    frozen = bank.books.rows("select entry_id from reporting.statement_lines")

    assert Counter(row["entry_id"] for row in frozen) == Counter(
        int(entry["entry_id"]) for entry in bank.csv("ledger_entries")
    )


# ---- against the bank -------------------------------------------------------------------


def test_closings_agree_with_the_bank_as_often_and_as_nearly_as_its_own_entries_do(
    bank: Bank, capsys: pytest.CaptureFixture[str]
) -> None:
    by_the_bank = balances_by_the_bank(bank)
    statements = bank.statements()
    balance_minor: Counter[int] = Counter()
    expected = {}
    for row in sorted(bank.csv("bank_month_end"), key=lambda row: row["month"]):
        account_id = int(row["account_id"])
        balance_minor[account_id] += int(row["credits_minor"]) - int(row["debits_minor"])
        expected[account_id, row["month"]] = balance_minor[account_id]

    closings = {key: statements[key].closing_minor for key in by_the_bank}

    assert closings == expected
    ours, theirs = differences(closings, by_the_bank), differences(expected, by_the_bank)
    matches = sum(difference == 0 for difference in ours)
    assert matches == sum(difference == 0 for difference in theirs)
    assert max(ours) == max(theirs)
    with capsys.disabled():
        print(  # noqa: T201 (the figures that the data's README asks for)
            f"\nbank: {matches} of {len(ours)} account-months match to the minor unit, "
            f"the largest difference is {max(ours)} minor units"
        )


def test_the_bank_counts_as_many_entries_on_each_statement(bank: Bank) -> None:
    statements = bank.statements()

    for row in bank.csv("bank_month_end"):
        key = (int(row["account_id"]), row["month"])
        assert statements[key].line_count == int(row["entries"]), key


# ---- days and documents -----------------------------------------------------------------


def test_the_days_of_the_busiest_month_tie_out_with_its_statements(bank: Bank) -> None:
    entries = bank.csv("ledger_entries")
    [(label, _)] = Counter(entry["posted_on"][:7] for entry in entries).most_common(1)
    month = parse_month(label, PRAGUE)
    expected: dict[tuple[date, int], list[int]] = defaultdict(list)
    for entry in entries:
        if entry["posted_on"].startswith(label):
            key = (date.fromisoformat(entry["posted_on"]), int(entry["account_id"]))
            expected[key].append(int(entry["amount_minor"]))

    for day in month.days():
        assert close_day(bank.settings, day, RUN).outcome == "new"
    again = close_month(bank.settings, month, RUN)

    assert again.outcome == "confirmed"
    moved = bank.books.rows("select * from reporting.current_daily_account_movement")
    assert {
        (row["business_day"], row["account_id"]): (
            row["entry_count"],
            row["credit_minor"],
            row["debit_minor"],
        )
        for row in moved
    } == {
        key: (
            len(amounts),
            sum(amount for amount in amounts if amount > 0),
            -sum(amount for amount in amounts if amount < 0),
        )
        for key, amounts in expected.items()
    }
    assert bank.books.failed_tie_outs() == []


def test_statements_of_the_last_month_are_rendered(bank: Bank) -> None:
    label = max(bank.closes)
    close = bank.closes[label]
    statements = {a: s for (a, month), s in bank.statements().items() if month == label}
    busiest = max(statements, key=lambda account_id: statements[account_id].line_count)
    poorest = min(statements, key=lambda account_id: statements[account_id].closing_minor)
    account_ids = sorted({busiest, poorest, min(statements)})

    shards = issue.plan_shards(bank.settings, close.close_id, account_ids)
    for shard in shards:
        issue.render_shard(bank.settings, close.close_id, Shard(**shard), account_ids, RUN)

    rows = bank.books.rows("select * from reporting.statement_documents")
    assert [row["account_id"] for row in sorted(rows, key=lambda r: r["account_id"])] == account_ids
    root = Path(unquote(urlparse(bank.settings.documents_url).path))
    for row in rows:
        pages = PdfReader(BytesIO((root / row["object_name"]).read_bytes())).pages
        figures = "".join(c for page in pages for c in page.extract_text() if c.isdigit())
        closing_minor = abs(statements[row["account_id"]].closing_minor)
        assert f"{closing_minor:03}" in figures
