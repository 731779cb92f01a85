-- The two roles that Closebook has on a platform, once for a cluster. It may be run again, and then
-- changes no password: passwords are set apart (\password), never here. Whoever runs it is a
-- superuser, or may create roles and grant pg_monitor. docs/grants.md says what each role may do.

do $$
begin
    if to_regrole('closebook_fence') is null then
        create role closebook_fence login;
    end if;
    if to_regrole('closebook_reader') is null then
        create role closebook_reader login;
    end if;
end;
$$;

alter role closebook_fence connection limit 2;
grant pg_monitor to closebook_fence;
alter role closebook_fence set default_transaction_read_only = on;
alter role closebook_fence set statement_timeout = '5s';

alter role closebook_reader set default_transaction_read_only = on;
-- The reader runs a few scans and hash joins of a whole period, for which the defaults are wrong:
-- * parallel_*: by default a second process seems too expensive. A replica with more than two cores
--   can have more workers.
-- * enable_nestloop: with statistics older than the period the planner expects few rows and chooses
--   a nested loop, which is never right here.
-- * work_mem, hash_mem_multiplier: in a table of many months the planner expects that one day has
--   the groups of all of them. A hash table seems too large then, and it would sort the rows.
-- docs/performance.md has the figures.
alter role closebook_reader set max_parallel_workers_per_gather = 1;
-- guard: replica.one-process-for-an-hour
alter role closebook_reader set parallel_setup_cost = 500;
alter role closebook_reader set parallel_tuple_cost = 0.01;
alter role closebook_reader set enable_nestloop = off;
alter role closebook_reader set jit = off;
alter role closebook_reader set work_mem = '64MB';
alter role closebook_reader set hash_mem_multiplier = 4;
