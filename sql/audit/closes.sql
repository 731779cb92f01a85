-- All closes in their order, and whether lines of them have left the store: one row a close.
select
    close_id,
    grain,
    is_current,
    exists(
        select 1
        from reporting.line_archives as archives
        inner join reporting.removed_lines as removed on archives.archive_id = removed.archive_id
        where archives.close_id = closes.close_id
    ) as has_removed_lines
from reporting.closes
order by close_id asc
