-- The indexes that the closes need on a platform's tables. Each names the queries that it
-- serves; docs/performance.md has what it costs a write. On a live platform create them with
-- "concurrently".

-- hourly_volume.sql, daily_volume.sql, volume_control_totals.sql, other_status.sql: a period's
-- settled rows in one index-only range scan; rows that never settle cost nothing. By the UTC hour,
-- currency and kind, so that an hour has its rows in the order in which it adds them up, and hashes
-- none. After the keys numbers come before texts and before what may be null: PostgreSQL finds a
-- column the sooner, the fewer of varying width stand before it. Costs payments 4 percent of the
-- writes a second where no disk is waited for, and 12 percent more log.
create index transactions_settled_hour on platform.transactions (
    (date_bin('1 hour', settled_at, timestamptz '2000-01-01 00:00:00+00')), currency, kind
)
include (
    settled_at, amount_minor, fee_minor, discount_minor, merchant_id,
    promotion_id, user_country, status
)
where settled_at is not null;

-- How many rows an hour has: the planner passes over the statistics of a partial index's
-- expression. On a partitioned table, make them for each partition. They cost a write nothing.
create statistics platform.transactions_settled_hour
on (date_bin('1 hour', settled_at, timestamptz '2000-01-01 00:00:00+00'))
from platform.transactions;
analyze platform.transactions;

-- daily_account_movement.sql, statement_lines.sql, ledger_control_totals.sql: a period's
-- entries in one range scan; statement_balances.sql: all entries up to an instant.
-- Costs payments 6 percent of the writes a second where no disk is waited for, and 10 percent more
-- log.
create index ledger_entries_posted_at on platform.ledger_entries (posted_at)
include (wallet_id, amount_minor, currency);

-- A close reads the newest rows, which autovacuum by its defaults comes to after a tenth or a
-- fifth of the whole table. Until then their pages have to be looked up behind the index, and the
-- planner expects none of them at all. A platform with much more than 100,000 rows a day takes a
-- quarter of a day's rows.
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
