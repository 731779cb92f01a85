-- The accounts that read.sql leaves out of a business day: one row an account and currency. An
-- account_id of null stands for the entries that name none.
with ledger_entries as (
    select
        account_id,
        currency,
        amount_minor
    from shared.ledger_entries
    where
        posted_at >= %(period_start)s
        and posted_at < %(period_end)s
        and coalesce(currency, '') <> all(%(left_out_currencies)s::text[])
)

select
    account_id,
    currency,
    case
        when account_id is null then 'account_not_listed'
        when %(has_text_keys)s and octet_length(account_id::text) not between 1 and 200
            then 'key_unusable'
        when count(*) > count(amount_minor) then 'row_incomplete'
        else 'beyond_bigint'
    end as reason,
    count(*) as row_count,
    coalesce(sum(amount_minor), 0) as amount_minor
from ledger_entries
group by account_id, currency
having
    account_id is null
    or count(*) > count(amount_minor)
    or (%(has_text_keys)s and octet_length(account_id::text) not between 1 and 200)
    or coalesce(sum(amount_minor) filter (where amount_minor > 0), 0) > 9223372036854775807
    or coalesce(-sum(amount_minor) filter (where amount_minor < 0), 0) > 9223372036854775807
