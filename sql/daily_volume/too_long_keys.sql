-- How many cells of a staged day have a key that daily_volume/read.sql had to shorten: one row.
-- Such a key has at least 76 bytes, and few others have so many: the length is known without
-- reading the text.
select count(*) as cell_count
from staged_daily_volume
where
    hour_start is null
    and (
        (
            octet_length(merchant_category) > 75
            and position(' (too long, sha256 ' in merchant_category) > 0
        )
        or (
            octet_length(user_country) > 75
            and position(' (too long, sha256 ' in user_country) > 0
        )
        or (
            octet_length(promotion_funding) > 75
            and position(' (too long, sha256 ' in promotion_funding) > 0
        )
    )
