-- The first reporting store: the register of closes, rollups, statements and the counter.

create extension if not exists btree_gist;

create schema reporting;

-- The types of the platform's keys, which the store keeps as they are. `keys.account` and so on
-- stand for the types of CLOSEBOOK_KEYS, bigint without it: closebook.store.migrations puts them
-- in. Queries name the domains, so they are the same whatever the types are.
create domain reporting.account_key as keys.account;
create domain reporting.entry_key as keys.entry;
create domain reporting.transaction_key as keys.transaction;
create domain reporting.merchant_key as keys.merchant;
create domain reporting.promotion_key as keys.promotion;

create table reporting.migrations (
    migration text primary key,
    applied_at timestamptz not null default clock_timestamp()
);

-- The register: one row for each version of each close. One version of a period is current.
create table reporting.closes (
    close_id bigint generated always as identity primary key,
    grain text not null check (grain in ('hour', 'day', 'month')),
    period_start timestamptz not null,
    period_end timestamptz not null check (period_end > period_start),
    time_zone text not null,
    close_version integer not null check (close_version > 0),
    is_current boolean not null default false,
    fence_lsn pg_lsn not null,
    fenced_at timestamptz not null check (fenced_at >= period_end),
    snapshot_text text not null,
    replica_name text not null,
    code_version text not null,
    run_id text not null,
    reason text,
    closed_at timestamptz not null default clock_timestamp(),
    confirmed_at timestamptz,
    confirmation_count integer not null default 0,
    unique (grain, period_start, close_version),
    -- One current version of each period, and no two that overlap: under another business time
    -- zone the same days would be closed twice.
    constraint closes_do_not_overlap exclude using gist (
        grain with =, tstzrange(period_start, period_end) with &&
    ) where (is_current)
);

create unique index closes_one_current on reporting.closes (grain, period_start)
where is_current;

-- What the source held for the period, by an independent scan of the same snapshot.
create table reporting.close_totals (
    close_id bigint not null references reporting.closes (close_id),
    measure text not null check (measure in ('volume', 'ledger')),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    row_count bigint not null check (row_count > 0),
    amount_minor bigint not null,
    primary key (close_id, measure, currency)
);

-- Every check that was made, and for one that failed the rows that did not tie out.
create table reporting.tie_outs (
    tie_out_id bigint generated always as identity primary key,
    close_id bigint references reporting.closes (close_id),
    grain text not null,
    period_start timestamptz not null,
    check_name text not null,
    offending_count bigint not null,
    offending_sample jsonb not null default '[]',
    run_id text not null,
    checked_at timestamptz not null default clock_timestamp()
);

create index tie_outs_close_id on reporting.tie_outs (close_id);

create table reporting.hourly_volume (
    close_id bigint not null references reporting.closes (close_id),
    hour_start timestamptz not null,
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    kind text not null check (kind in ('payment', 'refund', 'chargeback')),
    transaction_count bigint not null check (transaction_count > 0),
    amount_minor bigint not null check (amount_minor > 0),
    fee_minor bigint not null,
    discount_minor bigint not null,
    primary key (close_id, currency, kind)
);

create table reporting.daily_volume (
    close_id bigint not null references reporting.closes (close_id),
    business_day date not null,
    merchant_id keys.merchant not null,
    merchant_category text not null,
    user_country text not null,
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    promotion_funding text not null,
    kind text not null check (kind in ('payment', 'refund', 'chargeback')),
    transaction_count bigint not null check (transaction_count > 0),
    amount_minor bigint not null check (amount_minor > 0),
    fee_minor bigint not null,
    discount_minor bigint not null,
    primary key (
        close_id,
        merchant_id,
        merchant_category,
        user_country,
        currency,
        promotion_funding,
        kind
    )
);

create table reporting.daily_account_movement (
    close_id bigint not null references reporting.closes (close_id),
    business_day date not null,
    account_id keys.account not null,
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    entry_count bigint not null check (entry_count > 0),
    credit_minor bigint not null check (credit_minor >= 0),
    debit_minor bigint not null check (debit_minor >= 0),
    primary key (close_id, account_id, currency)
);

