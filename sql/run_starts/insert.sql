-- Records that a run starts, with the hash of its configuration; a start that is recorded already
-- gets the new hash. One row with the hash of the start before, or none if that is not recorded.
with written as (
    insert into reporting.run_starts (dag_id, run_id, clear_number, conf_sha256)
    values (
        %(dag_id)s::text, %(run_id)s::text, %(clear_number)s::integer, %(conf_sha256)s::text
    )
    -- Airflow may delete a run and make one of the same id.
    on conflict (dag_id, run_id, clear_number) do update
        set conf_sha256 = excluded.conf_sha256
)

select conf_sha256
from reporting.run_starts
where
    dag_id = %(dag_id)s::text
    and run_id = %(run_id)s::text
    and clear_number = %(clear_number)s::integer - 1
