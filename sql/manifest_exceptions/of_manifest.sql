-- The exceptions that a manifest lists: one row an account.
select
    subject,
    reason
from reporting.manifest_exceptions
where manifest_id = %(manifest_id)s
order by subject asc
