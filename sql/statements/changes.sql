-- What differs between two versions of a month's statements: one row an account and currency, old
-- beside new. A changed holder or account number is a difference, though it is no column here; a
-- changed address is not.
select
    account_id,
    currency,
    old_opening_minor,
    new_opening_minor,
    old_closing_minor,
    new_closing_minor,
    old_line_count,
    new_line_count
from reporting.statement_differences(%(old_close_id)s::bigint, %(new_close_id)s::bigint)
