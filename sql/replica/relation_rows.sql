-- The planner's estimate of a table's row count: one row, none if there is no such table. The table
-- is looked up by name in the catalog, since the reader has no right on the platform's schemas.
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
