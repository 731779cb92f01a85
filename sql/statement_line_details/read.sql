-- What a month's ledger entries have in the contract's optional columns: one row an entry that has
-- any. It is run only for a platform whose view has one of these columns. A column that the view
-- does not have is null: its name then refers to the column of absent_columns. An account or a
-- reference that is longer than docs/contract.md allows is cut, and ends with the hash of the whole
-- text. No currency has more than ten letters.
with absent_columns as (
    select
        null::bigint as amount_minor,
        null::numeric as amount_major,
        null::date as value_date,
        null::bigint as original_amount_minor,
        null::numeric as original_amount_major,
        null::text as original_currency,
        null::numeric as exchange_rate,
        null::text as counterparty_account,
        null::text as customer_reference,
        null::numeric as interest_rate
)

select
    entries.entry_id,
    entries.account_id,
    entries.currency,
    entries.value_date,
    entries.exchange_rate,
    entries.is_debit,
    entries.original_amount,
    entries.original_currency,
    entries.counterparty_account,
    entries.customer_reference,
    entries.interest_rate
from absent_columns
cross join
    lateral (  -- noqa: ST05
        select
            entry_id,
            account_id,
            currency,
            value_date,
            exchange_rate,
            interest_rate,
            coalesce(amount_minor, amount_major) < 0 as is_debit,
            coalesce(original_amount_minor, original_amount_major) as original_amount,
            left(original_currency, 10) as original_currency,
            case
                when octet_length(counterparty_account) > 100  -- guard: limits.counterparty-account
                    then
                        left(counterparty_account, 40) || ' (too long, sha256 '
                        || left(encode(sha256(convert_to(counterparty_account, 'UTF8')), 'hex'), 16)
                        || ')'
                else counterparty_account
            end as counterparty_account,
            case
                when octet_length(customer_reference) > 100  -- guard: limits.customer-reference
                    then
                        left(customer_reference, 40) || ' (too long, sha256 '
                        || left(encode(sha256(convert_to(customer_reference, 'UTF8')), 'hex'), 16)
                        || ')'
                else customer_reference
            end as customer_reference
        from reporting_source.ledger_entries
        where
            posted_at >= %(period_start)s
            and posted_at < %(period_end)s  -- guard: bounds.half-open-details
    ) as entries
where
    num_nonnulls(
        entries.value_date,
        entries.original_amount,
        entries.original_currency,
        entries.exchange_rate,
        entries.counterparty_account,
        entries.customer_reference,
        entries.interest_rate
    ) > 0
