-- The closes of months that ended before an instant and have lines which may leave the store: one
-- row a close, the oldest months first.
select
    close_id,
    grain,
    period_start,
    period_end,
    time_zone,
    first_date,
    last_date
from reporting.closes
where
    grain = 'month'
    and period_end <= %(ended_before)s
    and exists (
        select 1
        from reporting.statement_lines as entries
        where
            entries.close_id = closes.close_id
            and entries.account_id not in (
                select held.account_id
                from reporting.held_accounts as held
            )
    )
order by period_start asc, close_id asc
