-- How many of the merchants have no key, or one that another has too: one row. It looks at
-- row_limit of them, or at all of them if that is null.
with sample as materialized (
    select merchant_id
    from reporting_source.merchants
    limit %(row_limit)s -- noqa: AM09
)

select
    count(*) as row_count,
    count(merchant_id) - count(distinct merchant_id) as repeated_count,
    count(*) - count(merchant_id) as keyless_count
from sample
