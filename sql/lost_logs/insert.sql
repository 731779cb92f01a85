-- Writes up to which position an earlier history is the same log as an acknowledged one.
insert into reporting.lost_logs (acknowledged_history_id, history_id, common_lsn)
values (
    %(acknowledged_history_id)s,
    %(history_id)s,
    '0/0'::pg_lsn + %(common_position)s::numeric
)
