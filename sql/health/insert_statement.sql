-- Writes the totals of a slow statement since the server's counters were reset.
insert into reporting.health_statements (sample_id, role_name, query_id, call_count, total_ms)
values (%(sample_id)s, %(role_name)s, %(query_id)s, %(call_count)s, %(total_ms)s)
