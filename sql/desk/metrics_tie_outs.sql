-- How many checks were made, and how many found rows that do not tie out: one row a check.
select
    check_name,
    count(*) as made_count,
    count(*) filter (where offending_count > 0) as failed_count
from reporting.check_results
group by check_name
order by check_name
