-- How many rows the planner takes a table to have: one row, none if there is no such table.
select reltuples::double precision as row_count
from pg_class
where oid = to_regclass(quote_ident(%(schema_name)s) || '.' || quote_ident(%(relation_name)s))
