-- Makes an acknowledged history the current one. One row: its id.
insert into reporting.platform_histories (
    system_identifier,
    timeline,
    switch_points,
    acknowledged_by,
    reason,
    run_id
)
values (
    %(system_identifier)s,
    %(timeline)s,
    %(switch_points)s,
    %(acknowledged_by)s,
    %(reason)s,
    %(run_id)s
)
returning history_id
