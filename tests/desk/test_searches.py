"""What finance types, and the statements that are found: in any spelling, fast among many."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import DictRow, dict_row

from benchmarks.desk_searches import FILL
from closebook.desk import found_statements
from closebook.desk.found_statements import MOST_QUOTING, Found, Position, find_statements
from closebook.desk.search import Search, StatementKey
from closebook.desk.typed_amounts import typed_amounts
from closebook.periods import Period, month_of
from closebook.sql import query
from local.stack import Stack

# Accounts of one released month: number and holder as the platform wrote them.
HOLDERS = [
    ("US12CLBK00000000000001", "Núñez, María José"),
    ("US12CLBK00000000000002", "Charlotte BRONTË"),
    ("US12CLBK00000000000003", "Yıldız İnce"),
    ("US12CLBK00000000000004", "Sinéad O'Brien"),
    ("US12CLBK00000000000005", "Noah Washington"),
    ("12-3456-78 90", "Jürgen Groß-Müller"),
    ("GB29 NWBK 6016 1331 9268 19", "Søren Łukasz Ærø"),
    ("JP-\uff11\uff12\uff13", "佐々木 花子"),
    ("DE-8", "Œuvre de l’Église"),
    ("GR-9", "Σίσυφος Παπαδόπουλος"),
    ("UA-10", "Йосип Ёлкін"),
    ("KW-11", "أحمد مُحَمَّد"),
    ("AD-12", "Pau Col·lell"),
    ("CN-13", "Li Na"),
    ("IS-14", "Þórður Ðóri"),
    ("XX-15", "The ﬁnest Mc Donald & Sons, Inc."),
    ("XX-16", "N\u0303un\u0303ez De\u0301compose\u0301"),
    ("XX-17", "\uff37\uff49\uff44\uff45 Mueller"),
    ("XX-18", "J.R.R. Tolkien 100%"),
    ("KR-19", "김철수"),
    # With a sign that chooses a variant, and with letters that have no accent to take off.
    ("XX-20", "\u845b\U000e0100\u57ce Mbɨla Ʋestine Ƶak"),
    # Letters of other scripts, and phonetic ones, that have a base by their names only.
    ("XX-২১", "Ʒɩʃɐ Ɣɵɯ Ꜳgot"),
    ("XX-22", "Қасым Ғани"),
    ("XX-23", "\uff7b\uff78\uff97 ｼｮｳﾞ"),
    ("XX-24", "ګلالۍ ړندا"),
    ("XX-25", "ज़ोया שלום"),
]
MARCH = month_of(2026, 3, "UTC")
MONTH = """
insert into reporting.closes (
    grain, period_start, period_end, time_zone, close_version, is_current, fence_lsn, fenced_at,
    snapshot_text, replica_name, code_version, run_id, first_date, last_date
) values (
    'month', '2026-03-01Z', '2026-04-01Z', 'UTC', 1, true, '0/1', '2026-04-01Z', '', '', '', 'x',
    '2026-03-01', '2026-03-31'
);
set local session_replication_role = replica;
insert into reporting.statements
select
    1, number, case when number = 8 then 'JPY' else 'EUR' end, account_number, holder_name, '',
    'en', 0, case when number = 5 then 123456 when number = 8 then 1234 else number end, 1
from unnest(%(numbers)s::text[], %(names)s::text[])
with ordinality as given (account_number, holder_name, number);
insert into reporting.statement_lines (
    close_id, account_id, line_number, entry_id, posted_at, kind, description, amount_minor,
    balance_minor, currency
)
select 1, account_id, 1, 88000 + account_id, '2026-03-02Z', 'payment', '', -700 - account_id, 0,
    currency
