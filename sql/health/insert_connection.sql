-- Writes how many connections a role had in a state.
insert into reporting.health_connections (sample_id, role_name, state, connection_count)
values (%(sample_id)s, %(role_name)s, %(state)s, %(connection_count)s)
