-- A day's rows are held against the register once a statement. A foreign key looks at each row,
-- which took half of the time in which they are written.

-- Before the days' tables: a close that runs meanwhile takes its locks in this order.
lock table reporting.closes in access exclusive mode;

-- Every close_id that a statement wrote is in the register. Closes stay, by the trigger below, so
-- what was true when a row was written stays true.
create function reporting.refuse_unknown_close() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    unknown_id bigint;
begin
    select written_ids.close_id
    into unknown_id
    from (select distinct written.close_id from written) as written_ids
    where
        not exists (
            select 1
            from reporting.closes
            where closes.close_id = written_ids.close_id
        )
    limit 1;
    if found then  -- guard: register.rows-of-a-known-close
        raise exception using
            errcode = 'foreign_key_violation',
            message = concat_ws(' ', 'close', unknown_id, 'is not in the register'),
            constraint = tg_name, table = tg_table_name;
    end if;
    return null;
end;
$$;

create trigger daily_volume_close_is_known
after insert on reporting.daily_volume
referencing new table as written
for each statement execute function reporting.refuse_unknown_close();

create trigger daily_volume_close_stays_known
after update on reporting.daily_volume
referencing new table as written
for each statement execute function reporting.refuse_unknown_close();

create trigger daily_account_movement_close_is_known
after insert on reporting.daily_account_movement
referencing new table as written
for each statement execute function reporting.refuse_unknown_close();

create trigger daily_account_movement_close_stays_known
after update on reporting.daily_account_movement
referencing new table as written
for each statement execute function reporting.refuse_unknown_close();

alter table reporting.daily_volume
drop constraint daily_volume_close_id_fkey;

alter table reporting.daily_account_movement
drop constraint daily_account_movement_close_id_fkey;

-- No close is ever deleted or renumbered, by whomever.
create function reporting.keep_closes() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    raise exception using
        errcode = 'restrict_violation',
        message = 'a close stays in the register: no ' || lower(tg_op);
end;
$$;

create trigger closes_are_not_deleted
before delete on reporting.closes  -- guard: register.close-is-not-deleted
for each statement execute function reporting.keep_closes();

create trigger closes_are_not_renumbered
before update of close_id on reporting.closes
for each statement execute function reporting.keep_closes();

-- An owner who empties the register empties the days with it, as a foreign key would ask.
create function reporting.refuse_days_without_closes() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    -- By size: a transaction's snapshot may be older than rows that are there.
    if pg_relation_size('reporting.daily_volume') > 0
        or pg_relation_size('reporting.daily_account_movement') > 0
    then
        raise exception using
            errcode = 'foreign_key_violation',
            message = 'days refer to the register: truncate them with it';
    end if;
    return null;
end;
$$;

create trigger closes_are_truncated_with_their_days
after truncate on reporting.closes
for each statement execute function reporting.refuse_days_without_closes();

revoke all on function
reporting.refuse_unknown_close(),
reporting.keep_closes(),
reporting.refuse_days_without_closes()
from public;
