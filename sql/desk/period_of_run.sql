-- The newest period that a run of Airflow closed: one row, or none.
select
    grain,
    first_date
from reporting.closes
where run_id = %(run_id)s and grain = %(grain)s
order by close_id desc
limit 1
