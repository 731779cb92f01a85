-- The archives whose lines were removed, of a month by its first day or of all months: one row an
-- archive, in the order of the lines.
with removed as (
    select
        archive_id,
        max(removed_at) as removed_at
    from reporting.removed_lines
    group by archive_id
)

select
    archives.archive_id,
    archives.close_id,
    archives.sha256,
    archives.object_name,
    archives.line_count,
    closes.first_date,
    closes.close_version,
    closes.is_current,
    removed.removed_at
from removed
inner join reporting.line_archives as archives on removed.archive_id = archives.archive_id
inner join reporting.closes on archives.close_id = closes.close_id
where
    %(first_date)s::date is null
    or closes.first_date = %(first_date)s::date
order by closes.first_date asc, archives.close_id asc, archives.first_account_id asc
