-- Writes the exceptions that a manifest lists. One that is there already is kept.
insert into reporting.manifest_exceptions (manifest_id, subject, currency, reason)
select
    %(manifest_id)s::bigint,
    subject,
    currency,
    reason
from
    unnest(%(subjects)s::text[], %(currencies)s::text[], %(reasons)s::text[])
        as listed (subject, currency, reason)
on conflict (manifest_id, subject, currency) do nothing
