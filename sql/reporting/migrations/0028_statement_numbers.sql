-- Each statement of an account in a currency has a number, which some brands print: 1, 2, 3 and so
-- on, without gaps. Statements that are there get theirs in the order of their months.
create table reporting.statement_numbers (
    account_id keys.account not null,
    currency text not null,
    statement_number integer not null check (statement_number > 0),
    -- The start of the month: all versions of its statement have this number.
    period_start timestamptz not null,
    primary key (account_id, currency, statement_number),
    unique (account_id, currency, period_start)
);

insert into reporting.statement_numbers (account_id, currency, statement_number, period_start)
with months as (
    select distinct
        versions.account_id,
        versions.currency,
        closes.period_start
    from reporting.statement_versions as versions
    inner join reporting.closes on versions.close_id = closes.close_id
)

select
    account_id,
    currency,
    row_number() over (
        partition by account_id, currency
        order by period_start asc
    ) as statement_number,
    period_start
from months;

grant select, insert on reporting.statement_numbers to closebook_store;
