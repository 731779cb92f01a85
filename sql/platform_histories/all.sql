-- All histories, oldest first, with the position up to which each is the same log as the current
-- one: one row a history; common_lsn is null for the current one.
with newest as (
    select max(acknowledged_history_id) as acknowledged_history_id
    from reporting.lost_logs
),

lost as (
    select
        lost_logs.history_id,
        lost_logs.common_lsn
    from reporting.lost_logs
    inner join newest on lost_logs.acknowledged_history_id = newest.acknowledged_history_id
)

select
    histories.history_id,
    histories.system_identifier,
    histories.timeline,
    histories.switch_points,
    lost.common_lsn::text as common_lsn
from reporting.platform_histories as histories
left join lost on histories.history_id = lost.history_id
order by histories.history_id asc
