-- How many cells of a staged day have a key that daily_volume/read.sql had to shorten: one row.
select count(*) as cell_count
from staged_daily_volume
where
    hour_start is null
    and (
        position(' (too long, sha256 ' in merchant_category) > 0
        or position(' (too long, sha256 ' in user_country) > 0
        or position(' (too long, sha256 ' in promotion_funding) > 0
    )
