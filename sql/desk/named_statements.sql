-- The statements with such an account number and such a name, released or not: one row a statement,
-- in any order, at most so many. Conditions on one column each, of which the index combines all.
select
    close_id,
    account_id,
    currency
from reporting.statement_names
where
    (
        %(account_patterns)s::text[] is null
        or account_search like any(%(account_patterns)s::text[])
    )
    and (%(holder_1)s::text is null or holder_search like %(holder_1)s::text)
    and (%(holder_2)s::text is null or holder_search like %(holder_2)s::text)
    and (%(holder_3)s::text is null or holder_search like %(holder_3)s::text)
    and (
        %(holder_patterns)s::text[] is null
        or holder_search like all(%(holder_patterns)s::text[])
    )
limit %(row_count)s::integer -- noqa: AM09
