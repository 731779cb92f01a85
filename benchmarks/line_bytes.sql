-- What each part of a line costs, in bytes (docs/scaling.md): for an empty database, by
--   psql -X -q -f benchmarks/line_bytes.sql
-- 20,000 statements of 30 lines. Entries are numbered in the order of time, and lines are written
-- in the order of accounts, as a close does.
begin;
create schema line_bytes;
set local search_path = line_bytes;

create table source as
select
    42::bigint as close_id,
    1000 + account as account_id,
    line::bigint as line_number,
    row_number() over (order by line, hashint4(account), account) + 1000000000::bigint as entry_id,
    case
        when line % 30 <> 0
            then row_number() over (order by line, hashint4(account), account) + 2000000000::bigint
    end as transaction_id,
    timestamptz '2026-10-01' + line * interval '1 day' + account * interval '1 second' as posted_at,
    (array['payment', 'payment', 'payment', 'refund', 'fee', 'interest'])[
        1 + (account + line) % 6
    ] as kind,
    'Payment ' || (account * line % 100000) as description,
    case when line % 30 <> 0 then 'Merchant ' || (account * line % 1000) end as counterparty,
    ((account * 7919 + line * 104729) % 500000)::bigint as amount_minor,
    ((account * 7919 + line * 104729) % 900000)::bigint as balance_minor,
    date '2026-10-01' + line as posted_on,
    'USD'::text as currency
from generate_series(1, 20000) as account
cross join generate_series(1, 30) as line;

create function bytes_of(wanted text) returns table (name text, bytes_a_line numeric)
language sql as $$
    select c.relname::text, round(pg_relation_size(c.oid)::numeric / 600000, 1)
    from pg_class as c
    where
        c.relnamespace = 'line_bytes'::regnamespace
        and (
            c.relname = wanted
            or c.oid in (
                select indexrelid from pg_index where indrelid = ('line_bytes.' || wanted)::regclass
            )
        )
    order by 1
$$;

create table now_ (
    close_id bigint not null,
    account_id bigint not null,
    line_number bigint not null,
    entry_id bigint not null,
    transaction_id bigint,
    posted_at timestamptz not null,
    kind text not null,
    description text not null,
    counterparty text,
    amount_minor bigint not null,
    balance_minor bigint not null,
    posted_on date,
    currency text not null,
    primary key (close_id, entry_id)
);
create index now_statement on now_ (close_id, account_id, currency);
create index now_amount on now_ (close_id, amount_minor);
insert into now_ select * from source order by account_id, line_number;
select * from bytes_of('now_');

create table of_entries (like now_);
create index of_entries_entry on of_entries (entry_id);
insert into of_entries select * from now_;
select 'an index of entries alone' as what, * from bytes_of('of_entries');
reindex index of_entries_entry;
select 'built again' as what, * from bytes_of('of_entries');

create table ordered as
select
    close_id, account_id, entry_id, transaction_id, posted_at, amount_minor, balance_minor,
    line_number::integer as line_number, posted_on, kind, currency, description, counterparty
from now_;
select 'in the order of sizes' as what, * from bytes_of('ordered');

create table coded as
select
    close_id, account_id, entry_id, transaction_id, posted_at, amount_minor, balance_minor,
    line_number, posted_on, left(kind, 1)::"char" as kind, currency, description, counterparty
from ordered;
select 'and kinds of one byte' as what, * from bytes_of('coded');

create table without_balance as
select
    close_id, account_id, entry_id, transaction_id, posted_at, amount_minor, line_number,
    posted_on, kind, currency, description, counterparty
from coded;
select 'and no balance' as what, * from bytes_of('without_balance');
rollback;
