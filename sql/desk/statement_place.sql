-- What a statement is sorted by: one row, or none if there is no such statement.
select
    account_order,
    holder_order,
    closing_minor
from reporting.statement_names
where
    close_id = %(close_id)s::bigint
    and account_id = %(account_id)s::reporting.account_key
    and currency = %(currency)s::text
