-- Accounts and currencies with entries in a month, or a balance at its start, that have neither a
-- statement nor an exception, or both. Reads what is staged for the month.
with balances as (
    select
        account_id,
        coalesce(currency, '') as currency
    from staged_statement_balances
    where entry_count > 0 or opening_minor <> 0
    group by account_id, coalesce(currency, '')
),

statements as (
    select
        account_id,
        currency
    from reporting.statements
    where close_id = %(close_id)s
),

exceptions as (
    select distinct
        subject,
        currency
    from reporting.close_exceptions
    where close_id = %(close_id)s and subject_kind = 'account'
)

select
    balances.account_id,
    balances.currency,
    statements.account_id is not null as has_statement,
    exceptions.subject is not null as is_exception
from balances
left join statements
    on balances.account_id = statements.account_id and balances.currency = statements.currency
left join exceptions
    on
        coalesce(reporting.key_label(balances.account_id::text), 'none') = exceptions.subject
        and reporting.currency_label(balances.currency) = exceptions.currency
where (statements.account_id is null) = (exceptions.subject is null)
