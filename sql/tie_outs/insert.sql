-- One check that was made; close_id is null when it failed and the close was not written.
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
