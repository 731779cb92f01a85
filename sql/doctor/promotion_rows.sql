-- How many of the promotions have no key, or one that another has too: one row. It looks at
-- row_limit of them, or at all of them if that is null.
with sample as materialized (
    select promotion_id
    from reporting_source.promotions
    limit %(row_limit)s -- noqa: AM09
)

select
    count(*) as row_count,
    count(promotion_id) - count(distinct promotion_id) as repeated_count,
    count(*) - count(promotion_id) as keyless_count
from sample
