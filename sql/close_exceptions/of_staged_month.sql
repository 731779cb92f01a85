-- The statements that a month leaves out, from what is staged for it: one row an account and
-- currency, with the first reason that holds, and its entries of the month. An account_id of null
-- stands for the entries that name none. Only those that would be statements, or that have a wrong
-- row. Where an account has entries in a currency that is not listed for it, they may belong into
-- any of its statements: all of them are left out. The entries that name no account have a join of
-- their own: PostgreSQL has no hash join for "is not distinct from", and its nested loop takes the
-- square of the number of accounts.
with unknown_currencies as (
    select currency
    from unnest(%(unknown_currencies)s::text[]) as given (currency)
),

known_currencies as (
    select
        currency,
        minor_per_unit
    from
        unnest(%(currencies)s::text[], %(minor_per_unit)s::numeric[])
            as given (currency, minor_per_unit)
),

accounts as (
    select
        account_id,
        currency,
        count(*) as account_count,
        bool_or(
            account_number is null
            or holder_name is null
            or holder_address is null
            or locale_code is null
        ) as is_incomplete
    from staged_statement_accounts
    group by account_id, currency
),

listed_accounts as (
    select
        account_id,
        bool_or(currency is null) as has_no_currency
    from accounts
    group by account_id
),

balances as (
    select
        balances.account_id,
        balances.entry_count,
        balances.incomplete_count,
        balances.opening_minor,
        balances.closing_minor,
        accounts.account_count,
        accounts.is_incomplete,
        coalesce(balances.currency, '') as currency
    from staged_statement_balances as balances
    left join accounts
        on balances.account_id = accounts.account_id and balances.currency = accounts.currency
),

accounts_in_other_currencies as (
    select distinct account_id
    from balances
    where account_count is null  -- guard: exceptions.a-currency-that-is-not-listed
),

lines as (
    select
        account_id,
        coalesce(currency, '') as currency,
        bool_or(entry_id is null or kind is null or description is null) as has_incomplete_line,
        bool_or(
            %(has_text_keys)s
            and (
                octet_length(entry_id::text) not between 1 and 200
                or octet_length(transaction_id::text) not between 1 and 200
            )
        ) as has_unusable_key,
        coalesce(sum(amount_minor) filter (where amount_minor > 0), 0) as credit_minor,
        coalesce(-sum(amount_minor) filter (where amount_minor < 0), 0) as debit_minor
    from staged_statement_lines
    group by account_id, coalesce(currency, '')
),

-- To sort the keys once is faster than a group for each of them, and most months repeat none.
repetition as (
    select count(entry_id) > count(distinct entry_id) as is_found
    from staged_statement_lines
),

repeated_entries as (
    select entry_id
    from staged_statement_lines
    where
        exists (
            select 1
            from repetition
            where repetition.is_found
        )
    group by entry_id
    having count(*) > 1  -- guard: exceptions.entry-repeated
),

repeating_accounts as (
    select distinct
        staged_statement_lines.account_id,
        staged_statement_lines.currency
    from staged_statement_lines
    inner join repeated_entries on staged_statement_lines.entry_id = repeated_entries.entry_id
),

-- An original amount, its currency and the rate are all there or none of them. camt.053 has room
-- for rates of 11 digits, 10 of them behind the point, and for years of four.
details as (
    select
        staged_details.account_id,
        staged_details.currency,
        staged_details.value_date,
        staged_details.exchange_rate,
        staged_details.interest_rate,
        staged_details.is_debit,
        staged_details.original_amount,
        staged_details.original_amount * known_currencies.minor_per_unit as original_amount_minor,
        scale(trim_scale(staged_details.exchange_rate)) as rate_decimals,
        scale(trim_scale(staged_details.interest_rate)) as interest_decimals,
        num_nonnulls(
            staged_details.original_amount,
            staged_details.original_currency,
            staged_details.exchange_rate
        ) as part_count
    from staged_statement_line_details as staged_details
    left join known_currencies on staged_details.original_currency = known_currencies.currency
),

unusable_details as (
    select distinct
        account_id,
        currency
    from details
    where
        value_date not between '0001-01-01' and '9999-12-31'
        or (
            interest_rate is not null
            and (
                interest_decimals <= 10
                -- guard: exceptions.interest-rate
                and abs(interest_rate) < power(10::numeric, 11 - interest_decimals)
            ) is not true
        )
        or part_count in (1, 2)  -- guard: exceptions.original-amount-in-part
        or (
            part_count = 3
            and (
                mod(original_amount_minor, 1) = 0  -- guard: exceptions.original-amount-exact
                and abs(original_amount_minor) <= 9223372036854775807
                -- guard: exceptions.original-amount-sign
                and (original_amount = 0 or (original_amount < 0) = is_debit)
                and exchange_rate > 0  -- guard: exceptions.exchange-rate
                and rate_decimals <= 10
                and exchange_rate < power(10::numeric, 11 - rate_decimals)
            ) is not true
        )
),

