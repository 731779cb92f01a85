-- The columns of the tables that a platform has, from the catalog only: no row of a table is read.
-- One row a column, in the order of the table. base_type is the name of the type; for a domain that
-- of the type beneath it. labels are those of an enum, else the most common values that ANALYZE
-- found, as far as the role that asks may read the column; empty where there are none. Partitions
-- are left out, since their table stands for them; so are tables of extensions.
with recursive bases as (
    select
        oid as type_id,
        oid as base_id
    from pg_catalog.pg_type
    where typtype <> 'd'
    union all
    select
        pg_type.oid as type_id,
        bases.base_id
    from bases
    inner join pg_catalog.pg_type on bases.type_id = pg_type.typbasetype
    where pg_type.typtype = 'd'
),

tables as (
    select
        pg_class.oid as table_id,
        pg_class.relname,
        pg_class.reltuples,
        pg_namespace.nspname
    from pg_catalog.pg_class
    inner join pg_catalog.pg_namespace on pg_class.relnamespace = pg_namespace.oid
    where
        pg_class.relkind in ('r', 'p', 'v', 'm', 'f')
        and not pg_class.relispartition
        and pg_namespace.nspname not in ('pg_catalog', 'information_schema', 'reporting_source')
        and left(pg_namespace.nspname, 3) <> 'pg_'
        and not exists (
            select 1 from pg_catalog.pg_depend
            where
                pg_depend.classid = 'pg_catalog.pg_class'::regclass
                and pg_depend.objid = pg_class.oid
                and pg_depend.deptype = 'e'
        )
),

keys as (
    select distinct
        indrelid as table_id,
        indkey[0] as column_number,
        bool_or(indisprimary) over (partition by indrelid, indkey[0]) as is_primary
    from pg_catalog.pg_index
    where indisunique and indisvalid and indnkeyatts = 1 and indpred is null and indexprs is null
)

select
    tables.table_id::bigint as table_id,
    tables.nspname::text as schema_name,
    tables.relname::text as table_name,
    pg_attribute.attname::text as column_name,
    base.typname::text as base_type,
    quote_ident(tables.nspname) || '.' || quote_ident(tables.relname) as table_sql,
    greatest(tables.reltuples, 0)::bigint as row_estimate,
    quote_ident(pg_attribute.attname) as column_sql,
    base.typtype = 'e' as is_enum,
    format_type(pg_attribute.atttypid, pg_attribute.atttypmod) as type_name,
    not pg_attribute.attnotnull as is_nullable,
    keys.is_primary is not null as is_key,
    coalesce(keys.is_primary, false) as is_primary,
    coalesce(
        (
            select array_agg(pg_enum.enumlabel::text order by pg_enum.enumsortorder)
            from pg_catalog.pg_enum
            where pg_enum.enumtypid = base.oid
        ),
        (
            select pg_stats.most_common_vals::text::text[]
            from pg_catalog.pg_stats
            where
                pg_stats.schemaname = tables.nspname
                and pg_stats.tablename = tables.relname
                and pg_stats.attname = pg_attribute.attname
                and base.typname in ('text', 'varchar', 'bpchar', 'int2', 'int4', 'bool')
            -- An inherited table has a row for itself, and one with its children.
            order by pg_stats.inherited desc
            limit 1
        ),
        '{}'
    ) as labels
from tables
inner join pg_catalog.pg_attribute on tables.table_id = pg_attribute.attrelid
inner join bases on pg_attribute.atttypid = bases.type_id
inner join pg_catalog.pg_type as base on bases.base_id = base.oid
left join keys
    on
        pg_attribute.attrelid = keys.table_id
        and pg_attribute.attnum = keys.column_number
where pg_attribute.attnum > 0 and not pg_attribute.attisdropped
order by tables.nspname, tables.relname, pg_attribute.attnum
