-- Accounts and currencies with entries in a month, or a balance at its start, that have neither a
-- statement nor an exception, or both. Reads what is staged for the month. Names of exceptions are
-- made of those only that have no statement: a statement's own key and currency are its name.
with balances as (
    select
        account_id,
        coalesce(currency, '') as currency
    from staged_statement_balances
    where entry_count > 0 or opening_minor <> 0
),

statements as (
    select
        account_id,
        currency
    from reporting.statements
    where close_id = %(close_id)s
),

matched as (
    select
        balances.account_id,
        balances.currency,
        statements.account_id is not null as has_statement
    from balances
    left join statements
        on balances.account_id = statements.account_id and balances.currency = statements.currency
),

exceptions as (
    select distinct
        subject,
        currency
    from reporting.close_exceptions
    where close_id = %(close_id)s and subject_kind = 'account'
)

select
    matched.account_id,
    matched.currency,
    matched.has_statement,
    exceptions.subject is not null as is_exception
from matched
left join exceptions
    on
        case
            when matched.has_statement then matched.account_id::text
            else coalesce(reporting.key_label(matched.account_id::text), 'none')
        end = exceptions.subject
        and case
            when matched.has_statement then matched.currency
            else reporting.currency_label(matched.currency)
        end = exceptions.currency
where matched.has_statement = (exceptions.subject is not null)
