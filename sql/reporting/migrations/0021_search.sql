-- Searches that find a name or a number however it is spelled, an amount, and an entry. Statements
-- that are there get their forms too, and can be found by them.

-- A text as searches compare it: in lower case, in words of letters and figures with one blank
-- between them, without accents, ligatures and apostrophes. It has rules of its own, since those of
-- the extension unaccent may change under an index. Of these functions PostgreSQL puts the
-- expression in place of the call: so they have no settings of their own.
create function reporting.folded(written text) returns text
language sql immutable parallel safe
begin atomic
    select btrim(
        regexp_replace(
            regexp_replace(
                replace(
                    replace(
                        replace(
                            replace(
                                translate(
                                    -- NFKD: full-width and other forms become plain ones, and
                                    -- accents stand apart from their letters.
                                    lower(
                                        normalize(written, nfkd)
                                        collate "und-x-icu" -- noqa: RF05
                                    ),
                                    -- Letters and figures that NFKD leaves as they are.
                                    'ıøłđðɖɗħŧŋɲƒĸƙəɛɔɓƴςىیکةٱ٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹०१२३४५६७८९',
                                    'ioldddd' || 'htnnfkkeeobyσييكها' || repeat('0123456789', 3)
                                ),
                                'ß',
                                'ss'
                            ),
                            'æ',
                            'ae'
                        ),
                        'œ',
                        'oe'
                    ),
                    'þ',
                    'th'
                ),
                -- Left out: accents, vowel signs of Hebrew and Arabic, apostrophes, the point of
                -- l·l, and signs without a width.
                '[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f\u3099\u309a'
                || '\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f'
                || '\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed\u0640'
                || '\u0027\u0060\u2018-\u201b\u2032\u02b9-\u02bf\u055a\u05f3\u05f4\ua78c\u00b7'
                || '\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]',
                '',
                'g'
            ),
            -- A blank in place of all else that is no letter and no figure.
            '[\u0001-\u002f\u003a-\u0060\u007b-\u00bf\u00d7\u00f7\u02c2-\u02df\u05be\u060c\u061b'
            || '\u061f\u066a-\u066d\u06d4\u0964\u0965\u2000-\u2bff\u2e00-\u2e7f\u3000-\u3004'
            || '\u3008-\u3030\u303d-\u303f\u30fb\ufe10-\ufe1f\ufffc\ufffd]+',
            ' ',
            'g'
        )
    );
end;

-- A folded text in which Mueller and Müller are the same.
create function reporting.without_umlauts(folded_text text) returns text
language sql immutable parallel safe
begin atomic
    select replace(
        replace(replace(replace(folded_text, 'ae', 'a'), 'oe', 'o'), 'ue', 'u'), 'aa', 'a'
    );
end;

-- A name in all forms that a word of it may be typed in, each with blanks around it: folded, also
-- without umlauts, and also with its words written as one.
create function reporting.name_forms(name text) returns text
language plpgsql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
declare
    folded_name text := reporting.folded(name);
    short_name text := reporting.without_umlauts(folded_name);
    one_word text := reporting.without_umlauts(replace(folded_name, ' ', ''));
begin
    return concat(
        ' ', folded_name, ' ',
        case when short_name <> folded_name then short_name || ' ' end,
        case when one_word <> short_name then one_word || ' ' end
    );
end;
$$;

drop index reporting.statements_account_number;

drop index reporting.statements_holder_name;

alter table reporting.statements
add column account_search text generated always as (
    ' ' || replace(reporting.folded(account_number), ' ', '') || ' '
) stored,
add column holder_search text generated always as (reporting.name_forms(holder_name)) stored;

-- The indexes for the desk's search: for a part of a number or a name, and for a balance.
create index statements_account_search
on reporting.statements using gin (account_search gin_trgm_ops);

create index statements_holder_search
on reporting.statements using gin (holder_search gin_trgm_ops);

create index statements_opening
on reporting.statements (opening_minor, close_id);

create index statements_closing
on reporting.statements (closing_minor, close_id);

