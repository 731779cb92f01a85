-- The runs that closed, rendered or listed what a release of a manifest would show: one row a run.
select distinct run_id
from reporting.involved_runs(%(manifest_id)s::bigint)
order by run_id asc
