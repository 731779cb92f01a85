-- What was beyond its threshold in a sample, or not as it is meant.
insert into reporting.health_alerts (sample_id, alert_name, detail)
values (%(sample_id)s, %(alert_name)s, %(detail)s)
