-- Pages for finance and for auditors: the volume of each version of a day, the control totals,
-- where closes were read, and the desk's log.

-- The volume of every version of a day, also of those that do not count any more: one row a
-- version, currency and kind.
create view reporting.day_versions as
select
    daily_volume.close_id,
    daily_volume.currency,
    daily_volume.kind,
    sum(daily_volume.transaction_count)::bigint as transaction_count,
    sum(daily_volume.amount_minor) as amount_minor,
    sum(daily_volume.fee_minor) as fee_minor
from reporting.daily_volume
group by daily_volume.close_id, daily_volume.currency, daily_volume.kind;

grant select on reporting.day_versions to closebook_store;
grant select on
reporting.day_versions,
reporting.close_totals,
reporting.close_readings,
reporting.platform_histories,
reporting.desk_log
to closebook_desk;

-- An amount that is on most statements is found without reading all of them.
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
        select closes.close_id
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
        select months.close_id
        from months
        order by months.close_id desc
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
                        and exists (
                            select 1
                            from reporting.statement_versions as versions
                            where
                                versions.close_id = statements.close_id
                                and versions.account_id = statements.account_id
                                and versions.currency = statements.currency
                                and versions.issued_close_id = statements.close_id
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
                        and exists (
                            select 1
                            from reporting.statement_versions as versions
                            where
                                versions.close_id = statements.close_id
                                and versions.account_id = statements.account_id
                                and versions.currency = statements.currency
                                and versions.issued_close_id = statements.close_id
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
        -- No index has the amounts of lines: it took more time of a close than all others together.
        -- So these are looked for in one month.
        select
            found.close_id,
            found.account_id,
            found.currency
        from asked
        cross join months
        cross join
            lateral (
                select
                    entries.close_id,
                    entries.account_id,
                    entries.currency
                from reporting.statement_lines as entries
                inner join wanted
                    on
                        entries.amount_minor = wanted.amount_minor
                        and entries.currency = any(wanted.currencies)
                where
                    entries.close_id = months.close_id
                    and exists (
                        select 1
                        from reporting.statement_versions as versions
                        where
                            versions.close_id = entries.close_id
                            and versions.account_id = entries.account_id
                            and versions.currency = entries.currency
                            and versions.issued_close_id = entries.close_id
                    )
                    and (
                        asked.account_ids is null
                        or entries.account_id = any(asked.account_ids)
                    )
                order by entries.account_id asc, entries.currency asc
                limit most
            ) as found
        where asked.starts_at is not null
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
