-- The exceptions that a manifest lists: one row an account and currency. The
-- currency is empty where it was not kept.
select
    subject,
    currency,
    reason
from reporting.manifest_exceptions
where manifest_id = %(manifest_id)s
order by subject asc, currency asc
