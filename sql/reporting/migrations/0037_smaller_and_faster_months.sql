-- A line takes less of the store, and a month is closed faster. The index of amounts had an entry
-- for each line; now one entry stands for all lines of a close that have the amount, and the
-- statements are told apart when they are read.
create index statement_lines_amount_minor
on reporting.statement_lines (close_id, amount_minor);

-- The statements of a close that have a line of this amount in one of these currencies, at most so
-- many; only those that the close issued, where that is asked. Accounts are null for all. Lines
-- with the amount are read one after the other until there are enough statements. Those of one
-- statement stand side by side in the table.
create function reporting.statements_with_line(
    wanted_close_id bigint,
    wanted_minor bigint,
    wanted_currencies text[],
    accounts reporting.account_key[],
    issued_only boolean,
    most integer
)
returns table (account_id reporting.account_key, currency text)
language plpgsql stable set search_path = pg_catalog, pg_temp
-- One plan for all months and amounts, which reads no more entries of the index than are needed.
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
    line record;
    statement_name text;
    found_names text[] := '{}';
begin
    for line in
        select
            entries.account_id,
            entries.currency
        from reporting.statement_lines as entries
        where
            entries.close_id = wanted_close_id
            and entries.amount_minor = wanted_minor
            and entries.currency = any(wanted_currencies)
            and (accounts is null or entries.account_id = any(accounts))
            and (
                not issued_only
                or (entries.account_id, entries.currency) in (
                    select
                        versions.account_id,
                        versions.currency
                    from reporting.statement_versions as versions
                    where
                        versions.close_id = wanted_close_id
                        and versions.issued_close_id = versions.close_id
                )
            )
    loop
        continue when line.account_id = account_id and line.currency = currency;
        -- Lines that took the room of removed ones may stand apart from those before them.
        statement_name := line.account_id::text || ' ' || line.currency;
        -- guard: desk.statement-with-an-amount-once
        continue when statement_name = any(found_names);
        found_names := found_names || statement_name;
        account_id := line.account_id;
        currency := line.currency;
        return next;
        exit when cardinality(found_names) = most;
    end loop;
end;
$$;

