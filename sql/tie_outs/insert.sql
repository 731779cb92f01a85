-- Writes the results of checks: one row each. close_id is null if the check stopped its close.
insert into reporting.tie_outs (
    close_id, grain, period_start, check_name, offending_count, offending_sample, run_id
)
select
    close_id,
    grain,
    period_start,
    check_name,
    offending_count,
    offending_sample,
    %(run_id)s
from
    unnest(
        %(close_ids)s::bigint[],
        %(grains)s::text[],
        %(period_starts)s::timestamptz[],
        %(check_names)s::text[],
        %(offending_counts)s::bigint[],
        %(offending_samples)s::jsonb[]
    ) as results (close_id, grain, period_start, check_name, offending_count, offending_sample)