from reporting.statements;
insert into reporting.statement_versions select 1, account_id, 1, 1, null, currency
from reporting.statements;
insert into reporting.statement_documents (
    close_id, account_id, sha256, byte_count, object_name, template_version, renderer_version,
    run_id, currency
)
select 1, account_id, repeat('a', 64), 1, 'a.pdf', 'v1', '70', 'x', currency
from reporting.statements;
insert into reporting.statement_manifests (
    close_id, sha256, object_name, document_count, missing_count, run_id
) values (1, repeat('c', 64), 'c.json', 20, 0, 'x');
insert into reporting.statement_decisions (manifest_id, manifest_sha256, decision, decided_by)
values (1, repeat('c', 64), 'released', 'bob');
"""


@pytest.fixture(scope="module")
def filled(stack: Stack, module_store_database: str) -> Iterator[psycopg.Connection[DictRow]]:
    """A connection of the desk to a store with the statements of these holders."""
    conninfo = stack.store_admin(module_store_database)
    with psycopg.connect(conninfo, cursor_factory=psycopg.ClientCursor) as admin:
        numbers, names = zip(*HOLDERS, strict=True)
        admin.execute(MONTH.encode(), {"numbers": list(numbers), "names": list(names)})
    with psycopg.connect(
        stack.desk(module_store_database), autocommit=True, row_factory=dict_row
    ) as desk:
        yield desk


def found(store: psycopg.Connection[DictRow], **typed: str) -> list[int]:
    """The accounts that a reviewer finds."""
    search = Search.from_form(**{**dict.fromkeys(FIELDS, ""), **typed})
    month = MARCH if search.month else None
    rows = find_statements(store, search, month, may_review=True).rows
    return [row["account_id"] for row in rows]


FIELDS = ("account", "holder", "quoted", "month", "currency", "state", "sort")


@pytest.mark.parametrize(
    ("typed", "accounts"),
    [
        ("Nunez", [1, 17]),
        ("NÚÑEZ maria", [1]),
        ("Nu\u0301n\u0303ez", [1, 17]),
        ("jose maría", [1]),
        ("BRONTE", [2]),
        ("brontë charlotte", [2]),
        ("\uff22\uff32\uff2f\uff2e\uff34\uff25", [2]),
        ("Yildiz", [3]),
        ("YILDIZ INCE", [3]),
        ("yıldız ince", [3]),
        ("İNCE", [3]),
        ("O\u2019Brien", [4]),
        ("O'Brien", [4]),
        ("o\u02bcbrien", [4]),
        ("OBrien", [4]),
        ("O Brien", [4]),
        ("Washington Noah", [5]),
        ("washington, noah", [5]),
        ("ingt", [5]),
        ("Gross Muller", [6]),
        ("GROSS-MUELLER", [6]),
        ("Juergen Groß", [6]),
        ("Muller", [6, 18]),
        ("Müller", [6, 18]),
        ("soren lukasz", [7]),
        ("SOEREN", [7]),
        ("aero", [7]),
        ("Ærø", [7]),
        ("佐々木", [8]),
        ("花子 佐々木", [8]),
        ("花", [8]),
        ("oeuvre", [9]),
        ("Œuvre", [9]),
        ("eglise", [9]),
        ("l'eglise", [9]),
        ("ΣΙΣΥΦΟΣ", [10]),
        ("σισυφος παπαδοπουλος", [10]),
        ("Елкін йосип", [11]),
        ("احمد محمد", [12]),
        ("Collell", [13]),
        ("COL·LELL", [13]),
        ("li", [14]),
        ("Na Li", [14]),
        ("Thordur", [15]),
        ("Dori þórður", [15]),
        ("finest", [16]),
        ("McDonald", [16]),
        ("mc donald sons", [16]),
        ("decompose", [17]),
        ("wide", [18]),
        ("JRR Tolkien", [19]),
        ("j. r. r. tolkien", [19]),
        ("김철수", [20]),
        ("김", [20]),
        ("\u845b\u57ce", [21]),
        ("\u57ce MBILA", [21]),
        ("ʋestine zak", [21]),
        ("vestine ƶak", [21]),
        ("zisa", [22]),
        ("GOM aagot", [22]),
        ("ƷƖƩⱯ", [22]),
        ("касым гани", [23]),
        ("さくら", [24]),
        ("サクラ", [24]),
        ("كلالي رندا", [25]),
        ("जोया", [26]),
        ("שלומ", [26]),
        ("ISIK", []),
        ("Noah Bronte", []),
        ("Washingtonn", []),
        ("%", []),
        ("_", []),
        ("100%", [19]),
    ],
)
def test_a_name_is_found_in_any_spelling(
    filled: psycopg.Connection[DictRow], typed: str, accounts: list[int]
) -> None:
    assert found(filled, holder=typed) == accounts


@pytest.mark.parametrize(
    ("typed", "accounts"),
    [
        ("us12clbk", [1, 2, 3, 4, 5]),
        ("US12 CLBK 0000 …", [1, 2, 3, 4, 5]),
        ("US12 CLBK 0000 0000 0000 04", [4]),
        ("us12-clbk-0000-0000-0000-04", [4]),
        ("00004", [4]),
        ("1234567890", [6]),
        ("7890", [6]),
        ("12 3456-78", [6]),
        ("90", [6]),
        ("us", [1, 2, 3, 4, 5]),
        ("gb29nwbk", [7]),
        ("926819", [7]),
        ("9268 19", [7]),
        ("jp123", [8]),
        ("\uff47\uff42\uff12\uff19", [7]),
        ("๙๒๖๘๑๙", [7]),
        ("৯২৬৮\u201119", [7]),
        ("xx21", [22]),
        ("২১", [22]),
        ("CLBK9", []),
        ("%", []),
        ("…", []),
    ],
)
def test_an_account_number_is_found_by_any_part_of_it(
    filled: psycopg.Connection[DictRow], typed: str, accounts: list[int]
) -> None:
    assert found(filled, account=typed) == accounts


@pytest.mark.parametrize(
    ("typed", "accounts"),
    [
        ("1,234.56", [5]),
        ("1.234,56", [5]),
        ("1 234,56", [5]),
        ("1'234.56 EUR", [5]),
        ("€1234.56", [5]),
        ("-1,234.56", []),
        ("1,234.56 USD", []),
        ("1,234", [8]),
        ("JPY 1234", [8]),
        ("7.04", [4]),
        ("(7.04)", [4]),
        ("\u22127.04", [4]),
        ("+7.04", []),
        ("\uff17.\uff10\uff14", [4]),
        ("88004", [4]),
        ("\uff18\uff18\uff10\uff10\uff14", [4]),
        ("88 004\u200e", [4]),
        ("Nunez", []),
    ],
)
def test_an_amount_or_the_reference_of_a_line_finds_its_statement(
    filled: psycopg.Connection[DictRow], typed: str, accounts: list[int]
) -> None:
    assert found(filled, quoted=typed, month="2026-03") == accounts


def test_an_amount_on_a_line_is_found_in_any_month(
    filled: psycopg.Connection[DictRow],
) -> None:
    assert found(filled, quoted="7.04") == [4]
    assert found(filled, quoted="1,234.56") == [5]
    assert found(filled, quoted="88004") == [4]


def test_all_criteria_must_fit(filled: psycopg.Connection[DictRow]) -> None:
    assert found(filled, account="us12", holder="noah", quoted="1234.56") == [5]
    assert found(filled, account="us12", holder="noah", quoted="7.04", month="2026-03") == []
    assert found(filled, holder="brien", quoted="7.04", month="2026-03") == [4]
    assert found(filled, account="gb29", holder="noah") == []
    assert found(filled, holder="bronte", state="released") == [2]
    assert found(filled, holder="bronte", state="issued") == []
    assert found(filled, holder="bronte", currency="JPY") == []


@pytest.mark.parametrize(
    ("sort", "first", "last"),
    [
        ("holder", [2, 6, 5, 18], [24, 8, 21]),
        ("closing", [1, 2, 3], [5, 8]),
        ("account", [6, 13, 14], [16, 17, 18, 19, *range(21, 27)]),
    ],
)
def test_what_is_found_is_sorted_both_ways(
    filled: psycopg.Connection[DictRow], sort: str, first: list[int], last: list[int]
) -> None:
    accounts = found(filled, sort=sort)
    assert sorted(accounts) == list(range(1, len(HOLDERS) + 1))
    assert accounts[-len(last) :] == last
    assert [each for each in accounts if each in first] == first
    assert accounts[0] == first[0]
    assert found(filled, sort=f"-{sort}") == accounts[::-1]


# Among 100,000 statements of 25 months; CLOSEBOOK_SEARCH_ACCOUNTS=40000 makes them a million.
ACCOUNTS = int(os.environ.get("CLOSEBOOK_SEARCH_ACCOUNTS", "4000"))
# Of the server's processor, for each query of a search: so it holds on a busy machine too.
MONTHS, LIMIT_MS, TRIES = 25, 200, 5
# An amount is looked for month by month, at most 1,001 statements of each, of a few blocks; all
# statements would be 400,000 blocks.
MOST_BLOCKS = MONTHS * (MOST_QUOTING + 1) * 6
# A page of a list that is read by an index, of a few blocks a row.
MOST_BLOCKS_OF_A_PAGE = 2_000
SAMPLED = "of the sample"
MANY = {
    "all": {},
    "a rare name": {"holder": "c4ca42"},
    "two common names": {"holder": "Zoe BRONTE"},
    "a common name": {"holder": "washington"},
    "words in another order": {"holder": "c4ca42 BRONTE"},
    "a rare name that ANALYZE has seen": {"holder": SAMPLED},
    "a common name and a rare one": {"holder": "c4ca42 Ada"},
    "the beginnings of words": {"holder": "ad c4"},
    "an account": {"account": "acc 0000 0000 1234"},
    "the last digits": {"account": "1234"},
    "two last digits": {"account": "34"},
    "an amount of all": {"quoted": "2.00"},
    "an opening balance of all": {"quoted": "1.00"},
    "an amount of none": {"quoted": "4711.00"},
    "an amount of one line of a month": {"quoted": "1,234.02", "month": "2025-12"},
    "an amount of a line of all": {"quoted": "7.77", "month": "2025-12"},
    "an amount of no line of a month": {"quoted": "4711.00", "month": "2025-12"},
    "an amount of one line": {"quoted": "1,234.02"},
    "an amount of a line of all, in any month": {"quoted": "7.77"},
    "an amount and a common name": {"quoted": "7.77", "holder": "brontë"},
    "the reference of a line": {"quoted": "123402"},
    "an old month": {"month": "2024-03"},
    "a rare currency": {"currency": "KWD"},
    "superseded": {"state": "superseded"},
    "not released": {"state": "issued"},
    "without a document": {"state": "missing"},
}


@pytest.fixture(scope="module")
def many(stack: Stack) -> Iterator[str]:
    """A store of 25 statements of each account."""
    name = "many_statements"
    if stack.has_database(stack.store_admin(), name):
        stack.drop_store(name)
    stack.create_store(name)
    rows = FILL.replace("{months}", str(MONTHS)).replace("{accounts}", str(ACCOUNTS))
    with psycopg.connect(stack.store_admin(name)) as admin:
        admin.execute(rows.encode())
    with psycopg.connect(stack.store_admin(name), autocommit=True) as admin:
        admin.execute("vacuum analyze")
    yield name
    stack.drop_store(name)


@dataclass
class Measured:
    """A connection that notes what each query of a search takes: its plan, and processor time."""

    store: psycopg.Connection[DictRow]
    plans: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    taken_ms: dict[str, float] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def execute(self, text: Any, parameters: Any = None) -> Any:
        name = TEXTS.get(text)
        if name is None:
            return self.store.execute(text, parameters)
        [row] = self.store.execute(
            b"explain (analyze, buffers, timing off, format json) " + text.encode(), parameters
        )
        self.plans.append((name, row["QUERY PLAN"][0]["Plan"]))
        best_ms = float("inf")
        # Others may use the machine too: the best of some tries counts.
        for _ in range(TRIES):
            before_ms = self._processor_ms()
            rows = self.store.execute(text, parameters)
            best_ms = min(best_ms, self._processor_ms() - before_ms)
            if best_ms < LIMIT_MS:
                break
        self.taken_ms[name] = max(best_ms, self.taken_ms.get(name, 0))
        return rows

    def _processor_ms(self) -> float:
        """The processor time of the connection's process on the server, which runs here."""
        times = Path(f"/proc/{self.store.info.backend_pid}/schedstat").read_text()
        return int(times.split()[0]) / 1_000_000


