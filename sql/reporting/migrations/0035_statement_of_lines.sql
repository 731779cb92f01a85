-- A month is closed faster: a trigger checks once that its lines are those of statements. A foreign
-- key checked it for each line.
alter table reporting.statement_lines
drop constraint statement_lines_close_id_account_id_currency_fkey;

-- A trigger checks, once for each SQL statement, that what it wrote are lines of statements of the
-- register. A foreign key would check each line, and took a quarter of the store's processor time
-- for a month. The triggers on the statements keep those that have lines.
create function reporting.refuse_lines_without_statement() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    unknown record;
begin
    select
        written_keys.close_id,
        written_keys.account_id,
        written_keys.currency
    into unknown
    from
        (
            select distinct
                written.close_id,
                written.account_id,
                written.currency
            from written
        ) as written_keys
    where
        not exists (
            select 1
            from reporting.statements
            where
                statements.close_id = written_keys.close_id
                and statements.account_id = written_keys.account_id
                and statements.currency = written_keys.currency
        )
    limit 1;
    if found then  -- guard: register.lines-of-a-known-statement
        raise exception using
            errcode = 'foreign_key_violation',
            message = 'CB-DATA-LINES-WITHOUT-STATEMENT: close ' || unknown.close_id
            || ' has lines of account ' || reporting.key_label(unknown.account_id::text)
            || ' in ' || reporting.currency_label(unknown.currency) || ', and no statement for them',
            constraint = tg_name, table = tg_table_name;
    end if;
    return null;
end;
$$;

create trigger statement_lines_statement_is_known
after insert on reporting.statement_lines
referencing new table as written
for each statement execute function reporting.refuse_lines_without_statement();

create trigger statement_lines_statement_stays_known
after update on reporting.statement_lines
referencing new table as written
for each statement execute function reporting.refuse_lines_without_statement();

create function reporting.keep_statements_of_lines() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    perform 1
    from earlier
    where
        exists (
            select 1
            from reporting.statement_lines as lines
            where
                lines.close_id = earlier.close_id
                and lines.account_id = earlier.account_id
                and lines.currency = earlier.currency
        )
        and not exists (
            select 1
            from reporting.statements
            where
                statements.close_id = earlier.close_id
                and statements.account_id = earlier.account_id
                and statements.currency = earlier.currency
        );
    if found then  -- guard: register.statements-of-lines-stay
        raise exception using
            errcode = 'foreign_key_violation',
            message = 'CB-DATA-STATEMENT-HAS-LINES: a statement that has lines stays in the register: '
            || 'no ' || lower(tg_op),
            constraint = tg_name, table = tg_table_name;
    end if;
    return null;
end;
$$;

create trigger statements_with_lines_are_not_deleted
after delete on reporting.statements
referencing old table as earlier
for each statement execute function reporting.keep_statements_of_lines();

create trigger statements_with_lines_are_not_renamed
after update on reporting.statements
referencing old table as earlier
for each statement execute function reporting.keep_statements_of_lines();

-- Statements are truncated only together with their lines, as with a foreign key.
create function reporting.refuse_lines_of_no_statements() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    -- By size: a transaction's snapshot may be older than rows that are there.
    if pg_relation_size('reporting.statement_lines') > 0 then
        raise exception using
            errcode = 'foreign_key_violation',
            message = 'CB-DATA-LINES-NEED-STATEMENTS: lines refer to statements: truncate both';
    end if;
    return null;
end;
$$;

create trigger statements_are_truncated_with_their_lines
after truncate on reporting.statements
for each statement execute function reporting.refuse_lines_of_no_statements();

revoke all on function
reporting.refuse_lines_without_statement(),
reporting.keep_statements_of_lines(),
reporting.refuse_lines_of_no_statements()
from public;
