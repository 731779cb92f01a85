-- How many statements PostgreSQL expects to have a number and a name that fit the patterns: the
-- plan, as JSON. It is an estimate by the sample of ANALYZE.
explain (format json)
select 1 as fits
from reporting.statement_names
where
    (
        %(account_patterns)s::text[] is null
        or account_search like any(%(account_patterns)s::text[])
    )
    and (
        %(holder_patterns)s::text[] is null
        or holder_search like all(%(holder_patterns)s::text[])
    )
