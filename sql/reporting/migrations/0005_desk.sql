-- The finance desk: its log, the requests to issue a statement again, and indexes for its searches.

create extension if not exists pg_trgm;

create index statements_account_number
on reporting.statements (account_number text_pattern_ops);

create index statements_holder_name
on reporting.statements using gin (holder_name gin_trgm_ops);

create index statements_currency
on reporting.statements (close_id, currency, account_id);

create index statement_versions_issued_here
on reporting.statement_versions (close_id, account_id)
where issued_close_id = close_id;

-- What the desk did for whom, in the order in which it did: each entry holds the sha256 of the one
-- before and its own, which the trigger below computes. `python -m closebook verify-log` checks it.
create table reporting.desk_log (
    entry_id bigint primary key,
    logged_at timestamptz not null,
    person text not null check (person <> ''),
    act text not null check (
        act in (
            'searched',
            'looked',
            'downloaded',
            'requested re-issue',
            'answered request',
            'reviewed',
            'released',
            'rejected',
            'refused'
        )
    ),
    subject text not null check (subject <> ''),
    document_sha256 text check (document_sha256 ~ '^[0-9a-f]{64}$'),
    address text not null,
    previous_sha256 text not null,
    entry_sha256 text not null
);

-- The desk names person, act, subject, document and address; the rest is not its to say.
create function reporting.chain_desk_log() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    -- One entry at a time, until its transaction ends: none can be put in between.
    perform pg_advisory_xact_lock(hashtextextended('closebook desk log', 0));
    select entry_id + 1, entry_sha256
    into new.entry_id, new.previous_sha256
    from reporting.desk_log
    order by entry_id desc
    limit 1;
    new.entry_id := coalesce(new.entry_id, 1);
    new.previous_sha256 := coalesce(new.previous_sha256, repeat('0', 64));
    new.logged_at := clock_timestamp();
    -- Each part with its length in bytes, so that no two entries give one text.
    select encode(
        sha256(
            convert_to(
                string_agg(
                    coalesce(octet_length(part) || ':' || part, '-'), ',' order by place
                ),
                'UTF8'
            )
        ),
        'hex'
    )
    into new.entry_sha256
    from unnest(
        array[
            new.previous_sha256,  -- guard: desk.log-is-chained
            new.entry_id::text,
            to_char(new.logged_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            new.person,
            new.act,
            new.subject,
            new.document_sha256,
            new.address
        ]
    ) with ordinality as parts (part, place);
    return new;
end;
$$;

create trigger desk_log_chain
before insert on reporting.desk_log
for each row execute function reporting.chain_desk_log();

-- Finance asks for a statement to be issued again, and says why; an operator acts on it.
create table reporting.reissue_requests (
    request_id bigint generated always as identity primary key,
    close_id bigint not null,
    account_id keys.account not null,
    reason text not null check (reason <> '' and length(reason) <= 500),
    requested_by text not null check (requested_by <> ''),
    requested_at timestamptz not null default clock_timestamp(),
    foreign key (close_id, account_id) references reporting.statements (close_id, account_id)
);

create index reissue_requests_statement on reporting.reissue_requests (close_id, account_id);

create table reporting.reissue_answers (
    request_id bigint primary key references reporting.reissue_requests (request_id),
    answer text not null check (answer in ('issued again', 'declined')),
    note text check (note <> '' and length(note) <= 500),
    answered_by text not null check (answered_by <> ''),
    answered_at timestamptz not null default clock_timestamp(),
    check (answer = 'issued again' or note is not null)
);

-- Every version of a statement that was ever issued, and whether it is released: one row a version.
-- One that is 'issued' only, or whose document is 'missing', is for reviewers.
create view reporting.issued_statements as
select
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
    end as statement_state
from reporting.statement_versions as versions
inner join reporting.statements
    on versions.close_id = statements.close_id and versions.account_id = statements.account_id
inner join reporting.closes on versions.close_id = closes.close_id
left join reporting.statement_documents as documents
    on versions.close_id = documents.close_id and versions.account_id = documents.account_id
-- The limit keeps the planner from joining all that was ever released for the sake of a few rows.
left join lateral (
    select
        released_statements.close_id,
        released_statements.is_superseded,
        released_statements.released_by,
        released_statements.released_at
    from reporting.released_statements
    where
        released_statements.close_id = versions.close_id
        and released_statements.account_id = versions.account_id
    order by released_statements.close_id
    limit 1
) as released on true
where versions.issued_close_id = versions.close_id;

revoke all on function reporting.chain_desk_log() from public;

grant select on
reporting.issued_statements,
reporting.desk_log,
reporting.reissue_requests,
reporting.reissue_answers
to closebook_store, closebook_desk;
grant insert (person, act, subject, document_sha256, address)
on reporting.desk_log to closebook_desk;
grant insert on reporting.reissue_requests, reporting.reissue_answers to closebook_desk;
