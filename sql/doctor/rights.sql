-- The rights that this role needs on the platform: one row a schema, view or function, whether
-- it is there, and whether the role may use it. By the catalog, which needs no right on the
-- schema.
with wanted as (
    select
        'schema' as object_kind,
        'reporting_source' as object_name
    union all
    select
        'view' as object_kind,
        unnest(%(views)s::text[]) as object_name
    union all
    select
        'function' as object_kind,
        unnest(%(functions)s::text[]) as object_name
),

found as (
    select
        'schema' as object_kind,
        pg_namespace.nspname::text as object_name,
        has_schema_privilege(pg_namespace.oid, 'usage') as is_allowed
    from pg_catalog.pg_namespace
    where pg_namespace.nspname = 'reporting_source'
    union all
    select
        'view' as object_kind,
        pg_class.relname::text as object_name,
        has_table_privilege(pg_class.oid, 'select') as is_allowed
    from pg_catalog.pg_class
    inner join pg_catalog.pg_namespace on pg_class.relnamespace = pg_namespace.oid
    where
        pg_namespace.nspname = 'reporting_source'
        and pg_class.relkind in ('r', 'v', 'm', 'p', 'f')
    union all
    select
        'function' as object_kind,
        pg_proc.proname::text as object_name,
        has_function_privilege(pg_proc.oid, 'execute') as is_allowed
    from pg_catalog.pg_proc
    inner join pg_catalog.pg_namespace on pg_proc.pronamespace = pg_namespace.oid
    where pg_namespace.nspname = 'reporting_source'
)

select
    wanted.object_kind,
    wanted.object_name,
    found.object_name is not null as is_there,
    coalesce(found.is_allowed, false) as is_allowed
from wanted
left join found
    on
        wanted.object_kind = found.object_kind
        and wanted.object_name = found.object_name
