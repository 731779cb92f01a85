-- The closes of months that may have a statement that a search finds: one row a close, the newest
-- month first. Whether it was released itself, whether it or a later close of its month was, and
-- the accounts that these releases left out.
with releases as (
    select
        manifests.manifest_id,
        closes.close_id,
        closes.period_start
    from reporting.closes
    inner join reporting.statement_manifests as manifests on closes.close_id = manifests.close_id
    inner join reporting.statement_decisions as decisions
        on manifests.manifest_id = decisions.manifest_id
    where closes.grain = 'month' and decisions.decision = 'released'
),

months as (
    select
        closes.close_id,
        closes.first_date,
        closes.close_version > 1 as is_correction,
        -- A statement is released only with its own close or with a later one of the month.
        exists(
            select 1 from releases
            where
                releases.period_start = closes.period_start
                and releases.close_id >= closes.close_id
        ) as is_released,
        exists(
            select 1 from releases
            where releases.close_id = closes.close_id
        ) as is_itself_released,
        array(
            select distinct exceptions.subject
            from releases
            inner join reporting.manifest_exceptions as exceptions
                on releases.manifest_id = exceptions.manifest_id
            where
                releases.period_start = closes.period_start
                and releases.close_id >= closes.close_id
        ) as left_out,
        exists(
            select 1 from reporting.statement_versions as later
            where later.superseded_close_id = closes.close_id
        ) as has_superseded
    from reporting.closes
    where
        closes.grain = 'month'
        and (
            %(month_start)s::timestamptz is null
            or closes.period_start = %(month_start)s::timestamptz
        )
)

select
    close_id,
    first_date,
    is_correction,
    is_released,
    is_itself_released,
    left_out
from months
where
    case
        when %(statement_state)s::text = 'released' then is_released
        when %(statement_state)s::text = 'superseded' then is_released and has_superseded
        when %(statement_state)s::text in ('issued', 'missing')
            then
                %(may_review)s::boolean
                and (not is_released or has_superseded or cardinality(left_out) > 0)
        else %(may_review)s::boolean or is_released
    end
order by first_date desc, close_id desc
