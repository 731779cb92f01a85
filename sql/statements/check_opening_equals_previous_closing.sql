-- Accounts and currencies whose opening balance is not the closing balance of the last closed month
-- before, where there is one. What is in one of the two only counts as zero in the other; what
-- either month left out is not compared.
with this_month as (
    select
        grain,
        period_start
    from reporting.closes
    where close_id = %(close_id)s
),

previous_close as (
    select closes.close_id
    from reporting.closes
    inner join this_month
        on closes.grain = this_month.grain and closes.period_start < this_month.period_start
    where closes.is_current
    -- guard: time.latest-earlier-month
    order by closes.period_start desc
    limit 1
),

closings as (
    select
        statements.account_id,
        statements.currency,
        statements.closing_minor
    from reporting.statements
    where statements.close_id = any(array(select previous_close.close_id from previous_close))
),

openings as (
    select
        account_id,
        currency,
        opening_minor
    from reporting.statements
    where close_id = %(close_id)s
),

exceptions as (
    select
        subject,
        currency
    from reporting.close_exceptions
    where
        subject_kind = 'account'
        and close_id
        = any(
            array(
                select previous_close.close_id
                from previous_close
                union all
                select %(close_id)s::bigint
            )
        )
),

different as (
    select
        account_id,
        currency,
        closings.closing_minor as previous_closing_minor,
        openings.opening_minor
    from closings
    full join openings using (account_id, currency)
    where
        exists (select 1 from previous_close)
        and coalesce(closings.closing_minor, 0) <> coalesce(openings.opening_minor, 0)
)

select
    account_id,
    currency,
    previous_closing_minor,
    opening_minor
from different
-- guard: exceptions.left-out-accounts-have-no-opening
where
    (account_id::text, currency) not in (
        select
            exceptions.subject,
            exceptions.currency
        from exceptions
    )
