-- What the payments need besides the platform's tables: numbers for new rows, and the merchants'
-- wallets of each currency, numbered from 0: one row a wallet. The first of the currency that most
-- wallets are of is the hot one.
create schema if not exists payments;
grant usage on schema payments to benchmark_payments;

drop table if exists payments.tills;
create table payments.tills as
select
    currency,
    currency = (
        select held.currency from platform.wallets as held
        group by held.currency
        order by count(*) desc, held.currency asc
        limit 1
    ) as has_hot,
    (row_number() over (partition by currency order by wallet_id)) - 1 as place,
    count(*) over (partition by currency) as places,
    merchant_id,
    wallet_id as till_id
from platform.wallets
where merchant_id is not null;
create unique index on payments.tills (currency, place);
grant select on payments.tills to benchmark_payments;

drop sequence if exists payments.transaction_id;
create sequence payments.transaction_id;
select setval('payments.transaction_id', (select max(transaction_id) from platform.transactions));
drop sequence if exists payments.entry_id;
create sequence payments.entry_id;
select setval('payments.entry_id', (select max(entry_id) from platform.ledger_entries));
grant usage on all sequences in schema payments to benchmark_payments;

grant usage on schema platform to benchmark_payments, benchmark_reports;
grant select, insert on platform.transactions, platform.ledger_entries to benchmark_payments;
grant select, update on platform.wallets to benchmark_payments;
grant select on platform.users to benchmark_payments;
grant select on all tables in schema platform to benchmark_reports;
