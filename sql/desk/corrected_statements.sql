-- The statements in which a close of a month differs from the release that it follows, by account
-- and currency, from the one after after_account_id and after_currency on where these are not null:
-- one row a statement, at most row_count, the released version beside the one that is shown. Those
-- of the released version are null if there was none, those of the other if there is none any more.
with corrected as (
    select
        account_id,
        currency,
        old_close_id,
        new_close_id,
        old_version,
        new_version
    from reporting.corrected_statements(%(close_id)s::bigint)
    where
        %(after_account_id)s::reporting.account_key is null
        or (account_id, currency)
        > (%(after_account_id)s::reporting.account_key, %(after_currency)s::text)
    order by account_id asc, currency asc
    limit %(row_count)s::integer
)

select
    corrected.account_id,
    corrected.currency,
    corrected.old_close_id,
    corrected.new_close_id,
    corrected.old_version,
    corrected.new_version,
    old_statements.opening_minor as old_opening_minor,
    new_statements.opening_minor as new_opening_minor,
    old_statements.closing_minor as old_closing_minor,
    new_statements.closing_minor as new_closing_minor,
    old_statements.line_count as old_line_count,
    new_statements.line_count as new_line_count,
    new_statements.reason,
    old_statements.account_number as old_account_number,
    coalesce(new_statements.account_number, old_statements.account_number) as account_number,
    old_statements.holder_name <> new_statements.holder_name as is_other_holder,
    new_statements.statement_state = 'missing' as is_missing
from corrected
left join reporting.issued_statements as old_statements
    on
        corrected.old_close_id = old_statements.close_id
        and corrected.account_id = old_statements.account_id
        and corrected.currency = old_statements.currency
left join reporting.issued_statements as new_statements
    on
        corrected.new_close_id = new_statements.close_id
        and corrected.account_id = new_statements.account_id
        and corrected.currency = new_statements.currency
order by corrected.account_id asc, corrected.currency asc
