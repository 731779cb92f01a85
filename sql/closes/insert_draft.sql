-- Adds the next version of a period to the register, not yet current. One row: its id and version.
insert into reporting.closes (
    grain,
    period_start,
    period_end,
    time_zone,
    close_version,
    fence_lsn,
    fenced_at,
    snapshot_text,
    replica_name,
    code_version,
    run_id,
    reason,
    requested_by,
    first_date,
    last_date,
    closed_on,
    tzdata_version,
    holder_reason,
    holder_text
)
select
    %(grain)s,
    %(period_start)s as period_start,
    %(period_end)s as period_end,
    %(time_zone)s,
    coalesce(max(close_version), 0) + 1 as close_version,
    '0/0'::pg_lsn + %(fence_position)s::bigint::numeric as fence_lsn,
    %(fenced_at)s,
    %(snapshot_text)s,
    %(replica_name)s,
    %(code_version)s,
    %(run_id)s,
    %(reason)s,
    %(requested_by)s,
    %(first_date)s::date,
    %(last_date)s::date,
    %(closed_on)s::date,
    %(tzdata_version)s,
    %(holder_reason)s,
    %(holder_text)s
from reporting.closes
where grain = %(grain)s and period_start = %(period_start)s
returning close_id, close_version