-- A month's checkpoint: one row for each account with activity or a balance.
create table reporting.statements (
    close_id bigint not null references reporting.closes (close_id),
    account_id keys.account not null,
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    account_number text not null,
    holder_name text not null,
    holder_address text not null,
    locale_code text not null,
    opening_minor bigint not null,
    closing_minor bigint not null,
    line_count bigint not null check (line_count >= 0),
    primary key (close_id, account_id)
);

create table reporting.statement_lines (
    close_id bigint not null,
    account_id keys.account not null,
    line_number bigint not null check (line_number > 0),
    entry_id keys.entry not null,
    transaction_id keys.transaction,
    posted_at timestamptz not null,
    kind text not null,
    description text not null,
    counterparty text,
    amount_minor bigint not null,
    balance_minor bigint not null,
    primary key (close_id, account_id, line_number),
    unique (close_id, entry_id),
    foreign key (close_id, account_id) references reporting.statements (close_id, account_id)
);

-- The documents that were rendered, by their content.
create table reporting.statement_documents (
    close_id bigint not null,
    account_id keys.account not null,
    sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    byte_count bigint not null check (byte_count > 0),
    object_name text not null,
    template_version text not null,
    renderer_version text not null,
    run_id text not null,
    rendered_at timestamptz not null default clock_timestamp(),
    primary key (close_id, account_id),
    foreign key (close_id, account_id) references reporting.statements (close_id, account_id)
);

create table reporting.statement_manifests (
    manifest_id bigint generated always as identity primary key,
    close_id bigint not null references reporting.closes (close_id),
    sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    object_name text not null,
    document_count bigint not null check (document_count >= 0),
    missing_count bigint not null check (missing_count >= 0),
    run_id text not null,
    written_at timestamptz not null default clock_timestamp(),
    unique (close_id, sha256)
);

-- Each state of the counter, in the order in which it became true. Redis holds the last.
create table reporting.counter_publications (
    publication_id bigint generated always as identity primary key,
    as_of timestamptz not null,
    counter_document jsonb not null,
    run_id text not null,
    computed_at timestamptz not null default clock_timestamp()
);

create view reporting.current_hourly_volume as
select
    closes.close_id,
    closes.close_version,
    hourly_volume.hour_start,
    hourly_volume.currency,
    hourly_volume.kind,
    hourly_volume.transaction_count,
    hourly_volume.amount_minor,
    hourly_volume.fee_minor,
    hourly_volume.discount_minor
from reporting.hourly_volume
inner join reporting.closes on hourly_volume.close_id = closes.close_id
where closes.is_current;

create view reporting.current_daily_volume as
select
    closes.close_id,
    closes.close_version,
    daily_volume.business_day,
    daily_volume.merchant_id,
    daily_volume.merchant_category,
    daily_volume.user_country,
    daily_volume.currency,
    daily_volume.promotion_funding,
    daily_volume.kind,
    daily_volume.transaction_count,
    daily_volume.amount_minor,
    daily_volume.fee_minor,
    daily_volume.discount_minor
from reporting.daily_volume
inner join reporting.closes on daily_volume.close_id = closes.close_id
where closes.is_current;

create view reporting.current_daily_account_movement as
select
    closes.close_id,
    closes.close_version,
    daily_account_movement.business_day,
    daily_account_movement.account_id,
    daily_account_movement.currency,
    daily_account_movement.entry_count,
    daily_account_movement.credit_minor,
    daily_account_movement.debit_minor
from reporting.daily_account_movement
inner join reporting.closes on daily_account_movement.close_id = closes.close_id
where closes.is_current;

-- What is written stays: the store may add, and of a close only say which version is current
-- and that it was confirmed. Nobody but the owner deletes.
grant usage on schema reporting to closebook_store, closebook_desk;
grant select on all tables in schema reporting to closebook_store, closebook_desk;
revoke select on reporting.migrations from closebook_desk;
grant insert on
reporting.closes,
reporting.close_totals,
reporting.tie_outs,
reporting.hourly_volume,
reporting.daily_volume,
reporting.daily_account_movement,
reporting.statements,
reporting.statement_lines,
reporting.statement_documents,
reporting.statement_manifests,
reporting.counter_publications
to closebook_store;
grant update (is_current, confirmed_at, confirmation_count)
on reporting.closes to closebook_store;
