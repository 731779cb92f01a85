"""The desk's list and searches over 1,000,000 statements, run as the desk's role."""

from functools import partial

import psycopg
from psycopg.rows import dict_row

from benchmarks.platform import Stage
from benchmarks.timing import Results, alternate
from closebook.desk.found_statements import find_statements
from closebook.desk.search import Search
from closebook.periods import Period, month_of
from local.stack import Stack

DATABASE = "desk_million"
MONTHS = 25
LIMIT_MS = 200

# Twenty-four released months and one that is issued; two currencies in a hundred are rare, and
# one statement in a thousand was corrected. Foreign keys and triggers are left out of the filling.
FILL = """
set local session_replication_role = replica;

insert into reporting.closes (
    close_id, grain, period_start, period_end, time_zone, close_version, is_current, fence_lsn,
    fenced_at, snapshot_text, replica_name, code_version, run_id, first_date, last_date
) overriding system value
select
    number, 'month', month_start, month_start + interval '1 month', 'UTC', 1, number <> 24, '0/1',
    month_start + interval '2 months', '', '', '', 'benchmark', first_date,
    (first_date + interval '1 month' - interval '1 day')::date
from (
    select
        number, '2024-01-01 00:00Z'::timestamptz + number * interval '1 month' as month_start,
        ('2024-01-01'::date + number * interval '1 month')::date as first_date
    from generate_series(1, {months}) as number
) as months;

insert into reporting.statements
select
    close_id, account_id,
    case when account_id % 100 = 7 then 'KWD' when account_id % 3 = 0 then 'EUR' else 'USD' end,
    'ACC' || lpad(account_id::text, 12, '0'),
    (array['Ada', 'Émile', 'Grace', 'Mary', 'Noah', 'Zoë'])[1 + account_id % 6] || ' '
    || (array['Lovelace', 'Hopper', 'Washington', 'Brontë'])[1 + account_id / 7 % 4] || ' '
    || substr(md5(account_id::text), 1, 6),
    '1 Street', 'en_US', 100, 200, 30
from generate_series(1, {months}) as close_id
cross join generate_series(1, {accounts}) as account_id;

insert into reporting.statement_versions
select close_id, account_id, 1, close_id, null, currency from reporting.statements;

insert into reporting.statement_documents (
    close_id, account_id, sha256, byte_count, object_name, template_version, renderer_version,
    run_id, currency
)
select
    close_id, account_id, repeat('0', 64), 60000, 'statements/x.pdf', 'v1', '70', 'benchmark',
    currency
from reporting.statements;

-- The lines of one month: some amounts only one line has, one amount all statements have.
insert into reporting.statement_lines (
    close_id, account_id, line_number, entry_id, posted_at, kind, description, amount_minor,
    balance_minor, currency
)
select
    23, account_id, line_number, account_id * 100 + line_number, '2025-12-02Z', 'payment', 'Coffee',
    case when line_number = 1 then 777 else -(account_id * 100 + line_number) end, 0,
    case when account_id % 100 = 7 then 'KWD' when account_id % 3 = 0 then 'EUR' else 'USD' end
from generate_series(1, {accounts}) as account_id
cross join generate_series(1, 30) as line_number;

-- The last but one month was closed a second time, and issued one statement in a thousand again.
insert into reporting.closes (
    close_id, grain, period_start, period_end, time_zone, close_version, is_current, fence_lsn,
    fenced_at, snapshot_text, replica_name, code_version, run_id, first_date, last_date
) overriding system value
select
    {months} + 1, 'month', period_start, period_end, 'UTC', 2, true, '0/1', fenced_at, '', '', '',
    'benchmark', first_date, last_date
from reporting.closes where close_id = 24;

insert into reporting.statements
select
    {months} + 1, account_id, currency, account_number, holder_name, holder_address, locale_code,
    opening_minor, closing_minor + 1, line_count
from reporting.statements where close_id = 24;

insert into reporting.statement_versions
select
    {months} + 1, account_id, case when account_id % 1000 = 0 then 2 else 1 end,
    case when account_id % 1000 = 0 then {months} + 1 else 24 end,
    case when account_id % 1000 = 0 then 24 end, currency
from reporting.statements where close_id = 24;

insert into reporting.statement_documents (
    close_id, account_id, sha256, byte_count, object_name, template_version, renderer_version,
    run_id, currency
)
select
    {months} + 1, account_id, repeat('1', 64), 60000, 'statements/y.pdf', 'v1', '70', 'benchmark',
    currency
from reporting.statements where close_id = {months} + 1 and account_id % 1000 = 0;

insert into reporting.statement_manifests (
    manifest_id, close_id, sha256, object_name, document_count, missing_count, run_id
) overriding system value
select close_id, close_id, repeat('2', 64), 'manifests/x.json', {accounts}, 0, 'benchmark'
from reporting.closes;

-- All but the newest month are released.
insert into reporting.statement_decisions (manifest_id, manifest_sha256, decision, decided_by)
select manifest_id, sha256, 'released', 'bob'
from reporting.statement_manifests where close_id <> {months};
"""

