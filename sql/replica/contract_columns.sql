-- The columns of the views of the source contract, as the catalog has them in this snapshot: one
-- row a view and column. base_type is the type's OID; for a domain that of the type beneath it,
-- which is what binary COPY sends. It looks each name up instead of joining: the reader has
-- enable_nestloop = off, and a join would read the whole catalog for each close.
with columns as (
    select
        attrelid as relation_id,
        attname as column_name,
        atttypid as type_id,
        atttypmod as type_modifier
    from pg_catalog.pg_attribute
    where
        attrelid = any(
            array(
                select to_regclass('reporting_source.' || quote_ident(view_name))
                from unnest(%(views)s::text[]) as view_name
            )
        )
        and attnum > 0
        and not attisdropped
)

select
    columns.column_name::text as column_name,
    format_type(columns.type_id, columns.type_modifier) as type_name,
    (
        select pg_class.relname::text
        from pg_catalog.pg_class
        where pg_class.oid = columns.relation_id
    ) as view_name,
    (
        with recursive bases as (
            select
                pg_type.oid,
                pg_type.typtype,
                pg_type.typbasetype
            from pg_catalog.pg_type
            where pg_type.oid = columns.type_id
            union all
            select
                pg_type.oid,
                pg_type.typtype,
                pg_type.typbasetype
            from bases
            inner join pg_catalog.pg_type on bases.typbasetype = pg_type.oid
            where bases.typtype = 'd'
        )

        select bases.oid::bigint
        from bases
        where bases.typtype <> 'd'
    ) as base_type
from columns
