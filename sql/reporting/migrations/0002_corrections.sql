-- What each new version of a period corrected: one row a version, measure and currency of either
-- version, equal ones too. Rows that came late are those that the new version has more.
create view reporting.corrections as
with versions as (
    select
        new_closes.close_id,
        new_closes.grain,
        new_closes.period_start,
        new_closes.period_end,
        new_closes.close_version,
        new_closes.closed_at,
        new_closes.run_id,
        new_closes.reason,
        old_closes.close_id as replaced_close_id
    from reporting.closes as new_closes
    inner join reporting.closes as old_closes
        on
            new_closes.grain = old_closes.grain
            and new_closes.period_start = old_closes.period_start
            and new_closes.close_version = old_closes.close_version + 1
),

totals as (
    select
        versions.close_id,
        close_totals.measure,
        close_totals.currency,
        0 as old_row_count,
        close_totals.row_count as new_row_count,
        0 as old_amount_minor,
        close_totals.amount_minor as new_amount_minor
    from versions
    inner join reporting.close_totals on versions.close_id = close_totals.close_id

    union all

    select
        versions.close_id,
        close_totals.measure,
        close_totals.currency,
        close_totals.row_count as old_row_count,
        0 as new_row_count,
        close_totals.amount_minor as old_amount_minor,
        0 as new_amount_minor
    from versions
    inner join reporting.close_totals on versions.replaced_close_id = close_totals.close_id
)

select
    versions.close_id,
    versions.replaced_close_id,
    versions.grain,
    versions.period_start,
    versions.period_end,
    versions.close_version,
    versions.closed_at,
    versions.run_id,
    versions.reason,
    totals.measure,
    totals.currency,
    sum(totals.old_row_count)::bigint as old_row_count,
    sum(totals.new_row_count)::bigint as new_row_count,
    sum(totals.new_row_count - totals.old_row_count)::bigint as late_row_count,
    sum(totals.old_amount_minor)::bigint as old_amount_minor,
    sum(totals.new_amount_minor)::bigint as new_amount_minor,
    sum(totals.new_amount_minor - totals.old_amount_minor)::bigint as late_amount_minor
from versions
inner join totals on versions.close_id = totals.close_id
group by
    versions.close_id,
    versions.replaced_close_id,
    versions.grain,
    versions.period_start,
    versions.period_end,
    versions.close_version,
    versions.closed_at,
    versions.run_id,
    versions.reason,
    totals.measure,
    totals.currency;

grant select on reporting.corrections to closebook_store, closebook_desk;
