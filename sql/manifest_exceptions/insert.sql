-- Writes the exceptions that a manifest lists. One that is there already is kept.
insert into reporting.manifest_exceptions (manifest_id, subject, reason)
select
    %(manifest_id)s::bigint,
    subject,
    reason
from unnest(%(subjects)s::text[], %(reasons)s::text[]) as listed (subject, reason)
on conflict (manifest_id, subject) do nothing
