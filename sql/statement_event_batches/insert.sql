-- Notes that the broker has confirmed all events up to this one.
insert into reporting.statement_event_batches (last_event_id, event_count)
values (%(last_event_id)s, %(event_count)s)