@pytest.mark.parametrize("may_review", [True, False])
@pytest.mark.parametrize("asked", MANY)
def test_a_search_among_many_takes_an_index_and_little_time(
    stack: Stack, many: str, asked: str, may_review: bool
) -> None:
    search = Search.from_form(**{**dict.fromkeys(FIELDS, ""), **MANY[asked]})
    if search.holder == SAMPLED:
        search = replace(search, holder=sampled_name(stack.store_admin(many)))
    year, _, number = search.month.partition("-")
    month = month_of(int(year), int(number), "UTC") if search.month else None
    conninfo = stack.store_admin(many)

    with psycopg.connect(conninfo, autocommit=True, row_factory=dict_row) as connection:
        store: Any = Measured(connection)

        def page(sort: str, position: Position | None = None) -> Found:
            asked_for = replace(search, sort=sort)
            return find_statements(store, asked_for, month, position, may_review=may_review)

        for sort in ("", *ORDERS, *(f"-{each}" for each in ORDERS)):
            found = page(sort)
            if found.match_count is None:
                page(sort, Position(after=key_of(found.rows[-1])))
                page(sort, Position(before=key_of(page(sort, Position(is_last=True)).rows[0])))
            elif found.has_next:
                page(sort, Position(page=found.page_count or 1))

    print(asked, "reviewer" if may_review else "finance", store.taken_ms)  # noqa: T201
    for name, taken_ms in store.taken_ms.items():
        assert taken_ms < LIMIT_MS, name
    assert store.plans
    for name, plan in store.plans:
        scanned = {node["Relation Name"] for node in scans(plan)}
        assert not scanned & {"statements", "statement_lines", "statement_versions"}, name
        # What an amount reads does not grow with the statements that have it
        if name == "quoting_statements":
            assert blocks(plan) < MOST_BLOCKS
        if name.startswith("statements_by_") and asked == "all":
            assert blocks(plan) < MOST_BLOCKS_OF_A_PAGE, (name, blocks(plan))


