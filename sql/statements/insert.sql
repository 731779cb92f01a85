-- Writes a month's statements: every account and currency with entries in it or a balance at its
-- start, without those that are left out. minor_per_unit has, for each of the currencies, how many
-- minor units are in one unit of the limits of accounts.
insert into reporting.statements (
    close_id,
    account_id,
    currency,
    account_number,
    holder_name,
    holder_address,
    locale_code,
    opening_minor,
    closing_minor,
    line_count,
    overdraft_limit_minor
)
select
    close_id,
    account_id,
    currency,
    account_number,
    holder_name,
    holder_address,
    locale_code,
    opening_minor,
    closing_minor,
    line_count,
    overdraft_limit_minor
from drafted.statements
