-- Exports this transaction's snapshot, so that another connection to the same replica can use it
-- until this transaction ends. One row: its name.
select pg_export_snapshot() as snapshot_name;