def key_of(row: DictRow) -> StatementKey:
    return StatementKey(row["close_id"], row["account_id"], row["currency"])


def sampled_name(conninfo: str) -> str:
    """The last word of a holder that PostgreSQL keeps among its statistics."""
    with psycopg.connect(conninfo) as store:
        row = store.execute(
            "select (histogram_bounds::text::text[])[50] from pg_stats"
            " where tablename = 'statements' and attname = 'holder_search'"
        ).fetchone()
    assert row is not None
    return str(row[0]).split()[2]


ORDERS = ("month", "account", "holder", "closing")
TEXTS = {
    query(f"desk/{name}"): name
    for name in (
        "searched_closes",
        "counted_statements",
        "chosen_statements",
        "named_statements",
        "quoting_statements",
        "unusual_statements",
        "sorted_statements",
        "statement_place",
        *(f"statements_by_{order}" for order in ORDERS),
    )
}


def blocks(node: dict[str, Any]) -> int:
    """How many blocks a plan has read, from memory or not."""
    return int(node["Shared Hit Blocks"] + node["Shared Read Blocks"])


def scans(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The nodes of a plan that read a whole table."""
    if node["Node Type"] == "Seq Scan":
        yield node
    for each in node.get("Plans", ()):
        yield from scans(each)


@pytest.mark.parametrize("typed", [{}, {"holder": "washington"}, {"month": "2025-12"}])
@pytest.mark.parametrize("sort", ["", *ORDERS, *(f"-{each}" for each in ORDERS)])
def test_pages_of_more_statements_than_are_counted_lead_both_ways_through_all(
    stack: Stack, many: str, monkeypatch: pytest.MonkeyPatch, typed: dict[str, str], sort: str
) -> None:
    # As if 3,000 were too many to count, so that all pages can be read.
    monkeypatch.setattr(found_statements, "MOST_COUNTED", 1_000)
    monkeypatch.setattr(found_statements, "MOST_SORTED", 50_000 if typed else 0)
    search = Search(**typed, sort=sort)
    month = month_of(2025, 12, "UTC") if search.month else None
    rows = 997

    def page(store: psycopg.Connection[DictRow], **place: Any) -> Found:
        position = Position(**place)
        return find_statements(store, search, month, position, may_review=False, row_count=rows)

    with psycopg.connect(stack.desk(many), autocommit=True, row_factory=dict_row) as store:
        first = page(store)
        assert first.match_count is None
        assert not first.has_previous
        forward, found = list(first.rows), first
        while found.has_next and len(forward) < 6 * rows:
            found = page(store, after=key_of(found.rows[-1]))
            assert found.has_previous
            forward += found.rows
        # Back from there the same statements come again, in the same order
        backward = list(found.rows)
        while found.has_previous:
            found = page(store, before=key_of(found.rows[0]))
            assert found.has_next
            backward = [*found.rows, *backward]
        assert [*map(key_of, backward)] == [*map(key_of, forward)]
        assert len({*map(key_of, forward)}) == len(forward)
        orders = [order_of(row, sort) for row in forward]
        assert orders == sorted(orders, reverse=sort.startswith("-") or not sort)
        last = page(store, is_last=True)
        assert not last.has_next
        assert order_of(last.rows[-1], sort) == (
            (min if sort.startswith("-") or not sort else max)(
                [*orders, order_of(last.rows[-1], sort)]
            )
        )


def order_of(row: DictRow, sort: str) -> Any:
    return {
        "": row["first_date"],
        "month": row["first_date"],
        "account": row["account_search"][:64],
        "holder": row["holder_search"][:64],
        "closing": (row["currency"], row["closing_minor"]),
    }[sort.removeprefix("-")]


def test_the_statements_that_are_found_are_counted_up_to_a_number(stack: Stack, many: str) -> None:
    with psycopg.connect(stack.desk(many), autocommit=True, row_factory=dict_row) as store:

        def find(search: Search, month: Period | None = None) -> Found:
            return find_statements(store, search, month, may_review=False)

        everything = find(Search())
        assert everything.match_count is None
        assert not everything.fits_in_zip
        months = [row["first_date"] for row in everything.rows]
        assert months == sorted(months, reverse=True)
        few = find(Search(holder="c4ca42"))
        assert few.match_count == len(few.rows) == MONTHS - 1
        assert few.fits_in_zip
        # One statement in a thousand was issued again, by a later close
        month = find(Search(month="2026-01"), month_of(2026, 1, "UTC"))
        if ACCOUNTS == 4000:
            assert month.match_count == ACCOUNTS + ACCOUNTS // 1000
            assert not month.fits_in_zip
        assert find(Search(state="superseded")).match_count == ACCOUNTS // 1000
        assert find(Search(state="issued")).match_count == 0
        # More statements than are looked at have this balance
        common = find(Search(quoted="2.00 USD"))
        assert common.has_too_common_amount
        # So "Download all that is found" is not offered: it would lack statements
        assert common.match_count == MOST_QUOTING
        assert not common.fits_in_zip
        one = find(Search(quoted="2.00 USD", account="000000000001"))
        assert {row["account_number"] for row in one.rows} == {"ACC000000000001"}
        assert not one.has_too_common_amount


# As people write 1234.56 and 12.50 in euros or any currency.
WRITTEN = [
    *("1,234.56", "1.234,56", "1 234,56", "1\u202f234,56 \u20ac", "1234,56EUR", "EUR 1.234,56"),
    *(
        "1'234.56",
        "1\u2019234.56",
        "1\u00b4234.56",
        "1\u0060234.56",
        "Fr. 1'234.56",
        "sFr. 1234.56",
    ),
    *("R$ 1.234,56", "US$1,234.56", "A$ 1234.56", "Rs. 1,234.56", "RM1,234.56", "\uffe51,234.56"),
    *("1.234,56 zł", "1 234,56 Kč", "1 234,56 kr", "kr. 1.234,56", "1.234,56 kr.", "1 234,56 Ft"),
    *("1.234,56 lei", "1 234,56 руб.", "1234,56 лв.", "1,234.56円", "1,234.56元", "1,234.56 원"),
    *(
        "١٬٢٣٤٫٥٦",
        "۱۲۳۴٫۵۶",
        "१,२३४.५६",
        "১,২৩৪.৫৬",
        "\uff11\uff0c\uff12\uff13\uff14\uff0e\uff15\uff16",
    ),
]
MINUS = "-\u2010\u2011\u2012\u2013\u2014\u2212\ufe63\uff0d"


@pytest.mark.parametrize("text", WRITTEN)
def test_an_amount_is_read_as_any_country_writes_it(text: str) -> None:
    assert {(123456, "EUR"), (-123456, "EUR")} <= {*typed_amounts(text)}


@pytest.mark.parametrize("minus", MINUS)
def test_each_hyphen_and_dash_is_a_minus(minus: str) -> None:
    for text in (f"{minus}7.04", f"7.04{minus}", f"\u20ac {minus}7,04", f"\u200e{minus}7.04\u200e"):
        amounts = typed_amounts(text)
        assert (-704, "EUR") in amounts
        assert all(minor < 0 for minor, _ in amounts)
    # As Swiss people write an amount without cents
    assert {(123400, "CHF"), (-123400, "CHF")} == {*typed_amounts(f"CHF 1'234.{minus}")}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "US12",
        "12a",
        "1.2.3",
        "12.5 EUR USD",
        "-",
        "..5",
        "2026-10-01",
        "12-34",
        "50%",
        "12 XYZ",
        "12.-.",
        "O'Brien",
        "5 kr kr kr",
        "kr",
    ],
)
def test_a_text_that_is_no_amount_means_none(text: str) -> None:
    assert typed_amounts(text) == []


def test_an_amount_that_the_store_cannot_hold_is_not_searched() -> None:
    assert typed_amounts("9" * 30) == []
    assert (2**63 - 1, "JPY") in typed_amounts(str(2**63 - 1))
