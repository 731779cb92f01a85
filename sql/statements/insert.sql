-- Writes a month's statements: every account and currency with entries in it or a balance at its
-- start, without those that are left out.
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
    line_count
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
    line_count
from drafted.statements
