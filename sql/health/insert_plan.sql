-- Writes the plan of a replica for a query of the closes.
insert into reporting.health_plans (sample_id, query_name, meant_index, scans, is_as_meant)
values (%(sample_id)s, %(query_name)s, %(meant_index)s, %(scans)s, %(is_as_meant)s)