limits as (
    select
        staged_accounts.account_id,
        staged_accounts.currency,
        staged_accounts.overdraft_limit * known_currencies.minor_per_unit as overdraft_limit_minor
    from staged_statement_accounts as staged_accounts
    left join known_currencies on staged_accounts.currency = known_currencies.currency
    where staged_accounts.overdraft_limit is not null
),

unusable_limits as (
    select distinct
        account_id,
        currency
    from limits
    where
        (
            mod(overdraft_limit_minor, 1) = 0
            -- guard: exceptions.overdraft-limit
            and overdraft_limit_minor between 0 and 9223372036854775807
        ) is not true
),

-- No balance on the way is beyond opening and all credits, or opening and all debits.
far_accounts as (
    select
        balances.account_id,
        balances.currency,
        balances.opening_minor
    from balances
    inner join lines
        on balances.account_id = lines.account_id and balances.currency = lines.currency
    where
        balances.opening_minor + lines.credit_minor > 9223372036854775807
        or balances.opening_minor - lines.debit_minor < -9223372036854775808
),

far_balances as (
    select
        far_accounts.account_id,
        far_accounts.currency,
        far_accounts.opening_minor + sum(entries.amount_minor) over (
            partition by entries.account_id, entries.currency
            order by entries.posted_at asc, entries.entry_id asc
            rows between unbounded preceding and current row
        ) as balance_minor
    from staged_statement_lines as entries
    inner join far_accounts
        on
            entries.account_id = far_accounts.account_id
            and entries.currency = far_accounts.currency
    -- Without this the lines of the month are sorted to find that none is of such an account.
    where
        exists (
            select 1
            from far_accounts as each_far
            where each_far.account_id is not null
        )
),

beyond_accounts as (
    select
        account_id,
        currency
    from far_balances
    group by account_id, currency
    having
        -- guard: exceptions.running-balance-beyond-bigint
        max(balance_minor) > 9223372036854775807 or min(balance_minor) < -9223372036854775808
),

judged as (
    select
        balances.account_id,
        balances.currency,
        case
            when
                %(has_text_keys)s
                and (
                    octet_length(balances.account_id::text) not between 1 and 200
                    -- What exceptions are named by, in place of a key.
                    or balances.account_id::text in ('none', '(empty)')
                    or position('(too long, sha256 ' in balances.account_id::text) > 0
                    or lines.has_unusable_key
                )
                then 'key_unusable'
            when listed_accounts.account_id is null then 'account_not_listed'
            when balances.account_count > 1 then 'account_repeated'
            when balances.is_incomplete or listed_accounts.has_no_currency
                then 'account_incomplete'
            when astray.account_id is not null then 'currency_differs'
            when unknown_currencies.currency is not null then 'unknown_currency'
            when balances.incomplete_count > 0 or lines.has_incomplete_line then 'row_incomplete'
            when repeating_accounts.account_id is not null then 'entry_repeated'
            when unusable_details.account_id is not null or unusable_limits.account_id is not null
                then 'detail_unusable'
            when
                least(balances.opening_minor, balances.closing_minor) < -9223372036854775808
                or greatest(balances.opening_minor, balances.closing_minor) > 9223372036854775807
                or beyond_accounts.account_id is not null
                then 'beyond_bigint'
        end as reason
    from balances
    left join listed_accounts on balances.account_id = listed_accounts.account_id
    left join accounts_in_other_currencies as astray on balances.account_id = astray.account_id
    left join lines
        on balances.account_id = lines.account_id and balances.currency = lines.currency
    left join repeating_accounts
        on
            balances.account_id = repeating_accounts.account_id
            and balances.currency = repeating_accounts.currency
    left join unusable_details
        on
            balances.account_id = unusable_details.account_id
            and balances.currency = unusable_details.currency
    left join unusable_limits
        on
            balances.account_id = unusable_limits.account_id
            and balances.currency = unusable_limits.currency
    left join unknown_currencies on balances.currency = unknown_currencies.currency
    left join beyond_accounts
        on
            balances.account_id = beyond_accounts.account_id
            and balances.currency = beyond_accounts.currency
    where
        balances.entry_count > 0
        or balances.opening_minor <> 0
        or balances.incomplete_count > 0
),

left_out as (
    select
        account_id,
        currency,
        reason
    from judged
    where reason is not null
),

left_out_rows as (
    select
        left_out.account_id,
        left_out.currency,
        left_out.reason,
        entries.posted_at,
        entries.amount_minor
    from left_out
    left join staged_statement_lines as entries
        on
            left_out.account_id = entries.account_id
            and left_out.currency = coalesce(entries.currency, '')
    where left_out.account_id is not null

    union all

    select
        left_out.account_id,
        left_out.currency,
        left_out.reason,
        entries.posted_at,
        entries.amount_minor
    from left_out
    left join staged_statement_lines as entries
        on
            entries.account_id is null
            and left_out.currency = coalesce(entries.currency, '')
    where left_out.account_id is null
)

select
    account_id,
    reason,
    currency,
    count(posted_at) as row_count,
    coalesce(sum(amount_minor), 0) as amount_minor
from left_out_rows
group by account_id, reason, currency
order by account_id asc, currency asc
