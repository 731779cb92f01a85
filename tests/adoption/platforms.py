"""Two platforms of the shapes of public ones, with the oddities of their types; no code of theirs.

`lago_like`: uuid keys, numeric(30,5) in major units, timestamps without zone, a status in place and
no settlement time. `formance_like`: text keys, numeric amounts without places in assets such as
USD/2, postings from a source to a destination, many assets an account.

Each has its tables with rows of the last month of New York, what its team writes into
our_contract.sql and our_indexes.sql, its settings, and independent SQL over the raw tables.
"""

# ruff: noqa: S608  # queries are put together of texts of this file

from dataclasses import dataclass, field


@dataclass(frozen=True)
class AdoptedPlatform:
    """A platform: tables with rows, the edited files, the settings, and what must come out.

    ``volume`` selects merchant, currency, kind, count, amount, fee and discount in minor units, of
    the month between %(start)s and %(end)s; ``statements`` account, currency, opening, closing and
    number of lines; ``lines`` account, currency and the sum of debits and of credits. Keys are
    text.
    """

    name: str
    tables: str
    contract: str
    indexes: str
    exports: dict[str, str]
    volume: str
    statements: str
    lines: str
    drafted: tuple[str, ...] = field(default=())


# The decimal places of the currencies that both have.
_PLACES = "case {currency} when 'JPY' then 0 when 'PTS' then 0 when 'KWD' then 3 else 2 end"
# The first instant of the last whole month in New York.
_MONTH = """
create temporary table month as
select date_trunc('month', now() at time zone 'America/New_York') - interval '1 month' as first;
"""

