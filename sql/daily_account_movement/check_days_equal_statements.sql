-- Accounts, currencies and closed days of a month whose movement differs from the sum of that day's
-- statement lines. Days that are not closed are not compared, nor accounts that the month or the
-- day left out.
with month_close as (
    select
        close_id,
        period_start,
        period_end
    from reporting.closes
    where close_id = %(close_id)s
),

days as (
    select
        closes.close_id,
        closes.period_start,
        closes.period_end,
        row_number() over (order by closes.period_start) as day_number
    from reporting.closes
    inner join month_close
        on
            closes.period_start >= month_close.period_start
            and closes.period_end <= month_close.period_end
    where closes.grain = 'day' and closes.is_current
),

day_starts as (
    select array_agg(period_start order by period_start) as start_times
    from days
),

lines as (
    select
        statement_lines.account_id,
        statement_lines.currency,
        statement_lines.posted_at,
        statement_lines.amount_minor,
        width_bucket(
            statement_lines.posted_at, (select day_starts.start_times from day_starts)
        ) as day_number
    from reporting.statement_lines
    where statement_lines.close_id = %(close_id)s
),

statement_days as (
    select
        days.close_id,
        lines.account_id,
        lines.currency,
        count(*) as entry_count,
        sum(lines.amount_minor) as amount_minor
    from lines
    inner join days on lines.day_number = days.day_number and lines.posted_at < days.period_end
    group by days.close_id, lines.account_id, lines.currency
),

movement_days as (
    select
        movement.close_id,
        movement.account_id,
        movement.currency,
        sum(movement.entry_count) as entry_count,
        sum(movement.credit_minor - movement.debit_minor) as amount_minor
    from reporting.daily_account_movement as movement
    where movement.close_id = any(array(select days.close_id from days))
    group by movement.close_id, movement.account_id, movement.currency
),

exceptions as (
    select
        exceptions.close_id,
        exceptions.subject,
        exceptions.currency,
        %(close_id)s::bigint as month_close_id
    from reporting.close_exceptions as exceptions
    where
        exceptions.subject_kind = 'account'
        and exceptions.close_id
        = any(
            array(
                select days.close_id
                from days
                union all
                select %(close_id)s::bigint
            )
        )
),

different as (
    select
        close_id as day_close_id,
        account_id,
        currency,
        movement_days.entry_count as day_entry_count,
        statement_days.entry_count as statement_entry_count,
        movement_days.amount_minor as day_minor,
        statement_days.amount_minor as statement_minor
    from movement_days
    full join statement_days using (close_id, account_id, currency)
    where
        (movement_days.entry_count, movement_days.amount_minor)
        is distinct from
        (statement_days.entry_count, statement_days.amount_minor)
)

select
    day_close_id,
    account_id,
    currency,
    day_entry_count,
    statement_entry_count,
    day_minor,
    statement_minor
from different
where
    (day_close_id, account_id::text, currency) not in (
        select
            days.close_id,
            exceptions.subject,
            exceptions.currency
        from days
        inner join exceptions
            -- guard: exceptions.left-out-accounts-are-not-compared-with-days
            on exceptions.close_id in (days.close_id, exceptions.month_close_id)
    )
