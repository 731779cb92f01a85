-- The migrations that were applied, one row each.
select migration
from reporting.migrations
