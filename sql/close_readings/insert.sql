-- Writes that versions of closes were written or confirmed by a reading of a history: one row each.
insert into reporting.close_readings (
    close_id,
    history_id,
    fence_lsn,
    read_lsn,
    replica_name,
    run_id
)
select
    close_id,
    %(history_id)s,
    '0/0'::pg_lsn + %(fence_position)s::numeric as fence_lsn,
    '0/0'::pg_lsn + %(read_position)s::numeric as read_lsn,
    %(replica_name)s,
    %(run_id)s
from unnest(%(close_ids)s::bigint[]) as written (close_id)
