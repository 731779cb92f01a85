-- Writes the plan of the ZIP of a manifest.
insert into reporting.zip_plans (manifest_id, plan)
values (%(manifest_id)s, %(plan)s)
