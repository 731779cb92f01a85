-- The source contract: all that Closebook knows of a platform. An adopter keeps the
-- names and types of these columns and writes the select lists over tables of their own.
-- docs/contract.md says what each column means.
--
-- It may be run again after each change, in one transaction with grants.sql: a view is dropped with
-- its grants, since "create or replace view" cannot change a column's type. There is no cascade: a
-- view that something else selects from is not dropped, and nothing is changed.

create schema if not exists reporting_source;

drop view if exists reporting_source.merchants;
create view reporting_source.merchants as
select
    merchant_id,
    category
from platform.merchants;

drop view if exists reporting_source.promotions;
create view reporting_source.promotions as
select
    promotion_id,
    funding
from platform.promotions;

drop view if exists reporting_source.accounts;
create view reporting_source.accounts as
select
    wallets.wallet_id as account_id,
    wallets.account_number,
    wallets.currency,
    wallets.opened_at,
    coalesce(users.full_name, merchants.merchant_name) as holder_name,
    coalesce(users.address, merchants.address) as holder_address,
    coalesce(users.locale_code, merchants.locale_code) as locale_code
from platform.wallets
left join platform.users on wallets.user_id = users.user_id
left join platform.merchants on wallets.merchant_id = merchants.merchant_id;

-- A transaction counts at settled_at, which never changes once set; amounts are
-- positive minor units of the currency, whatever the kind. user_country is as it was then.
drop view if exists reporting_source.transactions;
create view reporting_source.transactions as
select
    transaction_id,
    user_country,
    merchant_id,
    promotion_id,
    kind,
    currency,
    amount_minor,
    fee_minor,
    discount_minor,
    status,
    created_at,
    settled_at
from platform.transactions;

-- Append-only; amount_minor is signed: credits positive, debits negative.
drop view if exists reporting_source.ledger_entries;
create view reporting_source.ledger_entries as
select
    entry_id,
    wallet_id as account_id,
    transaction_id,
    posted_at,
    amount_minor,
    currency,
    kind,
    description,
    counterparty
from platform.ledger_entries;