create or replace view reporting.issued_statements as
select -- noqa: ST06
    versions.close_id,
    versions.account_id,
    versions.statement_version,
    versions.superseded_close_id,
    closes.period_start,
    closes.period_end,
    closes.time_zone,
    closes.closed_at,
    closes.reason,
    statements.account_number,
    statements.holder_name,
    statements.currency,
    statements.opening_minor,
    statements.closing_minor,
    statements.line_count,
    documents.sha256,
    documents.byte_count,
    documents.object_name,
    documents.replaced_count,
    released.released_by,
    released.released_at,
    case
        when released.is_superseded then 'superseded'
        when released.close_id is not null then 'released'
        when documents.close_id is not null then 'issued'
        else 'missing'
    end as statement_state,
    -- The manifest by which it was released, else the newest one of the close that issued it.
    coalesce(
        released.manifest_sha256,
        (
            select manifests.sha256
            from reporting.statement_manifests as manifests
            where manifests.close_id = versions.close_id
            order by manifests.manifest_id desc
            limit 1
        )
    ) as manifest_sha256,
    coalesce(
        released.manifest_object_name,
        (
            select manifests.object_name
            from reporting.statement_manifests as manifests
            where manifests.close_id = versions.close_id
            order by manifests.manifest_id desc
            limit 1
        )
    ) as manifest_object_name,
    statements.account_search,
    statements.holder_search
from reporting.statement_versions as versions
inner join reporting.statements
    on
        versions.close_id = statements.close_id
        and versions.account_id = statements.account_id
        and versions.currency = statements.currency
inner join reporting.closes on versions.close_id = closes.close_id
left join reporting.statement_documents as documents
    on
        versions.close_id = documents.close_id
        and versions.account_id = documents.account_id
        and versions.currency = documents.currency
-- With the limit the planner looks up a few rows, and does not join all released statements.
left join lateral (
    select
        released_statements.close_id,
        released_statements.is_superseded,
        released_statements.released_by,
        released_statements.released_at,
        released_statements.manifest_sha256,
        released_statements.manifest_object_name
    from reporting.released_statements
    where
        released_statements.close_id = versions.close_id
        and released_statements.account_id = versions.account_id
        and released_statements.currency = versions.currency
    order by released_statements.close_id
    limit 1
) as released on true
where versions.issued_close_id = versions.close_id;

-- What a search compares of each statement: one row a statement, in the forms of the functions
-- reporting.name_forms and reporting.folded.
create view reporting.statement_names as
select
    close_id,
    account_id,
    currency,
    holder_search,
    account_search
from reporting.statements;

-- The issued statements that have one of these amounts, as a balance or on a line of a month that
-- is given, or the line of this entry; of released months only, where that is asked: at most so
-- many, the newest closes first. An amount has its currency at the same place of the other array. A
-- month by its start and accounts are null for all. The desk reads no line. It takes few balances
-- from the end of an index, also where an amount is on most statements.
create function reporting.statements_quoting(
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

    -- A range and this order, though the range is one amount: so the planner takes the index of
    -- amounts, and does not look for them through the closes.
    quoting as (
        select
            found.close_id,
            found.account_id,
            found.currency
        from wanted
        cross join
            lateral (
                select
                    statements.close_id,
                    statements.account_id,
                    statements.currency
                from reporting.statements
                cross join asked
                where
                    statements.closing_minor between wanted.amount_minor and wanted.amount_minor
                    and statements.currency = any(wanted.currencies)
                    and statements.close_id = any(array(select months.close_id from months))
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
        union
        select
            found.close_id,
            found.account_id,
            found.currency
        from wanted
        cross join
            lateral (
                select
                    statements.close_id,
                    statements.account_id,
                    statements.currency
                from reporting.statements
                cross join asked
                where
                    statements.opening_minor between wanted.amount_minor and wanted.amount_minor
                    and statements.currency = any(wanted.currencies)
                    and statements.close_id = any(array(select months.close_id from months))
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

grant select on reporting.statement_names to closebook_store, closebook_desk;
revoke all on function
reporting.folded(text),
reporting.without_umlauts(text),
reporting.name_forms(text),
reporting.statements_quoting(
    bigint[], text[], reporting.entry_key, timestamptz, reporting.account_key[], boolean, integer
)
from public;
grant execute on function
reporting.folded(text),
reporting.without_umlauts(text)
to closebook_store, closebook_desk;
grant execute on function reporting.name_forms(text) to closebook_store;
grant execute on function reporting.statements_quoting(
    bigint[], text[], reporting.entry_key, timestamptz, reporting.account_key[], boolean, integer
) to closebook_desk;
