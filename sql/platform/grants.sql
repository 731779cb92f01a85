-- The rights of Closebook's roles on a platform's database. The reader: the contract's views, and
-- functions about the replica's state. The fence: one of these functions. Nothing else.

grant usage on schema reporting_source to closebook_reader, closebook_fence;
grant select on all tables in schema reporting_source to closebook_reader;

-- PostgreSQL shows this to members of pg_read_all_stats only, together with the text of everybody's
-- queries. A function that runs with its owner's rights gives the reader these four columns alone.
create or replace function reporting_source.wal_receiver(
    out status text,
    out timeline integer,
    out last_message_at timestamptz,
    out announced_position bigint
)
returns setof record
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
    select
        receiver.status,
        receiver.received_tli,
        receiver.last_msg_receipt_time,
        (receiver.latest_end_lsn - '0/0'::pg_lsn)::bigint
    from pg_catalog.pg_stat_wal_receiver as receiver;
end;

revoke all on function reporting_source.wal_receiver() from public;
grant execute on function reporting_source.wal_receiver() to closebook_reader;

-- Where the earlier timelines of a server's log ended: such as 1@0/3000148,2@0/5000060. Empty for
-- the first timeline. Two promotions of one cluster may begin timelines of the same number: these
-- positions tell them apart. Only a superuser may read the file of a timeline's history. This
-- function shows nothing else of it. Where its owner may not read the file, as on a managed
-- PostgreSQL, it gives null. It is not in plpgsql: each new connection would load a library for
-- that.
create or replace function reporting_source.timeline_history(of_timeline integer) returns text
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
    with asked as (
        select of_timeline as timeline
    )

    select
        case
            when asked.timeline = 1 then ''
            else (
                select
                    string_agg(
                        points.matched[1] || '@' || points.matched[2], ',' order by points.place
                    )
                from regexp_matches(
                    pg_read_file(
                        'pg_wal/' || lpad(upper(to_hex(asked.timeline)), 8, '0') || '.history',
                        0,
                        1000000,
                        true
                    ),
                    '^[ \t]*(\d+)[ \t]+([0-9A-Fa-f]+/[0-9A-Fa-f]+)',
                    'gn'
                ) with ordinality as points (matched, place)
            )
        end
    from asked;
end;

do $$
begin
    if not has_function_privilege('pg_read_file(text, bigint, bigint, boolean)', 'execute') then
        create or replace function reporting_source.timeline_history(of_timeline integer)
        returns text
        language sql stable security definer set search_path = pg_catalog, pg_temp
        begin atomic
            select case when of_timeline = 1 then '' end;
        end;
    end if;
end;
$$;

revoke all on function reporting_source.timeline_history(integer) from public;
grant execute on function reporting_source.timeline_history(integer)
to closebook_fence, closebook_reader;

-- Who is connected, by role and state: counts and seconds, and no query's text. PostgreSQL hides
-- the state of everybody else's connection from a role without pg_read_all_stats.
create or replace function reporting_source.sessions(
    long_query_seconds double precision,
    out role_name text,
    out state text,
    out session_count bigint,
    out long_query_count bigint,
    out longest_query_seconds double precision
)
returns setof record
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
    with bound as (
        select make_interval(secs => long_query_seconds) as long_query
    )

    select
        coalesce(activity.usename, 'unknown')::text as role_name,
        coalesce(activity.state, 'starting') as state,
        count(*) as session_count,
        count(*) filter (
            where
            activity.state = 'active'
            and clock_timestamp() - activity.query_start > bound.long_query
        ) as long_query_count,
        coalesce(
            max(extract(epoch from clock_timestamp() - activity.query_start))
            filter (where activity.state = 'active'),
            0
        )::double precision as longest_query_seconds
    from pg_catalog.pg_stat_activity as activity
    cross join bound
    where activity.backend_type = 'client backend' and activity.pid <> pg_backend_pid()
    group by coalesce(activity.usename, 'unknown')::text, coalesce(activity.state, 'starting');
end;

revoke all on function reporting_source.sessions(double precision) from public;
grant execute on function reporting_source.sessions(double precision) to closebook_reader;

-- What ran in this database by role and statement, by pg_stat_statements where that is there, and
-- nothing where it is not. Numbers and the id of the statement; its text is not even read.
create or replace function reporting_source.statements(
    out role_name text,
    out query_id bigint,
    out call_count bigint,
    out total_ms double precision,
    out row_count bigint,
    out block_count bigint,
    out reset_at timestamptz
)
returns setof record
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
    place text;
begin
    select quote_ident(pg_namespace.nspname)
    into place
    from pg_extension
    inner join pg_namespace on pg_extension.extnamespace = pg_namespace.oid
    where pg_extension.extname = 'pg_stat_statements';
    if place is null then
        return;
    end if;
    return query execute
        'select pg_roles.rolname::text, totals.queryid, sum(totals.calls)::bigint,'
        ' sum(totals.total_exec_time), sum(totals.rows)::bigint,'
        ' sum(totals.shared_blks_hit + totals.shared_blks_read)::bigint, info.stats_reset'
        ' from ' || place || '.pg_stat_statements(false) as totals'
        ' inner join pg_roles on totals.userid = pg_roles.oid'
        ' inner join pg_database on totals.dbid = pg_database.oid'
        ' cross join ' || place || '.pg_stat_statements_info as info'
        ' where pg_database.datname = current_database()'
        ' group by pg_roles.rolname, totals.queryid, info.stats_reset';
end;
$$;

revoke all on function reporting_source.statements() from public;
grant execute on function reporting_source.statements() to closebook_reader;
