-- The name under which another connection to the same replica can take on this snapshot, as long
-- as this transaction lasts: one row.
select pg_export_snapshot() as snapshot_name;
