-- Writes that a version of a close was written or confirmed by a reading of a history.
insert into reporting.close_readings (
    close_id,
    history_id,
    fence_lsn,
    read_lsn,
    replica_name,
    run_id
)
values (
    %(close_id)s,
    %(history_id)s,
    '0/0'::pg_lsn + %(fence_position)s::numeric,
    '0/0'::pg_lsn + %(read_position)s::numeric,
    %(replica_name)s,
    %(run_id)s
)
