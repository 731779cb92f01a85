-- Writes an alert of a sample: a value beyond its threshold, or a changed plan.
insert into reporting.health_alerts (sample_id, alert_name, detail)
values (%(sample_id)s, %(alert_name)s, %(detail)s)
