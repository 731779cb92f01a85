-- All closes in their order: one row a close.
select
    close_id,
    grain,
    is_current
from reporting.closes
order by close_id asc