-- The issued statements that have one of these amounts, as a balance or on a line, or the line of
-- this entry; of one month or all, of released months only, where that is asked: at most so many,
-- the newest closes first. An amount has its currency at the same place of the other array. A month
-- by its start and accounts are null for all. The desk reads no line. What is read does not grow
-- with the statements that have an amount.
create or replace function reporting.statements_quoting(
    amounts bigint[],
    amount_currencies text[],
    quoted_entry reporting.entry_key,
    month_start timestamptz,
    accounts reporting.account_key[],
    released_only boolean,
    most integer
)
returns table (close_id bigint, account_id reporting.account_key, currency text)
language sql stable security definer set search_path = pg_catalog, pg_temp
set enable_sort = off
begin atomic
    with asked as (
        select
            quoted_entry as entry_id,
            month_start as starts_at,
            accounts as account_ids,
            released_only as is_released_only
    ),

    wanted as (
        select
            given.amount_minor,
            array_agg(given.currency) as currencies
        from unnest(amounts, amount_currencies) as given (amount_minor, currency)
        group by given.amount_minor
    ),

    months as (
        select
            closes.close_id,
            closes.close_version > 1 as is_correction
        from reporting.closes
        cross join asked
        where
            closes.grain = 'month'
            and (asked.starts_at is null or closes.period_start = asked.starts_at)
            and (
                not asked.is_released_only
                or exists (
                    select 1
                    from reporting.closes as later
                    inner join reporting.statement_manifests as manifests
                        on later.close_id = manifests.close_id
                    inner join reporting.statement_decisions as decisions
                        on manifests.manifest_id = decisions.manifest_id
                    where
                        later.grain = closes.grain
                        and later.period_start = closes.period_start
                        and later.close_id >= closes.close_id
                        and decisions.decision = 'released'
                )
            )
    ),

    newest as (
        select
            months.close_id,
            months.is_correction
        from months
        order by months.close_id desc
    ),

    -- What corrections issue. The first close of a month issues all of its statements. Each is
    -- looked up in a hash of these rows: a correction may have many statements with an amount of
    -- which it issues few.
    issued as (
        select
            versions.close_id,
            versions.account_id,
            versions.currency
        from months
        inner join reporting.statement_versions as versions on months.close_id = versions.close_id
        where months.is_correction and versions.issued_close_id = versions.close_id
    ),

    -- Few statements of each close, by its place in the index of amounts: what is read grows with
    -- the months, and not with the statements that have the amount. The pairs are compared as
    -- ranges, and in this order, so that the planner takes that index and no other.
    quoting as (
        (
            select
                found.close_id,
                found.account_id,
                found.currency
            from newest
            cross join wanted
            cross join
                lateral (
                    select
                        statements.close_id,
                        statements.account_id,
                        statements.currency
                    from reporting.statements
                    cross join asked
                    where
                        (statements.closing_minor, statements.close_id)
                        >= (wanted.amount_minor, newest.close_id)
                        and (statements.closing_minor, statements.close_id)
                        <= (wanted.amount_minor, newest.close_id)
                        and statements.currency = any(wanted.currencies)
                        and (
                            not newest.is_correction
                            or (statements.close_id, statements.account_id, statements.currency)
                            in (
                                select
                                    issued.close_id,
                                    issued.account_id,
                                    issued.currency
                                from issued
                            )
                        )
                        and (
                            asked.account_ids is null
                            or statements.account_id = any(asked.account_ids)
                        )
                    order by statements.closing_minor desc, statements.close_id desc
                    limit most
                ) as found
            order by newest.close_id desc
            limit most
        )
        union
        (
            select
                found.close_id,
                found.account_id,
                found.currency
            from newest
            cross join wanted
            cross join
                lateral (
                    select
                        statements.close_id,
                        statements.account_id,
                        statements.currency
                    from reporting.statements
                    cross join asked
                    where
                        (statements.opening_minor, statements.close_id)
                        >= (wanted.amount_minor, newest.close_id)
                        and (statements.opening_minor, statements.close_id)
                        <= (wanted.amount_minor, newest.close_id)
                        and statements.currency = any(wanted.currencies)
                        and (
                            not newest.is_correction
                            or (statements.close_id, statements.account_id, statements.currency)
                            in (
                                select
                                    issued.close_id,
                                    issued.account_id,
                                    issued.currency
                                from issued
                            )
                        )
                        and (
                            asked.account_ids is null
                            or statements.account_id = any(asked.account_ids)
                        )
                    order by statements.opening_minor desc, statements.close_id desc
                    limit most
                ) as found
            order by newest.close_id desc
            limit most
        )
        union
        (
            select
                newest.close_id,
                found.account_id,
                found.currency
            from newest
            cross join wanted
            cross join asked
            cross join
                lateral reporting.statements_with_line(
                    newest.close_id,
                    wanted.amount_minor,
                    wanted.currencies,
                    asked.account_ids,
                    newest.is_correction,
                    most -- noqa: RF02
                ) as found
            order by newest.close_id desc
            limit most
        )
        union
        select
            entries.close_id,
            entries.account_id,
            entries.currency
        from asked
        cross join months
        inner join reporting.statement_lines as entries on months.close_id = entries.close_id
        where
            entries.entry_id = asked.entry_id
            and (
                asked.account_ids is null
                or entries.account_id = any(asked.account_ids)
            )
    )

    select
        quoting.close_id,
        quoting.account_id,
        quoting.currency
    from quoting
    order by quoting.close_id desc, quoting.account_id asc, quoting.currency asc
    limit most;
end;

-- A currency code of the platform as the register shows it. A code that is not three capital
-- letters may hold any text: it is cut to 12 characters, and ? stands for all but letters and
-- figures. Of this function and the next PostgreSQL puts the expression in place of the call, since
-- they have no settings of their own.
create or replace function reporting.currency_label(code text) returns text
language sql immutable parallel safe
begin atomic
    select case
        when code ~ '^[A-Z]{3}$' then code
        when coalesce(code, '') = '' then 'none'
        else left(regexp_replace(code, '[^A-Za-z0-9]', '?', 'g'), 12)
    end;
end;

-- A key of the platform as exceptions name it: a long one by its start and its hash. No account
-- that has a statement has such a name for its key.
create or replace function reporting.key_label(key text) returns text
language sql immutable parallel safe
begin atomic
    select case
        when key = '' then '(empty)'
        when octet_length(key) > 200
            then
                left(key, 40) || ' (too long, sha256 '
                || left(encode(sha256(convert_to(key, 'UTF8')), 'hex'), 16) || ')'
        else key
    end;
end;

revoke all on function
reporting.statements_with_line(
    bigint, bigint, text[], reporting.account_key[], boolean, integer
)
from public;

-- Closes cannot write lines while the index is made, and the desk reads them. From here on the desk
-- waits too, until the migrations are committed: so this is last.
drop index reporting.statement_lines_amount;
