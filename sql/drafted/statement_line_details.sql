-- What a month's lines have in the contract's optional columns, as it would be written under a
-- close that has the lines. minor_per_unit has, for each of the currencies, the number of minor
-- units in one unit of the view's amounts.
with known_currencies as (
    select
        currency,
        minor_per_unit
    from
        unnest(%(currencies)s::text[], %(minor_per_unit)s::numeric[])
            as given (currency, minor_per_unit)
)

select
    written_lines.close_id,
    written_lines.account_id,
    written_lines.currency,
    written_lines.line_number,
    details.value_date,
    details.original_currency,
    details.counterparty_account,
    details.customer_reference,
    (details.original_amount * known_currencies.minor_per_unit)::bigint as original_amount_minor,
    trim_scale(details.exchange_rate) as exchange_rate,
    trim_scale(details.interest_rate) as interest_rate
from staged_statement_line_details as details
inner join reporting.statement_lines as written_lines
    on
        written_lines.close_id = %(close_id)s
        and details.entry_id = written_lines.entry_id
left join known_currencies on details.original_currency = known_currencies.currency
