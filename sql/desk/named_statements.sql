-- The statements whose account number and name of the holder fit the patterns, released or not: one
-- row a statement, in any order, at most row_count. Each condition is on one column, so that
-- PostgreSQL can combine all of them in one scan of the index.
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
