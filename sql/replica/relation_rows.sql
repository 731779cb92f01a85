-- How many rows the planner takes a table to have: one row, none if there is no such table. By
-- name, since the reader may not look into the platform's own schemas.
with relations as (
    select
        pg_class.relname,
        pg_namespace.nspname,
        pg_class.reltuples
    from pg_class
    inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
)

select reltuples::double precision as row_count
from relations
where nspname = %(schema_name)s and relname = %(relation_name)s
