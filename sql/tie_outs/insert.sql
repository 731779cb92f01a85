-- Writes the result of one check; close_id is null if the check stopped its close.
insert into reporting.tie_outs (
    close_id, grain, period_start, check_name, offending_count, offending_sample, run_id
)
values (
    %(close_id)s,
    %(grain)s,
    %(period_start)s,
    %(check_name)s,
    %(offending_count)s,
    %(offending_sample)s,
    %(run_id)s
)
