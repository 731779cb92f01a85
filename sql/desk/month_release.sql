-- The release of a month that was made last, with the plan of its ZIP where there is one: one row,
-- or none.
select
    closes.close_id,
    closes.first_date,
    manifests.manifest_id,
    decisions.manifest_sha256,
    manifests.object_name as manifest_object_name,
    zip_plans.plan
from reporting.closes
inner join reporting.statement_manifests as manifests on closes.close_id = manifests.close_id
inner join reporting.statement_decisions as decisions
    on manifests.manifest_id = decisions.manifest_id
left join reporting.zip_plans on manifests.manifest_id = zip_plans.manifest_id
where
    closes.grain = 'month'
    and closes.period_start = %(month_start)s
    and decisions.decision = 'released'
order by closes.close_id desc, manifests.manifest_id desc
limit 1