LAGO_LIKE = AdoptedPlatform(
    name="lago-like",
    tables=_MONTH
    + """
create table organizations (
    id uuid primary key, name varchar not null, created_at timestamp(6) not null
);
create table customers (
    id uuid primary key, organization_id uuid not null references organizations,
    name varchar, currency varchar, document_locale varchar, address_line1 varchar,
    city varchar, country varchar, created_at timestamp(6) not null
);
create table wallets (
    id uuid primary key, customer_id uuid not null references customers,
    currency varchar not null, created_at timestamp(6) not null
);
create table wallet_transactions (
    id uuid primary key, wallet_id uuid not null references wallets,
    transaction_type integer not null, amount numeric(30, 5) not null,
    created_at timestamp(6) not null, updated_at timestamp(6) not null
);
create index index_wallet_transactions_on_wallet_id on wallet_transactions (wallet_id);
create table payments (
    id uuid primary key, customer_id uuid not null references customers,
    amount numeric(30, 5) not null, fees numeric(30, 5), amount_currency varchar not null,
    payable_payment_status varchar not null,
    created_at timestamp(6) not null, updated_at timestamp(6) not null
);

create function pg_temp.key(prefix text, n bigint) returns uuid
language sql as $$ select md5(prefix || n)::uuid $$;

insert into organizations
select pg_temp.key('o', n), 'Organization ' || n, timestamp '2024-01-01'
from generate_series(1, 3) n;
insert into customers
select
    pg_temp.key('c', n), pg_temp.key('o', 1 + n % 3), 'Customer ' || n,
    (array['EUR', 'USD', 'JPY', 'KWD'])[1 + n % 4], case when n % 2 = 0 then 'de' end,
    n || ' High Street', 'Leeds', 'GB', timestamp '2024-02-01'
from generate_series(1, 8) n;
insert into wallets
select pg_temp.key('w', n), pg_temp.key('c', n), (array['EUR', 'USD', 'JPY', 'KWD'])[1 + n % 4],
    timestamp '2024-03-01'
from generate_series(1, 8) n;
-- Every three hours from before the month to its end; the clock is that of UTC.
insert into wallet_transactions
select
    pg_temp.key('t', n), pg_temp.key('w', 1 + n % 8), n % 2,
    case (array['EUR', 'USD', 'JPY', 'KWD'])[1 + (1 + n % 8) % 4]
        when 'JPY' then 1000 + n when 'KWD' then 7 + n / 1000.0 else 12 + (n % 100) / 100.0
    end,
    moment.at, moment.at
from month, generate_series(0, 290) n,
    lateral (select month.first - interval '3 days' + n * interval '3 hours' as at) as moment
where
    moment.at < month.first + interval '1 month 12 hours'
    and moment.at < now() at time zone 'UTC' - interval '5 minutes';
insert into payments
select
    pg_temp.key('p', n), pg_temp.key('c', 1 + n % 8),
    case (array['EUR', 'USD', 'JPY', 'KWD'])[1 + (1 + n % 8) % 4]
        when 'JPY' then 500 + n when 'KWD' then 1 + n / 1000.0 else 99 + (n % 100) / 100.0
    end,
    case when n % 5 = 0 then 1 end,
    (array['EUR', 'USD', 'JPY', 'KWD'])[1 + (1 + n % 8) % 4],
    case when n % 7 = 0 then 'failed' when n % 11 = 0 then 'pending' else 'succeeded' end,
    moment.at, moment.at + interval '1 minute'
from month, generate_series(0, 780) n,
    lateral (select month.first + n * interval '1 hour' as at) as moment
where
    moment.at < month.first + interval '1 month 12 hours'
    and moment.at < now() at time zone 'UTC' - interval '5 minutes';
analyze;
""",
    contract="""
create schema if not exists reporting_source;

-- There is no settlement time: the database writes one from now on.
create table if not exists payment_settlements (
    payment_id uuid primary key references payments (id),
    settled_at timestamptz not null default now()
);
create or replace function record_payment_settlement() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    insert into public.payment_settlements (payment_id) values (new.id) on conflict do nothing;
    return null;
end;
$$;
create or replace trigger payment_settles
after insert or update of payable_payment_status on payments
for each row when (new.payable_payment_status = 'succeeded')
execute function record_payment_settlement();
insert into payment_settlements (payment_id, settled_at)
select id, updated_at at time zone 'UTC' from payments where payable_payment_status = 'succeeded'
on conflict do nothing;

drop view if exists reporting_source.merchants;
create view reporting_source.merchants as
select organizations.id as merchant_id, 'all'::text as category from organizations;

drop view if exists reporting_source.promotions;
create view reporting_source.promotions as
select null::bigint as promotion_id, null::text as funding where false;

drop view if exists reporting_source.accounts;
create view reporting_source.accounts as
select
    wallets.id as account_id,
    wallets.id::text as account_number,
    wallets.currency,
    wallets.created_at at time zone 'UTC' as opened_at,
    coalesce(customers.name, '') as holder_name,
    concat_ws(e'\\n', customers.address_line1, customers.city, customers.country) as holder_address,
    coalesce(customers.document_locale, 'en') as locale_code
from wallets
left join customers on wallets.customer_id = customers.id;

drop view if exists reporting_source.transactions;
create view reporting_source.transactions as
select
    payments.id as transaction_id,
    customers.country as user_country,
    customers.organization_id as merchant_id,
    null::bigint as promotion_id,
    'payment'::text as kind,
    payments.amount_currency as currency,
    payments.amount as amount_major,
    coalesce(payments.fees, 0) as fee_major,
    0::numeric as discount_major,
    case when settlements.settled_at is null then 'pending' else 'settled' end as status,
    payments.created_at at time zone 'UTC' as created_at,
    settlements.settled_at
from payments
left join payment_settlements as settlements on payments.id = settlements.payment_id
left join customers on payments.customer_id = customers.id;

drop view if exists reporting_source.ledger_entries;
create view reporting_source.ledger_entries as
select
    entries.id as entry_id,
    entries.wallet_id as account_id,
    null::uuid as transaction_id,
    entries.created_at at time zone 'UTC' as posted_at,
    case entries.transaction_type when 0 then entries.amount else -entries.amount end
        as amount_major,
    (select wallets.currency from wallets where wallets.id = entries.wallet_id) as currency,
    case entries.transaction_type when 0 then 'credit' else 'debit' end as kind,
    ''::text as description,
    null::text as counterparty
from wallet_transactions as entries;
""",
    indexes="""
create index concurrently if not exists payment_settlements_hour on payment_settlements (
    (date_bin('1 hour', settled_at, timestamptz '2000-01-01 00:00:00+00'))
) include (settled_at, payment_id);
create index concurrently if not exists wallet_transactions_posted_at on wallet_transactions (
    (created_at at time zone 'UTC')
) include (wallet_id, amount, transaction_type, created_at);
analyze payment_settlements, wallet_transactions;
""",
    exports={
        "CLOSEBOOK_KEYS": "accounts=uuid,entries=uuid,transactions=uuid,merchants=uuid",
        "CLOSEBOOK_MAJOR_AMOUNTS": "ledger_entries,transactions",
        "CLOSEBOOK_INDEXES": "transactions_settled_hour=payment_settlements_hour,"
        "ledger_entries_posted_at=wallet_transactions_posted_at",
    },
    volume=f"""
select
    customers.organization_id::text, amount_currency, 'payment', count(*),
    sum(amount * 10 ^ ({_PLACES.format(currency="amount_currency")}))::bigint,
    sum(coalesce(fees, 0) * 10 ^ ({_PLACES.format(currency="amount_currency")}))::bigint, 0::bigint
from payments inner join customers on payments.customer_id = customers.id
where payable_payment_status = 'succeeded'
    and payments.updated_at >= %(start)s::timestamptz at time zone 'UTC'
    and payments.updated_at < %(end)s::timestamptz at time zone 'UTC'
group by 1, 2
""",
    statements=f"""
select
    wallets.id::text, currency,
    coalesce(sum(signed) filter (where at < %(start)s), 0)::bigint,
    coalesce(sum(signed) filter (where at < %(end)s), 0)::bigint,
    count(*) filter (where at >= %(start)s and at < %(end)s)
from wallets left join lateral (
    select
        created_at at time zone 'UTC' as at,
        (1 - 2 * transaction_type) * amount * 10 ^ ({_PLACES.format(currency="currency")}) as signed
    from wallet_transactions where wallet_id = wallets.id
) as moved on true
group by 1, 2
""",
    lines=f"""
select
    wallets.id::text, currency,
    -coalesce(sum(signed) filter (where signed < 0), 0)::bigint,
    coalesce(sum(signed) filter (where signed > 0), 0)::bigint
from wallets inner join lateral (
    select
        created_at at time zone 'UTC' as at,
        (1 - 2 * transaction_type) * amount * 10 ^ ({_PLACES.format(currency="currency")}) as signed
    from wallet_transactions where wallet_id = wallets.id
) as moved on true
where at >= %(start)s and at < %(end)s
group by 1, 2
""",
    drafted=("from public.payments as base", "accounts=uuid"),
)

