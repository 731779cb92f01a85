-- Adopts the history of the first close, unless another close has just adopted one.
insert into reporting.platform_histories (
    system_identifier,
    timeline,
    switch_points,
    is_adopted,
    run_id
)
values (
    %(system_identifier)s,
    %(timeline)s,
    %(switch_points)s,
    true,
    %(run_id)s
)
on conflict (is_adopted) where is_adopted do nothing
