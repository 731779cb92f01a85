-- The indexes that the closes need on a platform's tables. Each names the queries that it
-- serves; docs/performance.md has what it costs a write. On a live platform create them with
-- "concurrently". It may be run again. An index that was cancelled while it was made is not valid,
-- and stays so: drop it before (the doctor tells of it as index-not-used).

-- For hourly_volume/read.sql, daily_volume/read.sql, close_totals/read_volume.sql and
-- close_totals/read_other_status.sql: a period's settled rows in one index-only range scan. Rows
-- that are not settled are not in it. It is ordered by UTC hour, currency and kind, so an hour is
-- added up in that order, without a hash. Of the included columns numbers come before texts and
-- nullable ones: PostgreSQL finds a column faster if fewer columns of varying width precede it.
-- It costs payments 4 percent of the writes a second if no disk is waited for, and 12 percent more
-- log.
create index if not exists transactions_settled_hour on platform.transactions (
    (date_bin('1 hour', settled_at, timestamptz '2000-01-01 00:00:00+00')), currency, kind
)
include (
    settled_at, amount_minor, fee_minor, discount_minor, merchant_id,
    promotion_id, user_country, status
)
where settled_at is not null;

-- They tell the planner how many rows an hour has, since it ignores the statistics of a partial
-- index's expression. On a partitioned table make them for each partition. They cost no write
-- anything.
create statistics if not exists platform.transactions_settled_hour
on (date_bin('1 hour', settled_at, timestamptz '2000-01-01 00:00:00+00'))
from platform.transactions;
analyze platform.transactions;

-- For daily_account_movement/read.sql, statement_lines/read.sql and close_totals/read_ledger.sql: a
-- period's entries in one range scan. For statement_balances/read.sql: all entries up to an
-- instant. It costs payments 6 percent of the writes a second if no disk is waited for, and 10
-- percent more log.
create index if not exists ledger_entries_posted_at on platform.ledger_entries (posted_at)
include (wallet_id, amount_minor, currency);

-- A close reads the newest rows. By default autovacuum processes them only when a tenth or a fifth
-- of the whole table is new. Until then an index-only scan has to look up their pages in the table,
-- and the planner expects no rows of the new day. For much more than 100,000 rows a day set the
-- thresholds to a quarter of a day's rows.
alter table platform.transactions set (
    autovacuum_vacuum_insert_scale_factor = 0,
    autovacuum_vacuum_insert_threshold = 25000,
    autovacuum_analyze_scale_factor = 0,
    autovacuum_analyze_threshold = 25000
);
alter table platform.ledger_entries set (
    autovacuum_vacuum_insert_scale_factor = 0,
    autovacuum_vacuum_insert_threshold = 25000,
    autovacuum_analyze_scale_factor = 0,
    autovacuum_analyze_threshold = 25000
);
