-- What the closed business days of a range can be narrowed to: one row a column and value, at most
-- 200 of each column.
with days as (
    select close_id
    from reporting.closes
    where
        grain = 'day'
        and is_current
        and first_date >= %(first_day)s::date
        and first_date <= %(last_day)s::date
),

-- The few combinations that occur are found first, so that each rollup is read once.
combinations as (
    select distinct
        rollups.currency,
        rollups.merchant_category,
        rollups.user_country,
        rollups.promotion_funding
    from days
    inner join reporting.current_daily_volume as rollups on days.close_id = rollups.close_id
),

values_of_days as (
    select distinct
        choices.choice,
        choices.value
    from combinations
    cross join
        lateral (
            values
            ('currency', combinations.currency),
            ('category', combinations.merchant_category),
            ('country', combinations.user_country),
            ('funding', combinations.promotion_funding)
        ) as choices (choice, value)
),

numbered as (
    select
        choice,
        value,
        row_number() over (partition by choice order by value) as place
    from values_of_days
)

select
    choice,
    value
from numbered
where place <= 200
order by choice asc, value asc
