-- Whom the owner of the store named for the runs of a manifest: one row a run, name and user.
select
    named.run_id,
    named.user_name,
    named.user_id,
    named.named_at,
    named.reason
from reporting.named_people as named
where
    named.run_id in (
        select involved.run_id
        from reporting.involved_runs(%(manifest_id)s::bigint) as involved
    )
order by named.named_at asc, named.run_id asc, named.user_id asc
