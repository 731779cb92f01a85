-- What a run has moved to the document store, by its archives and by those that are given: one row
-- a version of a month, with how many archives and lines. An archive whose lines are still in the
-- store is not counted.
with archives as (
    select
        archive_id,
        close_id
    from reporting.line_archives
    where
        run_id = %(run_id)s::text
        or archive_id = any(%(archive_ids)s::bigint[])
),

moved as (
    select
        archives.close_id,
        archives.archive_id,
        sum(removed.line_count) as line_count
    from archives
    inner join reporting.removed_lines as removed on archives.archive_id = removed.archive_id
    group by archives.close_id, archives.archive_id
)

select
    closes.grain,
    closes.period_start,
    closes.period_end,
    closes.time_zone,
    closes.first_date,
    closes.last_date,
    count(*) as document_count,
    sum(moved.line_count)::bigint as line_count
from moved
inner join reporting.closes on moved.close_id = closes.close_id
group by closes.close_id
order by closes.period_start asc, closes.close_id asc
