-- What the current closes have left out, and the statements whose document could not be made, by
-- grain and reason: one row each.
with found as (
    select
        grain,
        reason
    from reporting.current_exceptions

    union all

    select
        grain,
        reason
    from reporting.documents_not_made
)

select
    grain,
    reason,
    count(*) as exception_count
from found
group by grain, reason
order by grain, reason
