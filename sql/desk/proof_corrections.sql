-- What later versions of periods corrected, newest first: one row a version, measure and currency
-- whose totals differ, from the versions before before_close_id on, of at most version_count.
with versions as (
    select
        close_id,
        grain,
        period_start,
        first_date,
        close_version,
        closed_at,
        run_id,
        reason
    from reporting.closes
    where
        close_version > 1
        and (%(before_close_id)s::bigint is null or close_id < %(before_close_id)s::bigint)
    order by close_id desc
    limit %(version_count)s
)

select
    versions.close_id,
    versions.grain,
    versions.period_start,
    versions.first_date,
    versions.close_version,
    versions.closed_at,
    versions.run_id,
    versions.reason,
    corrections.measure,
    corrections.currency,
    corrections.old_row_count,
    corrections.new_row_count,
    corrections.old_amount_minor,
    corrections.new_amount_minor
from versions
left join reporting.corrections
    on
        versions.close_id = corrections.close_id
        and (
            corrections.old_row_count <> corrections.new_row_count
            or corrections.old_amount_minor <> corrections.new_amount_minor
        )
order by versions.close_id desc, corrections.measure desc, corrections.currency asc
