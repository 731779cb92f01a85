-- What this role may beyond what Closebook needs of it: one row an attribute, a membership or a
-- relation, 20 relations at most. What a role gets as a member counts too; a superuser has all, and
-- so that alone is said of it. Relations of extensions and of PostgreSQL itself do not count.
with allowed as (
    select
        %(allowed_roles)s::text[] as role_names,
        %(allowed_relations)s::text[] as relation_names
),

me as (
    select
        oid,
        rolname,
        rolsuper,
        rolcreaterole,
        rolcreatedb,
        rolreplication,
        rolbypassrls
    from pg_catalog.pg_roles
    where rolname = current_user
),

attributes as (
    select 'superuser' as right_name
    from me
    where rolsuper
    union all
    select 'createrole' as right_name
    from me
    where rolcreaterole
    union all
    select 'createdb' as right_name
    from me
    where rolcreatedb
    union all
    select 'replication' as right_name
    from me
    where rolreplication
    union all
    select 'bypassrls' as right_name
    from me
    where rolbypassrls
),

memberships as (
    select parents.rolname::text as granted_role
    from pg_catalog.pg_roles as parents
    cross join me
    cross join allowed
    where
        parents.oid <> me.oid
        and not me.rolsuper
        and pg_has_role(me.oid, parents.oid, 'member')
        and parents.rolname <> all(allowed.role_names)
),

relations as (
    select
        pg_class.oid,
        pg_namespace.nspname || '.' || pg_class.relname as relation_name,
        has_table_privilege(pg_class.oid, 'insert, update, delete, truncate') as may_write
    from pg_catalog.pg_class
    inner join pg_catalog.pg_namespace on pg_class.relnamespace = pg_namespace.oid
    cross join me
    cross join allowed
    where
        not me.rolsuper
        and pg_class.relkind in ('r', 'v', 'm', 'p', 'f')
        and pg_namespace.nspname !~ '^(pg_|information_schema$)'
        and not exists (
            select 1
            from pg_catalog.pg_depend
            where
                pg_depend.classid = 'pg_catalog.pg_class'::regclass
                and pg_depend.objid = pg_class.oid
                and pg_depend.deptype = 'e'
        )
        and (
            has_table_privilege(pg_class.oid, 'insert, update, delete, truncate')
            or (
                has_table_privilege(pg_class.oid, 'select')
                and pg_namespace.nspname || '.' || pg_class.relname
                <> all(allowed.relation_names)
            )
        )
    order by relation_name
    limit 20
)

select
    'attribute' as excess_kind,
    right_name as object_name
from attributes
union all
select
    'membership' as excess_kind,
    granted_role as object_name
from memberships
union all
select
    case when may_write then 'write' else 'read' end as excess_kind,
    relation_name as object_name
from relations
