-- The foreign keys of one column: which column refers to which column of which table.
select
    pg_constraint.conrelid::bigint as table_id,
    referring.attname::text as column_name,
    pg_constraint.confrelid::bigint as referred_table_id,
    referred.attname::text as referred_column_name
from pg_catalog.pg_constraint
inner join pg_catalog.pg_attribute as referring
    on
        pg_constraint.conrelid = referring.attrelid
        and pg_constraint.conkey[1] = referring.attnum
inner join pg_catalog.pg_attribute as referred
    on
        pg_constraint.confrelid = referred.attrelid
        and pg_constraint.confkey[1] = referred.attnum
where pg_constraint.contype = 'f' and cardinality(pg_constraint.conkey) = 1
order by pg_constraint.conrelid, referring.attnum, pg_constraint.oid
