"""Schemas of platforms of several shapes, as `closebook init` may find them."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Shape:
    """A schema, and of what is drafted over it: settings, lines, and how much has to be written."""

    name: str
    tables: str
    settings: dict[str, str] = field(default_factory=dict)
    lines: tuple[str, ...] = ()
    todo_count: int = 0


MINOR = Shape(
    "whole cents, bigint keys, and a settlement time",
    """
    create table merchants (id bigint primary key, name text not null, category text);
    create table wallets (
        id bigint primary key, iban text not null unique, currency char(3) not null,
        owner_name text not null, address text, language varchar(5), opened_at timestamptz not null
    );
    create type payment_state as enum ('created', 'paid', 'failed');
    create table payments (
        id bigint primary key, merchant_id bigint references merchants, country text,
        type text not null, currency char(3) not null, amount_cents bigint not null,
        fee_cents integer, status payment_state not null, created_at timestamptz not null,
        paid_at timestamptz
    );
    create table postings (
        id bigint primary key, wallet_id bigint not null references wallets,
        payment_id bigint references payments, booked_at timestamptz not null,
        direction text not null check (direction in ('debit', 'credit')),
        amount_cents bigint not null, memo text
    );
    """,
    {},
    (
        "currency::text",
        "coalesce(base.fee_cents::bigint, 0) as fee_minor",
        "coalesce(base.merchant_id, 0::bigint) as merchant_id",
        "as joined_1 on base.wallet_id = joined_1.id",
        "status has created, paid, failed",
        "-(base.amount_cents)",
    ),
)
UUIDS = Shape(
    "uuid keys, numeric of major units, times without zone, a status that is a number",
    """
    create table organizations (id uuid primary key, name varchar not null, country varchar);
    create table customers (
        id uuid primary key, organization_id uuid not null references organizations, name varchar,
        currency varchar, document_locale varchar, address_line1 varchar,
        created_at timestamp(6) not null
    );
    create table wallets (
        id uuid primary key, customer_id uuid not null references customers,
        currency varchar not null, created_at timestamp(6) not null
    );
    create table wallet_transactions (
        id uuid primary key, wallet_id uuid not null references wallets,
        amount numeric(30, 5) not null, settled_at timestamp(6), created_at timestamp(6) not null
    );
    create table payments (
        id uuid primary key, organization_id uuid not null references organizations,
        amount_cents bigint not null, amount numeric(30, 5), amount_currency varchar not null,
        payment_status integer not null, created_at timestamp(6) not null
    );
    """,
    {
        "CLOSEBOOK_KEYS": "accounts=uuid,entries=uuid,transactions=uuid,merchants=uuid",
        "CLOSEBOOK_MAJOR_AMOUNTS": "ledger_entries",
    },
    (
        "base.amount as amount_major",
        "base.created_at at time zone 'UTC' as created_at",
        "base.payment_status = null",
        "base.amount_cents as amount_minor",
        "left join public.customers as joined_1 on base.customer_id = joined_1.id",
        "coalesce(joined_1.name, '') as holder_name",
    ),
    # No settlement time, and which number means settled.
    2,
)
ASSETS = Shape(
    "text keys, numeric of the smallest place, and assets with their places",
    """
    create schema ledger;
    create table ledger.accounts (
        address varchar primary key, asset varchar not null, insertion_date timestamp not null
    );
    create table ledger.transactions (
        id numeric primary key, reference varchar, timestamp timestamp not null,
        asset varchar not null, amount numeric not null
    );
    create table ledger.moves (
        seq bigserial primary key, transactions_id numeric not null,
        accounts_address varchar not null references ledger.accounts (address),
        asset varchar not null, amount numeric not null, is_source boolean not null,
        insertion_date timestamp not null
    );
    insert into ledger.accounts
    select 'users:' || n, (array['USD/2', 'JPY', 'BTC/8'])[n % 3 + 1], now()
    from generate_series(1, 300) as n;
    insert into ledger.transactions
    select n, null, now(), (array['USD/2', 'JPY', 'BTC/8'])[n % 3 + 1], n
    from generate_series(1, 300) as n;
    insert into ledger.moves (
        transactions_id, accounts_address, asset, amount, is_source, insertion_date
    )
    select n, 'users:' || n, (array['USD/2', 'JPY', 'BTC/8'])[n % 3 + 1], n, true, now()
    from generate_series(1, 300) as n;
    analyze ledger.accounts, ledger.transactions, ledger.moves;
    """,
    {
        "CLOSEBOOK_KEYS": "accounts=text,transactions=text",
        "CLOSEBOOK_MAJOR_AMOUNTS": "ledger_entries,transactions",
    },
    (
        "split_part(base.asset, '/', 1) as currency",
        "base.amount * 10::numeric ^ (-coalesce(nullif(split_part(base.asset, '/', 2), ''), '0')",
        "base.transactions_id::text as transaction_id",
        "when base.is_source then -(",
    ),
    2,
)
HOSTILE = Shape(
    "names with blanks, quotes, capitals, comments and reserved words",
    """
    create schema "Select";
    create table "Select"."Order" ("user" integer primary key);
    create table "Select"."Payments" (
        "Payment Id" integer primary key, "amountCents" bigint not null, "Currency" text not null,
        "status" text not null, "settledAt" timestamptz, "createdAt" timestamptz not null,
        "from" text, "it's" text, "a""b" text
    );
    create table "Select"."-- drop table x; /*
Wallets" (
        "Account Id" integer primary key, "Full Name" text, "createdAt" date not null
    );
    create table "Select"."ledger""Entries" (
        "order" integer primary key, "Account-Id" integer not null, "Amount" money not null,
        "Date" date not null, "Type" text
    );
    create view "Select"."Merchants" as select 1 as "Id", 'x'::text as "Category";
    """,
    {
        "CLOSEBOOK_KEYS": "accounts=integer,entries=integer,transactions=integer,merchants=integer",
        "CLOSEBOOK_MAJOR_AMOUNTS": "ledger_entries",
    },
    (
        '"Select"."Payments" as base',
        'base."Payment Id" as transaction_id',
        'base."Amount"::numeric as amount_major',
        "base.\"Date\"::timestamp at time zone 'UTC' as posted_at",
    ),
    # The currency of the entries, and that of the accounts; two dates.
    4,
)
NUMERIC_CENTS = Shape(
    "a numeric that is called cents",
    """
    create table transactions (
        id text primary key, precise_amount numeric, amount_cents numeric(40, 15) not null,
        currency text not null, status text not null, settled_at timestamptz,
        created_at timestamptz not null
    );
    """,
    {"CLOSEBOOK_KEYS": "transactions=text"},
    ("base.amount_cents as amount_minor", "a cast to bigint rounds"),
    1,
)
EMPTY = Shape("nothing at all", "select 1;", {}, ("where false",), 1)
PARTITIONED = Shape(
    "partitions, a domain, and a table of an extension",
    """
    create domain money_cents as bigint check (value >= 0);
    create extension pg_stat_statements;
    create table transactions (
        transaction_id bigint not null, amount_minor money_cents not null, currency text not null,
        settled_at timestamptz not null, created_at timestamptz not null,
        primary key (transaction_id, settled_at)
    ) partition by range (settled_at);
    create table transactions_2026_11 partition of transactions
    for values from ('2026-11-01') to ('2026-12-01');
    """,
    {},
    ("from public.transactions as base", "guess: unique, though no index says so"),
    0,
)
SHAPES = (MINOR, UUIDS, ASSETS, HOSTILE, NUMERIC_CENTS, EMPTY, PARTITIONED)
