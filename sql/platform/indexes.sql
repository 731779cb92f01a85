-- The indexes that the closes need on a platform's tables. Each names the queries that it
-- serves. On a live platform create them with "concurrently".

-- hourly_volume.sql, daily_volume.sql, volume_control_totals.sql: a period's settled rows in one
-- index-only range scan; rows that never settle cost nothing.
create index transactions_settled_at on platform.transactions (settled_at)
include (
    currency, kind, amount_minor, fee_minor, discount_minor,
    user_id, merchant_id, promotion_id, status
)
where settled_at is not null;

-- daily_account_movement.sql, statement_lines.sql, ledger_control_totals.sql: a period's
-- entries in one range scan; statement_balances.sql: all entries up to an instant.
create index ledger_entries_posted_at on platform.ledger_entries (posted_at)
include (wallet_id, currency, amount_minor);