FORMANCE_LIKE = AdoptedPlatform(
    name="formance-like",
    tables=_MONTH
    + """
create schema books;
create table books.accounts (
    ledger varchar not null, address varchar primary key, metadata jsonb not null,
    first_usage timestamp not null
);
create table books.postings (
    seq bigint primary key, ledger varchar not null, reference varchar,
    source varchar not null, destination varchar not null, asset varchar not null,
    amount numeric not null, inserted_at timestamp not null
);
insert into books.accounts
select 'main', 'users:' || lpad(n::text, 3, '0'),
    jsonb_build_object('name', 'User ' || n, 'address', n || ' Road', 'locale', 'fr_FR'),
    timestamp '2024-01-01'
from generate_series(1, 6) n;
insert into books.accounts
select 'main', 'merchants:' || n, jsonb_build_object('name', 'Shop ' || n, 'category', 'books'),
    timestamp '2024-01-01'
from generate_series(1, 3) n;
insert into books.accounts values ('main', 'world', '{}', timestamp '2024-01-01');
-- Deposits from the world, purchases at merchants, and refunds of them, in four assets.
insert into books.postings
select
    n, 'main', 'ref-' || n,
    case n % 3
        when 0 then 'world' when 1 then 'users:' || lpad((1 + n % 6)::text, 3, '0')
        else 'merchants:' || (1 + n % 3)
    end,
    case n % 3
        when 0 then 'users:' || lpad((1 + n % 6)::text, 3, '0')
        when 1 then 'merchants:' || (1 + n % 3)
        else 'users:' || lpad((1 + n % 6)::text, 3, '0')
    end,
    (array['USD/2', 'JPY', 'KWD/3', 'PTS'])[1 + (n / 3) % 4],
    case n % 3 when 0 then 100000 when 1 then 1000 + n else 10 + n % 90 end,
    moment.at
from month, generate_series(0, 820) n,
    lateral (select month.first - interval '2 days' + n * interval '1 hour' as at) as moment
where
    moment.at < month.first + interval '1 month 12 hours'
    and moment.at < now() at time zone 'UTC' - interval '5 minutes';
analyze;
""",
    contract="""
create schema if not exists reporting_source;

drop view if exists reporting_source.merchants;
create view reporting_source.merchants as
select address::text as merchant_id, coalesce(metadata ->> 'category', 'all') as category
from books.accounts where address like 'merchants:%';

drop view if exists reporting_source.promotions;
create view reporting_source.promotions as
select null::bigint as promotion_id, null::text as funding where false;

-- One row for each asset that an account has moved.
drop view if exists reporting_source.accounts;
create view reporting_source.accounts as
select
    accounts.address::text as account_id,
    accounts.address::text as account_number,
    split_part(moved.asset, '/', 1) as currency,
    accounts.first_usage at time zone 'UTC' as opened_at,
    coalesce(accounts.metadata ->> 'name', accounts.address) as holder_name,
    coalesce(accounts.metadata ->> 'address', '') as holder_address,
    coalesce(accounts.metadata ->> 'locale', 'en_US') as locale_code
from books.accounts
inner join (
    select source as address, asset from books.postings
    union
    select destination as address, asset from books.postings
) as moved on accounts.address = moved.address
where accounts.address like 'users:%';

drop view if exists reporting_source.transactions;
create view reporting_source.transactions as
select
    postings.seq::text as transaction_id,
    null::text as user_country,
    case when postings.source like 'merchants:%' then postings.source else postings.destination end
        ::text as merchant_id,
    null::bigint as promotion_id,
    case when postings.source like 'merchants:%' then 'refund' else 'payment' end as kind,
    split_part(postings.asset, '/', 1) as currency,
    postings.amount * 10::numeric ^ (
        -coalesce(nullif(split_part(postings.asset, '/', 2), ''), '0')::integer
    ) as amount_major,
    0::numeric as fee_major,
    0::numeric as discount_major,
    'settled'::text as status,
    postings.inserted_at at time zone 'UTC' as created_at,
    postings.inserted_at at time zone 'UTC' as settled_at
from books.postings
where postings.source like 'merchants:%' or postings.destination like 'merchants:%';

drop view if exists reporting_source.ledger_entries;
create view reporting_source.ledger_entries as
select
    sides.entry_id,
    sides.account_id::text as account_id,
    postings.seq::text as transaction_id,
    postings.inserted_at at time zone 'UTC' as posted_at,
    sides.sign * postings.amount * 10::numeric ^ (
        -coalesce(nullif(split_part(postings.asset, '/', 2), ''), '0')::integer
    ) as amount_major,
    split_part(postings.asset, '/', 1) as currency,
    'posting'::text as kind,
    coalesce(postings.reference, '')::text as description,
    sides.counterparty::text as counterparty
from books.postings
cross join lateral (
    values
    (postings.seq || ':s', postings.source, postings.destination, -1),
    (postings.seq || ':d', postings.destination, postings.source, 1)
) as sides (entry_id, account_id, counterparty, sign)
where sides.account_id like 'users:%';
""",
    indexes="""
create index if not exists postings_settled_hour on books.postings (
    (date_bin('1 hour', inserted_at at time zone 'UTC', timestamptz '2000-01-01 00:00:00+00'))
) include (inserted_at, asset, amount, source, destination);
create index if not exists postings_inserted_at on books.postings (
    (inserted_at at time zone 'UTC')
) include (inserted_at, asset, amount, source, destination);
analyze books.postings;
""",
    exports={
        "CLOSEBOOK_KEYS": "accounts=text,entries=text,transactions=text,merchants=text",
        "CLOSEBOOK_MAJOR_AMOUNTS": "ledger_entries,transactions",
        "CLOSEBOOK_CURRENCIES": "PTS=0",
        "CLOSEBOOK_INDEXES": "transactions_settled_hour=postings_settled_hour,"
        "ledger_entries_posted_at=postings_*",
    },
    volume="""
select
    case when source like 'm%%' then source else destination end::text,
    split_part(asset, '/', 1), case when source like 'm%%' then 'refund' else 'payment' end,
    count(*), sum(amount)::bigint, 0::bigint, 0::bigint
from books.postings
where (source like 'm%%' or destination like 'm%%')
    and inserted_at at time zone 'UTC' >= %(start)s and inserted_at at time zone 'UTC' < %(end)s
group by 1, 2, 3
""",
    statements="""
select
    address::text, split_part(asset, '/', 1),
    coalesce(sum(signed) filter (where at < %(start)s), 0)::bigint,
    coalesce(sum(signed) filter (where at < %(end)s), 0)::bigint,
    count(*) filter (where at >= %(start)s and at < %(end)s)
from (
    select source as address, asset, -amount as signed, inserted_at at time zone 'UTC' as at
    from books.postings
    union all
    select destination as address, asset, amount as signed, inserted_at at time zone 'UTC' as at
    from books.postings
) as moved
where address like 'users:%%'
group by 1, 2
""",
    lines="""
select
    address::text, split_part(asset, '/', 1),
    -coalesce(sum(signed) filter (where signed < 0), 0)::bigint,
    coalesce(sum(signed) filter (where signed > 0), 0)::bigint
from (
    select source as address, asset, -amount as signed, inserted_at at time zone 'UTC' as at
    from books.postings
    union all
    select destination as address, asset, amount as signed, inserted_at at time zone 'UTC' as at
    from books.postings
) as moved
where address like 'users:%%' and at >= %(start)s and at < %(end)s
group by 1, 2
""",
    # A posting is two entries: `init` leaves the ledger to the team.
    drafted=("from books.accounts as base", "accounts=text"),
)
PLATFORMS = (LAGO_LIKE, FORMANCE_LIKE)
