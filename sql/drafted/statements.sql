-- A month's statements as they would be written: every account and currency with entries in it or a
-- balance at its start, without those that are left out. minor_per_unit has, for each of the
-- currencies, the number of minor units in one unit of the view's amounts.
with left_out as (
    select
        account_id,
        currency
    from
        unnest(%(left_out_accounts)s::reporting.account_key[], %(left_out_currencies)s::text[])
            as given (account_id, currency)
),

known_currencies as (
    select
        currency,
        minor_per_unit
    from
        unnest(%(currencies)s::text[], %(minor_per_unit)s::numeric[])
            as given (currency, minor_per_unit)
)

select
    %(close_id)s as close_id,
    balances.account_id,
    balances.currency,
    holders.account_number,
    holders.holder_name,
    holders.holder_address,
    holders.locale_code,
    balances.opening_minor,
    balances.closing_minor,
    balances.entry_count as line_count,
    (holders.overdraft_limit * known_currencies.minor_per_unit)::bigint as overdraft_limit_minor
from staged_statement_balances as balances
inner join staged_statement_accounts as holders
    on balances.account_id = holders.account_id and balances.currency = holders.currency
left join known_currencies on balances.currency = known_currencies.currency
left join left_out
    on balances.account_id = left_out.account_id and balances.currency = left_out.currency
where
    (balances.entry_count > 0 or balances.opening_minor <> 0)
    and left_out.account_id is null  -- guard: exceptions.left-out-of-the-month