# What finance and reviewers search for.
ASKED: dict[str, Search] = {
    "first page": Search(),
    "first page of a reviewer": Search(),
    "an old month": Search(month="2024-03"),
    "a rare currency": Search(currency="KWD"),
    "superseded": Search(state="superseded"),
    "not released": Search(state="issued"),
    "an account": Search(account="acc 0000 0001 2345"),
    "last digits": Search(account="2345"),
    "a rare name": Search(holder="c4ca42"),
    "a common name": Search(holder="washington"),
    "words of a name": Search(holder="WASHINGTON zoe"),
    "two letters": Search(holder="gr"),
    "an amount of none": Search(quoted="4,711.00"),
    "an amount of all": Search(quoted="2.00"),
    "an amount of one line of a month": Search(quoted="12,345.02", month="2025-12"),
    "an amount of a line of all": Search(quoted="7.77", month="2025-12"),
    "the reference of a line": Search(quoted="1234502"),
}
_OF_REVIEWERS = {"first page of a reviewer", "not released"}


def measure(stage: Stage, results: Results, *, account_count: int) -> None:
    """Fill a store for this benchmark once, then run the searches in turns."""
    stack = stage.stack
    _fill(stack, account_count)
    with psycopg.connect(
        # Each request has a connection of its own, so no plan is kept.
        stack.desk(DATABASE),
        autocommit=True,
        prepare_threshold=None,
        row_factory=dict_row,
    ) as desk:
        counted = desk.execute(
            "select count(*) as number from reporting.statement_versions"
            " where close_id = issued_close_id"
        ).fetchone()
        assert counted is not None  # noqa: S101

        def ask(name: str) -> int:
            found = find_statements(
                desk, ASKED[name], _month(ASKED[name]), may_review=name in _OF_REVIEWERS
            )
            return len(found.rows)

        rows = {name: ask(name) for name in ASKED}
        timed = alternate({name: partial(ask, name) for name in ASKED}, results.rounds())
    slowest = max(timed.values(), key=lambda each: each.median_seconds)
    results.report(
        "Desk searches",
        timed,
        "first page",
        statements=counted["number"],
        rows=rows,
        slowest=slowest.name,
        slowest_ms=round(slowest.median_seconds * 1000, 1),
        limit_ms=LIMIT_MS,
    )


def _month(search: Search) -> Period | None:
    if not search.month:
        return None
    year, month = search.month.split("-")
    return month_of(int(year), int(month), "UTC")


def _fill(stack: Stack, account_count: int) -> None:
    if stack.has_database(stack.store_admin(), DATABASE):
        stack.drop_store(DATABASE)
    stack.create_store(DATABASE)
    statements = FILL.replace("{months}", str(MONTHS)).replace("{accounts}", str(account_count))
    with psycopg.connect(stack.store_admin(DATABASE)) as store:
        store.execute(statements.encode())
    with psycopg.connect(stack.store_admin(DATABASE), autocommit=True) as store:
        store.execute("vacuum analyze")
