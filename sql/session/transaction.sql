-- The number of this transaction: one row.
select pg_current_xact_id()::text as transaction_id
