-- The sample platform: the tables of a small payment platform, as the demo, the
-- tests and the benchmarks fill them. An adopter has tables of their own instead.

create schema platform;

create table platform.users (
    user_id bigint primary key,
    full_name text not null,
    address text not null,
    country text not null,
    locale_code text not null,
    created_at timestamptz not null default now()
);

create table platform.merchants (
    merchant_id bigint primary key,
    merchant_name text not null,
    category text not null,
    address text not null,
    country text not null,
    locale_code text not null,
    created_at timestamptz not null default now()
);

create table platform.promotions (
    promotion_id bigint primary key,
    promotion_name text not null,
    funding text not null check (funding in ('platform', 'merchant', 'shared'))
);

create table platform.wallets (
    wallet_id bigint primary key,
    account_number text not null unique,
    user_id bigint references platform.users (user_id),
    merchant_id bigint references platform.merchants (merchant_id),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    balance_minor bigint not null,
    opened_at timestamptz not null default now(),
    check ((user_id is null) <> (merchant_id is null))
);

create table platform.transactions (
    transaction_id bigint primary key,
    user_id bigint not null references platform.users (user_id),
    user_country text,
    merchant_id bigint not null references platform.merchants (merchant_id),
    promotion_id bigint references platform.promotions (promotion_id),
    kind text not null check (kind in ('payment', 'refund', 'chargeback')),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    amount_minor bigint not null check (amount_minor > 0),
    fee_minor bigint not null default 0,
    discount_minor bigint not null default 0,
    status text not null check (status in ('pending', 'settled', 'failed')),
    created_at timestamptz not null default now(),
    settled_at timestamptz,
    check ((status = 'settled') = (settled_at is not null))
);

create table platform.ledger_entries (
    entry_id bigint primary key,
    wallet_id bigint not null references platform.wallets (wallet_id),
    transaction_id bigint references platform.transactions (transaction_id),
    posted_at timestamptz not null default now(),
    amount_minor bigint not null,
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    kind text not null,
    description text not null,
    counterparty text
);

create table platform.audit_log (
    audit_id bigint generated always as identity primary key,
    happened_at timestamptz not null default now(),
    actor text not null,
    activity text not null,
    transaction_id bigint
);

-- The foreign keys' own indexes, which such a system has for its payment path.
create index transactions_user_id on platform.transactions (user_id);
create index transactions_merchant_id on platform.transactions (merchant_id);
create index ledger_entries_wallet_id on platform.ledger_entries (wallet_id);
