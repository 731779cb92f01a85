-- The merchants of the old daily report, one row each.
select merchant_id
from platform.merchants
order by merchant_id
