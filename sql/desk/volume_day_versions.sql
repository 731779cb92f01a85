-- All versions of a business day, oldest first, with the volume of each by currency and kind: one
-- row a version, currency and kind; one with empty columns for a version without volume.
with versions as (
    select
        close_id,
        close_version,
        is_current,
        closed_at,
        run_id,
        reason
    from reporting.closes
    where grain = 'day' and first_date = %(business_day)s::date
)

select
    versions.close_id,
    versions.close_version,
    versions.is_current,
    versions.closed_at,
    versions.run_id,
    versions.reason,
    volume.currency,
    volume.kind,
    coalesce(volume.transaction_count, 0)::bigint as transaction_count,
    coalesce(volume.amount_minor, 0) as amount_minor,
    coalesce(volume.fee_minor, 0) as fee_minor,
    coalesce(volume.discount_minor, 0) as discount_minor
from versions
left join reporting.day_versions as volume on versions.close_id = volume.close_id
order by versions.close_version asc, volume.currency asc, volume.kind asc
